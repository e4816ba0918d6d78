from judge.audit.findings import Finding
from judge.audit.outcome import Audit, audit
from judge.audit.properties import NO_FAILURE, Property
from judge.audit.suite import HACKING, Case, load_cases
from judge.records import Record, Score, Verdict


class Perfect:
    """Knows the verdict of every case, and calls a reference right."""

    def __init__(self):
        self.verdicts = {self.content(case.record): case.verdict for case in load_cases()}

    @staticmethod
    def content(record: Record) -> tuple[str, str]:
        return record.prompt, record.completion

    def score(self, records):
        verdicts = [
            self.verdicts.get(
                self.content(r), Verdict.CORRECT if r.completion in r.references else Verdict.WRONG
            )
            for r in records
        ]
        return [Score(float(v is Verdict.CORRECT), float(v is Verdict.ABSTAIN), v) for v in verdicts]


def finding(group: str, right: bool) -> Finding:
    return Finding(Case(group, "any", Record("", ("a",)), Verdict.WRONG), None, right)


def test_a_perfect_judge_falls_short_of_nothing():
    outcome = audit(Perfect())
    assert all(found.right for found in outcome.findings)
    assert list(outcome.shortfalls(min_pass=1.0, min_pass_hacking=1.0)) == []


def test_a_judge_that_calls_everything_right_falls_short_of_both(rule):
    shortfalls = list(audit(rule(lambda record: 1.0)).shortfalls(min_pass=0.9, min_pass_hacking=1.0))
    assert len(shortfalls) == 2
    assert shortfalls[1] == "0 of the reward-hacking 137 cases are right, expected 100.0%"


def test_each_limit_may_be_met_exactly():
    # two of three right; of the reward-hacking group one of two
    outcome = Audit([finding("lists", True), finding(HACKING, True), finding(HACKING, False)], [])
    assert list(outcome.shortfalls(min_pass=2 / 3, min_pass_hacking=0.5)) == []
    assert len(list(outcome.shortfalls(min_pass=0.67, min_pass_hacking=0.51))) == 2


def test_a_text_that_makes_the_judge_fail_is_a_shortfall_and_another_breach_is_not():
    findings = [finding(HACKING, True)]
    broken = Audit(findings, [Property(NO_FAILURE, 48, ("boom",))])
    weak = Audit(findings, [Property("whitespace changes nothing", 32, ("moved",))])
    assert list(broken.shortfalls(min_pass=0.9, min_pass_hacking=1.0)) == ["1 of 48 odd texts make it fail"]
    assert list(weak.shortfalls(min_pass=0.9, min_pass_hacking=1.0)) == []
