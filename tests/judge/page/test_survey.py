from judge.page.rows import TOO_HARSH, TOO_KIND, ScoredRow
from judge.page.survey import WORST, survey
from judge.records import Verdict


def row(
    number: int, verdict: Verdict | None, equivalence: float = 0.5, label: float | None = None
) -> ScoredRow:
    figures = {} if verdict is None else {"reward": 1.0, "equivalence": equivalence}
    return ScoredRow(number, str(number), "", (), "", verdict, figures, label, "", {}, {})


def test_counts_are_of_all_rows_and_text_of_the_first():
    rows = [row(1, Verdict.CORRECT), row(2, Verdict.WRONG), row(3, None), row(4, Verdict.CORRECT)]
    found = survey(iter(rows), max_records=2)
    assert found.rows == 4
    assert found.scored == 3
    assert found.verdicts == {Verdict.CORRECT: 2, Verdict.ABSTAIN: 0, Verdict.WRONG: 1}
    assert found.shown == rows[:2]
    assert found.shares.correct == 2 / 3


def test_figures_are_kept_by_verdict_in_reading_order():
    found = survey([row(1, Verdict.CORRECT, 0.9), row(2, Verdict.WRONG, 0.2)], max_records=0)
    assert list(found.figures) == ["equivalence", "reward"]
    assert found.figures["equivalence"] == {
        Verdict.CORRECT: [0.9], Verdict.ABSTAIN: [], Verdict.WRONG: [0.2]
    }  # fmt: skip


def test_where_nothing_was_judged_there_are_no_shares():
    assert survey([row(1, None)], max_records=1).shares is None


def test_the_widest_gaps_are_picked_out_of_either_kind():
    equivalences = [i / 100 for i in range(50, 50 + WORST + 5)]
    kind = [row(i, Verdict.CORRECT, p, label=0.0) for i, p in enumerate(equivalences)]
    harsh = [row(100, Verdict.WRONG, 0.3, label=1.0), row(101, Verdict.WRONG, 0.3, label=1.0)]
    found = survey([*kind, *harsh, row(200, Verdict.CORRECT, 0.9, label=1.0)], max_records=0)
    assert found.disagreements[TOO_KIND].count == WORST + 5
    assert found.disagreements[TOO_KIND].worst == kind[:4:-1]
    assert [row.number for row in found.disagreements[TOO_HARSH].worst] == [
        100,
        101,
    ]  # of equals, the earlier


def test_only_rows_with_score_and_label_are_measured():
    rows = [row(1, Verdict.CORRECT, label=1.0), row(2, Verdict.CORRECT), row(3, None, label=0.0)]
    assert [label for label, _, _ in survey(rows, max_records=0).labelled] == [1.0]
