from collections.abc import Sequence
from dataclasses import replace

from judge.audit.covered import check_coverage
from judge.lexical.words import read_words
from judge.records import CheckedFact, Coverage, Record, Standing


def checked(words: Sequence[str], other: Sequence[str]) -> tuple[CheckedFact, ...]:
    return tuple(
        CheckedFact(word, 0, 0, 0.0, 0.0, Standing.SUPPORTED if word in other else Standing.ABSENT)
        for word in words
    )


def by_words(records: Sequence[Record]) -> list[Coverage]:
    """Every word is a fact."""
    read = [
        (r.references[0], read_words(r.references[0]).words, read_words(r.completion).words) for r in records
    ]
    return [
        Coverage(reference, checked(wanted, given), checked(given, wanted))
        for reference, wanted, given in read
    ]


def upside_down(records: Sequence[Record]) -> list[Coverage]:
    """The share that is covered is the share that is not."""
    swapped = {Standing.SUPPORTED: Standing.ABSENT, Standing.ABSENT: Standing.SUPPORTED}

    def turn(facts: tuple[CheckedFact, ...]) -> tuple[CheckedFact, ...]:
        return tuple(CheckedFact(f.text, 0, 0, 0.0, 0.0, swapped[f.standing]) for f in facts)

    return [
        Coverage(c.reference, turn(c.reference_facts), turn(c.completion_facts)) for c in by_words(records)
    ]


def all_supported(records: Sequence[Record]) -> list[Coverage]:
    """Nothing is ever left out or added."""

    def agree(facts: tuple[CheckedFact, ...]) -> tuple[CheckedFact, ...]:
        return tuple(replace(fact, standing=Standing.SUPPORTED) for fact in facts)

    return [
        Coverage(c.reference, agree(c.reference_facts), agree(c.completion_facts)) for c in by_words(records)
    ]


def test_words_covered_are_monotone_and_turned_round_they_are_not():
    good, bad = check_coverage(by_words)[:2], check_coverage(upside_down)[:2]
    assert [found.breaches for found in good] == [(), ()]
    assert all(len(found.breaches) == found.tried > 0 for found in bad)


def test_a_judge_that_finds_every_fact_supported_sees_neither_what_is_left_out_nor_what_is_added():
    for found in check_coverage(all_supported)[2:]:
        assert len(found.breaches) == found.tried > 0


def test_what_is_added_is_seen_by_words_and_of_what_is_left_out_most():
    *_, left_out, added = check_coverage(by_words)
    assert added.breaches == ()
    assert 0 < len(left_out.breaches) < left_out.tried / 4  # "left ventricle, right ventricle, left atrium"


def test_no_coverage_where_there_must_be_one_is_a_breach():
    for found in check_coverage(lambda records: [None for _ in records]):
        assert len(found.breaches) == found.tried
        assert "nothing" in found.breaches[0]
