"""The judge's commands. `rl.cli` says what each is called, and adds the reward to `score`.

What is slow to import is imported once the input has been found good.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from judge.config import (
    AuditJudgeConfig,
    EvalJudgeConfig,
    ReportConfig,
    ScoreConfig,
    SpeedConfig,
    TrainJudgeConfig,
    TrainReaderConfig,
    named_columns,
)
from judge.errors import JudgeError
from judge.flags import read_flags
from judge.records import Explain

if TYPE_CHECKING:
    from judge.audit.outcome import Audit
    from judge.batch import Derive
    from judge.questions import Interviewer
    from judge.scorer import Judge


def train_judge(argv: Sequence[str]) -> None:
    """`candor train-judge`: labelled pairs to a judge directory."""
    about = (
        "Train a judge on labelled pairs of texts; a run that was killed goes on from its last checkpoint."
    )
    (config,) = read_flags("candor train-judge", about, argv, TrainJudgeConfig)

    from accelerate import PartialState

    from judge.train import train

    directory = train(config)
    PartialState().print(f"judge: {directory}")


def train_reader(argv: Sequence[str]) -> None:
    """`candor train-reader`: labelled pairs to a reader of questions about texts."""
    about = "Train the reader of question-answer coverage on exercises made from labelled pairs of texts."
    (config,) = read_flags("candor train-reader", about, argv, TrainReaderConfig)

    from judge.reader_train import train

    print(f"reader: {train(config)}")


def score(config: ScoreConfig, speed: SpeedConfig, derive: "Derive") -> None:
    """Judge a file: write the output, print the summary.

    Args:
        config: what to judge, with what, where to.
        speed: how the judge spends its time.
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
    judge = Judge.from_pretrained(directory, max_fpr=config.max_fpr, explain=config.explain, speed=speed)
    scorer = _interviewer(config, judge) if config.explain is Explain.QA else judge
    settings = {
        "judge": fingerprint(directory),
        "max_fpr": str(config.max_fpr),
        "speed": str(asdict(speed)),
        "questions": f"{config.reader}, {config.question_generator}, {config.question_template}",
    }
    summary = run(
        job, scorer, derive=derive, chunk_rows=config.chunk_rows, settings=settings, explain=config.explain
    )
    print(describe_scores(job, summary))
    if judge.references_left_out:
        print(
            f"{judge.references_left_out:,} references were not read: each record's {speed.max_references} "
            "nearest were, see --max_references"
        )


def _interviewer(config: ScoreConfig, judge: "Judge") -> "Interviewer":
    """The judge with a reader, and questions blanked or generated."""
    from judge.question_generator import QuestionGenerator
    from judge.questions import Interviewer, ask_cloze
    from judge.reader import ExtractiveReader

    ask = ask_cloze
    if config.question_generator:
        template = config.question_template
        ask = QuestionGenerator.from_pretrained(config.question_generator, template=template).ask
    return Interviewer(judge, ExtractiveReader.from_pretrained(config.reader), ask=ask)


def eval_judge(argv: Sequence[str]) -> None:
    """`candor eval-judge`: how well judges agree with human labels, side by side on the same rows."""
    about = "Compare judges, string matching and published encoders with human labels, on the same rows."
    (config,) = read_flags("candor eval-judge", about, argv, EvalJudgeConfig)

    from judge.batch import file_digest, rejected_path
    from judge.environment import machine, versions
    from judge.labels import LabelColumns, read_labelled
    from judge.outputs import check_writable, write_text
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
        scores=tuple(named_columns(config.scores).values()),
    )
    rows, rejected = read_labelled(data, columns, rejected_path(output))

    from judge.evaluation import compare, to_json
    from judge.judges import own_judges, rivals

    entrants = own_judges(config.judge, max_fpr=config.max_fpr) + rivals(config, rows)
    comparison = compare(entrants, rows, resamples=config.resamples, seed=config.seed)
    judged = len(comparison.rows)
    counts = {"rows": judged, "rejected": rejected, "unscored": len(rows) - judged}
    print(f"{data.name}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    print(describe_agreement(comparison.systems, comparison.outcomes))
    result = {
        "settings": asdict(config),
        "data_sha256": file_digest(data),
        "judge_sha256": {
            entrant.name: fingerprint(entrant.directory) for entrant in entrants if entrant.directory
        },
        "versions": versions(),
        "machine": machine(),
        "counts": counts,
        **to_json(entrants, comparison),
    }
    write_text(output, json.dumps(result, indent=2, allow_nan=False) + "\n")
    print(f"results: {output}")


def report(argv: Sequence[str]) -> None:
    """`candor report`: a scored file, an evaluation or both as one HTML page."""
    about = "Write one HTML page of a scored file or an evaluation: figures, disagreements, every record."
    (config,) = read_flags("candor report", about, argv, ReportConfig)

    from judge.page.judged import write_report

    print(f"report: {write_report(config)}")


def audit_judge(argv: Sequence[str]) -> None:
    """`candor audit-judge`: what fools a judge.

    Raises:
        JudgeError: more does than may.
    """
    about = "Try a judge on cases whose verdict is known, and on properties that hold for any text."
    (config,) = read_flags("candor audit-judge", about, argv, AuditJudgeConfig)

    from judge.audit.display import describe_audit, to_json
    from judge.environment import machine, versions
    from judge.outputs import check_writable, write_text

    if config.output is not None:
        check_writable(Path(config.output))
    result, origin = _audit(config)
    print(describe_audit(result, weakest_shown=config.weakest))
    if config.output is not None:
        about_run = {"settings": asdict(config), **origin, "versions": versions(), "machine": machine()}
        write_text(Path(config.output), json.dumps(about_run | to_json(result), indent=2) + "\n")
        print(f"results: {config.output}")
    shortfalls = list(result.shortfalls(min_pass=config.min_pass, min_pass_hacking=config.min_pass_hacking))
    if shortfalls:
        raise JudgeError(f"the judge does not pass its audit: {'; '.join(shortfalls)}")


def _audit(config: AuditJudgeConfig) -> "tuple[Audit, dict[str, str]]":
    """The audit, and which judge it is of, to the bit, where that is one of this project."""
    from judge.audit.outcome import audit

    if config.cross_encoder is not None:
        from judge.pairwise import PairJudge
        from judge.published import cross_encoder

        return audit(PairJudge(cross_encoder(config.cross_encoder)), abstains=False), {}

    from judge.scorer import Judge, find_judge

    directory = find_judge(config.judge)
    judge = Judge.from_pretrained(directory, max_fpr=config.max_fpr)
    return audit(judge, cover=judge.coverage), {"judge_sha256": fingerprint(directory)}


def fingerprint(directory: Path) -> str:
    """SHA-256 over the names and contents of a judge directory's files; subdirectories are not the judge."""
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
