"""Judges side by side: each with its name, asked for the same rows, its speed measured.

All are `judge.batch.Scorer`s: judges of this project, measures of one reference at a time (`judge.pairwise`,
`judge.published`, `judge.pedants`), and scores that are a column of the file already.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.batch import CHUNK_ROWS, Scorer, score_all
from judge.config import DEFAULT_JUDGE, EvalJudgeConfig, named_columns
from judge.errors import JudgeError
from judge.labels import Labelled
from judge.pairwise import STRING_MEASURES, THRESHOLD, PairJudge, binary_score
from judge.pedants import pedants
from judge.published import cosine, cross_encoder
from judge.records import Record, Score

JUDGE = "judge"
"""What the judge is called where there is one."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A judge to compare.

    Attributes:
        name: unique among those compared.
        threshold: from which its probability or measure means right.
        calibrated: whether that is meant as a probability; else it only ranks.
        directory: of a judge of this project.
        chunk_rows: records it is given at a time.
    """

    name: str
    scorer: Scorer
    threshold: float
    calibrated: bool
    directory: Path | None = None
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an entrant said of N records.

    Attributes:
        scores: N; None where it could not judge.
        pairs_per_s: pairs of completion and reference by the second, loading left out.
    """

    scores: list[Score | None]
    pairs_per_s: float


class ReadScores:
    """A judge whose scores are known: a number in [0, 1] by record id, None where there is none."""

    def __init__(self, values: Mapping[str, float | None]):
        self.values = values

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """Look each record up."""
        found = [self.values[record.id] for record in records]
        return [None if value is None else binary_score(value, THRESHOLD) for value in found]


def own_judges(sources: Sequence[str], *, max_fpr: float | None) -> list[Entrant]:
    """Judges of this project; the one that ships where none is named.

    Raises:
        JudgeError: there is no such judge, or it has no threshold for `max_fpr`.
    """
    from judge.scorer import Judge, find_judge

    entrants = []
    for source in sources or [DEFAULT_JUDGE]:
        directory = find_judge(source)
        judge = Judge.from_pretrained(directory, max_fpr=max_fpr)
        name = JUDGE if len(sources) < 2 else f"{JUDGE} {source}"
        threshold = judge.calibration.thresholds.equivalence
        entrants.append(Entrant(name, judge, threshold, calibrated=True, directory=directory))
    return entrants


def string_judges() -> list[Entrant]:
    """Exact match, contains, token F1 and ROUGE-L."""
    return [
        Entrant(name, PairJudge(measure), THRESHOLD, calibrated=False)
        for name, measure in STRING_MEASURES.items()
    ]


def rivals(config: EvalJudgeConfig, rows: Sequence[Labelled]) -> list[Entrant]:
    """Every other judge that the settings name, strings first.

    Raises:
        BackboneError, JudgeError: one of them cannot be had.
    """
    entrants = string_judges()
    for source in config.embedding:
        name = f"cosine {Path(source).name}"
        entrants.append(Entrant(name, PairJudge(cosine(source)), THRESHOLD, calibrated=False))
    for source in config.cross_encoder:
        judge = PairJudge(cross_encoder(source))
        entrants.append(Entrant(Path(source).name, judge, THRESHOLD, calibrated=True))
    if config.pedants_python is not None:
        judge = PairJudge(pedants(config.pedants_python))
        entrants.append(Entrant("PEDANTS", judge, THRESHOLD, calibrated=True, chunk_rows=sys.maxsize))
    for name, column in named_columns(config.scores).items():
        values = {row.record.id: row.scores[column] for row in rows}
        entrants.append(Entrant(name, ReadScores(values), THRESHOLD, calibrated=True))
    return entrants


def hear(entrant: Entrant, records: Sequence[Record]) -> Outcome:
    """Ask one judge.

    Raises:
        JudgeError: it can say nothing of any record.
    """
    started = time.perf_counter()
    scores = score_all(entrant.scorer, records, chunk_rows=entrant.chunk_rows, name=entrant.name)
    seconds = time.perf_counter() - started
    if not any(scores):
        raise JudgeError(
            f"expected scores of {entrant.name} for {len(records)} rows, got none; is the judge whole?"
        )
    return Outcome(scores, sum(len(record.references) for record in records) / seconds)
