import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from judge.card import Source, sources, stated_licences, write_card
from judge.config import TrainJudgeConfig
from judge.errors import ConfigError


def write_run(directory: Path, **changes: Any) -> None:
    """What a run leaves in its directory, as far as the card reads it."""
    config = TrainJudgeConfig(
        output_dir="runs/mine",
        train_files=["train/pairs.jsonl:500*2", "claims.csv"],
        question_files=["quiz.jsonl"],
        data_licences=["train/*=MIT", "quiz.jsonl=CC BY 4.0"],
        known_faults=["confuses | and /"],
        license="apache-2.0",
    )
    point = {"max_fpr": 0.05, "threshold": 0.61, "false_positive_rate": 0.049, "true_positive_rate": 0.9}
    files = {
        "train_config.json": vars(config) | changes.pop("config", {}),
        "data.json": {
            "backbone": "sentence-transformers/all-MiniLM-L6-v2",
            "files": {"train/pairs.jsonl:500*2": [440, 60], "claims.csv": [1800, 200], "contrast/": [90, 10]},
        },
        "environment.json": {"python": "3.11.7", "cpu": "a fast one"},
        "metrics.json": {
            "ranking": {"equivalence/pairs": 0.9812, "support/claims.csv": 0.5},
            "calibrated": point | {"auroc": 0.97, "answers": 70.0},
        },
        "judge.json": {
            "encoder": {"weights": "delta.safetensors"},
            "calibration": {
                "thresholds": {"equivalence": 0.61, "abstention": 0.5}, "operating_points": [point],
            },
        },
    } | changes  # fmt: skip
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))


def test_the_hub_reads_the_front_matter(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_card(tmp_path)
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.license, data.language) == ("apache-2.0", "en")
    assert data.base_model == "sentence-transformers/all-MiniLM-L6-v2"


def test_a_card_says_what_a_judge_was_made_of_and_how_good_it_is(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    for line in (
        "# mine",
        "| train/pairs.jsonl:500*2 | 440 | 60 | MIT |",
        "| claims.csv | 1,800 | 200 | not stated |",
        "| quiz.jsonl | questions | for edits | CC BY 4.0 |",
        "| edits of these, made by candor-rl | 90 | 10 | as their sources |",
        "| equivalence | pairs | 0.981 |",
        "| 5 | 0.610 | 4.9 | 90.0 |",
        "- confuses | and /",
        "- cpu: a fast one",
    ):
        assert line in card.splitlines()
    assert "not been measured yet" in card
    assert "before training" not in card


def test_a_card_shows_what_an_audit_found(tmp_path: Path) -> None:
    tallies = {"role swap": (1, 10), "typo": (10, 10), "sign": (7, 10)}
    rates = {name: {"right": r, "cases": n, "rate": r / n} for name, (r, n) in tallies.items()}
    audit = {"all": {"right": 18, "cases": 30, "rate": 0.6}, "categories": rates}
    write_run(tmp_path, **{"audit.json": audit})
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "18 of 30 cases right. Weakest categories: role swap (1 of 10), sign (7 of 10)." in card


def test_an_encoder_on_disk_is_no_model_of_the_hub(tmp_path: Path) -> None:
    write_run(tmp_path, **{"data.json": {"backbone": str(tmp_path), "files": {}}})
    write_card(tmp_path)
    assert ModelCard.load(tmp_path / "README.md").data.base_model is None


def test_of_several_licences_that_match_the_first_counts() -> None:
    licences = stated_licences(["a.csv=MIT", "*=own terms"], ["a.csv:10", "b.csv"])
    assert licences == {"a.csv:10": "MIT", "b.csv": "own terms"}


@pytest.mark.parametrize("entry", ["a.csv", "=MIT", "a.csv=", "other.csv=MIT"])
def test_a_licence_of_no_file_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="data_licences must be FILE=LICENCE with a FILE among"):
        stated_licences([entry], ["a.csv"])


def test_files_without_a_licence_say_so() -> None:
    config = {"train_files": ["a.csv"], "question_files": [], "data_licences": []}
    assert sources(config, {"a.csv": (3, 1)}) == [Source("a.csv", "not stated", 3, 1)]
