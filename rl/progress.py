"""A run as it is followed on a terminal: a bar, a word when the policy collapses, an end if that is asked."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from judge.records import Verdict
from rl.collapse import ALWAYS, CollapseWatch
from rl.processes import Processes
from rl.tracking import Metrics

logger = logging.getLogger(__name__)


class Progress:
    """Called after each update; True once the run should end.

    Args:
        bar: moved with each update.
        history: metrics of the updates that are done; what was said of them is not said again.
        stop_on_collapse: end the run while the policy abstains always.

    Attributes:
        stopped: why the run was ended, maybe before this; None if it was not.
    """

    def __init__(
        self, bar: "tqdm[object]", history: Sequence[Metrics] = (), *, stop_on_collapse: bool = False
    ) -> None:
        self.stopped: str | None = None
        self._bar = bar
        self._stop_on_collapse = stop_on_collapse
        self._watch = CollapseWatch()
        for metrics in history:
            self._watch.see(metrics["judge/abstain_rate"])
        self._stop_if_collapsed(len(history) - 1)

    def __call__(self, update: int, metrics: Metrics) -> bool:
        """Follow one update."""
        self._bar.set_postfix_str(
            f"reward {metrics.get('objective/scores', math.nan):+.2f}, {rates(metrics)}"
        )
        self._bar.update()
        warning = self._watch.see(metrics["judge/abstain_rate"])
        if warning is not None:
            logger.warning("update %d: %s", update, warning)
        self._stop_if_collapsed(update)
        return self.stopped is not None

    def _stop_if_collapsed(self, update: int) -> None:
        if self._stop_on_collapse and self._watch.abstains_always:
            self.stopped = (
                f"stopped after update {update}: {ALWAYS}; set stop_on_collapse false to go on all the same"
            )


@contextmanager
def progress(
    updates: int, history: Sequence[Metrics], *, stop_on_collapse: bool = False
) -> Iterator[Progress]:
    """A bar on the terminal and who moves it; the log goes above the bar.

    Args:
        updates: of the whole run.
        history, stop_on_collapse: as `Progress` takes them.
    """
    hidden = not Processes.joined().leads
    with (
        logging_redirect_tqdm(),
        tqdm(total=updates, initial=len(history), unit="update", disable=hidden) as bar,
    ):
        yield Progress(bar, history, stop_on_collapse=stop_on_collapse)


def rates(metrics: Metrics, group: str = "judge") -> str:
    """The verdicts of one update: "correct 61%, abstain 25%, wrong 14%"."""
    return ", ".join(f"{verdict} {metrics[f'{group}/{verdict}_rate']:.0%}" for verdict in Verdict)
