"""Two processes joined by gloo, on the CPU."""

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import FunctionJudge, word_tokenizer
from transformers import AutoModelForCausalLM
from two_processes import (
    CONFIG,
    QUESTIONS,
    WORDS,
    Outcome,
    a_run,
    command,
    goes_on_bit_for_bit,
    in_two_processes,
    learns_what_one_process_learns,
    same,
    skips_a_gradient_that_is_not_finite,
    small_model,
    train,
    train_with_checkpoints,
    untimed,
    verdict,
)

from judge.errors import ConfigError, DataError
from judge.records import Record, Verdict
from rl import ppo, trl_training
from rl.checkpoint import Checkpoints, settings_of
from rl.cli import EXIT_ERROR
from rl.config import Algorithm, PPOConfig, RewardConfig
from rl.processes import Processes, join

# The arithmetic


def test_shares_are_whole_in_order_and_differ_by_one_at_most():
    for number in (0, 1, 2, 7, 8):
        shares = [list(range(number))[Processes(rank, 3).share(number)] for rank in range(3)]
        assert list(chain(*shares)) == list(range(number))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_even_shares_hold_as_many_in_each_process_and_count_everything_once():
    for number in (1, 2, 7, 8):
        shares = [Processes(rank, 3).even_share(number) for rank in range(3)]
        assert [len(rows) for rows, _ in shares] == [-(-number // 3)] * 3
        counted = [rows[counts == 1].tolist() for rows, counts in shares]
        assert counted == [list(range(number))[Processes(rank, 3).share(number)] for rank in range(3)]
        for rows, counts in shares:
            assert not set(rows[counts == 0].tolist()) & set(rows[counts == 1].tolist())


def test_every_process_has_a_seed_of_its_own_and_the_first_that_of_the_settings():
    seeds = {seed: [Processes(rank, 8).seed_of_its_own(seed) for rank in range(8)] for seed in (0, 1)}
    assert [of_ranks[0] for of_ranks in seeds.values()] == [0, 1]
    assert len({*seeds[0], *seeds[1]}) == 16
    assert Processes(3, 4).seed_of_its_own(0) == seeds[0][3]


def test_one_process_exchanges_and_copies_nothing():
    alone, x = Processes.joined(), torch.ones(2)
    assert alone == Processes(0, 1)
    assert alone.summed(x) is x
    assert alone.spread(sorted, [2, 1]) == [1, 2]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ACCELERATE_USE_MEGATRON_LM", "true", "set to Megatron-LM"),
        ("ACCELERATE_MIXED_PRECISION", "bf16", "mixed precision bf16; .* set bf16"),
    ],
)
def test_what_a_launcher_is_set_to_and_would_not_get_is_refused(variable, value, said, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=said):
        join("cpu")


