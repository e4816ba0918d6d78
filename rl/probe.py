"""What a model knew of each question before training, as `candor warm-start` leaves it in `probe.jsonl`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.data import Columns, Entry, read_entries
from judge.errors import DataError
from judge.records import Record

RATE_COLUMN = "correct_rate"
"""Share of right answers among the judged, in [0, 1]; null where none was judged."""

Question = tuple[str, tuple[str, ...]]
"""A prompt and its references."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The share of right answers to each question that was probed, in [0, 1]."""

    correct_rates: Mapping[Question, float]

    def rates(self, records: Sequence[Record]) -> list[float | None]:
        """The share for each record, in order; None for a question that was not probed."""
        return [self.correct_rates.get(_question(record)) for record in records]


def read_probe(path: str | Path) -> Probe:
    """The probe in a file of rows with `prompt`, `reference` and `correct_rate`.

    Raises:
        DataError: the file cannot be read, or a row is not of a probe.
    """
    rates: dict[Question, float] = {}
    for row in read_entries(Path(path), Columns(completion=None)):
        if not isinstance(row, Entry):
            raise DataError(f"{path}, line {row.line}: {row.reason}; pass the probe of candor warm-start")
        rate = row.values.get(RATE_COLUMN)
        if rate is not None:
            if not isinstance(rate, int | float) or not 0.0 <= rate <= 1.0:
                raise DataError(
                    f"{path}, line {row.line}: expected {RATE_COLUMN} in [0, 1] or null, got {rate!r}; pass "
                    "the probe of candor warm-start"
                )
            rates[_question(row.record)] = float(rate)
    if not rates:
        raise DataError(
            f"no row of {path} has a {RATE_COLUMN}; pass the probe.jsonl that candor warm-start has written"
        )
    return Probe(rates)


def _question(record: Record) -> Question:
    return record.prompt, record.references
