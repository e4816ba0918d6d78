import logging

import pytest

from rl.collapse import PATIENCE_UPDATES
from rl.progress import progress, rates


def metrics(abstain_rate: float) -> dict[str, float]:
    rest = (1.0 - abstain_rate) / 2
    return {"judge/correct_rate": rest, "judge/abstain_rate": abstain_rate, "judge/wrong_rate": rest}


def followed(
    *abstain_rates: float, history: tuple[float, ...] = (), stop: bool = True
) -> tuple[int, str | None]:
    """After how many updates a run of these rates is ended, and why."""
    with progress(99, [metrics(rate) for rate in history], stop_on_collapse=stop) as follow:
        for update, rate in enumerate(abstain_rates):
            if follow(update, metrics(rate)):
                return update + 1, follow.stopped
    return len(abstain_rates), follow.stopped


def test_a_policy_that_abstains_always_ends_the_run_and_it_is_said_why():
    done, why = followed(*[1.0] * 20)
    assert done == PATIENCE_UPDATES
    assert why.startswith(f"stopped after update {PATIENCE_UPDATES - 1}: the policy abstained on over 95%")


@pytest.mark.parametrize(("rate", "stop"), [(1.0, False), (0.0, True), (0.5, True)])
def test_no_other_policy_does_nor_one_where_that_was_not_asked_for(rate, stop):
    assert followed(*[rate] * 20, stop=stop) == (20, None)


def test_a_run_that_had_stopped_stays_so_until_that_is_no_longer_asked_for():
    collapsed = (1.0,) * PATIENCE_UPDATES
    _, why = followed(*collapsed)
    assert followed(history=collapsed) == (0, why)
    assert followed(0.5, 1.0, history=collapsed, stop=False) == (2, None)
    assert followed(1.0, history=(*collapsed, 0.5)) == (1, None)


def test_what_was_said_before_a_kill_is_not_said_again(caplog):
    with caplog.at_level(logging.WARNING, "rl"):
        followed(*[0.0] * 3, history=(0.0,) * PATIENCE_UPDATES)
    assert caplog.records == []


def test_the_verdicts_are_told_in_a_line():
    assert rates(metrics(0.5)) == "correct 25%, abstain 50%, wrong 25%"
