import json
from pathlib import Path

import pytest
from tiny import score_of

from judge.errors import DataError
from judge.records import Record, Verdict
from rl.answers import Answers
from rl.probe import read_probe
from rl.targets import probe_row

KNOWN = Record("capital of Peru?", ("Lima",), id="a")
UNKNOWN = Record("capital of Chile?", ("Santiago", "Santiago de Chile"), id="b")
UNJUDGED = Record("capital of Bolivia?", ("Sucre",), id="c")


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def probed(question: Record, *verdicts: Verdict | None) -> dict[str, object]:
    """The row that a warm start writes of a question."""
    said = ["so"] * len(verdicts)
    scores = [score_of(verdict) for verdict in verdicts]
    return probe_row(Answers(question, said, [question] * len(said), scores, [False] * len(said)))


def test_what_a_warm_start_writes_is_read_question_by_question(tmp_path):
    right, wrong = Verdict.CORRECT, Verdict.WRONG
    rows = [probed(KNOWN, right, right, wrong, right), probed(UNKNOWN, wrong), probed(UNJUDGED, None)]
    probe = read_probe(write(tmp_path / "probe.jsonl", *rows))
    assert probe.rates([UNJUDGED, UNKNOWN, KNOWN]) == [None, 0.0, 0.75]


def test_a_question_is_its_prompt_with_its_references_whatever_its_id(tmp_path):
    probe = read_probe(write(tmp_path / "probe.jsonl", probed(KNOWN, Verdict.CORRECT)))
    again = Record(KNOWN.prompt, KNOWN.references, id="other")
    other = Record(KNOWN.prompt, ("Cusco",), id=KNOWN.id)
    assert probe.rates([again, other]) == [1.0, None]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "q", "reference": "A"}, "no row of .* has a correct_rate"),
        (
            {"prompt": "q", "reference": "A", "correct_rate": 1.5},
            r"line 1: expected correct_rate in \[0, 1\]",
        ),
        ({"prompt": "q", "reference": "A", "correct_rate": "half"}, "got 'half'"),
        ({"prompt": "q", "reference": "", "correct_rate": 0.5}, "line 1: .*candor warm-start"),
        ({"prompt": "q", "correct_rate": 0.5}, "'reference'"),
    ],
)
def test_a_file_that_is_no_probe_is_refused(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_probe(write(tmp_path / "probe.jsonl", row))
