import errno
import math
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from judge.errors import ConfigError, DataError
from rl.boards import open_board
from rl.config import ReportTo

HOSTED = pytest.mark.parametrize("report_to", [ReportTo.WANDB, ReportTo.TRACKIO])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What is called of wandb and trackio, which are made of nothing else."""
    made: list[tuple[str, dict[str, object]]] = []

    def noting(name: str):
        return lambda *args, **given: made.append((name, {"args": args, **given}))

    for package in ("wandb", "trackio"):
        module = ModuleType(package)
        for name in ("init", "log", "finish"):
            setattr(module, name, noting(name))
        monkeypatch.setitem(sys.modules, package, module)
    return made


def show(report_to: ReportTo, directory: Path, start: int = 0) -> None:
    board = open_board(report_to, directory, start=start, settings={"seed": 3})
    board.log(start, {"objective/kl": 0.25, "val/explained_variance": math.nan}, [])
    board.close()


@HOSTED
def test_a_page_is_opened_with_the_settings_gets_what_is_finite_and_is_closed(calls, tmp_path, report_to):
    show(report_to, tmp_path)
    assert [name for name, _ in calls] == ["init", "log", "finish"]
    assert calls[0][1]["config"] == {"seed": 3}
    assert calls[1][1] == {"args": ({"objective/kl": 0.25},), "step": 0}


@pytest.mark.parametrize(("report_to", "key"), [(ReportTo.WANDB, "id"), (ReportTo.TRACKIO, "name")])
def test_a_run_that_goes_on_does_so_on_its_page_and_a_new_one_has_its_own(calls, tmp_path, report_to, key):
    for start in (0, 5, 0):
        show(report_to, tmp_path, start)
    first, resumed, anew = (given[key] for name, given in calls if name == "init")
    assert first == resumed != anew
    assert {given["resume"] for name, given in calls if name == "init"} == {"allow"}


def test_tensorboard_gets_an_event_a_metric(tmp_path):
    show(ReportTo.TENSORBOARD, tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["scalars"] == ["objective/kl"]
    assert [(event.step, event.value) for event in events.Scalars("objective/kl")] == [(0, 0.25)]


@HOSTED
def test_what_is_not_installed_is_named_with_the_way_out(monkeypatch, tmp_path, report_to):
    monkeypatch.setitem(sys.modules, str(report_to), None)
    with pytest.raises(ConfigError, match=rf"{report_to} is not installed; .* --report_to none"):
        show(report_to, tmp_path)


def test_a_disk_without_room_for_the_events_is_told_in_a_line(monkeypatch, tmp_path):
    class FullDisk:
        def __init__(self, *_: object, **__: object) -> None: ...

        def add_scalar(self, *_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # which its thread of writing had met

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = FullDisk
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(
        DataError, match=r"cannot write .*tensorboard: No space left on device; make room, and"
    ):
        show(ReportTo.TENSORBOARD, tmp_path)
