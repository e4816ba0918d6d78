"""From settings to a run: model, questions and judge are loaded, an algorithm trains, the results are saved.

What could stop the run is found before the first update. A PPO run that was killed goes on in its directory.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.audit.findings import refuse_hackable
from judge.backbone import find_backbone
from judge.cli import fingerprint
from judge.errors import ConfigError
from judge.hub import dataset_file
from judge.lora import Host
from judge.outputs import write_text
from judge.pairwise import STRING_MEASURES, PairJudge
from judge.records import Record, Score
from judge.scorer import Judge, base_of, find_judge
from rl import ppo
from rl.alarm import HackingAlarm
from rl.boards import import_board, open_board
from rl.checkpoint import Checkpoints, settings_of
from rl.config import Algorithm, PPOConfig, ReportTo, RewardConfig, TrainRLConfig, VLLMConfig
from rl.engine import Engine
from rl.extremes import Extremes
from rl.pretrained import load_model, save_model
from rl.probe import Probe
from rl.processes import Processes, join
from rl.progress import progress, rates
from rl.questions import load_probe, load_questions
from rl.reward import Scorer
from rl.run_directory import (
    CHECKPOINTS,
    CONFIG_FILE,
    MODEL_DIR,
    RESULT_FILE,
    check_output_dir,
    check_room,
    digests,
    is_finished,
    settings_text,
    write_environment,
    write_page,
)
from rl.state import is_sharded
from rl.tracking import FileTracker, Metrics, Tracker, Trackers, write_parquet

logger = logging.getLogger(__name__)

GROUPS = ("judge", "eval")
"""Metrics of the answers that were trained on, and of the held-out ones."""


def launch(
    config: TrainRLConfig, ppo_config: PPOConfig, reward: RewardConfig, vllm: VLLMConfig | None = None
) -> str:
    """Train a model and write it, with all that led to it, to `config.output_dir`; each process calls it.

    Returns:
        What came of it and where it is, in a few lines.

    Raises:
        CandorError: before the first update, if the run could not go through.
    """
    vllm = vllm or VLLMConfig()
    output_dir = Path(config.output_dir)
    device = join(config.device)
    processes = Processes.joined()
    is_sharded()  # what the launcher says of it is refused now, if it is not done here
    if processes.leads:
        check_output_dir(output_dir, Path(config.data), resumes=True)
    else:
        for package in ("judge", "rl"):
            logging.getLogger(package).setLevel(logging.ERROR)  # the first process says it
    settings = settings_text(config, ppo_config, reward, vllm)
    config = fetched(config)
    judge_dir = find_judge(config.judge)
    inputs = inputs_of(config, judge_dir)
    # On disks of their own, processes might disagree, and some wait for those that have left.
    if all(processes.gathered([is_finished(output_dir, settings, inputs)])):
        logger.info("%s holds this run, and it is finished: nothing is done", output_dir)
        return (output_dir / RESULT_FILE).read_text(encoding="utf-8")
    if config.report_to != ReportTo.NONE:
        import_board(config.report_to)
    parts = load(config, ppo_config, reward, vllm, judge_dir=judge_dir, inputs=inputs, device=device)
    processes.wait()  # until all have seen the directory as it was
    start = len(parts.checkpoints.history)
    with trackers(config, yaml.safe_load(settings), start=start) as tracker:
        if processes.leads:
            (output_dir / RESULT_FILE).unlink(missing_ok=True)
            write_text(output_dir / CONFIG_FILE, settings)
            write_environment(output_dir, inputs)
        history, stopped = run(parts, config, ppo_config, reward, tracker)
    description = describe(history, output_dir, stopped=stopped)
    if processes.leads:
        write_parquet(output_dir)
        write_page(output_dir, description)
        write_text(output_dir / RESULT_FILE, description)
    return description


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a run loads.

    Attributes:
        train: what trains, as `trainer_of` gives it.
        alarm: None without held-out questions.
    """

    train: Callable[..., tuple[Engine | None, list[Metrics]]]
    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    records: Sequence[Record]
    probe: Probe | None
    judge: Judge
    alarm: HackingAlarm | None
    checkpoints: Checkpoints


