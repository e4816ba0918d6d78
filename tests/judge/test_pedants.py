"""PEDANTS by a stand-in for qa-metrics: its classifiers come from the network."""

import sys
from pathlib import Path

import pytest

from judge.errors import JudgeError
from judge.pairwise import Pair
from judge.pedants import pedants

PEDANT = """
print("Loading Classifier...")
class PEDANT:
    def get_score(self, reference, candidate, question):
        return 1.0 if reference in candidate else len(question) / 100
"""


@pytest.fixture
def environment(tmp_path: Path):
    """An interpreter that has a qa-metrics of the given source."""

    def make(source: str) -> str:
        package = tmp_path / "site" / "qa_metrics"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "pedant.py").write_text(source)
        python = tmp_path / "python"
        # -I, which comes first, would keep PYTHONPATH out
        python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={tmp_path / "site"} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        return str(python)

    return make


def test_pairs_go_out_and_scores_come_back_in_order_whatever_the_package_prints(environment):
    measure = pedants(environment(PEDANT))
    pairs = [Pair("Where?", "Malmö", "in Malmö"), Pair("Who\nwas it?", "a", "b"), Pair("", "a", "b")]
    assert measure(pairs) == [1.0, 0.11, 0.0]


def test_an_environment_without_the_package_is_refused_before_anything_is_judged():
    with pytest.raises(JudgeError, match=r"ModuleNotFoundError: No module named 'qa_metrics'; pip install"):
        pedants(sys.executable)


def test_classifiers_that_cannot_be_loaded_are_refused_at_once(environment):
    broken = "class PEDANT:\n    def __init__(self):\n        open('no/lr_classifier.pkl')"
    with pytest.raises(JudgeError, match=r"FileNotFoundError.*lr_classifier.pkl"):
        pedants(environment(broken))


def test_an_interpreter_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(JudgeError, match=r"expected a Python interpreter at .*nowhere"):
        pedants(str(tmp_path / "nowhere"))
