"""docs/ppo_checks.md names tests: they exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = [
    line
    for line in (TESTS.parents[1] / "docs" / "ppo_checks.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_every_check_is_numbered_and_has_a_test_or_is_for_later():
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 27))
    assert all("`test_" in row or "later" in row for row in ROWS)


def test_every_test_that_the_table_names_exists():
    for module, name in re.findall(r"`(test_\w+)::(test_\w+)`", "\n".join(ROWS)):
        source = (TESTS / f"{module}.py").read_text(encoding="utf-8")
        assert f"def {name}(" in source, f"{module}::{name}"