def load(
    config: TrainRLConfig,
    ppo_config: PPOConfig,
    reward: RewardConfig,
    vllm: VLLMConfig,
    *,
    judge_dir: Path,
    inputs: Mapping[str, str],
    device: str,
) -> Parts:
    """Load what a run needs, and refuse what could stop it.

    Args:
        inputs: as `inputs_of` gives them.

    Raises:
        CandorError: the run could not go through.
    """
    train = trainer_of(config, ppo_config, vllm, device)
    records, held_out = load_questions(config, ppo_config.seed)
    probe = load_probe(config.probe, records)
    model, tokenizer = load_model(
        config.model, dtype=config.dtype, lora_rank=config.lora_rank, device=device, seed=ppo_config.seed
    )
    if Processes.joined().leads:
        check_room(Path(config.output_dir), model)
    ppo.check(ppo_config, model, tokenizer, [*records, *held_out])
    learning = settings_of(ppo_config, reward, records, model) | {"use_vllm": vllm.use_vllm}
    checkpoints = open_checkpoints(config, learning, inputs)
    checkpoints.check(ppo_config.updates, [weight for weight in model.parameters() if weight.requires_grad])
    judge = open_judge(config, judge_dir, model, bf16=ppo_config.bf16)
    if not config.skip_audit:
        refuse_hackable(judge)
    alarm = alarm_of(config, ppo_config, held_out, model, tokenizer, judge, checkpoints.history)
    return Parts(train, model, tokenizer, records, probe, judge, alarm, checkpoints)


def run(
    parts: Parts, config: TrainRLConfig, ppo_config: PPOConfig, reward: RewardConfig, tracker: Tracker
) -> tuple[list[Metrics], str | None]:
    """Train, write the model, and answer the held-out questions a last time.

    Returns:
        Metrics of the updates, and of that last time; why the run was ended early, if it was.
    """
    model, alarm, history = parts.model, parts.alarm, parts.checkpoints.history
    with progress(ppo_config.updates, history, stop_on_collapse=config.stop_on_collapse) as on_update:
        if on_update.stopped is not None:  # before, and killed then
            ppo_config = replace(ppo_config, updates=len(history))
        engine, metrics = parts.train(
            ppo_config, model=model, tokenizer=parts.tokenizer, records=parts.records,
            judge=Forgetful(parts.judge), reward=reward, probe=parts.probe, tracker=tracker,
            before_update=alarm, on_update=on_update, checkpoints=parts.checkpoints,
        )  # fmt: skip
    weights = None if engine is None else engine.state_dict(model)
    if Processes.joined().leads:
        save_model(model, parts.tokenizer, Path(config.output_dir) / MODEL_DIR, weights)
    with nullcontext() if engine is None else engine.whole():
        last = {} if alarm is None else alarm.measure(len(metrics))
    if last:
        tracker.log(len(metrics), last, [])
    return [*metrics, last], on_update.stopped


def open_judge(
    config: TrainRLConfig, judge_dir: Path, model: PreTrainedModel | PeftModel, *, bf16: bool
) -> Judge:
    """The judge; by PPO, one that is adapters of the model's own base is put on that, beside the policy's.

    Args:
        bf16: whether its matrix products are in bfloat16 there.
    """
    base = base_of(judge_dir)
    host = None
    # Processes judge in batches of their own, and through sharded weights all must pass at the same time.
    may_share = config.algorithm == Algorithm.PPO and not is_sharded()
    if base is not None and isinstance(model, PeftModel) and may_share:
        backbone = find_backbone(config.model)
        if backbone.sha256 == base:
            host = Host(model, backbone, bf16)
            logger.info("the judge is adapters of %s: policy and judge share one base", config.model)
    return Judge.from_pretrained(judge_dir, device=str(model.device), max_fpr=config.max_fpr, host=host)


def trainer_of(
    config: TrainRLConfig, ppo_config: PPOConfig, vllm: VLLMConfig, device: str
) -> Callable[..., tuple[Engine | None, list[Metrics]]]:
    """What trains by the algorithm of that name: called as `rl.ppo.train`.

    It returns PPO's engine, and the metrics of all updates.

    Raises:
        ConfigError: a setting is not for this algorithm, or there is no server to sample on.
    """
    if config.algorithm == Algorithm.PPO:
        ppo.check_sampling(ppo_config, elsewhere=vllm.use_vllm)
        client = None
        if vllm.use_vllm:
            from rl import vllm_rollout

            client = vllm_rollout.connect(vllm)

        def train_ppo(ppo_config: PPOConfig, **inputs: Any) -> tuple[Engine | None, list[Metrics]]:
            sampler = None
            if client is not None:
                sampler = vllm_rollout.VLLMSampler(client, ppo_config, inputs["model"], inputs["tokenizer"])
            result = ppo.train(ppo_config, sampler=sampler, **inputs)
            return result.engine, result.metrics

        return train_ppo

    from rl import trl_training

    if is_sharded():
        raise ConfigError(
            f"expected algorithm ppo under FSDP or DeepSpeed, got {config.algorithm}; launch with --multi_gpu"
        )
    generations = config.num_generations or trl_training.DEFAULT_GENERATIONS
    directory = Path(config.output_dir) / CHECKPOINTS
    trl_training.arguments_of(
        config.algorithm, ppo_config, generations, directory, torch.device(device), vllm
    )
    if vllm.use_vllm:
        from rl import vllm_rollout

        vllm_rollout.connect(vllm)  # TRL's trainers do so too, when all is loaded
    train = partial(
        trl_training.train, config.algorithm, num_generations=generations, output_dir=directory, vllm=vllm
    )
    return lambda ppo_config, **inputs: (None, train(ppo_config, **inputs))


