"""Judges of one line each."""

from collections.abc import Callable, Sequence

import pytest

from judge.records import Record, Score, Verdict


class Rule:
    """A judge that calls right what a rule does, and declines nothing."""

    def __init__(self, equivalence: Callable[[Record], float]):
        self.equivalence = equivalence

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        values = [self.equivalence(record) for record in records]
        return [Score(p, 0.0, Verdict.CORRECT if p >= 0.5 else Verdict.WRONG) for p in values]


@pytest.fixture
def rule() -> type[Rule]:
    return Rule
