"""The model card of a judge: its README, with the front matter that the Hub reads.

Made of what a run has written into the judge's directory, and of an audit if one lies there; nothing is
measured here. Calling it again writes it again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from judge.errors import ConfigError
from judge.mixture import FileSpec
from judge.pairs import CONTRAST

CARD_FILE = "README.md"
CONFIG_FILE = "train_config.json"
DATA_FILE = "data.json"
ENVIRONMENT_FILE = "environment.json"
METRICS_FILE = "metrics.json"
JUDGE_FILE = "judge.json"
AUDIT_FILE = "audit.json"
"""What `candor audit-judge` found, if it has been written to the judge's directory."""
_ABOUT = ("output_dir", "data_dir", "description", "license", "data_licences", "known_faults")
"""Settings that a reader of the card finds elsewhere in it, or that say nothing about the judge."""
UNKNOWN = "not stated"


@dataclass(frozen=True, slots=True)
class Source:
    """A part of the training mix.

    Attributes:
        name: the file as the configuration names it.
        licence: as far as it was stated.
        train, held_out: rows made of it; 0 of a file of questions, whose rows are counted as edits.
    """

    name: str
    licence: str
    train: int
    held_out: int


def write_card(directory: Path) -> None:
    """Write `README.md` into the directory of a judge that `candor train-judge` has made."""
    config, data, environment, metrics, judge = (
        json.loads((directory / name).read_text())
        for name in (CONFIG_FILE, DATA_FILE, ENVIRONMENT_FILE, METRICS_FILE, JUDGE_FILE)
    )
    audit = directory / AUDIT_FILE
    base = data["backbone"]
    front_matter = ModelCardData(
        language="en",
        license=config["license"],
        base_model=None if Path(base).exists() else base,
        pipeline_tag="text-ranking",
        tags=["candor-rl", "cross-encoder", "answer-equivalence", "abstention", "reward-model"],
        metrics=["roc_auc", "spearmanr"],
    )
    settings = {key: value for key, value in config.items() if key not in _ABOUT and value not in (None, [])}
    text = _template().render(
        front_matter=front_matter.to_yaml(),
        name=Path(config["output_dir"]).name,
        config=config,
        base=base,
        sources=sources(config, data["files"]),
        edits=data["files"].get(CONTRAST, [0, 0]),
        settings=yaml.safe_dump(settings, sort_keys=False, allow_unicode=True).strip(),
        figures=figures(metrics),
        calibrated=metrics["calibrated"],
        calibration=judge["calibration"],
        weights=judge["encoder"]["weights"],
        environment=environment,
        audit=json.loads(audit.read_text()) if audit.is_file() else None,
    )
    (directory / CARD_FILE).write_text(str(ModelCard(text)))


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("judge"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return environment.get_template("card.md.jinja")


def sources(config: Mapping[str, Any], sizes: Mapping[str, Sequence[int]]) -> list[Source]:
    """Every file of the mix with its rows and licence, in order.

    Args:
        config: the settings of the run.
        sizes: training and held-out rows by file, as `Split.sizes` has them.
    """
    licences = stated_licences(config["data_licences"], [*config["train_files"], *config["question_files"]])
    return [
        Source(name, licences.get(name, UNKNOWN), *sizes.get(name, (0, 0)))
        for name in (*config["train_files"], *config["question_files"])
    ]


def stated_licences(entries: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """Licence by file, for those that are stated.

    Args:
        entries: FILE=LICENCE; of several that match a file the first counts.
        files: as the configuration names them.

    Raises:
        ConfigError: an entry is not of that form, or matches no file.
    """
    found: dict[str, str] = {}
    for entry in entries:
        pattern, _, licence = (part.strip() for part in entry.partition("="))
        matched = [name for name in files if fnmatchcase(FileSpec.parse(name).path, pattern)]
        if not (pattern and licence and matched):
            raise ConfigError(
                f"data_licences must be FILE=LICENCE with a FILE among {', '.join(files)}, got {entry!r}"
            )
        found = dict.fromkeys(matched, licence) | found
    return found


def figures(metrics: Mapping[str, Any]) -> list[tuple[str, str, float, float | None]]:
    """Task, source, figure and, where the run went on from another judge, that judge's figure."""
    before = metrics.get("ranking_before", {})
    return [(*name.split("/", 1), value, before.get(name)) for name, value in metrics["ranking"].items()]
