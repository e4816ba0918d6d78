"""Two processes joined by gloo on the CPU, and a run of theirs on a tiny model."""

import contextlib
import dataclasses
import io
import json
import math
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
from safetensors.torch import load_file
from tiny import FunctionJudge, tiny_llama, word_tokenizer
from torch import distributed
from transformers import PreTrainedModel

from judge.errors import CandorError
from judge.records import Record, Verdict
from rl import policy as policy_module
from rl import ppo
from rl.checkpoint import Checkpoints, settings_of
from rl.cli import main
from rl.config import PPOConfig, RewardConfig
from rl.pretrained import save_model
from rl.processes import Processes, leave
from rl.rollout import Rollout

WORDS = ("A", "B", "idk", "q", "r", "s")
QUESTIONS = [Record(question, ("A",), id=question) for question in ("q", "q r", "q r s", "s")]
CONFIG = PPOConfig(
    updates=3, episodes=11, minibatches=3, micro_batch_size=2, max_new_tokens=4, learning_rate=1e-2,
    kl_coef=0.1, kl_target=0.1, kl_horizon=100,
)  # fmt: skip
CHUNKS = MappingProxyType({"CPU_CHUNK_LOGITS": 2 * (3 + len(WORDS))})
"""The head is applied to two tokens at a time."""
COMPUTED_AGAIN = MappingProxyType({**CHUNKS, "KEPT_LOGITS": 0})
"""And again in the backward pass."""
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
    with result.engine.whole():
        weights = {name: value.detach().clone() for name, value in result.policy.named_parameters()}
    return Outcome(untimed(result.metrics), weights, rollouts, len(scorer.seen))


def learns_what_one_process_learns(
    directory: Path,
    make: Callable[[], PreTrainedModel],
    launcher: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    chunks: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Outcome, Outcome]:
    """Two processes, which are returned, learn what one learns from the same rollouts.

    Args:
        directory: where they meet.
        make: the model.
        launcher: as for `in_two_processes`.
        monkeypatch: to give the one process the rollouts of the two.
        chunks: of the two alone; the constants of `rl.policy` that say in how many the head is applied.
    """
    first, second = in_two_processes(directory, train_model, make, CONFIG, dict(chunks), launcher=launcher)
    assert same(first, second)
    assert first.rollouts[0].completions[:5] != first.rollouts[0].completions[5:10]  # each samples its own

    recorded = iter(first.rollouts)
    monkeypatch.setattr(ppo, "sample", lambda *_, **__: next(recorded))
    alone = train_model(make)
    agree(alone, first)
    before = {f"model.{name}": weight for name, weight in make().named_parameters()}
    moved = [(alone.weights[name] - weight).abs().max().item() for name, weight in before.items()]
    assert max(moved) > 1e-2  # by far more than the two may differ
    return first, second


def shards_learn_what_whole_models_learn(
    directory: Path, launcher: Mapping[str, str], **settings: bool
) -> None:
    """Two processes with shards and two without, which round alike, learn the same."""
    config = dataclasses.replace(CONFIG, **settings)
    sharded, whole = (
        in_two_processes(directory / name, train_model, small_model, config, launcher=told)
        for name, told in (("sharded", launcher), ("whole", {}))
    )
    agree(whole[0], sharded[0])


def agree(expected: Outcome, got: Outcome) -> None:
    """Up to the order of sums."""
    for wanted, row in zip(expected.metrics, got.metrics, strict=True):
        assert row == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    for name, weight in expected.weights.items():
        torch.testing.assert_close(got.weights[name], weight, atol=2e-5, rtol=1e-3)


def train_model(
    make: Callable[[], PreTrainedModel],
    config: PPOConfig = CONFIG,
    chunks: Mapping[str, int] = MappingProxyType({}),
) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        for name, number in chunks.items():
            patch.setattr(policy_module, name, number)
        return train(config, model=make())


def goes_on_bit_for_bit(directory: Path, launcher: Mapping[str, str]) -> None:
    """Two updates are one and, after that, one more."""

    def run(name: str, updates: int) -> list[Outcome]:
        given = (directory / name, updates)
        meeting = directory / f"{name}-{updates}"
        return in_two_processes(meeting, train_with_checkpoints, *given, launcher=launcher)

    complete, _ = run("whole", 2)
    run("parted", 1)
    first, second = run("parted", 2)
    assert same(first, second)
    assert same(first, complete)


def train_with_checkpoints(directory: Path, updates: int) -> Outcome:
    config = dataclasses.replace(CONFIG, updates=updates)
    learning = settings_of(config, RewardConfig(), QUESTIONS, small_model())
    return train(config, checkpoints=Checkpoints(directory, learning, every=1))


def skips_a_gradient_that_is_not_finite() -> bool:
    """Whether a step that one process has spoilt leaves all as it was, and the next one does not."""
    config = dataclasses.replace(CONFIG, episodes=4)
    state = ppo.initial_state(config, small_model())
    with state.engine.whole():
        episodes = ppo.sample(
            state.policy.model, word_tokenizer(*WORDS), [record.prompt for record in QUESTIONS],
            max_new_tokens=4, generator=torch.Generator().manual_seed(0),
        ).episodes  # fmt: skip
    evaluation = ppo.evaluate(state, config, episodes)
    rewards = dict(enumerate([1.0, 0.0, 0.0, -1.0]))
    experience, _ = ppo.experience_of(state, config, episodes, evaluation, rewards)

    def moved() -> tuple[float, bool]:
        before = state.engine.tensors()
        skipped = ppo.step(state, config, experience)["optimizer/skipped"].item()
        after = state.engine.tensors()
        return skipped, any(not torch.equal(before[name], after[name]) for name in before)

    good = experience.advantages[3, 0].clone()
    experience.advantages[3, 0] = math.nan  # of the second process's share
    spoilt = moved()
    experience.advantages[3, 0] = good
    leads = state.processes.leads  # who alone has the tensors
    return [spoilt, moved()] == [(1.0, False), (0.0, leads)]


def saves_what_a_whole_model_saves(
    directory: Path, make: Callable[[], PreTrainedModel], launcher: Mapping[str, str]
) -> None:
    """Of a model in shards the first process gathers what is written, and nothing else."""
    gathered = in_two_processes(directory, save_shards, directory / "shards", make, launcher=launcher)
    save_model(make(), word_tokenizer(*WORDS), directory / "whole")
    shards, whole = (
        load_file(next((directory / name).glob("*model.safetensors"))) for name in ("shards", "whole")
    )
    assert shards.keys() == whole.keys()
    assert all(shards[name].equal(weight) for name, weight in whole.items())
    assert gathered == [len(whole), 0]


def save_shards(directory: Path, make: Callable[[], PreTrainedModel]) -> int:
    """How many weights this process has gathered to save them."""
    state = ppo.initial_state(CONFIG, make())
    weights = state.engine.state_dict(state.policy.model)
    assert weights is not None
    gathered = len(weights)
    if state.processes.leads:
        save_model(state.policy.model, word_tokenizer(*WORDS), directory, weights)  # which empties it
    return gathered


def small_model():
    return tiny_llama(3 + len(WORDS), width=16)


def tied_model():
    model = small_model()
    model.config.tie_word_embeddings = True
    model.tie_weights()
    return model


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
