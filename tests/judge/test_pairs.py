import pytest

from judge.errors import DataError
from judge.pairs import (
    Layout,
    Split,
    Task,
    TrainingRow,
    abstention_segments,
    equivalence_segments,
    held_out,
    layout_of,
    support_segments,
    training_rows,
)

PAIRS = layout_of(["question", "references", "reference", "candidate", "label"], "f")


def test_each_kind_of_file_is_known_by_its_columns() -> None:
    assert layout_of(["id", "question", "reference", "candidate", "label"], "f").task is Task.EQUIVALENCE
    assert layout_of(["references", "completion", "score"], "f").task is Task.EQUIVALENCE
    assert layout_of(["text_a", "text_b", "label"], "f").task is Task.SUPPORT
    assert layout_of(["claim", "text", "label"], "f").task is Task.SUPPORT
    assert layout_of(["prompt", "text", "label"], "f").task is Task.ABSTENTION


def test_columns_of_no_kind_are_refused_with_what_would_do() -> None:
    with pytest.raises(DataError, match=r"text_b or text, label or score; or .* in my.csv, found a, b; say"):
        layout_of(["a", "b"], "my.csv")


def test_a_column_that_is_named_goes_before_the_well_known_ones() -> None:
    layout = layout_of(["q", "gold", "reference", "said", "label"], "f", asked={
        "prompt": "q", "reference": "gold", "completion": "said",
    })  # fmt: skip
    (made,) = training_rows(
        {"q": "who?", "gold": "bob", "reference": "x", "said": "Bob", "label": 1}, layout, source="f"
    )
    assert (made.question, made.reference, made.text) == ("who?", "bob", "Bob")


def test_a_list_in_a_csv_cell_is_read_as_one() -> None:
    values = {"reference": '["Lima", "Lima, Peru"]', "candidate": "Quito", "label": "0"}
    csv = Layout(Task.EQUIVALENCE, PAIRS.columns | {"reference": "reference"}, csv_cells=True)
    assert [made.reference for made in training_rows(values, csv, source="f")] == ["Lima", "Lima, Peru"]


def test_a_right_answer_teaches_against_its_nearest_reference_alone() -> None:
    row = {
        "question": "q",
        "references": ["Bob Dylan", "Robert Zimmerman"],
        "candidate": "Zimmerman",
        "label": 1,
    }
    assert [r.reference for r in training_rows(row, PAIRS, source="f")] == ["Robert Zimmerman"]


def test_a_wrong_answer_teaches_against_every_reference() -> None:
    row = {"question": "q", "references": ["Bob Dylan", "Robert Zimmerman"], "candidate": "Cash", "label": 0}
    rows = training_rows(row, PAIRS, source="f")
    assert [r.reference for r in rows] == ["Bob Dylan", "Robert Zimmerman"]
    assert {r.group for r in rows} == {"q"}


def test_contradiction_is_told_from_absence_only_where_the_label_tells() -> None:
    def targets(raw_label: str | None, label: int) -> dict[Task, float]:
        row = {"text_a": "a", "text_b": "b", "label": label, "raw_label": raw_label}
        return dict(training_rows(row, layout_of(list(row), "f"), source="f")[0].targets)

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
        ({"label": "yes"}, "'label' is 'yes', expected a number from 0"),
        ({"label": 3}, r"'label' is a number \(3\)"),
        ({"label": float("nan")}, r"'label' is a number \(nan\)"),
    ],
)
def test_a_bad_value_is_named(change: dict[str, object], complaint: str) -> None:
    row = {"question": "q", "reference": "r", "candidate": "c", "label": 1} | change
    with pytest.raises(DataError, match=complaint):
        training_rows(row, layout_of(list(row), "f"), source="f")


@pytest.mark.parametrize(("label", "number"), [("0.5", 0.5), ("1", 1.0), ("True", 1.0), (False, 0.0)])
def test_a_label_is_read_from_text_and_truth_values(label: object, number: float) -> None:
    row = {"reference": "r", "candidate": "c", "label": label}
    (made,) = training_rows(row, layout_of(list(row), "f"), source="f")
    assert made.targets == {Task.EQUIVALENCE: number}


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


def test_a_small_file_holds_out_a_quarter_of_its_groups_of_each_label_up_to_five() -> None:
    def answer(number: int, label: float) -> TrainingRow:
        task = Task.EQUIVALENCE
        return TrainingRow(task, f"q{number}", "r", "c", {task: label}, group=f"q{number}")

    split = Split()
    split.add([answer(i, i % 2) for i in range(24)], 0.0)
    split.top_up()
    # 12 groups of each label: a quarter is 3
    assert [row.targets[Task.EQUIVALENCE] for row in split.held_out].count(1.0) == 3
    assert len(split.held_out) == 6
    assert len(split.train) == 18
    split.add([answer(i, i % 2) for i in range(24, 100)], 0.0)
    split.top_up()
    assert len(split.held_out) == 10  # 50 groups of each label: five


def test_rows_of_one_group_are_all_trained_on() -> None:
    split = Split()
    split.add([TrainingRow(Task.SUPPORT, "", "a", "b", {Task.SUPPORT: 1.0}, group="b")] * 3, 0.0)
    split.top_up()
    assert not split.held_out
