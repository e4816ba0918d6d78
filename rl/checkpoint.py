"""The state of a training run on disk: written aside and renamed, checked when read, the last few kept.

Of PPO, tensors are safetensors, the rest is JSON; nothing is pickled. Of the policy, what is trained is kept:
with adapters, the adapters and the value head. The reference is not: it is the model that the run began with,
which a run that goes on begins with too, as the settings make sure. What TRL's trainers keep is written by
them, and becomes a checkpoint in `rl.trl_training`.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from judge.batch import file_digest
from judge.errors import ConfigError, DataError
from judge.outputs import check_writable
from judge.records import Record
from rl.config import PPOConfig, RewardConfig, Schedule
from rl.engine import trained_parameters
from rl.processes import Processes
from rl.state import TrainState
from rl.tracking import Metrics

logger = logging.getLogger(__name__)

TENSORS_FILE = "tensors.safetensors"
STATE_FILE = "state.json"
SUMS_FILE = "SHA256SUMS"
"""In the format of `sha256sum --check`."""

MAY_DIFFER = frozenset({"updates", "micro_batch_size", "gradient_checkpointing", "torch_compile"})
"""Settings of PPO that a run which goes on need not share: its length, what it takes in memory and time."""
COPIES_OF_TRAINED = 3
"""Adam keeps two moments of each weight that is trained."""
SHOWN_CHARACTERS = 24
"""Of a setting in a message: enough of a digest to tell two apart."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was found whole."""

    directory: Path
    content: dict[str, Any]  # of its JSON

    @property
    def update(self) -> int:
        """Updates done, which is the number of the next one."""
        update: int = self.content["update"]
        return update

    @property
    def history(self) -> list[Metrics]:
        """The metrics of those updates."""
        history: list[Metrics] = self.content["history"]
        return history


class Checkpoints:
    """The checkpoints of one run, which goes on from the last of them if there is any.

    Args:
        directory: made if it is not there.
        settings: what the run must share with the one that it goes on from, as `settings_of` says it.
        every: updates between checkpoints; the end of the run has one besides.
        keep: how many are kept; at least 1.

    Raises:
        ConfigError: the last checkpoint is of a run with other settings, or is another one for each process.
        DataError: the directory cannot be written, or has checkpoints of which none is whole.

    Example:
        >>> checkpoints = Checkpoints("runs/a/checkpoints", settings_of(config, reward, records, model))
        >>> train(config, model=model, tokenizer=tokenizer, records=records, judge=judge, reward=reward,
        ...       checkpoints=checkpoints)
    """

    def __init__(
        self, directory: str | Path, settings: Mapping[str, object], *, every: int = 10, keep: int = 2
    ) -> None:
        self.directory = Path(directory)
        self.every = every
        self.keep = keep
        processes = Processes.joined()
        shared = {**settings, "processes": processes.count}  # each has a generator of its own
        self.settings: dict[str, object] = json.loads(json.dumps(shared))  # as they are read back
        if processes.leads:
            check_writable(self.directory / STATE_FILE)
        self.last = last_whole(self.directory)
        found = processes.gathered([0 if self.last is None else self.last.update])
        if len(set(found)) > 1:
            raise ConfigError(
                f"expected the same checkpoint in {self.directory} for all processes, they find those after "
                f"{', '.join(map(str, found))} updates; give all machines one output_dir, on a shared disk"
            )
        if self.last is not None:
            refuse_others(self.last, self.settings)

    @property
    def history(self) -> list[Metrics]:
        """The metrics of the updates that are done."""
        return [] if self.last is None else self.last.history

    def begin(self, state: TrainState, updates: int) -> None:
        """Put a new state where the last checkpoint left it.

        Args:
            state: of a run that has not begun.
            updates: how many the run is to have.

        Raises:
            ConfigError, DataError: as `check`.
        """
        self.check(updates, trained_parameters(state.policy).values())
        if self.last is not None:
            logger.info("going on from %s", self.last.directory)
            load(self.last, state)

    def check(self, updates: int, trained: Iterable[Tensor]) -> None:
        """See that the run is not longer than it is to be, and that there is room for its checkpoints.

        Args:
            updates: how many the run is to have.
            trained: the weights that change.

        Raises:
            ConfigError: it already had more.
            DataError: there is too little room.
        """
        done = 0 if self.last is None else self.last.update
        if done > updates:
            raise ConfigError(f"expected updates of at least {done}, which are done, got {updates}")
        if done < updates and Processes.joined().leads:
            self._check_room(sum(tensor.nbytes for tensor in trained))

    def _check_room(self, trained_bytes: int) -> None:
        wanted = COPIES_OF_TRAINED * trained_bytes * (self.keep + 1)
        there = sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())
        free = shutil.disk_usage(self.directory).free
        if free + there < wanted:
            raise DataError(
                f"expected room for {wanted / 1e9:.2f} GB of checkpoints in {self.directory}, which has "
                f"{(free + there) / 1e9:.2f} GB; lower keep_checkpoints={self.keep}, or choose another place"
            )

    def save(self, state: TrainState) -> None:
        """Write one more checkpoint, then remove those that are too many.

        Every process has to call it; the first one writes.

        Raises:
            DataError: it cannot be written; those before it stay.
        """
        tensors = tensors_of(state)
        if not state.processes.leads:
            return
        aside = self.directory / f"{_name(state.update)}.part"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            save_file({name: x.contiguous() for name, x in tensors.items()}, aside / TENSORS_FILE)
            self.finish(aside, state.update, state.history, kl_coef=state.kl_coef, queue=state.queue)
        except (OSError, SafetensorError) as error:
            raise self.unwritten(state.update, error) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def finish(self, aside: Path, update: int, history: Sequence[Metrics], **more: object) -> None:
        """Make what was written aside the newest checkpoint, then remove those that are too many.

        Args:
            aside: a directory on the same disk, with all that a run goes on from but what follows.
            update: updates done.
            history: the metrics of those updates.
            more: what else there is to keep as JSON.

        Raises:
            OSError: it cannot be written; those before it stay.
        """
        content = {"update": update, "settings": self.settings, "history": history} | more
        (aside / STATE_FILE).write_text(json.dumps(content), encoding="utf-8")
        (aside / SUMS_FILE).write_bytes(_sums(aside))
        for path in (*aside.rglob("*"), aside):
            _sync(path)
        target = self.directory / _name(update)
        # One that is there already was passed over as damaged.
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
        _sync(self.directory)
        self._remove_but(target)

    def unwritten(self, update: int, error: Exception) -> DataError:
        """What to raise for an error in writing the checkpoint of an update."""
        return DataError(
            f"cannot write {self.directory / _name(update)}: {error}; make room, and run again to go on from "
            "the one before"
        )

    def _remove_but(self, newest: Path) -> None:
        """Keep the last few up to `newest`; what is numbered beyond it is damaged."""
        kept = [path for path in found_in(self.directory) if path <= newest][-self.keep :]
        for path in set(self.directory.glob("update-*")) - set(kept):
            shutil.rmtree(path, ignore_errors=True)


