import math

import pytest
from tiny import bigram_llama, score_of, word_tokenizer

from judge.errors import DataError
from judge.records import Record, Verdict
from rl.truthfulness import (
    Answer,
    Rates,
    RiskCoverage,
    Truthfulness,
    abstain_below,
    answer,
    best_threshold,
    risk_coverage,
)

C, A, W = Verdict.CORRECT, Verdict.ABSTAIN, Verdict.WRONG


def answers(*logprobs: float) -> list[Answer]:
    return [Answer(Record("q", ("a",), "x"), logprob) for logprob in logprobs]


def test_rates_are_over_the_scored_alone_and_sum_to_one() -> None:
    rates = Rates.of([score_of(C), score_of(C), score_of(W), score_of(A), None])
    assert rates == Rates(correct=0.5, abstained=0.25, hallucinated=0.25)
    assert rates.truthfulness == 0.25


def test_no_score_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="1 given and none of them judged"):
        Rates.of([None])


def test_truthfulness_is_the_mean_of_both_halves() -> None:
    # known .8 - .1 = .7, unknown 0 - .5 = -.5; mean .1
    both = Truthfulness(known=Rates(0.8, 0.1, 0.1), unknown=Rates(0.0, 0.5, 0.5))
    assert both.truthfulness == pytest.approx(0.1)


def test_the_best_threshold_keeps_what_is_more_right_than_wrong() -> None:
    scores = [score_of(v) for v in (C, C, W, C, W, W)]
    # by falling log-prob the sum of +1 right, -1 wrong is 1 2 1 2 1 0: best first reached after two answers
    threshold = best_threshold(answers(-1, -2, -3, -4, -5, -6), scores)
    assert threshold == -2.5


def test_where_everything_is_wrong_the_threshold_abstains_always_and_where_right_never() -> None:
    assert best_threshold(answers(-1, -2), [score_of(W), score_of(W)]) == math.inf
    assert best_threshold(answers(-1, -2), [score_of(C), score_of(C)]) == -math.inf


def test_abstaining_below_a_threshold_leaves_the_rest_and_the_unscored() -> None:
    scores = abstain_below(answers(-1, -3, -3), [score_of(W), score_of(C), None], -2)
    assert [score and score.verdict for score in scores] == [W, A, None]


def test_risk_and_coverage_by_hand() -> None:
    points = risk_coverage(answers(-1, -2, -3, -4), [score_of(C), score_of(W), score_of(A), score_of(C)])
    # given, likeliest first: right, wrong, right, of four: risks 0, 1/2, 1/3
    assert points == [
        RiskCoverage(0.25, 0.0),
        RiskCoverage(0.5, 0.5),
        RiskCoverage(0.75, pytest.approx(1 / 3)),
    ]


def test_an_answer_comes_with_its_log_prob() -> None:
    eos, a, b = 1, 3, 4
    table = [[1e-9] * 5 for _ in range(5)]
    table[a][b], table[a][eos] = 0.75, 0.25
    table[b][eos], table[b][a] = 0.8, 0.2
    (given,) = answer(bigram_llama(table), word_tokenizer("a", "b"), [Record("a", ("b",))], max_new_tokens=4)
    assert given.record.completion == "b"
    assert given.logprob == pytest.approx(math.log(0.75 * 0.8), abs=1e-4)
