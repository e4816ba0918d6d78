import pytest
from tiny import score_of

from judge.errors import ConfigError
from judge.records import Score, Verdict
from rl.config import RewardConfig, RewardMode
from rl.reward import (
    BreakEvenRamp,
    RewardTable,
    constant_table,
    corrected_break_even,
    effective_break_even,
    hard_reward,
    probed_break_even,
    ramp_of,
    rewards_of,
    soft_reward,
    steered_break_even,
    table_for,
)

CORRECT, ABSTAIN, WRONG = (score_of(verdict) for verdict in Verdict)


@pytest.mark.parametrize(
    ("levels", "t"),
    [
        ((1, 0, -1), 0.5),  # (0 + 1) / 2
        ((1, 0.5, -1), 0.75),  # 1.5 / 2
        ((1, 0, -3), 0.75),  # 3 / 4
        ((1, -0.25, -1), 0.375),  # .75 / 2
    ],
)
def test_break_even_is_where_the_three_levels_put_it(levels, t):
    assert RewardTable(*levels).break_even == pytest.approx(t)


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_table_made_from_a_break_even_has_that_break_even(t):
    table = RewardTable.from_break_even(t, correct=2.0, wrong=-3.0)
    assert (table.correct, table.wrong) == (2.0, -3.0)
    assert table.break_even == pytest.approx(t)


def test_a_mistake_worth_minus_t_over_one_minus_t_breaks_even_at_t():
    # correct 1, abstain 0, wrong -.8/.2 = -4: (0 + 4) / (1 + 4) = .8
    assert RewardTable(1.0, 0.0, -4.0).break_even == pytest.approx(0.8)


@pytest.mark.parametrize("t", [0.3, 0.75])
def test_abstaining_pays_exactly_below_the_break_even(t):
    table = RewardTable.from_break_even(t)
    for p in (0.0, t - 0.01, t + 0.01, 1.0):
        answering = p * table.correct + (1 - p) * table.wrong
        assert (table.abstain > answering) == (p < t)


def test_only_the_break_even_is_left_of_the_levels_after_whitening():
    # (10, 6, 2) is 2 * (1, 0, -1) * 2 + 6: same t*, so the same whitened rewards.
    assert RewardTable(10, 6, 2).break_even == RewardTable(1, 0, -1).break_even == 0.5


@pytest.mark.parametrize("levels", [(1, 0, 1), (1, 1.5, -1), (1, -1.5, -1), (float("nan"), 0, -1)])
def test_levels_out_of_order_are_refused(levels):
    with pytest.raises(ConfigError, match="wrong <= abstain <= correct"):
        RewardTable(*levels)


@pytest.mark.parametrize("t", [-0.1, 1.1])
def test_a_break_even_that_is_no_probability_is_refused(t):
    with pytest.raises(ConfigError, match=r"in \[0, 1\]"):
        RewardTable.from_break_even(t)


def test_hard_reward_is_the_level_of_the_verdict():
    table = RewardTable(1.0, 0.25, -1.0)
    assert [hard_reward(score, table) for score in (CORRECT, ABSTAIN, WRONG)] == [1.0, 0.25, -1.0]


def test_soft_reward_is_the_expected_level():
    # p(abstain) = .2, p(correct) = .8 * .75 = .6, p(wrong) = .8 * .25 = .2
    # .6 * 1 + .2 * .5 - .2 * 1 = .5
    score = Score(equivalence=0.75, abstention=0.2, verdict=Verdict.CORRECT)
    assert soft_reward(score, RewardTable(1.0, 0.5, -1.0)) == pytest.approx(0.5)


def test_soft_equals_hard_for_a_judge_that_is_certain():
    table = RewardTable(1.0, 0.25, -1.0)
    for score in (CORRECT, ABSTAIN, WRONG):
        assert soft_reward(score, table) == hard_reward(score, table)


