"""What holds for the project as a whole, whatever its modules do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for package in ("judge", "rl") for path in (ROOT / package).rglob("*.py"))
HEAVY = ("torch", "sentence_transformers", "datasets", "matplotlib")
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))

HELP_OF_EVERY_COMMAND = f"""
import contextlib, io, sys
from rl.cli import COMMANDS, main
for argv in [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]:
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        main(argv)
    assert shown.getvalue(), argv
    heavy = [name for name in {HEAVY} if name in sys.modules]
    assert not heavy, (argv, heavy)
"""


def in_a_fresh_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_point_one_way():
    done = in_a_fresh_process(
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    )
    assert done.returncode == 0, done.stdout


def test_help_imports_nothing_heavy():
    done = in_a_fresh_process(HELP_OF_EVERY_COMMAND)
    assert done.returncode == 0, done.stderr


@each_module
def test_nothing_stands_on_what_trl_calls_experimental(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not any(name.startswith("trl.experimental") for name in names)


@each_module
def test_a_module_opens_with_a_docstring_of_at_most_twelve_lines(path: Path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "no docstring"
    assert len(docstring.splitlines()) <= 12
