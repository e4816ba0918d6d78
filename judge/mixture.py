"""The training mix: labelled files and contrastive pairs, split by group into train and held-out."""

import random
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from judge.config import TrainJudgeConfig
from judge.contrast.abstentions import abstention_pairs
from judge.contrast.equivalences import equivalence_pairs
from judge.data import Rejections, columns_of
from judge.errors import ConfigError, DataError
from judge.pairs import CONTRAST, Split, Task, TrainingRow, kind_of_rows, training_rows
from judge.tables import BadRow, read_rows

REJECTED_FILE = "rejected.jsonl"
Question = tuple[str, tuple[str, ...], str]
"""Question, its right answers, and the group of what is made from it."""


def read_split(config: TrainJudgeConfig) -> Split:
    """Read every file of the mix and make the contrastive pairs.

    A contrastive pair keeps the group of the row it was made from, so nothing made from a training row is
    held out, nor the other way round. Bad rows are set aside in `rejected.jsonl` of the output directory.

    Raises:
        ConfigError: no file is named.
        DataError: a file cannot be read, or its columns are of no known kind.
    """
    if not config.train_files:
        raise ConfigError("expected labelled files to train on, got none; pass --train_files")
    split = Split()
    with Rejections(Path(config.output_dir) / REJECTED_FILE) as rejections:
        for spec in config.train_files:
            name, _, limit = spec.partition(":")
            rows = list(_labelled(Path(config.data_dir) / name, rejections))
            if limit and len(rows) > int(limit):
                rows = random.Random(config.seed).sample(rows, int(limit))
            split.add(rows, config.held_out_share)
        asked = [
            question
            for name in config.question_files
            for question in _questions(Path(config.data_dir) / name, rejections)
        ]
    split.add(list(_contrast(config, split, asked)), config.held_out_share)
    return split


def _labelled(path: Path, rejections: Rejections) -> Iterator[TrainingRow]:
    """Every training row of one labelled file."""
    rows = read_rows(path)
    first = list(islice(rows, 1))
    task = kind_of_rows(columns_of(first, path), str(path))
    for row in rejections.sift(chain(first, rows)):
        try:
            yield from training_rows(row.values, task, source=path.name)
        except DataError as error:
            rejections.add(BadRow(row.line, f"{path.name}: {error}", row.values))


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
    sentences = [(r.reference, r.group) for r in rows if not r.question and " " in r.reference]
    if config.contrast_per_kind:
        made = equivalence_pairs(
            asked, right, seed=config.seed, cap=config.contrast_per_kind, sentences=sentences
        )
        for p in made:
            targets = {Task.EQUIVALENCE: p.label}
            yield TrainingRow(
                Task.EQUIVALENCE, p.question, p.reference, p.candidate, targets, p.group, CONTRAST + p.kind
            )
    if config.abstention_rows:
        for a in abstention_pairs(asked, seed=config.seed, size=config.abstention_rows):
            targets = {Task.ABSTENTION: a.label}
            yield TrainingRow(Task.ABSTENTION, a.question, "", a.text, targets, a.group, CONTRAST + a.kind)