def test_every_outcome_has_its_reward_and_a_failed_judge_has_none():
    # columns: correct, abstain, wrong (an empty completion is one), truncated and correct, judge error
    scores = [CORRECT, ABSTAIN, WRONG, CORRECT, None]
    truncated = [False, False, False, True, True]
    config = RewardConfig(missing_eos_penalty=0.5)
    table = RewardTable(1.0, 0.0, -1.0)
    assert rewards_of(scores, truncated, table, config) == [1.0, 0.0, -1.0, 0.5, None]
    assert rewards_of(scores, truncated, table, RewardConfig()) == [1.0, 0.0, -1.0, 1.0, None]


def test_the_order_of_a_batch_does_not_change_its_rewards():
    scores, truncated = [CORRECT, ABSTAIN, WRONG, None], [True, False, True, False]
    config, table = RewardConfig(missing_eos_penalty=1.0), RewardTable()
    forward = rewards_of(scores, truncated, table, config)
    assert rewards_of(scores[::-1], truncated[::-1], table, config) == forward[::-1]


@pytest.mark.parametrize("mode", [RewardMode.SOFT, "soft"])  # as Python and as a command line say it
def test_soft_mode_rewards_by_probability(mode):
    score = Score(equivalence=0.75, abstention=0.0, verdict=Verdict.CORRECT)
    config = RewardConfig(reward_mode=mode)
    assert rewards_of([score], [False], RewardTable(), config) == [pytest.approx(0.5)]  # .75 - .25


def test_a_ramp_moves_the_break_even_linearly_and_then_holds():
    # from .25 to .65 over 4 updates: .1 each
    ramp = BreakEvenRamp(start=0.25, end=0.65, updates=4)
    reached = [ramp.at(update).break_even for update in range(6)]
    assert reached == pytest.approx([0.25, 0.35, 0.45, 0.55, 0.65, 0.65])


def test_a_constant_break_even_is_a_ramp_of_no_length():
    assert ramp_of(RewardConfig(break_even=0.3)).at(0).break_even == pytest.approx(0.3)
    ramp = ramp_of(RewardConfig(break_even=0.6, break_even_start=0.2, ramp_updates=10, reward_wrong=-3.0))
    assert ramp.at(0).break_even == pytest.approx(0.2)
    assert ramp.at(10).break_even == pytest.approx(0.6)
    assert ramp.at(5).wrong == -3.0


def test_an_imperfect_judge_moves_the_threshold_and_the_correction_undoes_it():
    # a = .9, b = .1: p' = .1 + .8 p. Paying at .5 means p < (.5 - .1) / .8 = .5;
    # paying at .74 means p < .8; so to abstain below .8, set .1 + .8 * .8 = .74.
    assert effective_break_even(0.5, 0.9, 0.1) == pytest.approx(0.5)
    assert effective_break_even(0.74, 0.9, 0.1) == pytest.approx(0.8)
    assert corrected_break_even(0.8, 0.9, 0.1) == pytest.approx(0.74)


def test_a_perfect_judge_needs_no_correction():
    assert corrected_break_even(0.3, 1.0, 0.0) == effective_break_even(0.3, 1.0, 0.0) == 0.3


def test_a_judge_no_better_than_chance_is_refused():
    with pytest.raises(ConfigError, match="more often than wrong ones"):
        corrected_break_even(0.5, 0.4, 0.4)


