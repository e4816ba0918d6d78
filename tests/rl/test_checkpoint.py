import dataclasses
import json
import logging
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import peft
import pytest
from safetensors.torch import load_file
from tiny import FunctionJudge, tiny_llama, word_tokenizer

from judge.errors import ConfigError, DataError
from judge.records import Record, Verdict
from rl import checkpoint, ppo
from rl.checkpoint import STATE_FILE, SUMS_FILE, TENSORS_FILE, Checkpoints, settings_of
from rl.config import PPOConfig, RewardConfig
from rl.tracking import FileTracker

# peft 0.21 asks transformers 5.23 for it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

WORDS = ("A", "B", "idk", "q", "r", "s")
QUESTIONS = [Record(question, ("A",), id=question) for question in ("q", "r", "s", "q r", "r s")]
# Not a multiple of the questions, so that a pass over them is under way at every checkpoint; beta adapts.
CONFIG = PPOConfig(
    updates=4, episodes=8, max_new_tokens=3, learning_rate=1e-2, kl_target=0.1, kl_horizon=100, kl_coef=0.1
)


def verdict(record: Record) -> Verdict:
    if record.completion == "idk":
        return Verdict.ABSTAIN
    return Verdict.CORRECT if record.completion in record.references else Verdict.WRONG


def model_of(*, adapters: bool = False, seed: int = 0):
    model = tiny_llama(3 + len(WORDS), seed=seed, width=16)
    return (
        peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules="all-linear")) if adapters else model
    )


def run(
    directory: Path, *, updates: int = 4, adapters: bool = False, every: int = 1, keep: int = 2,
    config: PPOConfig = CONFIG, reward=None, records=QUESTIONS, seed: int = 0, **rest,
) -> ppo.TrainResult:  # fmt: skip
    """A run of so many updates, or the rest of it."""
    config = dataclasses.replace(config, updates=updates)
    model = model_of(adapters=adapters, seed=seed)
    reward = reward or RewardConfig()
    checkpoints = Checkpoints(directory, settings_of(config, reward, records, model), every=every, keep=keep)
    return ppo.train(
        config, model=model, tokenizer=word_tokenizer(*WORDS), records=records, reward=reward,
        judge=FunctionJudge(verdict), checkpoints=checkpoints, **rest,
    )  # fmt: skip


class Contents(NamedTuple):
    """All that a checkpoint says, to the bit, but for the seconds that were spent."""

    tensors: bytes
    state: dict[str, object]


def contents(directory: Path, update: int = 4) -> Contents:
    path = directory / f"update-{update:06d}"
    state = json.loads((path / STATE_FILE).read_text())
    state["history"] = untimed(state["history"])
    return Contents((path / TENSORS_FILE).read_bytes(), state)


def untimed(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if "time/" not in name} for row in history]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# Going on


