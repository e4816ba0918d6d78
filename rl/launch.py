"""From settings to a run: model, questions and judge are loaded, an algorithm trains, the results are saved.

What could stop the run is found before the first update. A PPO run that was killed goes on in its directory.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import yaml
from peft import PeftModel
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import PreTrainedModel

from judge.audit.findings import refuse_hackable
from judge.batch import file_digest
from judge.cli import fingerprint
from judge.data import read_records
from judge.environment import machine, versions
from judge.errors import ConfigError
from judge.outputs import check_writable, write_text
from judge.records import Record, Score, Verdict
from judge.scorer import Judge, find_judge
from rl import ppo
from rl.checkpoint import Checkpoints, settings_of
from rl.collapse import CollapseWatch
from rl.config import Algorithm, PPOConfig, RewardConfig, SamplingConfig, TrainRLConfig, WarmStartConfig
from rl.pretrained import find_device, load_model, save_model
from rl.tracking import FileTracker, Metrics

logger = logging.getLogger(__name__)

MODEL_DIR = "model"
CHECKPOINTS = "checkpoints"
REJECTED_FILE = "rejected.jsonl"
CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
RESULT_FILE = "result.txt"
"""What came of a run: there once it is finished."""


def launch(config: TrainRLConfig, ppo_config: PPOConfig, reward: RewardConfig) -> str:
    """Train a model and write it, with all that led to it, to `config.output_dir`.

    Returns:
        What came of it and where it is, in two lines.

    Raises:
        CandorError: before the first update, if the run could not go through.
    """
    output_dir = Path(config.output_dir)
    check_output_dir(output_dir, Path(config.data), resumes=config.algorithm == Algorithm.PPO)
    settings = settings_text(config, ppo_config, reward)
    if is_finished(output_dir, settings):
        logger.info("%s holds this run, and it is finished: nothing is done", output_dir)
        return (output_dir / RESULT_FILE).read_text(encoding="utf-8")
    device = find_device(config.device)
    judge_dir = find_judge(config.judge)
    records = load_records(config)
    model, tokenizer = load_model(
        config.model, dtype=config.dtype, lora_rank=config.lora_rank, device=device, seed=ppo_config.seed
    )
    ppo.check(ppo_config, model, tokenizer, records)
    train, history = trainer_of(config, ppo_config, reward, model, records, judge_dir)
    judge = Judge.from_pretrained(judge_dir, device=device, max_fpr=config.max_fpr)
    if not config.skip_audit:
        refuse_hackable(judge)
    with FileTracker(output_dir, tensorboard=config.tensorboard, start=len(history)) as tracker:
        (output_dir / RESULT_FILE).unlink(missing_ok=True)
        write_text(output_dir / CONFIG_FILE, settings)
        write_environment(output_dir, judge_dir, Path(config.data))
        with progress(ppo_config.updates, history) as on_update:
            metrics = train(
                model=model, tokenizer=tokenizer, records=records, judge=Forgetful(judge), reward=reward,
                tracker=tracker, on_update=on_update,
            )  # fmt: skip
    save_model(model, tokenizer, output_dir / MODEL_DIR)
    description = describe(metrics, output_dir)
    write_text(output_dir / RESULT_FILE, description)
    return description


def trainer_of(
    config: TrainRLConfig,
    ppo_config: PPOConfig,
    reward: RewardConfig,
    model: PreTrainedModel | PeftModel,
    records: Sequence[Record],
    judge_dir: Path,
) -> tuple[Callable[..., list[Metrics]], list[Metrics]]:
    """The algorithm with its settings, and the metrics of the updates that it has behind it.

    Raises:
        ConfigError: a setting is not for this algorithm, or the checkpoints are of another run.
    """
    if config.algorithm == Algorithm.PPO:
        checkpoints = open_checkpoints(config, settings_of(ppo_config, reward, records, model), judge_dir)
        history = [] if checkpoints.last is None else checkpoints.last.history
        return lambda **inputs: ppo.train(ppo_config, checkpoints=checkpoints, **inputs).metrics, history

    from rl import trl_training

    trl_training.refuse_others(config, ("save_every", "keep_checkpoints"), config.algorithm)
    generations = config.num_generations or trl_training.DEFAULT_GENERATIONS
    settings = (config.algorithm, ppo_config, generations, Path(config.output_dir))
    trl_training.arguments_of(*settings, model.device)
    return partial(trl_training.train, *settings), []


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


def check_output_dir(output_dir: Path, data: Path, *, resumes: bool) -> None:
    """Refuse a directory that holds anything but bad rows of a refused run, or a run to go on with.

    Args:
        resumes: whether the algorithm can go on from checkpoints.

    Raises:
        ConfigError: it holds something else.
        DataError: it cannot be written.
    """
    if output_dir.resolve() in data.resolve().parents:
        raise ConfigError(f"the data {data} lies in the output directory {output_dir}; choose another")
    if output_dir.is_dir() and not (resumes and (output_dir / CHECKPOINTS).is_dir()):
        found = sorted(path.name for path in output_dir.iterdir() if path.name != REJECTED_FILE)
        if found:
            or_one = f", or one with {CHECKPOINTS} to go on from" if resumes else ""
            raise ConfigError(
                f"expected a new or empty output directory{or_one}, {output_dir} has "
                f"{', '.join(found[:5])}; pass another --output_dir"
            )
    check_writable(output_dir / CONFIG_FILE)


def is_finished(output_dir: Path, settings: str) -> bool:
    """Whether a run with exactly these settings came to its end here."""
    result, config = output_dir / RESULT_FILE, output_dir / CONFIG_FILE
    return result.is_file() and config.is_file() and config.read_text(encoding="utf-8") == settings


def open_checkpoints(config: TrainRLConfig, learning: dict[str, object], judge_dir: Path) -> Checkpoints:
    """Those of `output_dir`, refused if they are of another run.

    Args:
        learning: what decides what is learned, but for the judge and the settings named here.
    """
    shared = {
        "dtype": config.dtype,
        "lora_rank": config.lora_rank,
        "max_fpr": config.max_fpr,
        "judge": f"sha256:{fingerprint(judge_dir)}",
    }
    return Checkpoints(
        Path(config.output_dir) / CHECKPOINTS,
        learning | shared,
        every=config.save_every,
        keep=config.keep_checkpoints,
    )


def load_records(config: TrainRLConfig | WarmStartConfig) -> list[Record]:
    """Questions with references; bad rows go to `rejected.jsonl`."""
    records = read_records(
        config.data,
        prompt_column=config.prompt_column,
        reference_column=config.reference_column,
        completion_column=None,
        id_column=config.id_column,
        rejected_path=Path(config.output_dir) / REJECTED_FILE,
    )
    logger.info("%d questions from %s", len(records), config.data)
    return records


def settings_text(
    *configs: TrainRLConfig | PPOConfig | RewardConfig | WarmStartConfig | SamplingConfig,
) -> str:
    """Every setting, given or default, as YAML for `--config`."""
    settings = {name: value for config in configs for name, value in asdict(config).items()}
    plain = {name: str(value) if isinstance(value, StrEnum) else value for name, value in settings.items()}
    text: str = yaml.safe_dump(plain, sort_keys=False)
    return text


def write_environment(output_dir: Path, judge_dir: Path, data: Path) -> None:
    """Versions and machine, and which judge and data by SHA-256."""
    inputs = {"judge_sha256": fingerprint(judge_dir), "data_sha256": file_digest(data)}
    text = json.dumps(versions() | machine() | inputs, indent=2)
    write_text(output_dir / ENVIRONMENT_FILE, text + "\n")


@contextmanager
def progress(updates: int, history: Sequence[Metrics]) -> Iterator[Callable[[int, Metrics], None]]:
    """A bar that moves with each update, and a word in the log when the policy collapses.

    Args:
        updates: of the whole run.
        history: metrics of those that are done; what was said of them is not said again.
    """
    watch = CollapseWatch()
    for metrics in history:
        watch.see(metrics["judge/abstain_rate"])
    with logging_redirect_tqdm(), tqdm(total=updates, initial=len(history), unit="update") as bar:

        def on_update(update: int, metrics: Metrics) -> None:
            bar.set_postfix_str(f"reward {metrics.get('objective/scores', math.nan):+.2f}, {rates(metrics)}")
            bar.update()
            warning = watch.see(metrics["judge/abstain_rate"])
            if warning is not None:
                logger.warning("update %d: %s", update, warning)

        yield on_update


def rates(metrics: Metrics) -> str:
    """The verdicts of one update: "correct 61%, abstain 25%, wrong 14%"."""
    return ", ".join(f"{verdict} {metrics[f'judge/{verdict}_rate']:.0%}" for verdict in Verdict)


def describe(history: Sequence[Metrics], output_dir: Path) -> str:
    """How the run began and ended, and where its results are."""
    return (
        f"first update: {rates(history[0])}; last: {rates(history[-1])}\n"
        f"model: {output_dir / MODEL_DIR}; metrics, completions and settings: {output_dir}"
    )
