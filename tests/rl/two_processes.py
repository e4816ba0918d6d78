"""Two processes joined by gloo on the CPU, and a run of theirs on a tiny model."""

import contextlib
import dataclasses
import io
import json
import os
import pickle
import traceback
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from tiny import FunctionJudge, tiny_llama, word_tokenizer
from torch import distributed
from transformers import PreTrainedModel

from judge.errors import CandorError
from judge.records import Record, Verdict
from rl import ppo
from rl.cli import main
from rl.config import PPOConfig
from rl.processes import Processes, leave
from rl.rollout import Rollout
from rl.sharding import full

WORDS = ("A", "B", "idk", "q", "r", "s")
QUESTIONS = [Record(question, ("A",), id=question) for question in ("q", "q r", "q r s", "s")]
CONFIG = PPOConfig(
    updates=3, episodes=11, minibatches=3, micro_batch_size=2, max_new_tokens=4, learning_rate=1e-2,
    kl_coef=0.1, kl_target=0.1, kl_horizon=100,
)  # fmt: skip
TIMEOUT_S = 120

# Processes that are forked from one which has torch imported already start in no time.
context = get_context("forkserver")
context.set_forkserver_preload(["torch", "transformers", "peft", "rl.ppo", "rl.launch", "rl.trl_training"])


def in_two_processes(
    directory: Path,
    work: Callable[..., Any],
    *arguments: object,
    launcher: Mapping[str, str] = MappingProxyType({}),
) -> list[Any]:
    """What `work` returns in each of two processes, an error as its text; none is left behind.

    Args:
        directory: where they meet.
        work: what each does.
        arguments: of the work.
        launcher: what accelerate's launcher says to them, as environment variables.
    """
    directory.mkdir(parents=True, exist_ok=True)
    given = (directory, dict(launcher), work, arguments)
    processes = [context.Process(target=as_rank, args=(rank, *given)) for rank in (0, 1)]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join(TIMEOUT_S)
            assert process.exitcode is not None, "a process hangs"
    finally:
        for process in processes:
            process.kill()
            process.join()
    return [pickle.loads((directory / f"result-{rank}").read_bytes()) for rank in (0, 1)]


def as_rank(
    rank: int,
    directory: Path,
    launcher: dict[str, str],
    work: Callable[..., Any],
    arguments: tuple[object, ...],
) -> None:
    torch.set_num_threads(1)
    # As a launcher says it.
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"OMP_NUM_THREADS": "1", **launcher}
    distributed.init_process_group("gloo", init_method=f"file://{directory}/store", rank=rank, world_size=2)
    try:
        result = work(*arguments)
    except (CandorError, RuntimeError):  # the latter from gloo
        result = traceback.format_exc()
    (directory / f"result-{rank}").write_bytes(pickle.dumps(result))
    if not isinstance(result, str):
        leave()


def verdict(record: Record) -> Verdict | None:
    """One question cannot be judged when it is answered by A."""
    if record.prompt == "q r s" and record.completion.startswith("A"):
        return None
    if record.completion.startswith("idk"):
        return Verdict.ABSTAIN
    return Verdict.CORRECT if record.completion.startswith("A") else Verdict.WRONG


@dataclasses.dataclass
class Outcome:
    metrics: list[dict[str, float]]
    weights: dict[str, torch.Tensor]
    rollouts: list[Rollout]
    judged: int
    unscored: int = 0


def train(config: PPOConfig, judge=verdict, records=QUESTIONS, model=None, **rest: Any) -> Outcome:
    """A run, with the rollouts that it learnt from."""
    rollouts: list[Rollout] = []
    gathered = ppo.gathered

    def keep(rollout: Rollout, processes: Processes) -> Rollout:
        rollouts.append(gathered(rollout, processes))
        return rollouts[-1]

    scorer = FunctionJudge(judge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppo, "gathered", keep)
        result = ppo.train(
            config, model=model or small_model(), tokenizer=word_tokenizer(*WORDS), records=records,
            judge=scorer, **rest,
        )  # fmt: skip
    weights = {name: full(value).clone() for name, value in result.policy.state_dict().items()}
    return Outcome(untimed(result.metrics), weights, rollouts, len(scorer.seen))


def small_model():
    return tiny_llama(3 + len(WORDS), width=16)


def untimed(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if "time/" not in name} for row in history]


def same(first: Outcome, second: Outcome) -> bool:
    """To the bit."""
    return repr(first.metrics) == repr(second.metrics) and all(
        torch.equal(first.weights[name], second.weights[name]) for name in first.weights
    )


def a_run(directory: Path, model: PreTrainedModel, *, judge: Path, **more: object) -> list[str]:
    """The arguments of `candor` for a short run in a directory, to `out` in it."""
    model.save_pretrained(directory / "model")
    word_tokenizer(*WORDS).save_pretrained(directory / "model")
    rows = [{"prompt": record.prompt, "reference": "A"} for record in QUESTIONS]
    (directory / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "model": directory / "model", "judge": judge, "data": directory / "questions.jsonl",
        "output_dir": directory / "out", "device": "cpu", "updates": 2, "episodes": 8, "max_new_tokens": 3,
        "skip_audit": True, "report_to": "none", **more,
    }  # fmt: skip
    return ["train-rl", *(part for name, value in settings.items() for part in (f"--{name}", str(value)))]


def command(argv: list[str]) -> tuple[int, str]:
    """`candor`: its status, and what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = main(argv)
    return status, printed.getvalue()
