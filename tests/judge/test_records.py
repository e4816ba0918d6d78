import pytest

from judge.records import Record, Score, Verdict


def test_a_record_without_references_is_refused():
    with pytest.raises(ValueError, match="no reference"):
        Record("Who?", ())


def test_a_verdict_is_serialised_by_its_value():
    assert f"{Verdict.ABSTAIN}" == "abstain"
    assert Verdict("wrong") is Verdict.WRONG


def test_probabilities_share_out_by_equivalence_what_abstention_leaves():
    # abstain 0.2; of the other 0.8, correct 0.8 * 0.75 = 0.6 and wrong 0.8 * 0.25 = 0.2
    probabilities = Score(equivalence=0.75, abstention=0.2, verdict=Verdict.CORRECT).probabilities()
    assert probabilities == pytest.approx({Verdict.CORRECT: 0.6, Verdict.ABSTAIN: 0.2, Verdict.WRONG: 0.2})


@pytest.mark.parametrize("equivalence", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("abstention", [0.0, 0.7, 1.0])
def test_probabilities_sum_to_one(equivalence: float, abstention: float):
    total = sum(Score(equivalence, abstention, Verdict.WRONG).probabilities().values())
    assert total == pytest.approx(1.0)
