"""The training mix: labelled files and contrastive pairs, split by group into train and held-out."""

import logging
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Self

from judge.config import TrainJudgeConfig
from judge.contrast.abstentions import abstention_pairs
from judge.contrast.equivalences import equivalence_pairs
from judge.data import SURVEYED_ROWS, Rejections, columns_of
from judge.errors import ConfigError, DataError
from judge.pairs import COLUMNS, CONTRAST, Layout, Split, Task, TrainingRow, layout_of, training_rows
from judge.tables import BadRow, Format, format_of, read_rows

logger = logging.getLogger(__name__)

REJECTED_FILE = "rejected.jsonl"
_SPEC = re.compile(r"(?P<path>.+?)(?::(?P<rows>\d+))?(?:\*(?P<times>\d+))?")
SAME_MEANING = 0.95
"""The least label of two sentences that say the same."""
Question = tuple[str, tuple[str, ...], str]
"""Question, its right answers, and the group of what is made from it."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file of the mix, as `PATH[:ROWS][*TIMES]` says it.

    Attributes:
        path: of the file.
        rows: rows to take of it, drawn at random; None takes all.
        times: how often each of its training rows is read in a pass; at least 1.
    """

    path: str
    rows: int | None = None
    times: int = 1

    @classmethod
    def parse(cls, spec: str) -> Self:
        """Read a spec.

        >>> FileSpec.parse("sts.jsonl.gz:2000*3")
        FileSpec(path='sts.jsonl.gz', rows=2000, times=3)

        Raises:
            ConfigError: there is no path, or nothing is to be taken of it.
        """
        found = _SPEC.fullmatch(spec)
        if not found or found["rows"] == "0" or found["times"] == "0":
            raise ConfigError(f"expected PATH[:ROWS][*TIMES] with ROWS and TIMES above 0, got {spec!r}")
        return cls(
            found["path"], None if found["rows"] is None else int(found["rows"]), int(found["times"] or 1)
        )


def read_split(config: TrainJudgeConfig, *, keep_rejected: bool = True) -> Split:
    """Read every file of the mix and make the contrastive pairs.

    A contrastive pair keeps the group of the row it was made from, so nothing made from a training row is
    held out, nor the other way round. Repeats of a row are for training alone, and come after everything
    else. Bad rows are set aside in `rejected.jsonl` of the output directory.

    Args:
        config: names the files.
        keep_rejected: whether to write the bad rows down; of several processes one should.

    Raises:
        ConfigError: no file is named, a file's spec cannot be read, or no file has a column that was named.
        DataError: a file cannot be read, or its columns are of no known kind.
    """
    if not config.train_files:
        raise ConfigError("expected labelled files to train on, got none; pass --train_files")
    specs = [FileSpec.parse(spec) for spec in config.train_files]
    split, repeats = Split(), Split()
    named = {role: name for role in COLUMNS if (name := getattr(config, f"{role}_column")) is not None}
    found: set[str] = set()
    with Rejections(Path(config.output_dir) / REJECTED_FILE if keep_rejected else None) as rejections:
        for text, spec in zip(config.train_files, specs, strict=True):
            layout, read = _labelled(Path(config.data_dir) / spec.path, named, rejections)
            found.update(layout.columns.values())
            rows = list(read)
            if not rows:
                raise DataError(f"no row of {spec.path} can be used; see {rejections.path} for the reasons")
            if spec.rows is not None and len(rows) > spec.rows:
                rows = random.Random(config.seed).sample(rows, spec.rows)
            split.add(rows, config.held_out_share, text)
            for turn in range(1, spec.times):
                again = [row.turned() for row in rows] if turn % 2 else rows
                repeats.add(again, config.held_out_share)
        asked = [
            question
            for name in config.question_files
            for question in _questions(Path(config.data_dir) / name, rejections)
        ]
    if nowhere := set(named.values()) - found:
        raise ConfigError(f"no training file has a column {', '.join(sorted(nowhere))}")
    if rejections.count:
        logger.warning("%d bad rows were set aside in %s", rejections.count, rejections.path)
    split.add(list(_contrast(config, split, asked)), config.held_out_share, CONTRAST)
    split.top_up()
    kept = {row.group for row in split.held_out}
    split.train += [row for row in repeats.train if row.group not in kept]
    return split


def _labelled(
    path: Path, named: Mapping[str, str], rejections: Rejections
) -> tuple[Layout, Iterator[TrainingRow]]:
    """What one labelled file holds, and every training row of it."""
    rows = read_rows(path)
    first = list(islice(rows, SURVEYED_ROWS))
    layout = layout_of(
        columns_of(first, path), str(path), asked=named, csv_cells=format_of(path) is Format.CSV
    )

    def read() -> Iterator[TrainingRow]:
        for row in rejections.sift(chain(first, rows)):
            try:
                yield from training_rows(row.values, layout, source=path.name)
            except DataError as error:
                rejections.add(BadRow(row.line, f"{path.name}: {error}", row.values))

    return layout, read()


def _questions(path: Path, rejections: Rejections) -> Iterator[Question]:
    """Questions with a list of answers; every question is a group of its own."""
    for row in rejections.sift(read_rows(path)):
        question, answers = row.values.get("question"), row.values.get("answers")
        if (
            isinstance(question, str)
            and isinstance(answers, list)
            and all(isinstance(a, str) for a in answers)
        ):
            yield question, tuple(answers), question
        else:
            reason = f"{path.name}: expected 'question' as text and 'answers' as a list of texts"
            rejections.add(BadRow(row.line, reason, row.values))


def _contrast(config: TrainJudgeConfig, split: Split, asked: list[Question]) -> Iterator[TrainingRow]:
    """Rows made by edits of the rows that are there."""
    rows = [row for row in split.train + split.held_out if row.task is Task.EQUIVALENCE]
    right = [(r.question, r.reference, r.text, r.group) for r in rows if r.targets[Task.EQUIVALENCE] == 1.0]
    if config.contrast_per_kind or config.word_order_per_kind:
        made = equivalence_pairs(
            asked,
            right,
            seed=config.seed,
            cap=config.contrast_per_kind,
            word_order_cap=config.word_order_per_kind,
            sentences=_sentences(split.train + split.held_out),
        )
        for p in made:
            targets = {Task.EQUIVALENCE: p.label}
            yield TrainingRow(
                Task.EQUIVALENCE, p.question, p.reference, p.candidate, targets, p.group, CONTRAST + p.kind
            )
    if config.abstention_rows:
        said = [(question, text, group) for question, _, text, group in right if question]
        for a in abstention_pairs(asked, seed=config.seed, size=config.abstention_rows, right_answers=said):
            targets = {Task.ABSTENTION: a.label}
            yield TrainingRow(Task.ABSTENTION, a.question, "", a.text, targets, a.group, CONTRAST + a.kind)


def _sentences(rows: Iterable[TrainingRow]) -> Iterator[tuple[str, str, str]]:
    """Sentences that stand alone, each with its paraphrase or nothing, and its group."""
    for row in rows:
        if row.task is Task.SUPPORT and " " in row.reference:
            yield row.reference, "", row.group
        elif row.task is Task.EQUIVALENCE and not row.question and " " in row.reference:
            same = row.targets[Task.EQUIVALENCE] >= SAME_MEANING
            yield row.reference, row.text if same else "", row.group
            yield row.text, row.reference if same else "", row.group
