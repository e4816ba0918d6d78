"""The paired texts a judge is trained on, and how each is put before the encoder.

Three kinds of labelled row are known by their columns (`COLUMNS` has the names of each):

    equivalence   [prompt], reference, completion, label
    support       claim, text, label [, raw_label]
    abstention    [prompt], text, label

`first` and `second` are the encoder's two segments; the first opens with the task's name, so that one
encoder can read three kinds of pair.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from judge.baselines import token_f1
from judge.data import references_of
from judge.errors import DataError
from judge.labels import WELL_KNOWN, read_label
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
COLUMNS = WELL_KNOWN | {"claim": ("claim", "text_a"), "text": ("text_b", "text")}
"""Names tried for what each role holds, the preferred one first."""
KINDS = {
    Task.SUPPORT: ("claim", "text", "label"),
    Task.EQUIVALENCE: ("reference", "completion", "label"),
    Task.ABSTENTION: ("text", "label"),
}
"""Roles by which each kind of file is known."""
FEWEST_GROUPS = 5
"""Groups of each label that a small file holds out, or a quarter of those it has if that is fewer."""
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


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of a file are.

    Attributes:
        task: their kind.
        columns: by role, for the roles that the file has.
        csv_cells: whether a list is JSON in a text, as in CSV.
    """

    task: Task
    columns: Mapping[str, str]
    csv_cells: bool = False

    def value(self, values: Mapping[str, Any], role: str) -> Any:
        """What a row has for a role; None if nothing."""
        return values.get(self.columns[role]) if role in self.columns else None

    def text(self, values: Mapping[str, Any], role: str) -> str:
        """The text that a row has for a role; only a prompt may be missing.

        Raises:
            DataError: it is not text.
        """
        value = self.value(values, role)
        if value is None and role == "prompt":
            return ""
        if not isinstance(value, str):
            raise DataError(f"{self.columns[role]!r} is {kind_of(value)}, expected text")
        return value


def layout_of(
    present: Sequence[str], source: str, *, asked: Mapping[str, str] | None = None, csv_cells: bool = False
) -> Layout:
    """Which of the three kinds the rows of a file are, by its columns.

    Args:
        present: the columns of the file.
        source: its name, for messages.
        asked: by role, the name to look for before those of `COLUMNS`.
        csv_cells: as in `Layout`.

    Raises:
        DataError: they are of none.
    """
    names = {role: (*([asked[role]] if asked and role in asked else []), *COLUMNS[role]) for role in COLUMNS}
    columns = {
        role: next(name for name in tried if name in present)
        for role, tried in names.items()
        if set(tried) & set(present)
    }
    for task, needed in KINDS.items():
        if all(role in columns for role in needed):
            return Layout(task, columns, csv_cells)
    expected = "; or ".join(
        ", ".join(" or ".join(names[role]) for role in needed) for needed in KINDS.values()
    )
    raise DataError(
        f"expected columns {expected} in {source}, found {', '.join(present)}; "
        "say which is which by --reference_column, --completion_column, --label_column, ..."
    )


def training_rows(values: Mapping[str, Any], layout: Layout, *, source: str) -> list[TrainingRow]:
    """The training rows that one row of a file gives.

    A right answer teaches against the reference it is nearest to in words; a wrong one against each.

    Args:
        values: the row, by column.
        layout: what `layout_of` said of its file.
        source: name of the file, for rows that name no source of their own.

    Raises:
        DataError: a value is missing, or not what its column should hold.
    """
    task = layout.task
    source = str(values.get("source") or source)
    question = layout.text(values, "prompt")
    group = layout.value(values, "group")
    label = read_label(layout.value(values, "label"), layout.columns["label"])
    if task is Task.SUPPORT:
        claim, text = layout.text(values, "claim"), layout.text(values, "text")
        targets = {Task.SUPPORT: label} | _contradiction(values.get("raw_label"))
        return [TrainingRow(task, "", claim, text, targets, str(group or text), source)]
    if task is Task.ABSTENTION:
        text = layout.text(values, "text")
        return [TrainingRow(task, question, "", text, {task: label}, str(group or question or text), source)]
    completion = layout.text(values, "completion")
    references = references_of(
        layout.value(values, "reference"), layout.columns["reference"], layout.csv_cells
    )
    if label > 0:
        references = (max(references, key=lambda reference: token_f1(completion, reference)),)
    return [
        TrainingRow(
            task, question, reference, completion, {task: label},
            str(group or question or references[0]), source,
        )
        for reference in references
    ]  # fmt: skip


def _contradiction(raw_label: object) -> dict[Task, float]:
    """What a three-way label says of contradiction; nothing where it does not tell it from absence."""
    if raw_label in _CONTRADICTED:
        return {Task.CONTRADICTION: 1.0}
    return {Task.CONTRADICTION: 0.0} if raw_label in _NOT_CONTRADICTED else {}


def held_out(group: str, share: float, *, salt: str = "held-out") -> bool:
    """Whether a group is kept aside: a hash decides, so that every run and every file agree."""
    return _digest(f"{salt}/{group}") % 10_000 < share * 10_000


def _digest(text: str) -> int:
    return zlib.crc32(text.encode())


@dataclass(slots=True)
class Split:
    """Training rows and the held-out rows that share no group with them.

    Attributes:
        sizes: training and held-out rows of each part of the mix.
    """

    train: list[TrainingRow] = field(default_factory=list)
    held_out: list[TrainingRow] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, rows: Iterable[TrainingRow], share: float, name: str = "") -> None:
        """Sort rows by the side that their group falls on; `name` is the part of the mix they are."""
        train, kept = len(self.train), len(self.held_out)
        for row in rows:
            (self.held_out if held_out(row.group, share) else self.train).append(row)
        self.sizes[name] = len(self.train) - train, len(self.held_out) - kept

    def top_up(self) -> None:
        """Hold out further groups of a task and label that the hash has left with too few.

        `sizes` does not follow: the rows moved are few.
        """
        for task in KINDS:
            for right in (False, True):
                kept, trained = (
                    {row.group for row in rows if task in row.targets and (row.targets[task] >= 0.5) is right}
                    for rows in (self.held_out, self.train)
                )
                missing = min(FEWEST_GROUPS, (len(kept) + len(trained)) // 4) - len(kept)
                moved = set(sorted(trained, key=_digest)[: max(missing, 0)])
                self.held_out += [row for row in self.train if row.group in moved]
                self.train = [row for row in self.train if row.group not in moved]
