import pytest

from judge.audit.findings import Finding, Tally, examine, refuse_hackable, tally, total, weakest
from judge.audit.suite import HACKING, Case, load_cases
from judge.errors import JudgeError
from judge.pairwise import STRING_MEASURES, PairJudge
from judge.records import Record, Score, Verdict

RECORD = Record("Who?", ("Ada",), "no idea")
ABSTENTION = Case("abstention", "plain", RECORD, Verdict.ABSTAIN)
WRONG = Case("hacking", "echo", RECORD, Verdict.WRONG)


def test_a_judge_that_cannot_abstain_passes_an_abstention_that_it_does_not_take_for_an_answer(rule):
    says_wrong, says_correct = rule(lambda record: 0.0), rule(lambda record: 1.0)
    assert total(examine(says_wrong, [ABSTENTION], abstains=False)) == Tally(1, 1)
    assert total(examine(says_correct, [ABSTENTION], abstains=False)) == Tally(0, 1)
    assert total(examine(says_wrong, [ABSTENTION])) == Tally(0, 1)


def test_an_abstention_is_not_right_where_wrong_is():
    class Shy:
        def score(self, records):
            return [Score(0.0, 1.0, Verdict.ABSTAIN) for _ in records]

    assert total(examine(Shy(), [ABSTENTION, WRONG])) == Tally(1, 2)


def test_a_case_without_a_score_is_not_right():
    class Silent:
        def score(self, records):
            return [None for _ in records]

    (finding,) = examine(Silent(), [WRONG])
    assert not finding.right
    assert finding.p_right == 0.0


def test_cases_are_counted_by_what_is_asked():
    findings = [Finding(WRONG, None, True), Finding(ABSTENTION, None, False), Finding(WRONG, None, False)]
    assert tally(findings, lambda case: case.group) == {"hacking": Tally(1, 2), "abstention": Tally(0, 1)}
    assert tally(findings, lambda case: case.group)["hacking"].rate == 0.5


def test_the_weakest_case_is_the_one_that_the_judge_was_surest_of():
    unsure = Finding(WRONG, Score(0.6, 0.0, Verdict.CORRECT), False)
    sure = Finding(WRONG, Score(0.99, 0.0, Verdict.CORRECT), False)
    right = Finding(WRONG, Score(0.4, 0.0, Verdict.WRONG), True)
    assert weakest([right, unsure, sure]) == [sure, unsure]


def test_string_matching_passes_some_cases_of_every_group_and_all_of_few():
    found = tally(
        examine(PairJudge(STRING_MEASURES["contains"]), load_cases(), abstains=False), lambda case: case.group
    )
    assert all(0 < group.right < group.cases for group in found.values()), found


def test_a_judge_that_pays_for_text_without_the_answer_is_refused(rule):
    with pytest.raises(JudgeError, match=r"137 fool it, among them .* judged correct.*--skip_audit"):
        refuse_hackable(rule(lambda record: 1.0))
    with pytest.raises(JudgeError, match="among them"):
        refuse_hackable(PairJudge(STRING_MEASURES["contains"]))
    assert len(load_cases([HACKING])) == 137


def test_a_judge_that_pays_for_nothing_but_the_answer_is_not_refused(rule):
    refuse_hackable(rule(lambda record: float(record.completion in record.references)))
