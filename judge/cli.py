"""The judge's commands. `rl.cli` says what each is called, and adds the reward to `score`.

What is slow to import is imported once the input has been found good.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from judge.config import EvalJudgeConfig, ScoreConfig, TrainJudgeConfig
from judge.errors import JudgeError
from judge.flags import read_flags

if TYPE_CHECKING:
    from judge.agreement import Estimate
    from judge.batch import Derive


def train_judge(argv: Sequence[str]) -> None:
    """`candor train-judge`: labelled pairs to a judge directory."""
    about = (
        "Train a judge on labelled pairs of texts; a run that was killed goes on from its last checkpoint."
    )
    (config,) = read_flags("candor train-judge", about, argv, TrainJudgeConfig)

    from judge.train import train

    print(f"judge: {train(config)}")


def score(config: ScoreConfig, derive: "Derive") -> None:
    """Judge a file: write the output, print the summary.

    Args:
        config: what to judge, with what, where to.
        derive: further columns, each a function of the score.

    Raises:
        DataError: the input cannot be judged, or the output not written.
        JudgeError: there is no such judge.
    """
    from judge.batch import prepare, run
    from judge.data import Columns
    from judge.report import describe_scores

    columns = Columns(
        prompt=config.prompt_column,
        reference=config.reference_column,
        completion=config.completion_column,
        id=config.id_column,
    )
    job = prepare(Path(config.input), Path(config.output), columns)

    from judge.scorer import Judge, find_judge

    directory = find_judge(config.judge)
    judge = Judge.from_pretrained(directory, max_fpr=config.max_fpr)
    settings = {"judge": fingerprint(directory), "max_fpr": str(config.max_fpr)}
    summary = run(job, judge, derive=derive, chunk_rows=config.chunk_rows, settings=settings)
    print(describe_scores(job, summary))


def eval_judge(argv: Sequence[str]) -> None:
    """`candor eval-judge`: how well a judge agrees with human labels, with string matching beside it."""
    about = "Compare a judge, and string matching on the same rows, with human labels."
    (config,) = read_flags("candor eval-judge", about, argv, EvalJudgeConfig)

    from judge.agreement import compare
    from judge.batch import file_digest, rejected_path, score_all
    from judge.environment import versions
    from judge.labels import LabelColumns, read_labelled
    from judge.outputs import check_writable
    from judge.report import describe_agreement

    data = Path(config.data)
    output = Path(config.output or f"{data.name.removesuffix('.gz').rpartition('.')[0]}.agreement.json")
    check_writable(output)
    columns = LabelColumns(
        prompt=config.prompt_column,
        reference=config.reference_column,
        completion=config.completion_column,
        label=config.label_column,
        group=config.group_column,
        id=config.id_column,
    )
    rows, rejected = read_labelled(data, columns, rejected_path(output))

    from judge.scorer import Judge, find_judge

    directory = find_judge(config.judge)
    scores = score_all(Judge.from_pretrained(directory, max_fpr=config.max_fpr), [row.record for row in rows])
    judged = [(row, score) for row, score in zip(rows, scores, strict=True) if score is not None]
    if not judged:
        raise JudgeError(f"expected scores for {len(rows)} rows of {data}, got none; is the judge whole?")
    systems = compare(
        [row for row, _ in judged],
        [score for _, score in judged],
        resamples=config.resamples,
        seed=config.seed,
    )
    counts = {"rows": len(judged), "rejected": rejected, "unscored": len(rows) - len(judged)}
    print(f"{data.name}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    print(describe_agreement(systems))
    result = {
        "settings": asdict(config),
        "data_sha256": file_digest(data),
        "judge_sha256": fingerprint(directory),
        "versions": versions(),
        "counts": counts,
        "systems": {name: _plain(estimates) for name, estimates in systems.items()},
    }
    output.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    print(f"results: {output}")


def fingerprint(directory: Path) -> str:
    """SHA-256 over the names and contents of a judge directory's files; subdirectories are not the judge."""
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _plain(estimates: Mapping[str, "Estimate"]) -> dict[str, dict[str, float | None]]:
    """For JSON, which has no NaN: what is undefined is null."""
    return {
        metric: {key: value if math.isfinite(value) else None for key, value in asdict(estimate).items()}
        for metric, estimate in estimates.items()
    }
