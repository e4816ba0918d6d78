import json
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.outputs import open_output, widen
from judge.page.rows import TOO_HARSH, TOO_KIND, ScoredRow, read_scored
from judge.records import Score, Verdict

ANY = dict.fromkeys(("id", "prompt", "reference", "completion", "label", "group"))
ROW = {
    "id": "a", "question": "Where?", "references": ["Lima", "Lima, Peru"], "candidate": "In Lima.",
    "label": 1, "group": "g", "verdict": "correct", "equivalence": 0.9, "abstention": 0.1, "reward": 1.0,
    "facts": [{"text": "In Lima.", "support": 0.8}], "model": "m", "note": None,
}  # fmt: skip


def read(path: Path, rows: list[dict], **asked: str) -> list[ScoredRow]:
    with open_output(path, widen({}, rows)) as write:
        write(rows)
    return list(read_scored(path, ANY | asked))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.csv.gz", "a.parquet"])
def test_a_row_reads_alike_from_every_format(tmp_path, name: str):
    (row,) = read(tmp_path / name, [ROW])
    assert row == ScoredRow(
        number=1,
        id="a",
        prompt="Where?",
        references=("Lima", "Lima, Peru"),
        completion="In Lima.",
        verdict=Verdict.CORRECT,
        figures={"equivalence": 0.9, "abstention": 0.1, "reward": 1.0},
        label=1.0,
        group="g",
        explained={"facts": [{"text": "In Lima.", "support": 0.8}]},
        others={"model": "m"},
    )


def test_every_column_but_the_verdict_may_be_missing(tmp_path):
    first, second = read(tmp_path / "a.jsonl", [{"verdict": "wrong"}, {"verdict": None}])
    assert (first.id, first.prompt, first.references, first.completion) == ("1", "", (), "")
    assert (first.label, first.score, first.gap, first.disagreement) == (None, None, None, None)
    assert (first.verdict, second.verdict) == (Verdict.WRONG, None)


def test_a_file_without_a_verdict_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"column 'verdict' not in .*candor score"):
        read(tmp_path / "a.jsonl", [{"prompt": "Where?"}])


def test_a_verdict_that_is_none_is_refused_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"'verdict' is 'Incorrect' on line 2 .* expected correct, abstain"):
        read(tmp_path / "a.jsonl", [{"verdict": "wrong"}, {"verdict": "Incorrect"}])


def test_a_line_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"verdict": "wrong"}\nnot json\n')
    with pytest.raises(DataError, match="cannot read line 2"):
        list(read_scored(tmp_path / "a.jsonl", ANY))


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(DataError, match="expected rows"):
        list(read_scored(tmp_path / "a.jsonl", ANY))


def test_a_column_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(DataError, match=r"column 'gold' not in .*--label_column"):
        read(tmp_path / "a.jsonl", [ROW], label="gold")


def test_a_column_that_was_asked_for_goes_before_the_well_known_one(tmp_path):
    (row,) = read(tmp_path / "a.jsonl", [ROW | {"gold": 0}], label="gold")
    assert row.label == 0.0
    assert row.others == {"model": "m", "label": 1}


@pytest.mark.parametrize(("label", "number"), [(True, 1.0), ("False", 0.0), ("0.5", 0.5)])
def test_a_label_is_read_as_eval_judge_reads_it(tmp_path, label, number):
    (row,) = read(tmp_path / "a.csv", [ROW | {"label": label}])
    assert row.label == number


@pytest.mark.parametrize("label", [None, "", "good", 2, -0.1, "nan"])
def test_a_label_that_is_no_number_from_0_to_1_says_nothing(tmp_path, label):
    (row,) = read(tmp_path / "a.jsonl", [ROW | {"label": label}])
    assert row.label is None


def test_the_gap_is_the_probability_of_correct_less_the_label(tmp_path):
    (row,) = read(tmp_path / "a.jsonl", [ROW])
    assert row.score == Score(0.9, 0.1, Verdict.CORRECT)
    assert row.gap == pytest.approx(0.9 * 0.9 - 1)  # not declined, and equivalent


@pytest.mark.parametrize(
    ("verdict", "label", "kind"),
    [
        ("correct", 0, TOO_KIND),
        ("wrong", 1, TOO_HARSH),
        ("abstain", 1, TOO_HARSH),
        ("correct", 1, ""),
        ("abstain", 0, ""),
        ("correct", 0.4, TOO_KIND),
    ],
)
def test_judge_and_people_differ_where_one_alone_calls_it_right(tmp_path, verdict, label, kind):
    (row,) = read(tmp_path / "a.jsonl", [ROW | {"verdict": verdict, "label": label}])
    assert row.disagreement == kind


def test_text_that_only_looks_like_json_stays_text(tmp_path):
    (row,) = read(tmp_path / "a.jsonl", [ROW | {"references": "[sic]", "facts": "{not json}"}])
    assert row.references == ("[sic]",)
    assert row.others["facts"] == "{not json}"


def test_json_text_is_unpacked(tmp_path):
    (row,) = read(tmp_path / "a.jsonl", [ROW | {"facts": json.dumps(ROW["facts"])}])
    assert row.explained == {"facts": ROW["facts"]}
