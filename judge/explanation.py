"""What a score carries besides its numbers, as columns of a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from judge.records import CheckedFact, Coverage, Explain, Score, Standing

_FACT = pa.struct(
    {
        "of": pa.string(),  # reference or completion
        "text": pa.string(),
        "start": pa.int64(),
        "end": pa.int64(),
        "support": pa.float64(),
        "contradiction": pa.float64(),
        "standing": pa.string(),
    }
)
COLUMNS: Mapping[Explain, Mapping[str, pa.DataType]] = {
    Explain.NONE: {},
    Explain.FACTS: {
        "recall": pa.float64(),
        "precision": pa.float64(),
        "missing": pa.list_(pa.string()),
        "added": pa.list_(pa.string()),
        "facts": pa.list_(_FACT),
    },
}
"""The columns of each explanation, empty where there is none."""


def explanation_of(score: Score, explain: Explain) -> dict[str, Any]:
    """The values of `COLUMNS[explain]` for one score."""
    coverage = score.coverage
    if explain is Explain.NONE or coverage is None:
        return dict.fromkeys(COLUMNS[explain])
    return {
        "recall": coverage.recall,
        "precision": coverage.precision,
        "missing": [fact.text for fact in coverage.missing],
        "added": [fact.text for fact in coverage.added],
        "facts": [
            {"of": name, **asdict(fact), "standing": fact.standing.value}
            for name, facts in (
                ("reference", coverage.reference_facts),
                ("completion", coverage.completion_facts),
            )
            for fact in facts
        ],
    }


def coverage_from_json(content: Mapping[str, Any]) -> Coverage:
    """Read what `dataclasses.asdict` and `json` made of a coverage."""

    def facts(name: str) -> tuple[CheckedFact, ...]:
        return tuple(
            CheckedFact(**{**fact, "standing": Standing(fact["standing"])}) for fact in content[name]
        )

    return Coverage(content["reference"], facts("reference_facts"), facts("completion_facts"))
