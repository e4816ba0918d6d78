"""What lies in the directory of a run, and whether a run may write there.

Settings and environment are written when it begins, the page and the result at its end; metrics and
completions, in between, are written by `rl.tracking`, checkpoints by `rl.checkpoint`.
"""

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import yaml
from torch import nn

from judge.batch import file_digest
from judge.cli import fingerprint
from judge.environment import machine, versions
from judge.errors import ConfigError, DataError
from judge.outputs import check_writable, write_text
from rl.config import PPOConfig, RewardConfig, SamplingConfig, TrainRLConfig, VLLMConfig, WarmStartConfig
from rl.questions import EVAL_REJECTED_FILE, REJECTED_FILE

logger = logging.getLogger(__name__)

MODEL_DIR = "model"
CHECKPOINTS = "checkpoints"
CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
REPORT_FILE = "report.html"
RESULT_FILE = "result.txt"
"""What came of a run: there once it is finished."""


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
        bad_rows = (REJECTED_FILE, EVAL_REJECTED_FILE)
        found = sorted(path.name for path in output_dir.iterdir() if path.name not in bad_rows)
        if found:
            or_one = f", or one with {CHECKPOINTS} to go on from" if resumes else ""
            raise ConfigError(
                f"expected a new or empty output directory{or_one}, {output_dir} has "
                f"{', '.join(found[:5])}; pass another --output_dir"
            )
    check_writable(output_dir / CONFIG_FILE)


def check_room(output_dir: Path, model: nn.Module) -> None:
    """Refuse a disk that could not take the weights that the run ends with.

    Raises:
        DataError: there is too little room.
    """
    wanted = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    free = shutil.disk_usage(output_dir).free
    if free < wanted:
        raise DataError(
            f"expected room for {wanted / 1e9:.2f} GB of weights in {output_dir}, which has "
            f"{free / 1e9:.2f} GB; make room, or pass another --output_dir"
        )


def is_finished(output_dir: Path, settings: str, inputs: Mapping[str, str]) -> bool:
    """Whether a run with exactly these settings came to its end here.

    Args:
        settings: of everything.
        inputs: what the run reads, as `digests` says it.

    Raises:
        ConfigError: it did, but what it read under those names was something else.
    """
    files = [output_dir / name for name in (RESULT_FILE, CONFIG_FILE, ENVIRONMENT_FILE)]
    if not all(file.is_file() for file in files):
        return False
    _, config, environment = files
    if config.read_text(encoding="utf-8") != settings:
        return False
    earlier = json.loads(environment.read_text(encoding="utf-8"))
    changed = [name for name, digest in inputs.items() if earlier.get(name) != digest]
    if changed:
        raise ConfigError(
            f"{output_dir} holds a finished run of these settings that read something else: "
            f"{', '.join(changed)} has changed; pass another --output_dir"
        )
    return True


def digests(files: Mapping[str, str | None], judges: Mapping[str, Path | None]) -> dict[str, str]:
    """SHA-256 of what a run reads, by the setting that names it; of what is not set, none.

    Raises:
        DataError: a file cannot be read.
    """
    found = {name: _file_digest(path) for name, path in files.items() if path is not None}
    found |= {name: fingerprint(judge) for name, judge in judges.items() if judge is not None}
    return {f"{name}_sha256": digest for name, digest in found.items()}


def _file_digest(path: str) -> str:
    try:
        return file_digest(Path(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the name") from error


def settings_text(
    *configs: TrainRLConfig | PPOConfig | RewardConfig | WarmStartConfig | SamplingConfig | VLLMConfig,
) -> str:
    """Every setting, given or default, as YAML for `--config`."""
    settings = {name: value for config in configs for name, value in asdict(config).items()}
    plain = {name: str(value) if isinstance(value, StrEnum) else value for name, value in settings.items()}
    text: str = yaml.safe_dump(plain, sort_keys=False)
    return text


def write_environment(output_dir: Path, inputs: Mapping[str, str]) -> None:
    """Versions and machine, and what is read, as `digests` says it."""
    text = json.dumps(versions() | machine() | dict(inputs), indent=2)
    write_text(output_dir / ENVIRONMENT_FILE, text + "\n")


def write_page(output_dir: Path, description: str) -> None:
    """The report of a run, where there is matplotlib to draw it."""
    if find_spec("matplotlib") is None:
        logger.warning("no %s without matplotlib; pip install 'candor-rl[report]'", REPORT_FILE)
        return
    from rl.run_report import write_run_report

    settings = {"settings": output_dir / CONFIG_FILE, "environment": output_dir / ENVIRONMENT_FILE}
    write_run_report(output_dir, output_dir / REPORT_FILE, description=description, settings=settings)
