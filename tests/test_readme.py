"""README.md against the disk: its file tree, its figures, and the commands that it tells people to type.

The figures of docs/ too.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PACKAGES = ("judge", "rl")
TREE = re.compile(r"^#+ File tree\n.*?^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIGURES = re.compile(r"^<!-- figures: (\S+) -->\n((?:\|.*(?:\n|\Z))*)", re.MULTILINE)
NUMBER = re.compile(r"(?<![\d.])-?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)")
AROUND_NUMBERS = re.compile(r"[\s*_`%/±~()\[\],–]|\bto\b")  # what a cell of figures may hold beside them
CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
ROUNDING = 1e-9  # what 100 times a fraction may lose


def tree_entries(text: str) -> dict[str, str]:
    """The comment of each path in the fenced block under the heading "File tree"."""
    found = TREE.search(text)
    if not found:
        return {}
    lines = (line.partition("#") for line in found.group(1).splitlines() if line.strip())
    return {path.strip(): comment.strip() for path, _, comment in lines}


def tree_faults(text: str, modules: set[str], root: Path) -> list[str]:
    """Modules that the tree leaves out, paths that are not there, and paths without a comment.

    The line of a folder stands for its `__init__.py`.
    """
    entries = tree_entries(text)
    wanted = {module.removesuffix("__init__.py") for module in modules}
    return [
        *(f"not in the tree: {path}" for path in sorted(wanted - set(entries))),
        *(f"not on disk: {path}" for path in entries if not (root / path).exists()),
        *(f"no comment: {path}" for path, comment in entries.items() if not comment),
    ]


def tracked_modules() -> set[str]:
    """What git tracks and the disk has; outside a checkout, what the disk has."""
    command = ["git", "ls-files", *(f"{package}/*.py" for package in PACKAGES)]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
        return {path.relative_to(ROOT).as_posix() for path in found}
    return {path for path in listed.splitlines() if (ROOT / path).exists()}


def figure_faults(text: str, root: Path) -> list[str]:
    """Figures of marked tables that the result file named above the table does not hold.

    The first column and the two header lines are labels.
    """
    faults = []
    for name, table in FIGURES.findall(text):
        if not table:
            faults.append(f"no table below the comment that names {name}")
        elif not (root / name).is_file():
            faults.append(f"no result file {name}")
        else:
            measured = list(leaves(json.loads((root / name).read_text(encoding="utf-8"))))
            cells = [cell for line in table.splitlines()[2:] for cell in line.strip("| ").split("|")[1:]]
            faults += [
                f"{cell.strip()!r}: {figure} is not in {name}"
                for cell in cells
                for figure in figures_of(cell)
                if not any(rounds_to(value, figure) for value in measured)
            ]
    return faults


def leaves(content: object) -> Iterator[float]:
    """Every number in a JSON document, at any depth."""
    if isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from leaves(item)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield float(content)


def figures_of(cell: str) -> list[str]:
    """The figures of a cell that holds nothing else; a cell with words in it is text."""
    plain = cell.replace("−", "-")
    if AROUND_NUMBERS.sub("", NUMBER.sub("", plain)):
        return []
    return [figure.replace(",", "") for figure in NUMBER.findall(plain)]


def rounds_to(value: float, figure: str) -> bool:
    """Whether a figure is a value, or 100 times it, rounded to as many decimals as the figure has."""
    half_step = 0.5 * 10.0 ** -len(figure.partition(".")[2])
    return any(abs(value * scale - float(figure)) <= half_step + ROUNDING for scale in (1, 100))


def commands_of(text: str, program: str) -> set[str]:
    """The words that follow `program` in code, up to the first flag or placeholder."""
    code = "\n".join(block or span for block, span in CODE.findall(text))
    lines = re.findall(rf"(?:^|[;&|$/]) *{program}((?: +[a-z][\w-]*)+)", code, re.MULTILINE)
    return {word for line in lines for word in line.split()}


def command_faults(text: str, targets: set[str], subcommands: set[str]) -> list[str]:
    """`make` targets and `candor` commands in code that there are not."""
    return [
        *(f"no target: make {name}" for name in sorted(commands_of(text, "make") - targets)),
        *(f"no command: candor {name}" for name in sorted(commands_of(text, "candor") - subcommands)),
    ]


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_the_file_tree_names_every_module_and_nothing_that_is_not_there(readme):
    assert tree_faults(readme, tracked_modules(), ROOT) == []


@pytest.mark.parametrize("path", [README, *DOCS], ids=lambda path: path.stem)
def test_every_figure_of_a_marked_table_is_in_its_result_file(path: Path):
    assert figure_faults(path.read_text(encoding="utf-8"), ROOT) == []


def test_every_command_exists(readme):
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert command_faults(readme, targets, set(COMMANDS)) == []


SMALL_TREE = """
## File tree
Some words.
```
judge/            # the judge
judge/records.py  # nouns
```
"""


@pytest.fixture
def small_root(tmp_path: Path) -> Path:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "records.py").touch()
    return tmp_path


def test_a_folder_stands_for_its_init_file(small_root):
    modules = {"judge/__init__.py", "judge/records.py"}
    assert tree_faults(SMALL_TREE, modules, small_root) == []


def test_a_module_that_the_tree_leaves_out_is_a_fault(small_root):
    modules = {"judge/records.py", "judge/new.py", "rl/__init__.py"}
    assert tree_faults(SMALL_TREE, modules, small_root) == [
        "not in the tree: judge/new.py",
        "not in the tree: rl/",
    ]


def test_a_path_that_is_not_there_or_has_no_comment_is_a_fault(small_root):
    text = SMALL_TREE.replace("# nouns", "#").replace("# the judge", "# the judge\njudge/gone.py # old")
    assert tree_faults(text, {"judge/records.py"}, small_root) == [
        "not on disk: judge/gone.py",
        "no comment: judge/records.py",
    ]


def test_a_readme_without_a_tree_leaves_every_module_out(small_root):
    assert tree_faults("# Title\n", {"judge/records.py"}, small_root) == ["not in the tree: judge/records.py"]


def with_table(*cells: str, name: str = "results.json") -> str:
    return f"<!-- figures: {name} -->\n| | a |\n|---|---|\n| 7 rows | {' | '.join(cells)} |\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    content = {"judge": {"accuracy": 0.8905, "rows": 14899}, "drift": [-0.25, True], "note": "3.5"}
    (tmp_path / "results.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    "cell", ["0.89", ".89", "89.1", "**89.05 %**", "14,899", "−0.25", "-25", "89.1 (-.25)", "89 / 14899"]
)
def test_a_figure_rounded_from_the_results_or_a_hundredfold_passes(cell: str, results):
    assert figure_faults(with_table(cell), results) == []


@pytest.mark.parametrize("cell", ["0.88", "89.2", "14,898", "0.25", "3.5", "1.0"])
def test_a_figure_that_no_result_rounds_to_is_a_fault(cell: str, results):
    (fault,) = figure_faults(with_table("0.89", cell), results)
    assert fault.startswith(f"'{cell}'")


def test_one_wrong_figure_beside_a_right_one_is_a_fault(results):
    assert figure_faults(with_table("89.1 / 3.4"), results) == ["'89.1 / 3.4': 3.4 is not in results.json"]


@pytest.mark.parametrize("cell", ["-", "", "on 2 cores", "MiniLM-L6", "v1.1"])
def test_a_cell_with_words_or_nothing_is_not_checked(cell: str, results):
    assert figure_faults(with_table(cell), results) == []


def test_every_marked_table_is_checked_and_no_other(results):
    unmarked = "\n| | a |\n|---|---|\n| x | 99 |\n"
    text = with_table("0.89") + unmarked + "\n" + with_table("98")
    assert figure_faults(text, results) == ["'98': 98 is not in results.json"]


def test_a_missing_result_file_or_table_is_a_fault(results):
    assert figure_faults(with_table("1", name="gone.json"), results) == ["no result file gone.json"]
    astray = "<!-- figures: results.json -->\n\n| | a |\n|---|---|\n| x | 0.89 |\n"
    assert figure_faults(astray, results) == ["no table below the comment that names results.json"]


def test_commands_are_read_from_code_and_not_from_prose():
    text = "make sure.\n`make demo`, `candor score --input x`\n```sh\n$ make check test\n```\n"
    assert commands_of(text, "make") == {"demo", "check", "test"}
    assert commands_of(text, "candor") == {"score"}


def test_a_command_that_there_is_not_is_a_fault():
    text = "`make dem`, `candor scroe`, `candor --help`, `make`, `pip install candor-rl`\n"
    assert command_faults(text, {"demo"}, {"score"}) == ["no target: make dem", "no command: candor scroe"]
