import math

import pytest

from rl.collapse import PATIENCE_UPDATES, CollapseWatch


def warnings(*rates: float) -> list[int]:
    """The updates at which a warning was given."""
    watch = CollapseWatch()
    return [update for update, rate in enumerate(rates) if watch.see(rate) is not None]


@pytest.mark.parametrize("rate", [0.951, 1.0, 0.0, 0.009])
def test_a_rate_beyond_its_bounds_for_five_updates_is_warned_of_once(rate):
    assert PATIENCE_UPDATES == 5
    assert warnings(*[rate] * 20) == [4]


@pytest.mark.parametrize("rate", [0.95, 0.5, 0.01, math.nan])
def test_a_rate_within_its_bounds_or_unknown_is_not_warned_of(rate):
    assert warnings(*[rate] * 20) == []


def test_one_update_within_the_bounds_starts_the_count_over():
    assert warnings(1, 1, 1, 1, 0.5, 1, 1, 1, 1) == []
    assert warnings(1, 1, 1, 1, 0.5, 1, 1, 1, 1, 1) == [9]


def test_each_bound_has_a_count_and_a_warning_of_its_own():
    assert warnings(1, 1, 1, 1, 0, 0, 0, 0) == []
    assert warnings(*[1] * 5, *[0] * 5, *[1] * 5) == [4, 9]


def test_a_warning_says_what_happened_and_what_to_change():
    always, never = CollapseWatch(), CollapseWatch()
    said = [(always.see(1.0), never.see(0.0)) for _ in range(PATIENCE_UPDATES)][-1]
    assert "over 95%" in said[0]
    assert "lower break_even" in said[0]
    assert "under 1%" in said[1]
    assert "first train" in said[1]
