"""Two processes train one judge: under torchrun, on the CPU by gloo."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch

from judge.scorer import Judge

ROWS = 160


def write_pairs(path: Path) -> None:
    rows = [
        {
            "question": f"who is {i}?",
            "reference": "bob",
            "candidate": ("bob", "ann")[i % 2],
            "label": 1 - i % 2,
        }
        for i in range(ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"question": "no label"}]))


@contextmanager
def started(directory: Path, judge: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`candor train-judge` in two processes, of which none is left when the block ends, however it ends."""
    flags = {
        "train_files": directory / "pairs.jsonl", "start_from": judge, "output_dir": directory / "judge",
        "device": "cpu", "batch_size": 8, "max_tokens": 64, "eval_steps": 3, "bf16": False, **settings,
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "rl.cli",
    ]
    with (directory / "log").open("ab") as log:
        given = [f"--{name}={value}" for name, value in flags.items()]
        run = subprocess.Popen(
            [*command, "train-judge", *given],
            stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        yield run
    finally:
        kill(run)


def kill(run: subprocess.Popen[bytes]) -> None:
    """Kill the launcher and its processes, which are in sessions of their own; nothing if it has ended."""
    if run.poll() is None:
        launcher = psutil.Process(run.pid)
        for process in [launcher, *launcher.children(recursive=True)]:
            process.kill()
        run.wait()


@pytest.mark.slow
def test_two_processes_that_are_killed_go_on_and_write_one_judge(tmp_path: Path, tiny_judge: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl")
    checkpoints = tmp_path / "judge" / "checkpoints"
    deadline = time.monotonic() + 400
    with started(tmp_path, tiny_judge, max_steps=10_000) as run:
        while not list(checkpoints.glob("checkpoint-*/trainer_state.json")):
            assert run.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
    assert not (tmp_path / "judge" / "judge.json").exists()

    reached = max(int(path.parent.name.split("-")[1]) for path in checkpoints.glob("*/trainer_state.json"))
    with started(tmp_path, tiny_judge, max_steps=reached + 6) as run:
        assert run.wait(timeout=400) == 0, (tmp_path / "log").read_text()
    log = (tmp_path / "log").read_text()
    assert log.count("judge: ") == 1
    state = json.loads((checkpoints / f"checkpoint-{reached + 6}" / "trainer_state.json").read_text())
    assert state["global_step"] == reached + 6
    # each of two processes reads 8 rows a step; what makes no full batch for both is left out of an epoch
    parts = json.loads((tmp_path / "judge" / "data.json").read_text())["files"].values()
    rows = sum(training for training, _ in parts)
    assert state["epoch"] == pytest.approx((reached + 6) / (rows // 16), abs=1e-3)
    assert len((tmp_path / "judge" / "rejected.jsonl").read_text().splitlines()) == 1
    weights = Judge.from_pretrained(tmp_path / "judge", device="cpu").encoder.model.state_dict()
    assert all(torch.isfinite(weight).all() for weight in weights.values())
    assert "# judge" in (tmp_path / "judge" / "README.md").read_text()
