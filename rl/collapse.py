"""Notices a policy that abstains always, or never: PPO seldom comes back from either on its own."""

HIGHEST_RATE = 0.95
LOWEST_RATE = 0.01
PATIENCE_UPDATES = 5
"""Updates in a row before a word is said: one rollout alone may be beyond either rate by chance."""

ALWAYS = (
    f"the policy abstained on over {HIGHEST_RATE:.0%} in each of {PATIENCE_UPDATES} updates, and may no "
    "longer try to answer; lower break_even, or ramp it up from a low break_even_start"
)
NEVER = (
    f"the policy abstained on under {LOWEST_RATE:.0%} in each of {PATIENCE_UPDATES} updates, and what is "
    "never said is never rewarded; first train the model on some answers that abstain, or raise break_even"
)


class CollapseWatch:
    """Counts updates in a row in which the abstention rate is beyond a bound, and warns once of each.

    Example:
        >>> watch = CollapseWatch()
        >>> [watch.see(1.0) is None for _ in range(6)]
        [True, True, True, True, False, True]
    """

    def __init__(self) -> None:
        self._above = 0
        self._below = 0
        self._said: set[str] = set()

    @property
    def abstains_always(self) -> bool:
        """Whether the policy has abstained nearly always for long enough, up to the last update seen."""
        return self._above >= PATIENCE_UPDATES

    def see(self, abstain_rate: float) -> str | None:
        """A warning, when a bound has been passed for long enough and nothing was said of it yet.

        Args:
            abstain_rate: of one update, in [0, 1]; NaN, where nothing was scored, is beyond no bound.
        """
        self._above = self._above + 1 if abstain_rate > HIGHEST_RATE else 0
        self._below = self._below + 1 if abstain_rate < LOWEST_RATE else 0
        for updates, warning in ((self._above, ALWAYS), (self._below, NEVER)):
            if updates >= PATIENCE_UPDATES and warning not in self._said:
                self._said.add(warning)
                return warning
        return None
