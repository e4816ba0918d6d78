"""The page of a scored file, an evaluation, or both: figures first, then every record to look through."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from judge.config import ReportConfig
from judge.errors import ConfigError, DataError
from judge.outputs import check_writable
from judge.page.document import write_page
from judge.page.evaluation import Evaluation
from judge.page.figures import percent
from judge.page.plots import distribution
from judge.page.rows import ScoredRow, read_scored
from judge.page.survey import Survey, survey
from judge.records import Verdict

_DIGITS = 4  # of a figure on the page; more only make it larger


def write_report(config: ReportConfig) -> Path:
    """Write the page; an older one is replaced once the new one is whole. Its path.

    Raises:
        ConfigError: a scored file is named twice.
        DataError: a file cannot be read, lacks a column that was asked for, or cannot be written.
    """
    source = Path(config.input)
    output = Path(config.output or f"{source.name.removesuffix('.gz').rpartition('.')[0]}.html")
    is_evaluation = source.suffix.lower() == ".json"
    if config.scored and not is_evaluation:
        raise ConfigError(
            f"scored goes with an evaluation (.json) as input, got {source}; leave out one of the two"
        )
    check_writable(output)
    evaluation = Evaluation.read(source) if is_evaluation else None
    scored = config.scored if is_evaluation else config.input
    found = _survey(Path(scored), config) if scored else None
    if found and found.labelled and not evaluation:
        evaluation = Evaluation.of(found.labelled, resamples=config.resamples, seed=config.seed)
    write_page(
        output,
        "judged.html.jinja",
        title=config.title or source.name,
        summary=[*(_verdicts(found) if found else []), *(_agreement(evaluation) if evaluation else [])],
        survey=found,
        evaluation=evaluation,
        distributions=[distribution(*item) for item in found.figures.items()] if found else [],
        settings=_settings(evaluation.about) if evaluation else {},
        records=_records(found) if found else None,
    )
    return output


def _survey(path: Path, config: ReportConfig) -> Survey:
    columns = {
        "id": config.id_column,
        "prompt": config.prompt_column,
        "reference": config.reference_column,
        "completion": config.completion_column,
        "label": config.label_column,
        "group": config.group_column,
    }
    found = survey(read_scored(path, columns), max_records=config.max_records)
    if config.label_column and not found.labelled:
        raise DataError(
            f"expected numbers from 0 to 1 in column {config.label_column!r} of {path}, found none beside "
            "a score; name another"
        )
    return found


def _verdicts(found: Survey) -> list[str]:
    if not found.shares:
        return [f"None of {found.rows:,} completions could be judged."]
    shares = ", ".join(f"{percent(share)} {verdict}" for verdict, share in found.shares.by_verdict().items())
    unscored = found.rows - found.scored
    return [f"{found.rows:,} completions: {shares}" + (f"; {unscored:,} unscored." if unscored else ".")]


def _agreement(evaluation: Evaluation) -> list[str]:
    """The first judge in a sentence, where it made decisions."""
    name, estimates = next(iter(evaluation.systems.items()), ("", {}))
    if "accuracy" not in estimates:
        return []
    accuracy, passed = estimates["accuracy"].value, estimates["false_positive_rate"].value
    called = "" if math.isnan(passed) else f"; {percent(passed)} of the wrong ones called right"
    return [f"{name}: like people on {percent(accuracy)} of the labelled answers{called}."]


def _settings(about: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    return {
        name: {key: "" if value is None else str(value) for key, value in section.items()}
        for name, section in about.items()
        if section
    }


def _records(found: Survey) -> dict[str, Any]:
    """What the page's script reads."""
    labelled = any(row.disagreement is not None for row in found.shown)
    return {
        "figures": list(found.figures),
        "verdicts": [*Verdict, *(["unscored"] if found.rows > found.scored else [])],
        "agreements": ["agree", *found.disagreements, "no label"] if labelled else [],
        "records": [_record(row, found.figures) for row in found.shown],
    }


def _record(row: ScoredRow, figures: Iterable[str]) -> dict[str, Any]:
    record = {
        "id": row.id,
        "question": row.prompt,
        "references": row.references,
        "answer": row.completion,
        "verdict": row.verdict or "unscored",
        "figures": [_rounded(row.figures.get(name)) for name in figures],
        "label": row.label,
        "gap": _rounded(row.gap),
        "agreement": "no label" if row.disagreement is None else row.disagreement or "agree",
        "explained": row.explained,
        "others": row.others,
    }
    return {key: value for key, value in record.items() if value not in (None, "", (), {})}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
