"""The best-paid and the worst-paid completions of an update, as a table in the log.

What a policy is paid most for shows a judge that is fooled before any rate does.
"""

import logging
from collections.abc import Sequence
from typing import cast

from judge.report import table
from rl.tracking import Metrics, Row

logger = logging.getLogger(__name__)

SHOWN = 3
"""Completions of either end."""
_WIDTHS = {"prompt": 36, "reference": 18, "completion": 40}
"""Characters of each text."""


class Extremes:
    """A tracker that logs a table now and then.

    Args:
        every: updates from one table to the next; at least 1.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Log a table, if its turn has come and a completion was paid for."""
        shown = [] if update % self.every else extremes(completions)
        if shown:
            logger.info("update %d, best and worst paid:\n%s", update, extremes_table(shown))


def extremes(completions: Sequence[Row], shown: int = SHOWN) -> list[Row]:
    """The best paid and the worst paid, up to `shown` of each, in falling order of reward.

    Those that were not judged are left out, and of equal completions to a prompt all but the first.
    """
    distinct: dict[tuple[object, object], Row] = {}
    for row in completions:
        if row["reward"] is not None:
            distinct.setdefault((row["prompt"], row["completion"]), row)
    paid = sorted(distinct.values(), key=_reward, reverse=True)
    return paid if len(paid) <= 2 * shown else paid[:shown] + paid[-shown:]


def extremes_table(rows: Sequence[Row]) -> str:
    """One line a completion."""
    lines = [
        [
            *(on_one_line(_joined(row[name]), width) for name, width in _WIDTHS.items()),
            str(row["verdict"]),
            f"{_reward(row):+.2f}",
        ]
        for row in rows
    ]
    return table([*_WIDTHS, "verdict", "reward"], lines, flush_left=len(_WIDTHS))


def on_one_line(text: str, width: int) -> str:
    r"""Text from outside as a terminal can show it: its escape for what is not printable, its end cut off.

    >>> on_one_line("red\x1b[2Jgreen", 12)
    'red\\x1b[2Jg…'
    """
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: width + 1])
    return line if len(line) <= width else line[: width - 1] + "…"


def _joined(cell: object) -> str:
    return " | ".join(cell) if isinstance(cell, list) else str(cell)


def _reward(row: Row) -> float:
    return cast(float, row["reward"])