def test_one_device_for_all_processes_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="cuda:1"):
        join("cuda:1")


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr("rl.processes.find_device", lambda name: "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="expected a GPU for each process, got 4 processes for 2"):
        join(None)


# A run


def test_two_processes_learn_what_one_learns_from_the_same_rollouts(tmp_path: Path, monkeypatch):
    first, second = learns_what_one_process_learns(tmp_path, small_model, {}, monkeypatch)
    assert [first.judged, second.judged] == [15, 18]  # 5 and 6 in each of three updates
    lengths = first.rollouts[0].episodes.response_mask.sum(1).tolist()
    assert len(set(lengths)) > 1
    assert first.metrics[0]["judge/unscored"] > 0


def test_each_process_samples_its_own(tmp_path: Path):
    config = dataclasses.replace(CONFIG, updates=1, episodes=24)
    first, second = in_two_processes(tmp_path, train, config, verdict, QUESTIONS[:1])
    assert first.rollouts[0].completions == second.rollouts[0].completions
    shares = first.rollouts[0].completions[:12], first.rollouts[0].completions[12:]
    assert shares[0] != shares[1]


def advantages(rewards: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one rollout, that is the same wherever this is called."""
    config = dataclasses.replace(CONFIG, episodes=len(rewards))
    state = ppo.initial_state(config, small_model())
    # Values that say something, so that advantages hang on what the other process has found.
    torch.nn.init.normal_(state.policy.value_head.weight, generator=torch.Generator().manual_seed(1))
    prompts = [QUESTIONS[row % 4].prompt for row in range(len(rewards))]
    rollout = ppo.sample(
        state.policy.model, word_tokenizer(*WORDS), prompts, max_new_tokens=4,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    evaluation = ppo.evaluate(state, config, rollout.episodes)
    experience, _ = ppo.experience_of(state, config, rollout.episodes, evaluation, dict(enumerate(rewards)))
    return experience.advantages, experience.episodes.response_mask


def test_advantages_are_whitened_over_the_rollouts_of_all_processes(tmp_path: Path):
    rewards = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 0.0]  # one process has all that is right
    alone, mask = advantages(rewards)
    for whitened, _ in in_two_processes(tmp_path, advantages, rewards):
        torch.testing.assert_close(whitened, alone)
    real = alone[mask.bool()]
    assert real.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert real.var(correction=0).item() == pytest.approx(1.0, abs=1e-4)
    assert abs(alone[:4][mask[:4].bool()].mean().item()) > 0.1


def one_scored() -> Callable[[Record], Verdict | None]:
    """Scores the first answer that it is shown in a process, and that in the second process alone."""
    left = [Verdict.CORRECT] if Processes.joined().rank == 1 else []
    return lambda record: left.pop() if left else None


def train_on_one_score() -> Outcome:
    return train(CONFIG, judge=one_scored())


def test_a_process_without_an_episode_to_learn_from_keeps_step_with_the_other(tmp_path: Path):
    first, second = in_two_processes(tmp_path, train_on_one_score)
    assert same(first, second)
    assert [row["judge/unscored"] for row in first.metrics] == [10.0, 11.0, 11.0]
    assert [row.get("optimizer/steps") for row in first.metrics] == [2.0, None, None]


def test_a_gradient_that_is_not_finite_in_one_process_is_skipped_in_both(tmp_path: Path):
    assert in_two_processes(tmp_path, skips_a_gradient_that_is_not_finite) == [True, True]


def test_two_processes_go_on_bit_for_bit_and_one_process_is_refused(tmp_path: Path):
    goes_on_bit_for_bit(tmp_path, {})
    with pytest.raises(ConfigError, match=r"processes \(2, now 1\)"):
        train_with_checkpoints(tmp_path / "parted", 2)


def train_on_a_disk_of_its_own(directory: Path, updates: int) -> Outcome:
    return train_with_checkpoints(directory / str(Processes.joined().rank), updates)


def test_processes_that_find_different_checkpoints_are_all_refused(tmp_path: Path):
    in_two_processes(tmp_path / "first", train_on_a_disk_of_its_own, tmp_path, 1)
    for said in in_two_processes(tmp_path / "then", train_on_a_disk_of_its_own, tmp_path, 2):
        assert "find those after 1, 0 updates; give all machines one output_dir, on a shared disk" in said


def fails_in_the_second(record: Record) -> Verdict:
    if Processes.joined().rank == 1:
        raise DataError("the second process has had enough")
    return Verdict.CORRECT


def fail_in_the_second() -> Outcome:
    return train(CONFIG, judge=fails_in_the_second)


def test_an_error_in_one_process_ends_the_other(tmp_path: Path):
    first, second = in_two_processes(tmp_path, fail_in_the_second)
    assert "has had enough" in second
    assert "Error" in first


def test_fewer_episodes_than_processes_are_refused(tmp_path: Path):
    few = dataclasses.replace(CONFIG, episodes=1, minibatches=1)
    for said in in_two_processes(tmp_path, train, few):
        assert "got episodes=1 for 2 processes" in said


# RLOO and GRPO by TRL


def train_by_trl(directory: Path, updates: int, verdict=verdict) -> Outcome:
    """A run of RLOO, or the rest of it."""
    config = PPOConfig(updates=updates, episodes=8, max_new_tokens=4, learning_rate=1e-2)
    reward = RewardConfig()
    model = AutoModelForCausalLM.from_pretrained(directory / "model")
    checkpoints = Checkpoints(directory / "run", settings_of(config, reward, QUESTIONS, model), every=1)
    scorer = FunctionJudge(verdict)
    metrics = trl_training.train(
        Algorithm.RLOO, config, 2, directory / "run", model=model, tokenizer=word_tokenizer(*WORDS),
        records=QUESTIONS, judge=scorer, reward=reward, checkpoints=checkpoints,
    )  # fmt: skip
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    unscored = sum(verdict(record) is None for record in scorer.seen)
    return Outcome(untimed(metrics), weights, [], len(scorer.seen), unscored)


def test_trl_trains_on_the_shares_of_two_processes_and_goes_on_bit_for_bit(tmp_path: Path):
    for name in ("whole", "parted"):
        small_model().save_pretrained(tmp_path / name / "model")
    whole, other = in_two_processes(tmp_path / "1", train_by_trl, tmp_path / "whole", 2)
    assert same(whole, other)
    assert [whole.judged, other.judged] == [8, 8]  # 4 in each of two updates
    unscored = sum(row["judge/unscored"] for row in whole.metrics)
    assert unscored == whole.unscored + other.unscored > 0
    in_two_processes(tmp_path / "2", train_by_trl, tmp_path / "parted", 1)
    first, second = in_two_processes(tmp_path / "3", train_by_trl, tmp_path / "parted", 2)
    assert same(first, second)
    assert same(first, whole)
    assert [path.name for path in sorted((tmp_path / "parted" / "run").iterdir())] == [
        "update-000001", "update-000002",
    ]  # fmt: skip


def fail_in_the_second_by_trl(directory: Path) -> Outcome:
    return train_by_trl(directory, 2, fails_in_the_second)


def test_under_trl_too_an_error_in_one_process_ends_the_other(tmp_path: Path):
    small_model().save_pretrained(tmp_path / "model")
    first, second = in_two_processes(tmp_path, fail_in_the_second_by_trl, tmp_path)
    assert "has had enough" in second
    assert "Error" in first


# The command


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("algorithm", ["ppo", "rloo", "grpo"])
def test_the_command_in_two_processes_writes_one_run(tmp_path: Path, tiny_judge: Path, algorithm):
    more = {} if algorithm == "ppo" else {"num_generations": 2}
    argv = a_run(tmp_path, small_model(), judge=tiny_judge, algorithm=algorithm, eval_share=0.25, **more)
    (first, printed), (second, silence) = in_two_processes(tmp_path, command, argv)
    assert (first, second) == (0, 0)
    assert "model: " in printed
    assert silence == ""
    metrics, completions = (
        lines(tmp_path / "out" / "metrics.jsonl"),
        lines(tmp_path / "out" / "completions.jsonl"),
    )
    assert [row["update"] for row in metrics] == [0, 1, 2]  # the last of held-out questions alone
    assert len(completions) == 16
    for update in (0, 1):
        rows = [row for row in completions if row["update"] == update]
        rewards = [row["reward"] for row in rows if row["reward"] is not None]
        assert metrics[update]["judge/unscored"] == len(rows) - len(rewards)
        assert metrics[update]["objective/scores"] == pytest.approx(sum(rewards) / len(rewards))
        verdicts = [row["verdict"] for row in rows]
        assert metrics[update]["judge/correct_rate"] == verdicts.count("correct") / len(rewards)


def command_on_a_disk_of_its_own(argv: list[str], directory: Path) -> tuple[int, str]:
    """Its status, and what it said of an error."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        status, _ = command([*argv, "--output_dir", str(directory / str(Processes.joined().rank))])
    return status, said.getvalue()


def test_a_run_that_is_finished_for_one_process_alone_is_refused_in_both(tmp_path: Path, tiny_judge: Path):
    given = (a_run(tmp_path, small_model(), judge=tiny_judge, updates=1), tmp_path)
    done = in_two_processes(tmp_path / "first", command_on_a_disk_of_its_own, *given)
    assert [status for status, _ in done] == [0, 0]
    for status, said in in_two_processes(tmp_path / "again", command_on_a_disk_of_its_own, *given):
        assert status == EXIT_ERROR
        assert "find those after 1, 0 updates; give all machines one output_dir" in said
