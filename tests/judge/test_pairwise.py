import math

import pytest

from judge.pairwise import STRING_MEASURES, Pair, PairJudge, binary_score, rouge_l
from judge.records import Record, Score, Verdict


def lengths(pairs):
    """A measure that is high where both are of like length; it cannot say of an empty completion."""
    return [len(pair.reference) / len(pair.completion) if pair.completion else math.nan for pair in pairs]


def test_the_best_reference_counts_and_the_threshold_decides():
    records = [Record("?", ("a", "abc"), "abcd"), Record("?", ("a",), "abcd")]
    right, wrong = PairJudge(lengths).score(records)
    assert right == Score(0.75, 0.0, Verdict.CORRECT)
    assert wrong == Score(0.25, 0.0, Verdict.WRONG)
    assert PairJudge(lengths, threshold=0.25).score(records)[1] == Score(0.25, 0.0, Verdict.CORRECT)


def test_what_no_reference_gives_a_number_for_is_not_scored():
    assert PairJudge(lengths).score([Record("?", ("a", "b"), "")]) == [None]


def test_one_reference_without_a_number_leaves_the_others():
    def only_b(pairs):
        return [0.9 if pair.reference == "b" else math.nan for pair in pairs]

    assert PairJudge(only_b).score([Record("?", ("a", "b"), "c")]) == [Score(0.9, 0.0, Verdict.CORRECT)]


def test_equal_pairs_are_measured_once():
    asked = []

    def measure(pairs):
        asked.extend(pairs)
        return [1.0] * len(pairs)

    PairJudge(measure).score([Record("?", ("a", "b"), "c", id=str(i)) for i in range(3)])
    assert asked == [Pair("?", "a", "c"), Pair("?", "b", "c")]


def test_a_measure_below_zero_counts_as_zero():
    assert binary_score(-0.3, 0.5) == Score(0.0, 0.0, Verdict.WRONG)


def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence():
    # reference of 5 words, completion of 4, common subsequence "the cat the mat": 2 * 4 / (5 + 4)
    assert rouge_l([Pair("", "the cat on the mat", "the cat the mat")]) == [pytest.approx(8 / 9)]
    # "mat cat" has one word of the order at most: 2 * 1 / (2 + 2)
    assert rouge_l([Pair("", "cat mat", "mat cat")]) == [pytest.approx(0.5)]


@pytest.mark.parametrize("name", STRING_MEASURES)
def test_every_string_measure_tells_an_equal_text_from_another(name: str):
    records = [Record("Who?", ("Lima", "Jane Austen"), text) for text in ("Jane Austen.", "Emily Brontë")]
    right, wrong = PairJudge(STRING_MEASURES[name]).score(records)
    assert right == Score(1.0, 0.0, Verdict.CORRECT)
    assert wrong == Score(0.0, 0.0, Verdict.WRONG)
