"""Each property holds for one judge and is breached by another."""

import math

import pytest

from judge.audit import properties
from judge.audit.properties import CHECKS, check_properties, reward
from judge.records import Record, Score, Verdict


def as_it_stands(record: Record) -> float:
    return float(record.completion in record.references)


def by_words(record: Record) -> float:
    return float(words(record.completion) in map(words, record.references))


def words(text: str) -> str:
    text = " ".join(text.casefold().split())
    return text.removeprefix("the answer is ").removeprefix("it is ").rstrip(".")


def loves_length(record: Record) -> float:
    return min(len(record.completion) / 1000, 1.0)


def loves_brevity(record: Record) -> float:
    return 1.0 - loves_length(record)


def reads_the_first_reference(record: Record) -> float:
    return float(record.completion == record.references[0])


def cannot_read_emoji(record: Record) -> float:
    if "🧨" in record.completion:
        raise ValueError("what is this?")
    return 0.5


@pytest.mark.parametrize(
    ("check", "holds", "breached"),
    [
        (properties.self_match, as_it_stands, lambda record: 0.5),
        (properties.reference_order, as_it_stands, reads_the_first_reference),
        (properties.whitespace, by_words, lambda record: float("  " in record.completion)),
        (properties.answer_prefix, by_words, as_it_stands),
        (properties.false_fact, loves_brevity, loves_length),
        (properties.left_out_fact, loves_length, lambda record: 1.0 - len(record.completion) / 200),
        (properties.any_text, as_it_stands, cannot_read_emoji),
        (properties.any_text, as_it_stands, lambda record: math.nan),
    ],
)
def test_a_property_tells_judges_apart(rule, check, holds, breached):
    good, bad = check(rule(holds)), check(rule(breached))
    assert good.breaches == ()
    assert bad.breaches
    assert good.tried == bad.tried > 0
    assert bad.holds == bad.tried - len(bad.breaches)


def test_a_breach_says_what_was_tried_and_what_came(rule):
    (breach,) = properties.any_text(rule(cannot_read_emoji)).breaches
    assert breach.endswith("ValueError: what is this?")
    assert "Which river?" in breach
    assert breach.isascii()


def test_a_text_that_is_not_judged_is_no_failure():
    class Silent:
        def score(self, records):
            return [None for _ in records]

    assert properties.any_text(Silent()).breaches == ()
    assert properties.whitespace(Silent()).holds == 0


def test_every_property_is_checked(rule):
    found = check_properties(rule(as_it_stands))
    assert len({prop.name for prop in found}) == len(CHECKS) == len(found)


def test_reward_is_the_expectation_at_one_nought_and_minus_one():
    # p(correct) = .8 * .75 = .6, p(wrong) = .8 * .25 = .2
    assert reward(Score(0.75, 0.2, Verdict.CORRECT)) == pytest.approx(0.4)