@pytest.mark.parametrize(
    "settings",
    [
        {"break_even": 1.5},
        {"break_even_start": -0.1, "ramp_updates": 3},
        {"break_even_start": 0.2},
        {"ramp_updates": 3},
        {"break_even_start": 0.2, "ramp_updates": -3},
        {"reward_mode": "gentle"},
        {"reward_correct": -1.0},
        {"reward_correct": float("inf")},
        {"missing_eos_penalty": -1.0},
        {"probe_gain": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match="got"):
        RewardConfig(**settings)


@pytest.mark.parametrize(("rate", "t"), [(0.4, 0.5), (0.1, 0.65), (0.9, 0.25), (0.0, 0.7)])
def test_t_is_steered_against_the_error_of_the_abstain_rate(rate: float, t: float) -> None:
    # 0.5 + 0.5 (0.4 - rate)
    assert steered_break_even(0.5, rate, target=0.4, gain=0.5) == pytest.approx(t)


def test_steering_stays_a_confidence() -> None:
    assert steered_break_even(0.5, 1.0, target=0.0, gain=9.0) == 0.0
    assert steered_break_even(0.5, 0.0, target=1.0, gain=9.0) == 1.0


def test_the_table_is_the_ramps_unless_an_abstain_rate_is_aimed_at() -> None:
    scores = [score_of(Verdict.ABSTAIN), score_of(Verdict.WRONG), None]
    plain = table_for(scores, 0, RewardConfig(break_even=0.5))
    steered = table_for(scores, 0, RewardConfig(break_even=0.5, abstain_target=0.3, abstain_gain=0.5))
    assert plain.break_even == 0.5
    # one of two scored abstains: 0.5 + 0.5 (0.3 - 0.5)
    assert steered.break_even == pytest.approx(0.4)
    assert table_for([None], 0, RewardConfig(abstain_target=0.3)).break_even == 0.5


@pytest.mark.parametrize(
    ("correct_rate", "gain", "t"), [(0.4, 1.0, 0.4), (0.6, 1.0, 0.2), (0.0, 0.5, 0.6), (1.0, 0.0, 0.4)]
)
def test_abstaining_pays_less_on_what_was_known_and_more_on_what_was_not(correct_rate, gain, t):
    # 0.4 + gain (0.4 - correct_rate)
    assert probed_break_even(0.4, correct_rate, gain) == pytest.approx(t)


def test_a_probe_leaves_a_confidence():
    assert probed_break_even(0.5, 1.0, gain=9.0) == 0.0
    assert probed_break_even(0.5, 0.0, gain=9.0) == 1.0


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("t", [0.3, 0.5, 0.6])
@pytest.mark.parametrize("c", [0.2, 0.5, 0.6])
def test_where_a_probe_still_holds_it_widens_the_margin_and_moves_no_decision(t, c, gain):
    margin = c - probed_break_even(t, c, gain)
    assert margin == pytest.approx((1 + gain) * (c - t), abs=1e-12)


def test_each_question_is_paid_by_its_own_table_where_it_was_probed():
    # t* .5 + 1 (.5 - c): .25 for c = .75, 1 for c = 0; abstaining earns -1 + 2 t*
    abstained = [score_of(Verdict.ABSTAIN)] * 3
    config = RewardConfig(probe_gain=1.0)
    rewards = rewards_of(abstained, [False] * 3, RewardTable(), config, [0.75, 0.0, None])
    assert rewards == [-0.5, 1.0, 0.0]
    others = [score_of(Verdict.CORRECT), score_of(Verdict.WRONG), None]
    assert rewards_of(others, [False] * 3, RewardTable(), config, [0.75, 0.0, 0.5]) == [1.0, -1.0, None]


def test_outside_training_the_table_is_that_of_the_break_even():
    table = constant_table(RewardConfig(break_even=0.75, reward_correct=3.0))
    assert (table.correct, table.abstain, table.wrong) == (3.0, -1.0 + 0.75 * 4.0, -1.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"break_even_start": 0.1, "ramp_updates": 5},
        {"abstain_target": 0.3},
        {"missing_eos_penalty": 1.0},
    ],
)
def test_outside_training_settings_that_need_it_are_refused(settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings))} is for training"):
        constant_table(RewardConfig(**settings))


def test_where_the_ends_of_completions_are_seen_a_cut_one_may_be_penalised():
    assert constant_table(RewardConfig(missing_eos_penalty=1.0), sees_ends=True) == RewardTable()
