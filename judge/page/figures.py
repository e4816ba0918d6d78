"""What a page shows besides text: shares drawn as a bar, and charts with a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from markupsafe import Markup

from judge.records import Verdict

_SHARES_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the three verdicts among the scored answers, each in [0, 1]; they sum to 1."""

    correct: float
    abstain: float
    wrong: float

    def __post_init__(self) -> None:
        shares = list(self.by_verdict().values())
        if not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > _SHARES_TOLERANCE:
            raise ValueError(f"expected three shares in [0, 1] that sum to 1, got {shares}")

    def by_verdict(self) -> dict[Verdict, float]:
        """Each verdict with its share, in the order of `Verdict`."""
        return {Verdict.CORRECT: self.correct, Verdict.ABSTAIN: self.abstain, Verdict.WRONG: self.wrong}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of few rows. A cell is text as it is to be read, or shares, which are drawn as a bar."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Shares]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"expected {len(self.columns)} cells in a row, as many as columns, got {row}"
                )


class Entry(NamedTuple):
    """A line of a legend: a name, the CSS class of its swatch, and what there is to say of it."""

    name: str
    style: str
    note: str = ""

    @classmethod
    def of_series(cls, number: int, name: str, note: str = "") -> Self:
        """The legend of the first, second, ... line of a chart."""
        return cls(name, f"series series-{number}", note)


class Chart(NamedTuple):
    """A drawing with what it takes to read it.

    Attributes:
        title: what it shows.
        legend: of its lines or areas; may be empty.
        svg: the drawing.
        description: for those who cannot see it.
    """

    title: str
    legend: list[Entry]
    svg: Markup
    description: str


def percent(share: float) -> str:
    """A share in [0, 1] to read: 0.817 is "82 %", which no line break tears apart."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
