"""Judges against people, side by side on the same rows of one file.

A row that any of them cannot score is left out for all of them, and counted for the one that could not.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from judge.agreement import Answers, Estimate, agreement, answers_of
from judge.errors import ConfigError, JudgeError
from judge.judges import Entrant, Outcome, hear
from judge.labels import Labelled
from judge.points import reliability_bins, roc_points


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing judges.

    Attributes:
        rows: N rows that every judge scored.
        outcomes: by judge, of all rows.
        answers: by judge, of the N.
        systems: estimates by judge, then by metric.
    """

    rows: Sequence[Labelled]
    outcomes: Mapping[str, Outcome]
    answers: Mapping[str, Answers]
    systems: Mapping[str, Mapping[str, Estimate]]


def compare(
    entrants: Sequence[Entrant], rows: Sequence[Labelled], *, resamples: int = 1000, seed: int = 0
) -> Comparison:
    """Ask every judge for every row, and compare those that all of them scored.

    Labels of 0 and 1 alone are compared as decisions and as ranking, graded ones by correlation. An
    abstention counts as not right.

    Args:
        entrants: judges of different names.
        rows: labelled rows.
        resamples, seed: of the bootstrap; it draws the same rows for every judge.

    Raises:
        ConfigError: two judges have one name.
        JudgeError: a judge can say nothing of any row, or no row was scored by all.
    """
    names = Counter(entrant.name for entrant in entrants)
    if names.total() > len(names):
        raise ConfigError(f"expected judges of different names, got {names.most_common(1)[0][0]!r} twice")
    records = [row.record for row in rows]
    outcomes = {entrant.name: hear(entrant, records) for entrant in entrants}
    common = [i for i in range(len(rows)) if all(outcome.scores[i] for outcome in outcomes.values())]
    if not common:
        raise JudgeError(f"expected rows that {', '.join(outcomes)} all score, found none of {len(rows)}")
    chosen = [rows[i] for i in common]
    y = np.array([row.label for row in chosen])
    answers = {
        entrant.name: answers_of(
            [score for i in common if (score := outcomes[entrant.name].scores[i])],
            calibrated=entrant.calibrated,
        )
        for entrant in entrants
    }
    systems = {
        name: agreement(y, answer, [row.group for row in chosen], resamples=resamples, seed=seed)
        for name, answer in answers.items()
    }
    return Comparison(chosen, outcomes, answers, systems)


def to_json(entrants: Sequence[Entrant], comparison: Comparison) -> dict[str, Any]:
    """Metrics by judge under `systems`; under `judges` its threshold, speed, and points of its curves.

    JSON has no NaN: what is undefined is null.
    """
    y = np.array([row.label for row in comparison.rows])
    binary = set(y) <= {0.0, 1.0}
    return {
        "systems": {name: plain(estimates) for name, estimates in comparison.systems.items()},
        "judges": {
            entrant.name: {
                "threshold": entrant.threshold,
                "unscored": comparison.outcomes[entrant.name].scores.count(None),
                "pairs_per_s": comparison.outcomes[entrant.name].pairs_per_s,
                "roc": roc_points(y, comparison.answers[entrant.name].p) if binary else [],
                "reliability": reliability_bins(y, comparison.answers[entrant.name].p)
                if binary and entrant.calibrated
                else [],
            }
            for entrant in entrants
        },
    }


def plain(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """Estimates as JSON takes them."""
    return {
        metric: {key: value if math.isfinite(value) else None for key, value in asdict(estimate).items()}
        for metric, estimate in estimates.items()
    }
