"""The paired texts a judge is trained on, and how each is put before the encoder.

Three kinds of labelled row are known by their columns:

    equivalence   [question], reference(s), candidate, label or score
    support       text_a (a claim), text_b (a text), label [, raw_label]
    abstention    [question], text, label

`first` and `second` are the encoder's two segments; the first opens with the task's name, so that one
encoder can read three kinds of pair.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from judge.baselines import token_f1
from judge.errors import DataError
from judge.tables import kind_of


class Task(StrEnum):
    """The encoder's outputs, in the order of its logits."""

    EQUIVALENCE = "equivalence"
    SUPPORT = "support"
    CONTRADICTION = "contradiction"
    ABSTENTION = "abstention"


TASKS = tuple(Task)
CONTRAST = "contrast/"
"""How the source of a row made by an edit begins."""
KINDS = {
    Task.SUPPORT: (("text_a",), ("text_b",), ("label",)),
    Task.EQUIVALENCE: (("reference", "references"), ("candidate",), ("label", "score")),
    Task.ABSTENTION: (("text",), ("label",)),
}
"""Columns by which each kind of file is known; any name of a group will do."""
_CONTRADICTED = {"contradiction", "REFUTES", "Refutes", "refute"}
_NOT_CONTRADICTED = {"entailment", "neutral", "SUPPORTS"}


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One labelled pair of texts.

    Attributes:
        task: which kind of pair it is; the primary output it teaches.
        question: may be empty.
        reference: the reference answer, or for support the claim; empty for abstention.
        text: the candidate answer, or for support the text that may hold the claim.
        targets: label in [0, 1] by output.
        group: rows of one group stay on one side of the held-out split.
        source: the data set or contrastive kind, for metrics by source.
    """

    task: Task
    question: str
    reference: str
    text: str
    targets: Mapping[Task, float]
    group: str = ""
    source: str = ""

    @property
    def natural(self) -> bool:
        """Whether a person or a model wrote it; contrastive rows are made by edits."""
        return not self.source.startswith(CONTRAST)

    def turned(self) -> "TrainingRow":
        """The row with its texts exchanged, where it asks no question and so means the same either way."""
        if self.task is not Task.EQUIVALENCE or self.question:
            return self
        return replace(self, reference=self.text, text=self.reference)

    def segments(self) -> tuple[str, str]:
        """The two segments that the encoder reads."""
        if self.task is Task.EQUIVALENCE:
            return equivalence_segments(
                question=self.question, reference=self.reference, completion=self.text
            )
        if self.task is Task.ABSTENTION:
            return abstention_segments(question=self.question, completion=self.text)
        return support_segments(claim=self.reference, text=self.text)


def equivalence_segments(*, question: str, reference: str, completion: str) -> tuple[str, str]:
    """Does `completion` give the answer to `question` that `reference` gives?"""
    return f"equivalence: {question} | {reference}", completion


def support_segments(*, claim: str, text: str) -> tuple[str, str]:
    """Does `text` say what `claim` says?"""
    return f"support: {claim}", text


def abstention_segments(*, question: str, completion: str) -> tuple[str, str]:
    """Does `completion` decline to answer `question`?"""
    return f"abstention: {question}", completion


def kind_of_rows(columns: Sequence[str], source: str) -> Task:
    """Which of the three kinds the rows of a file are, by its columns.

    Raises:
        DataError: they are of none.
    """
    for task, needed in KINDS.items():
        if all(any(name in columns for name in names) for names in needed):
            return task
    expected = "; or ".join(", ".join(" or ".join(names) for names in needed) for needed in KINDS.values())
    raise DataError(f"expected columns {expected} in {source}, found {', '.join(columns)}; rename them")


def training_rows(values: Mapping[str, Any], task: Task, *, source: str) -> list[TrainingRow]:
    """The training rows that one row of a file gives.

    A right answer teaches against the reference it is nearest to in words; a wrong one against each.

    Args:
        values: the row, by column.
        task: what `kind_of_rows` said of its file.
        source: name of the file, for rows that name no source of their own.

    Raises:
        DataError: a value is missing, or not what its column should hold.
    """
    source = str(values.get("source") or source)
    question = _text(values, "question", optional=True)
    label = _label(values)
    if task is Task.SUPPORT:
        claim, text = _text(values, "text_a"), _text(values, "text_b")
        targets = {Task.SUPPORT: label} | _contradiction(values.get("raw_label"))
        return [TrainingRow(task, "", claim, text, targets, str(values.get("group") or text), source)]
    if task is Task.ABSTENTION:
        text = _text(values, "text")
        group = str(values.get("group") or question or text)
        return [TrainingRow(task, question, "", text, {task: label}, group, source)]
    candidate, references = _text(values, "candidate"), _references(values)
    if label > 0:
        references = [max(references, key=lambda reference: token_f1(candidate, reference))]
    group = str(values.get("group") or question or references[0])
    return [
        TrainingRow(task, question, reference, candidate, {task: label}, group, source)
        for reference in references
    ]


def _text(values: Mapping[str, Any], column: str, *, optional: bool = False) -> str:
    value = values.get(column)
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{column!r} is {kind_of(value)}, expected text")
    return value


def _references(values: Mapping[str, Any]) -> list[str]:
    references = values.get("references") or [values.get("reference")]
    if not isinstance(references, list) or not all(
        isinstance(text, str) and text.strip() for text in references
    ):
        raise DataError("'reference' is empty or not text, expected a right answer or a list of them")
    return references


def _label(values: Mapping[str, Any]) -> float:
    """A label or a score, in [0, 1]; text is read as a number, since CSV has nothing else."""
    value = values.get("label") if values.get("label") is not None else values.get("score")
    try:
        label = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DataError(f"'label' is {value!r}, expected 0, 1 or a number between") from None
    if not 0.0 <= label <= 1.0:
        raise DataError(f"'label' is {label}, expected 0, 1 or a number between")
    return label


def _contradiction(raw_label: object) -> dict[Task, float]:
    """What a three-way label says of contradiction; nothing where it does not tell it from absence."""
    if raw_label in _CONTRADICTED:
        return {Task.CONTRADICTION: 1.0}
    return {Task.CONTRADICTION: 0.0} if raw_label in _NOT_CONTRADICTED else {}


def held_out(group: str, share: float, *, salt: str = "held-out") -> bool:
    """Whether a group is kept aside: a hash decides, so that every run and every file agree."""
    return zlib.crc32(f"{salt}/{group}".encode()) % 10_000 < share * 10_000


@dataclass(slots=True)
class Split:
    """Training rows and the held-out rows that share no group with them."""

    train: list[TrainingRow] = field(default_factory=list)
    held_out: list[TrainingRow] = field(default_factory=list)

    def add(self, rows: Iterable[TrainingRow], share: float) -> None:
        """Sort rows by the side that their group falls on."""
        for row in rows:
            (self.held_out if held_out(row.group, share) else self.train).append(row)