@dataclass(frozen=True, slots=True)
class Forgetful:
    """A judge that scores every rollout by itself.

    A logit hangs, in its last bits, on what else was read in its batch; what a judge remembers from before a
    kill, a run that goes on would read anew, and otherwise.
    """

    judge: Judge

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """As the judge does, out of nothing that it scored before."""
        self.judge.clear_cache()
        return self.judge.score(records)


def alarm_of(
    config: TrainRLConfig,
    ppo_config: PPOConfig,
    held_out: Sequence[Record],
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    judge: Judge,
    history: Sequence[Metrics],
) -> HackingAlarm | None:
    """The watch over the held-out questions; None if there are none."""
    if not held_out:
        return None
    second: Scorer = PairJudge(STRING_MEASURES["contains"])
    if config.second_judge is not None:
        directory = find_judge(config.second_judge)
        if fingerprint(directory) == fingerprint(find_judge(config.judge)):
            raise ConfigError(
                f"second_judge {config.second_judge} is the judge that pays, which cannot watch itself; "
                "pass another, or leave it out"
            )
        second = Forgetful(Judge.from_pretrained(directory, device=model.device))
    return HackingAlarm(
        held_out, model=model, tokenizer=tokenizer, judge=Forgetful(judge), second=second, config=ppo_config,
        every=config.eval_every, gap=config.alarm_gap, history=history,
    )  # fmt: skip


def fetched(config: TrainRLConfig) -> TrainRLConfig:
    """The same settings, with files on this disk for what is trained on and held out."""
    held_out = None if config.eval_data is None else str(dataset_file(config.eval_data))
    return replace(config, data=str(dataset_file(config.data)), eval_data=held_out)


def inputs_of(config: TrainRLConfig, judge_dir: Path) -> dict[str, str]:
    """What the run reads besides the model, by SHA-256."""
    files = {"data": config.data, "eval_data": config.eval_data, "probe": config.probe}
    second = None if config.second_judge is None else find_judge(config.second_judge)
    return digests(files, {"judge": judge_dir, "second_judge": second})


def open_checkpoints(
    config: TrainRLConfig, learning: dict[str, object], inputs: Mapping[str, str]
) -> Checkpoints:
    """Those of `output_dir`, refused if they are of another run.

    Args:
        learning: what decides what is learned, but for what is named here.
        inputs: what the run reads, of which the data stand in `learning` as questions.
    """
    shared = {
        "algorithm": str(config.algorithm),
        "num_generations": config.num_generations,
        "dtype": config.dtype,
        "lora_rank": config.lora_rank,
        "max_fpr": config.max_fpr,
    }
    # Held-out questions and who scores them teach nothing, but are held against the run's beginning.
    read = {name: digest for name, digest in inputs.items() if name != "data_sha256"}
    return Checkpoints(
        Path(config.output_dir) / CHECKPOINTS,
        learning | shared | read,
        every=config.save_every,
        keep=config.keep_checkpoints,
    )


@contextmanager
def trackers(config: TrainRLConfig, settings: Mapping[str, object], *, start: int) -> Iterator[Tracker]:
    """What its first process tracks a run by; files first, so that they hold what any other fails over.

    Args:
        config: the run.
        settings: of everything, for those that show them.
        start: the update to go on with.
    """
    output_dir = Path(config.output_dir)
    if not Processes.joined().leads:
        yield Trackers()
        return
    with ExitStack() as stack:
        told: list[Tracker] = [stack.enter_context(FileTracker(output_dir, start=start))]
        if config.report_to != ReportTo.NONE:
            board = open_board(config.report_to, output_dir, start=start, settings=settings)
            told.append(stack.enter_context(closing(board)))
        if config.show_every:
            told.append(Extremes(config.show_every))
        yield Trackers(*told)


def describe(history: Sequence[Metrics], output_dir: Path, *, stopped: str | None = None) -> str:
    """How the run began and ended, and where its results are.

    Args:
        history: metrics of the updates, and of the held-out questions before and after them.
        output_dir: of the run.
        stopped: why it was ended before its last update.
    """
    updates, held_out = ([row for row in history if f"{group}/abstain_rate" in row] for group in GROUPS)
    lines = [] if stopped is None else [stopped]
    lines.append(f"first update: {rates(updates[0])}; last: {rates(updates[-1])}")
    if held_out:
        before, after = (
            f"{rates(row, 'eval')}, right by the second scorer {row['eval/second_correct_rate']:.0%}"
            for row in (held_out[0], held_out[-1])
        )
        lines.append(f"held out, before: {before}; after: {after}")
    where = f"model: {output_dir / MODEL_DIR}; metrics, completions and settings: {output_dir}"
    return "\n".join([*lines, where])
