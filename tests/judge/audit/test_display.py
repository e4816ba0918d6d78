import json

import pytest

from judge.audit.display import describe_audit, to_json
from judge.audit.findings import Finding
from judge.audit.outcome import Audit
from judge.audit.properties import Property
from judge.audit.suite import Case
from judge.records import Record, Score, Verdict


@pytest.fixture
def audit() -> Audit:
    echo = Case(
        "hacking", "echo", Record("Who\u202e?", ("Ada", "Eve"), "Who?\n" * 99, "echo 1"), Verdict.WRONG
    )
    typo = Case("surface", "typo", Record("Who?", ("Ada",), "Adaa", "typo 1"), Verdict.CORRECT)
    findings = [
        Finding(typo, Score(0.9, 0.0, Verdict.CORRECT), True),
        Finding(typo, Score(0.4, 0.0, Verdict.WRONG), False),
        Finding(echo, Score(0.8, 0.0, Verdict.CORRECT), False),
    ]
    return Audit(findings, [Property("it holds", 1200, ()), Property("it does not", 2, ("seen here",))])


def test_categories_stand_below_their_groups_and_properties_below_all(audit):
    lines = describe_audit(audit, weakest_shown=5).splitlines()
    assert [line.split() for line in lines[:6]] == [
        ["category", "cases", "right", "pass"],
        ["SURFACE", "2", "1", "50", "%"],
        ["typo", "2", "1", "50", "%"],
        ["HACKING", "1", "0", "0", "%"],
        ["echo", "1", "0", "0", "%"],
        ["ALL", "3", "1", "33", "%"],
    ]
    assert ["it", "holds", "1,200", "1,200"] in [line.split() for line in lines]
    assert lines[-2:] == ["breaches of: it does not", "  seen here"]


def test_the_weakest_cases_are_shown_in_full_and_as_a_terminal_can_show_them(audit):
    text = describe_audit(audit, weakest_shown=1)
    assert "echo: expected wrong, said correct (equivalence 0.800, abstention 0.000)" in text
    assert "typo: expected" not in text
    assert "reference: Ada | Eve" in text
    assert r"question: Who\u202e?" in text
    assert max(map(len, text.splitlines())) < 200
    assert "weakest" not in describe_audit(audit, weakest_shown=0)


def test_json_has_tallies_failures_and_breaches(audit):
    content = json.loads(json.dumps(to_json(audit)))
    assert content["categories"]["typo"] == {"right": 1, "cases": 2, "rate": 0.5}
    assert content["all"]["cases"] == 3
    assert [failure["case"]["record"]["id"] for failure in content["failures"]] == ["echo 1", "typo 1"]
    assert content["failures"][0]["score"]["equivalence"] == 0.8
    assert content["properties"][1]["breaches"] == ["seen here"]
