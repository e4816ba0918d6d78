from collections import Counter
from pathlib import Path

from judge.agreement import Estimate
from judge.batch import Job, Summary
from judge.data import Columns
from judge.judges import Outcome
from judge.records import Verdict
from judge.report import describe_agreement, describe_scores, table

NAN = float("nan")


def job(rejected: int = 0) -> Job:
    return Job(Path("in.jsonl"), Path("out.csv"), Columns(), 4, rejected, {})


def test_a_table_lines_up_its_columns():
    assert table(["a", "count"], [["long name", "1"], ["b", "1,000"]]).splitlines() == [
        "a          count",
        "long name      1",
        "b          1,000",
    ]


def test_the_summary_gives_counts_shares_means_and_pace():
    summary = Summary(
        verdicts=Counter({Verdict.CORRECT: 1, Verdict.WRONG: 2}),
        unscored=1,
        sums=Counter({"equivalence": 1.5, "reward": -0.75, "recall": 0.5}),
        counts=Counter({"equivalence": 3, "reward": 3, "recall": 1}),
        resumed=2,
        judging_s=0.5,
    )
    text = describe_scores(job(rejected=3), summary)
    lines = [line.split() for line in text.splitlines()]
    assert ["correct", "1", "33.3", "%"] in lines
    assert ["abstain", "0", "0.0", "%"] in lines
    assert ["unscored", "1"] in lines
    assert ["rejected", "3"] in lines
    assert "mean equivalence 0.5000, mean reward -0.2500, mean recall 0.5000" in text
    assert "4 rows in out.csv, judged in 0.5 s (4 records/s), 2 of them by an earlier run" in text
    assert "3 rows set aside in out.csv.rejected.jsonl" in text


def test_the_summary_of_a_file_that_nothing_could_be_said_of_has_no_means():
    text = describe_scores(job(), Summary(unscored=4))
    assert "mean" not in text
    assert "correct         0          -" in text


def test_agreement_is_shown_in_percent_where_it_is_a_rate_with_its_interval():
    systems = {
        "judge": {"accuracy": Estimate(0.91, 0.9, 0.925), "auroc": Estimate(0.97, 0.96, 0.98)},
        "exact match": {"accuracy": Estimate(0.5, NAN, NAN), "auroc": Estimate(NAN, NAN, NAN)},
    }
    outcomes = {"judge": Outcome([None], 1234.5), "exact match": Outcome([], 1e6)}
    header, judge, exact = describe_agreement(systems, outcomes).splitlines()
    assert header.split() == ["accuracy", "auroc", "unscored", "pairs/s"]
    assert judge.split(maxsplit=1)[1] == "91.0 [90.0, 92.5]  0.970 [0.960, 0.980]         1      1,234"
    assert exact.split() == ["exact", "match", "50.0", "-", "0", "1,000,000"]