def settings_of(
    config: PPOConfig, reward: RewardConfig, records: Sequence[Record], model: PreTrainedModel | PeftModel
) -> dict[str, object]:
    """What decides what a run learns: its settings, its questions, and the model before the first update."""
    chosen = {name: value for name, value in asdict(config).items() if name not in MAY_DIFFER}
    if config.lr_scheduler_type != Schedule.CONSTANT:
        chosen["updates"] = config.updates  # which the rate of every update hangs on
    asked = (repr((record.asked, record.references)).encode() for record in records)
    weights = (
        part for name, tensor in model.state_dict().items() for part in (name.encode(), _bytes(tensor))
    )
    return (
        chosen
        | asdict(reward)
        | {"records": digest(asked), "model": digest(weights), "device": model.device.type}
    )


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """SHA-256 over all parts, in order."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return f"sha256:{sha.hexdigest()}"


def refuse_others(checkpoint: Checkpoint, settings: Mapping[str, object]) -> None:
    """Refuse to go on from the checkpoint of a run that learnt something else, or otherwise.

    Raises:
        ConfigError: naming what differs.
    """
    earlier = checkpoint.content["settings"]
    names = [name for name in {**earlier, **settings} if earlier.get(name) != settings.get(name)]
    if names:
        changed = ", ".join(
            f"{name} ({str(earlier.get(name))[:SHOWN_CHARACTERS]}, "
            f"now {str(settings.get(name))[:SHOWN_CHARACTERS]})"
            for name in names
        )
        raise ConfigError(
            f"{checkpoint.directory.parent} holds a run that differs in {changed}; pass another "
            "--output_dir, or the settings of that run"
        )


def found_in(directory: Path) -> list[Path]:
    """Checkpoints, whole or not, oldest first."""
    return sorted(directory.glob("update-*[0-9]"))


def last_whole(directory: Path) -> Checkpoint | None:
    """The last checkpoint that is as it was written; None if there are none at all.

    Raises:
        DataError: there are some, but none is whole.
    """
    found = found_in(directory)
    for path in reversed(found):
        if is_whole(path):
            return Checkpoint(path, json.loads((path / STATE_FILE).read_text(encoding="utf-8")))
        logger.warning("%s is damaged; going on from the checkpoint before", path)
    if found:
        raise DataError(
            f"expected a whole checkpoint in {directory}, all {len(found)} are damaged; pass another "
            f"--output_dir, or remove {directory.parent} to start anew"
        )
    return None


def is_whole(directory: Path) -> bool:
    """Whether every file has the SHA-256 that it was written with."""
    try:
        return (directory / SUMS_FILE).read_bytes() == _sums(directory)
    except OSError:
        return False


def tensors_of(state: TrainState) -> dict[str, Tensor]:
    """Weights, moments and generators, for the first process; each process has to call it."""
    sampling = torch.stack(state.processes.gathered([state.sampling.get_state()]))  # [processes, bytes]
    generators = {"generator.sampling": sampling, "generator.shuffling": state.shuffling.get_state()}
    return state.engine.tensors() | generators


def load(checkpoint: Checkpoint, state: TrainState) -> None:
    """Make a state equal to the one that was written; the weights are changed in place."""
    tensors = load_file(checkpoint.directory / TENSORS_FILE)
    state.engine.load(tensors)
    state.sampling.set_state(tensors["generator.sampling"][state.processes.rank].clone())
    state.shuffling.set_state(tensors["generator.shuffling"])
    state.kl_coef = checkpoint.content["kl_coef"]
    state.queue = list(checkpoint.content["queue"])
    state.update = checkpoint.update
    state.history = list(checkpoint.history)


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _name(update: int) -> str:
    return f"update-{update:06d}"


def _sums(directory: Path) -> bytes:
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != SUMS_FILE)
    return "".join(f"{file_digest(path)}  {path.relative_to(directory)}\n" for path in paths).encode()


def _sync(path: Path) -> None:
    """Have the disk hold what was written, so that a power cut leaves no half of it under its final name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
