"""The phases of an update: how long each takes, and two at the same time where the device allows it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch

from rl.tracking import Metrics

Result = TypeVar("Result")


@contextmanager
def beside(
    work: Callable[[], Result], device: torch.device, *, alone: bool = False
) -> Iterator[Future[Result]]:
    """`work` and the block at the same time: on CUDA, in a thread with a stream of its own.

    On a CPU the two would share the same cores, so the work is done first; so it is where it must be `alone`.
    """
    if alone or device.type != "cuda":
        done: Future[Result] = Future()
        done.set_result(work())
        yield done
        return

    def on_stream() -> Result:
        with torch.cuda.stream(side_stream(device)):
            return work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        yield thread.submit(on_stream)


@cache
def side_stream(device: torch.device) -> torch.cuda.Stream:
    """One for good: memory that one stream has freed is not given to another."""
    stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return stream


class Clock:
    """Seconds that each phase of one update takes; phases may overlap."""

    def __init__(self) -> None:
        self.seconds: Metrics = {}

    def timed(self, name: str, work: Callable[[], Result]) -> Callable[[], Result]:
        """The same work, as a phase."""

        def phase() -> Result:
            with self.phase(name):
                return work()

        return phase

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block as `time/<name>_s`."""
        start = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.current_stream().synchronize()  # what was only queued is not done
        self.seconds[f"time/{name}_s"] = time.perf_counter() - start
