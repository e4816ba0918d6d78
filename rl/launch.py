"""From settings to a run: model, questions and judge are loaded, `rl.ppo` trains, the results are saved.

What could stop the run is found before the first update.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import yaml
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from judge.audit.findings import refuse_hackable
from judge.batch import file_digest
from judge.cli import fingerprint
from judge.data import read_records
from judge.environment import machine, versions
from judge.errors import ConfigError
from judge.outputs import check_writable
from judge.records import Record, Verdict
from judge.scorer import Judge, find_judge
from rl import ppo
from rl.collapse import CollapseWatch
from rl.config import PPOConfig, RewardConfig, TrainRLConfig
from rl.pretrained import find_device, load_model, save_model
from rl.tracking import FileTracker, Metrics

logger = logging.getLogger(__name__)

MODEL_DIR = "model"
REJECTED_FILE = "rejected.jsonl"
CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"


def launch(config: TrainRLConfig, ppo_config: PPOConfig, reward: RewardConfig) -> str:
    """Train a model and write it, with all that led to it, to `config.output_dir`.

    Returns:
        What came of it and where it is, in two lines.

    Raises:
        CandorError: before the first update, if the run could not go through.
    """
    output_dir = Path(config.output_dir)
    check_output_dir(output_dir, Path(config.data))
    device = find_device(config.device)
    judge_dir = find_judge(config.judge)
    records = load_records(config)
    model, tokenizer = load_model(
        config.model, dtype=config.dtype, lora_rank=config.lora_rank, device=device, seed=ppo_config.seed
    )
    ppo.check(ppo_config, model, tokenizer, records)
    judge = Judge.from_pretrained(judge_dir, device=device, max_fpr=config.max_fpr)
    if not config.skip_audit:
        refuse_hackable(judge)
    with FileTracker(output_dir, tensorboard=config.tensorboard) as tracker:
        write_settings(output_dir, config, ppo_config, reward)
        write_environment(output_dir, judge_dir, Path(config.data))
        with progress(ppo_config.updates) as on_update:
            result = ppo.train(
                ppo_config, model=model, tokenizer=tokenizer, records=records, judge=judge, reward=reward,
                tracker=tracker, on_update=on_update,
            )  # fmt: skip
    save_model(model, tokenizer, output_dir / MODEL_DIR)
    return describe(result.metrics, output_dir)


def check_output_dir(output_dir: Path, data: Path) -> None:
    """Refuse a directory that another run, or anything else, is in; bad rows of a refused run may be.

    Raises:
        ConfigError: it holds something.
        DataError: it cannot be written.
    """
    if output_dir.resolve() in data.resolve().parents:
        raise ConfigError(f"the data {data} lies in the output directory {output_dir}; choose another")
    if output_dir.is_dir():
        found = sorted(path.name for path in output_dir.iterdir() if path.name != REJECTED_FILE)
        if found:
            raise ConfigError(
                f"expected a new or empty output directory, {output_dir} has {', '.join(found[:5])}; "
                "pass another --output_dir"
            )
    check_writable(output_dir / CONFIG_FILE)


def load_records(config: TrainRLConfig) -> list[Record]:
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


def write_settings(output_dir: Path, *configs: TrainRLConfig | PPOConfig | RewardConfig) -> None:
    """Every setting, given or default, as a YAML file for `--config`."""
    settings = {name: value for config in configs for name, value in asdict(config).items()}
    plain = {name: str(value) if isinstance(value, StrEnum) else value for name, value in settings.items()}
    (output_dir / CONFIG_FILE).write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")


def write_environment(output_dir: Path, judge_dir: Path, data: Path) -> None:
    """Versions and machine, and which judge and data by SHA-256."""
    inputs = {"judge_sha256": fingerprint(judge_dir), "data_sha256": file_digest(data)}
    text = json.dumps(versions() | machine() | inputs, indent=2)
    (output_dir / ENVIRONMENT_FILE).write_text(text + "\n", encoding="utf-8")


@contextmanager
def progress(updates: int) -> Iterator[Callable[[int, Metrics], None]]:
    """A bar that moves with each update, and a word in the log when the policy collapses."""
    watch = CollapseWatch()
    with logging_redirect_tqdm(), tqdm(total=updates, unit="update") as bar:

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