@pytest.mark.parametrize("adapters", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(adapters, tmp_path: Path):
    whole = run(tmp_path / "whole", adapters=adapters, every=4)
    run(tmp_path / "parted", adapters=adapters, updates=2)
    resumed = run(tmp_path / "parted", adapters=adapters)
    assert contents(tmp_path / "whole") == contents(tmp_path / "parted")
    assert untimed(whole.metrics) == untimed(resumed.metrics)
    # Nothing of what is restored stood still, so that restoring none of it would show.
    assert len({metrics["objective/kl_coef"] for metrics in whole.metrics}) == 4
    assert contents(tmp_path / "whole").state["queue"]


def test_a_falling_learning_rate_goes_on_from_where_it_was(tmp_path: Path):
    config = dataclasses.replace(CONFIG, lr_scheduler_type="linear")

    def stop(update: int, _: object) -> None:
        if update == 2:
            raise KeyboardInterrupt

    whole = run(tmp_path / "whole", config=config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parted", config=config, on_update=stop)
    run(tmp_path / "parted", config=config)
    assert contents(tmp_path / "whole") == contents(tmp_path / "parted")
    rates = [metrics["optimizer/learning_rate"] for metrics in whole.metrics]
    assert rates == pytest.approx([1e-2, 0.75e-2, 0.5e-2, 0.25e-2])


def test_a_falling_learning_rate_hangs_on_the_number_of_updates(tmp_path: Path):
    config = dataclasses.replace(CONFIG, lr_scheduler_type="linear")
    run(tmp_path, config=config, updates=1)
    with pytest.raises(ConfigError, match=r"updates \(1, now 4\)"):
        run(tmp_path, config=config)


def test_checkpoints_change_nothing_of_what_is_learned(tmp_path: Path):
    with_them = run(tmp_path)
    without = ppo.train(
        CONFIG, model=model_of(), tokenizer=word_tokenizer(*WORDS), records=QUESTIONS,
        judge=FunctionJudge(verdict),
    )  # fmt: skip
    assert untimed(with_them.metrics) == untimed(without.metrics)


KILLED = """
import os, signal
from pathlib import Path
from rl import checkpoint
from rl.tracking import FileTracker
from test_checkpoint import run

sums = checkpoint._sums

def killed(directory):
    if directory.name.startswith("update-000003"):
        os.kill(os.getpid(), signal.SIGKILL)
    return sums(directory)

checkpoint._sums = killed
with FileTracker({directory!r}) as tracker:
    run(Path({directory!r}) / "checkpoints", tracker=tracker)
"""


def test_a_process_killed_in_the_middle_of_a_checkpoint_goes_on_from_the_one_before(tmp_path: Path):
    script = KILLED.format(directory=str(tmp_path))
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {folders!r}{script}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr
    checkpoints = tmp_path / "checkpoints"
    assert names(checkpoints) == ["update-000001", "update-000002", "update-000003.part"]
    assert [line["update"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1, 2]
    with FileTracker(tmp_path, start=2) as tracker:
        run(checkpoints, tracker=tracker)
    run(tmp_path / "whole", every=4)
    assert contents(checkpoints) == contents(tmp_path / "whole")
    assert names(checkpoints) == ["update-000003", "update-000004"]
    assert [line["update"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1, 2, 3]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_finished_run_learns_nothing_more_and_knows_its_metrics(tmp_path: Path):
    first = run(tmp_path, updates=2)
    before = contents(tmp_path, 2)
    asked = FunctionJudge(verdict)
    again = run(tmp_path, updates=2, oracle=asked)
    assert again.metrics == first.metrics
    assert contents(tmp_path, 2) == before
    assert asked.seen == []


def test_fewer_updates_than_were_done_are_refused(tmp_path: Path):
    run(tmp_path, updates=3)
    with pytest.raises(ConfigError, match="at least 3, which are done, got 2"):
        run(tmp_path, updates=2)


def test_a_run_that_is_ended_early_has_a_checkpoint_of_where_it_ended(tmp_path: Path):
    run(tmp_path / "parted", every=10, on_update=lambda update, _: update == 1)
    assert names(tmp_path / "parted") == ["update-000002"]
    run(tmp_path / "whole", every=4)
    run(tmp_path / "parted")
    assert contents(tmp_path / "whole") == contents(tmp_path / "parted")


# What a checkpoint is


def test_the_last_few_are_kept(tmp_path: Path):
    run(tmp_path, updates=5, every=2, keep=2)
    assert names(tmp_path) == ["update-000004", "update-000005"]


def test_of_a_policy_with_adapters_they_alone_and_the_value_head_are_kept(tmp_path: Path):
    run(tmp_path, updates=1, adapters=True)
    kept = {name for name in load_file(tmp_path / "update-000001" / TENSORS_FILE) if "policy" in name}
    assert all("lora_" in name or "value_head" in name for name in kept)
    assert {"policy.value_head.weight", "policy.value_head.bias"} < kept


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_its_sums_are_those_of_sha256sum(tmp_path: Path):
    run(tmp_path, updates=1)
    checked = subprocess.run(
        ["sha256sum", "--check", SUMS_FILE],
        cwd=tmp_path / "update-000001", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert checked.stdout == f"{STATE_FILE}: OK\n{TENSORS_FILE}: OK\n"


# What is passed over


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("file", [TENSORS_FILE, STATE_FILE, SUMS_FILE])
@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, Path.unlink])
def test_a_damaged_checkpoint_is_told_from_a_whole_one(damage, file, tmp_path: Path, once: Path):
    directory = Path(shutil.copytree(once, tmp_path / "update-000001"))
    assert checkpoint.is_whole(directory)
    damage(directory / file)
    assert not checkpoint.is_whole(directory)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of one update."""
    directory = tmp_path_factory.mktemp("once")
    run(directory, updates=1)
    return directory / "update-000001"


def test_in_place_of_a_damaged_checkpoint_the_one_before_is_taken_with_a_warning(tmp_path: Path, caplog):
    run(tmp_path / "parted", updates=3)
    flip_a_bit(tmp_path / "parted" / "update-000003" / TENSORS_FILE)
    with caplog.at_level(logging.INFO, "rl"):
        run(tmp_path / "parted", keep=1)
    assert [record.message.partition(" is damaged")[0] for record in caplog.records] == [
        str(tmp_path / "parted" / "update-000003"), f"going on from {tmp_path / 'parted' / 'update-000002'}",
    ]  # fmt: skip
    run(tmp_path / "whole", every=4)
    assert contents(tmp_path / "parted") == contents(tmp_path / "whole")
    assert names(tmp_path / "parted") == ["update-000004"]


def test_damaged_checkpoints_are_never_kept_in_place_of_a_whole_one(tmp_path: Path):
    run(tmp_path, updates=4, keep=4)
    for update in (3, 4):
        flip_a_bit(tmp_path / f"update-{update:06d}" / STATE_FILE)
    run(tmp_path, updates=3, keep=1)
    assert names(tmp_path) == ["update-000003"]
    assert checkpoint.is_whole(tmp_path / "update-000003")


def test_checkpoints_of_which_none_is_whole_are_refused_and_left_alone(tmp_path: Path):
    run(tmp_path, updates=2)
    for path in tmp_path.iterdir():
        cut_short(path / STATE_FILE)
    with pytest.raises(DataError, match="all 2 are damaged"):
        run(tmp_path)
    assert names(tmp_path) == ["update-000001", "update-000002"]


# What is refused


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"config": dataclasses.replace(CONFIG, learning_rate=0.5)}, r"learning_rate \(0.01, now 0.5\);"),
        ({"config": dataclasses.replace(CONFIG, kl_target=None)}, r"kl_target \(0.1, now None\);"),
        ({"reward": RewardConfig(break_even=0.2)}, r"break_even \(0.5, now 0.2\);"),
        ({"records": QUESTIONS[:4]}, r"differs in records \(sha256:\w+, now sha256:\w+\);"),
        ({"seed": 1}, r"differs in model \(sha256:\w+, now sha256:\w+\);"),
        ({"adapters": True}, "differs in model"),
    ],
    ids=["learning rate", "KL target", "reward", "questions", "weights", "adapters"],
)
def test_a_run_that_would_learn_otherwise_is_refused_and_what_differs_is_named(
    changed, message, tmp_path: Path, once: Path
):
    shutil.copytree(once, tmp_path / once.name)
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, **changed)
    assert names(tmp_path) == [once.name]


def test_how_a_minibatch_is_cut_may_change(tmp_path: Path, once: Path):
    shutil.copytree(once, tmp_path / once.name)
    config = dataclasses.replace(CONFIG, micro_batch_size=2)
    assert len(run(tmp_path, updates=2, config=config).metrics) == 2


def test_too_little_room_is_told_before_the_first_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    judge = FunctionJudge(verdict)
    with pytest.raises(DataError, match=r"expected room for .* GB of checkpoints .* keep_checkpoints=2"):
        run(tmp_path, oracle=judge)
    assert judge.seen == []


def test_a_directory_that_cannot_be_made_is_told_before_the_first_update(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        run(tmp_path / "file")


def test_a_checkpoint_that_cannot_be_written_leaves_those_before_it(tmp_path: Path):
    run(tmp_path, updates=2)
    before = contents(tmp_path, 2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*update-000003.*make room, and run again"):
            run(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["update-000001", "update-000002"]
    assert contents(tmp_path, 2) == before
    run(tmp_path)
    run(tmp_path / "whole", every=4)
    assert contents(tmp_path) == contents(tmp_path / "whole")
