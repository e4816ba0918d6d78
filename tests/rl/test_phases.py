import threading

import pytest
import torch

from rl import phases
from rl.phases import Clock, beside


def test_on_a_gpu_the_judge_scores_while_the_reference_runs(monkeypatch):
    monkeypatch.setattr(phases, "side_stream", lambda _: None)
    evaluated = threading.Event()
    with beside(lambda: evaluated.wait(10), torch.device("cuda")) as judged:
        evaluated.set()
    assert judged.result()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_error_of_the_judge_is_raised_wherever_it_scores(device, monkeypatch):
    def score():
        raise RuntimeError("no judge")

    monkeypatch.setattr(phases, "side_stream", lambda _: None)
    with pytest.raises(RuntimeError, match="no judge"), beside(score, torch.device(device)) as judged:
        judged.result()


def test_on_a_cpu_the_work_is_done_before_the_block():
    done = []
    with beside(lambda: done.append("work"), torch.device("cpu")):
        done.append("block")
    assert done == ["work", "block"]


def test_work_that_must_be_alone_is_done_before_the_block_on_a_gpu_too():
    done = []
    with beside(lambda: done.append("work"), torch.device("cuda"), alone=True):
        done.append("block")
    assert done == ["work", "block"]


def test_a_clock_has_the_seconds_of_each_phase():
    clock = Clock()
    with clock.phase("rollout"):
        threading.Event().wait(0.02)
    assert clock.timed("judge", lambda: 7)() == 7
    assert set(clock.seconds) == {"time/rollout_s", "time/judge_s"}
    assert 0.02 <= clock.seconds["time/rollout_s"] < 1.0
    assert clock.seconds["time/judge_s"] < 0.02
