import json
import logging
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.labels import LabelColumns, read_labelled


@pytest.fixture
def labelled(tmp_path: Path):
    def read(*rows: dict, columns: LabelColumns | None = None):
        path = tmp_path / "labelled.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_labelled(path, columns or LabelColumns(), tmp_path / "rejected.jsonl")

    return read


def test_well_known_names_are_found_and_the_choice_is_logged(labelled, caplog):
    row = {
        "id": "7", "question": "Where?", "reference": "Lima", "references": ["Lima", "Peru"],
        "candidate": "Lima", "label": 1, "group": 3,
    }  # fmt: skip
    with caplog.at_level(logging.INFO):
        ((found,), rejected) = labelled(row)
    assert (found.record.prompt, found.record.completion, found.record.id) == ("Where?", "Lima", "7")
    assert found.record.references == ("Lima", "Peru")
    assert (found.label, found.group, rejected) == (1.0, "3", 0)
    assert "reference from 'references'" in caplog.text


def test_the_usual_names_come_before_the_well_known_ones(labelled):
    row = {"prompt": "p", "question": "q", "reference": "r", "completion": "c", "candidate": "d", "label": 0}
    ((found,), _) = labelled(row)
    assert (found.record.prompt, found.record.completion) == ("p", "c")


def test_a_named_column_is_taken_whatever_else_is_there(labelled):
    row = {"question": "q", "references": ["no"], "gold": "yes", "candidate": "c", "label": 0, "human": 1}
    ((found,), _) = labelled(row, columns=LabelColumns(reference="gold", label="human"))
    assert (found.record.references, found.label) == (("yes",), 1.0)


@pytest.mark.parametrize("prompt", [{}, {"question": None}])
def test_pairs_of_texts_need_no_question_and_no_group(labelled, prompt: dict):
    ((found,), _) = labelled({**prompt, "reference": "a", "candidate": "b", "score": 0.76})
    assert (found.record.prompt, found.label, found.group) == ("", 0.76, "")


def test_a_row_without_its_group_stands_alone(labelled):
    row = {"reference": "a", "candidate": "b", "label": 1}
    (first, second), _ = labelled({**row, "group": "g"}, {**row, "group": None})
    assert (first.group, second.group) == ("g", "")


def test_a_label_may_be_text_as_in_csv(labelled):
    ((found,), _) = labelled({"reference": "a", "candidate": "b", "label": "1"})
    assert found.label == 1.0


@pytest.mark.parametrize("label", [None, 2, -0.1, "right", [1], float("nan")])
def test_a_label_that_is_no_number_from_zero_to_one_is_set_aside(labelled, tmp_path: Path, label: object):
    good = {"reference": "a", "candidate": "b", "label": 1}
    rows, rejected = labelled(good, {**good, "label": label})
    assert (len(rows), rejected) == (1, 1)
    assert "from 0 (wrong) to 1 (right)" in (tmp_path / "rejected.jsonl").read_text()


def test_a_file_without_labels_is_refused_with_what_is_there(labelled):
    with pytest.raises(
        DataError,
        match=r"column 'label' or 'score' not in .* \(has: reference, candidate\); pass --label_column",
    ):
        labelled({"reference": "a", "candidate": "b"})


def test_scores_of_other_judges_are_read_beside_the_label(labelled, tmp_path: Path):
    row = {"reference": "a", "candidate": "b", "label": 1}
    columns = LabelColumns(scores=("theirs",))
    values = (True, "0.25", None, "")
    rows, rejected = labelled(*({**row, "theirs": value} for value in (*values, 3)), columns=columns)
    assert [row.scores["theirs"] for row in rows] == [1.0, 0.25, None, None]
    assert rejected == 1
    assert "'theirs' is a number (3), expected a number from 0" in (tmp_path / "rejected.jsonl").read_text()


def test_a_column_of_scores_that_is_not_there_is_refused(labelled):
    with pytest.raises(DataError, match=r"'theirs' not in .*; pass --scores NAME=COLUMN"):
        labelled({"reference": "a", "candidate": "b", "label": 1}, columns=LabelColumns(scores=("theirs",)))
