import pytest

from judge.errors import DataError
from judge.pairs import (
    Split,
    Task,
    TrainingRow,
    abstention_segments,
    equivalence_segments,
    held_out,
    kind_of_rows,
    support_segments,
    training_rows,
)  # fmt: skip


def test_each_kind_of_file_is_known_by_its_columns() -> None:
    assert kind_of_rows(["id", "question", "reference", "candidate", "label"], "f") is Task.EQUIVALENCE
    assert kind_of_rows(["references", "candidate", "score"], "f") is Task.EQUIVALENCE
    assert kind_of_rows(["text_a", "text_b", "label"], "f") is Task.SUPPORT
    assert kind_of_rows(["question", "text", "label"], "f") is Task.ABSTENTION


def test_columns_of_no_kind_are_refused_with_what_would_do() -> None:
    with pytest.raises(
        DataError, match=r"expected columns text_a, text_b, label; or .* in my.csv, found a, b"
    ):
        kind_of_rows(["a", "b"], "my.csv")


def test_a_right_answer_teaches_against_its_nearest_reference_alone() -> None:
    row = {
        "question": "q",
        "references": ["Bob Dylan", "Robert Zimmerman"],
        "candidate": "Zimmerman",
        "label": 1,
    }
    assert [r.reference for r in training_rows(row, Task.EQUIVALENCE, source="f")] == ["Robert Zimmerman"]


def test_a_wrong_answer_teaches_against_every_reference() -> None:
    row = {"question": "q", "references": ["Bob Dylan", "Robert Zimmerman"], "candidate": "Cash", "label": 0}
    rows = training_rows(row, Task.EQUIVALENCE, source="f")
    assert [r.reference for r in rows] == ["Bob Dylan", "Robert Zimmerman"]
    assert {r.group for r in rows} == {"q"}


def test_contradiction_is_told_from_absence_only_where_the_label_tells() -> None:
    def targets(raw_label: str | None, label: int) -> dict[Task, float]:
        row = {"text_a": "a", "text_b": "b", "label": label, "raw_label": raw_label}
        return dict(training_rows(row, Task.SUPPORT, source="f")[0].targets)

    assert targets("contradiction", 0) == {Task.SUPPORT: 0.0, Task.CONTRADICTION: 1.0}
    assert targets("neutral", 0) == {Task.SUPPORT: 0.0, Task.CONTRADICTION: 0.0}
    assert targets("not_supported", 0) == {Task.SUPPORT: 0.0}
    assert targets(None, 1) == {Task.SUPPORT: 1.0}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"candidate": None}, "'candidate' is null, expected text"),
        ({"candidate": 7}, "'candidate' is a number"),
        ({"reference": " "}, "'reference' is empty"),
        ({"label": "yes"}, "'label' is 'yes', expected 0, 1"),
        ({"label": 3}, "'label' is 3.0"),
        ({"label": float("nan")}, "'label' is nan"),
    ],
)
def test_a_bad_value_is_named(change: dict[str, object], complaint: str) -> None:
    row = {"question": "q", "reference": "r", "candidate": "c", "label": 1} | change
    with pytest.raises(DataError, match=complaint):
        training_rows(row, Task.EQUIVALENCE, source="f")


def test_a_csv_label_is_read_as_a_number() -> None:
    row = {"reference": "r", "candidate": "c", "label": "0.5"}
    assert training_rows(row, Task.EQUIVALENCE, source="f")[0].targets == {Task.EQUIVALENCE: 0.5}


def test_reference_and_completion_stand_on_different_sides() -> None:
    first, second = equivalence_segments(question="who?", reference="bob", completion="alice")
    assert "bob" in first
    assert "alice" not in first
    assert second == "alice"


def test_the_three_kinds_of_pair_open_differently() -> None:
    openings = {
        equivalence_segments(question="q", reference="r", completion="c")[0].split(":")[0],
        support_segments(claim="q", text="c")[0].split(":")[0],
        abstention_segments(question="q", completion="c")[0].split(":")[0],
    }
    assert openings == {"equivalence", "support", "abstention"}


def test_a_group_is_never_split_and_the_share_is_kept() -> None:
    rows = [
        TrainingRow(Task.ABSTENTION, "", "", f"text {i}", {Task.ABSTENTION: 0.0}, group=f"group {i // 3}")
        for i in range(6000)
    ]
    split = Split()
    split.add(rows, 0.1)
    assert not {row.group for row in split.train} & {row.group for row in split.held_out}
    # 2,000 groups at 0.1: 200 held out, standard deviation sqrt(2000 * .1 * .9) = 13.4
    assert abs(len(split.held_out) / 3 - 200) < 5 * 13.4


def test_the_side_of_a_group_does_not_depend_on_the_run() -> None:
    assert [held_out(str(i), 0.5) for i in range(8)] == [held_out(str(i), 0.5) for i in range(8)]
    assert len({held_out(str(i), 0.5) for i in range(40)}) == 2
