"""Where a run can be watched while it trains: TensorBoard, Weights & Biases, Trackio.

Each is imported when it is asked for. They show metrics; what a run leaves behind for good, its completions
among it, is written by `rl.tracking`.
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from judge.errors import ConfigError
from judge.outputs import write_text, writing
from rl.config import ReportTo
from rl.tracking import Metrics, Row

PROJECT = "candor-rl"
"""What the runs are filed under at Weights & Biases and at Trackio."""
EVENTS_DIR = "tensorboard"
RUN_ID_FILE = "run_id.txt"
"""By which a page is found again when its run goes on."""
_RUN_ID_BYTES = 4
_MODULES = {
    ReportTo.TENSORBOARD: "torch.utils.tensorboard",
    ReportTo.WANDB: "wandb",
    ReportTo.TRACKIO: "trackio",
}


class Board(Protocol):
    """A tracker that shows metrics; one that is not finite is a gap."""

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Show one update's metrics."""
        ...

    def close(self) -> None:
        """Hand over all that was logged."""
        ...


class TensorBoard:
    """Events in a directory of the run: `tensorboard --logdir DIRECTORY`."""

    def __init__(self, module: ModuleType, directory: Path, start: int) -> None:
        self._directory = directory / EVENTS_DIR
        # Events from `start` on are of a run that was killed after its last checkpoint.
        self._writer = module.SummaryWriter(str(self._directory), purge_step=start)

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Write one update's metrics.

        Raises:
            DataError: they cannot be written.
        """
        with writing(self._directory, "make room, and run again"):
            for name, value in _finite(metrics).items():
                self._writer.add_scalar(name, value, update)

    def close(self) -> None:
        """Write what is still held back.

        Raises:
            DataError: it cannot be written.
        """
        with writing(self._directory, "make room, and run again"):
            self._writer.close()


class RunPage:
    """A page of Weights & Biases, or of Trackio, which has the same calls."""

    def __init__(self, module: ModuleType, **run: object) -> None:
        self._module = module
        module.init(project=PROJECT, resume="allow", **run)

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Send one update's metrics."""
        self._module.log(_finite(metrics), step=update)

    def close(self) -> None:
        """Wait until all is sent."""
        self._module.finish()


def open_board(report_to: ReportTo, directory: Path, *, start: int, settings: Mapping[str, object]) -> Board:
    """The board of that name, to be closed in the end.

    Args:
        report_to: any but none.
        directory: of the run.
        start: the update to go on with; 0 begins a new page.
        settings: shown beside the metrics.

    Raises:
        ConfigError: its package is missing.
    """
    module = import_board(report_to)
    if report_to == ReportTo.TENSORBOARD:
        return TensorBoard(module, directory, start)
    name, run_id, config = directory.resolve().name, run_id_of(directory, start), dict(settings)
    if report_to == ReportTo.WANDB:
        return RunPage(module, name=name, id=run_id, dir=str(directory), config=config)
    # Trackio knows a run by its name.
    return RunPage(module, name=f"{name}-{run_id}", config=config)


def import_board(report_to: ReportTo) -> ModuleType:
    """The module behind a board.

    Raises:
        ConfigError: its package is missing.
    """
    try:
        return import_module(_MODULES[report_to])
    except ImportError as error:
        raise ConfigError(
            f"{report_to} is not installed; pip install {report_to}, or pass --report_to none"
        ) from error


def run_id_of(directory: Path, start: int) -> str:
    """The id of the run in a directory: the one it had if it goes on, else one drawn by chance."""
    path = directory / RUN_ID_FILE
    if start == 0 or not path.is_file():
        write_text(path, secrets.token_hex(_RUN_ID_BYTES))
    return path.read_text(encoding="utf-8")


def _finite(metrics: Metrics) -> Metrics:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
