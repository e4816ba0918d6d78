"""What there is to show of a scored file, gathered in one pass.

Memory holds the numbers of every row, and the text of the rows that are shown.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from judge.page.figures import Shares
from judge.page.rows import FIGURES, TOO_HARSH, TOO_KIND, ScoredRow
from judge.records import Score, Verdict

WORST = 10
"""Disagreements of either kind that are picked out."""


@dataclass(slots=True)
class Disagreements:
    """Rows on which judge and people differ in one way.

    Attributes:
        count: how many there are.
        widest: gap and row of the `WORST` of them, as a heap.
    """

    count: int = 0
    widest: list[tuple[float, int, ScoredRow]] = field(default_factory=list)

    def add(self, row: ScoredRow) -> None:
        """Count a row, and keep it if its gap is among the widest; of equals, the earlier."""
        self.count += 1
        heapq.heappush(self.widest, (abs(row.gap or 0.0), -row.number, row))
        if len(self.widest) > WORST:
            heapq.heappop(self.widest)

    @property
    def worst(self) -> list[ScoredRow]:
        """The widest gap first."""
        return [row for _, _, row in sorted(self.widest, reverse=True)]


@dataclass(slots=True)
class Survey:
    """What there is to show of a file.

    Attributes:
        rows: how many it has.
        verdicts: judged rows by verdict.
        figures: the values of each figure, by verdict.
        labelled: label, score and group of each row that has the first two.
        disagreements: by kind.
        shown: the first rows of the file.
    """

    rows: int = 0
    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    figures: dict[str, dict[Verdict, list[float]]] = field(default_factory=dict)
    labelled: list[tuple[float, Score, str]] = field(default_factory=list)
    disagreements: dict[str, Disagreements] = field(
        default_factory=lambda: {TOO_KIND: Disagreements(), TOO_HARSH: Disagreements()}
    )
    shown: list[ScoredRow] = field(default_factory=list)

    @property
    def scored(self) -> int:
        """Rows that were judged."""
        return sum(self.verdicts.values())

    @property
    def shares(self) -> Shares | None:
        """Of the verdicts; None where nothing was judged."""
        if not self.scored:
            return None
        return Shares(*(self.verdicts[verdict] / self.scored for verdict in Verdict))

    def add(self, row: ScoredRow) -> None:
        """Count a row; its text is kept only in `shown`, by the caller, and among the worst."""
        self.rows += 1
        if row.verdict is None:
            return
        self.verdicts[row.verdict] += 1
        for name, value in row.figures.items():
            by_verdict = self.figures.setdefault(name, {verdict: [] for verdict in Verdict})
            by_verdict[row.verdict].append(value)
        if row.label is not None and row.score is not None:
            self.labelled.append((row.label, row.score, row.group))
        if row.disagreement:
            self.disagreements[row.disagreement].add(row)


def survey(rows: Iterable[ScoredRow], *, max_records: int) -> Survey:
    """Counts and figures of all rows, the text of the first `max_records`."""
    found = Survey()
    for row in rows:
        found.add(row)
        if len(found.shown) < max_records:
            found.shown.append(row)
    found.figures = {name: found.figures[name] for name in FIGURES if name in found.figures}
    return found
