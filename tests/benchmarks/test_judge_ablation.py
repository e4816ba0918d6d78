import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import judge_ablation
from benchmarks.judge_ablation import (
    ALONE,
    BOTH,
    FEATURES,
    OVER,
    PACKED,
    TESTS,
    Part,
    ablate,
    measured,
    same_verdict,
)
from judge.agreement import Answers
from judge.audit.suite import load_cases
from judge.config import TrainJudgeConfig

PAIRS = [
    {
        "question": f"who is {i}?",
        "reference": right,
        "candidate": f"it is {said}",
        "label": int(right == said),
    }
    for i in range(12)
    for right in ("bob", "ann", "eve")
    for said in ("bob", "ann", "eve")
]
TABLES = {
    "pairs.csv": PAIRS,
    "claims.csv": [
        {"text_a": f"{claimed} is {i}", "text_b": f"{told} is {i}", "label": int(claimed == told)}
        for i in range(12)
        for claimed in ("bob", "ann")
        for told in ("bob", "ann")
    ],
    "declined.csv": [
        {"question": f"who is {i}?", "text": text, "label": label}
        for i in range(20)
        for text, label in (("i do not know", 1), ("it is bob", 0))
    ],
}


@pytest.fixture
def settings(tmp_path: Path, tiny_backbone: Path) -> TrainJudgeConfig:
    for name, rows in TABLES.items():
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (tmp_path / "asked.jsonl").write_text(
        "".join(
            json.dumps({"question": f"when was {i}?", "answers": [f"19{i}"]}) + "\n" for i in range(10, 40)
        )
    )
    return TrainJudgeConfig(
        output_dir="", data_dir=str(tmp_path), train_files=list(TABLES), question_files=["asked.jsonl"],
        contrast_per_kind=2, abstention_rows=40, backbone=str(tiny_backbone), max_steps=2, batch_size=16,
        max_tokens=64, held_out_share=0.3, device="cpu", bf16=False, max_fpr=0.3, combiner_hidden=0,
    )  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name.removesuffix(".gz") for name in TESTS]
    for path in paths:
        path.write_text("".join(json.dumps(row) + "\n" for row in PAIRS[:27]))
    return paths


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {name.removesuffix(".gz"): metrics for name, metrics in TESTS.items()}
    monkeypatch.setattr(judge_ablation, "TESTS", metrics)
    monkeypatch.setattr(judge_ablation, "load_cases", lambda: load_cases(["hacking"])[::20])


@pytest.mark.usefixtures("small")
def test_two_trainings_give_five_judges_and_are_not_repeated(
    settings: TrainJudgeConfig, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_dir = tmp_path / "work"
    first = ablate(settings, work_dir, files, resamples=2)
    made = {
        name: json.loads((work_dir / name / "data.json").read_text())["files"] for name in (FEATURES, BOTH)
    }
    assert sum(made[BOTH]["contrast/"]) > 0
    assert sum(made[FEATURES]["contrast/"]) == 0
    for part, result in first["parts"].items():
        assert result["judges"].keys() == {*OVER, *OVER.values()}, part
    estimates = first["parts"][files[0].name]["judges"]
    assert estimates[ALONE]["auroc"]["value"] != estimates[FEATURES]["auroc"]["value"]
    assert first["8_bit"]["megabytes"][PACKED] < first["8_bit"]["megabytes"][BOTH]
    assert (
        first["8_bit"]["held_out_ranking"][PACKED].keys() == first["8_bit"]["held_out_ranking"][BOTH].keys()
    )

    def refuse(config: TrainJudgeConfig) -> Any:
        raise AssertionError(f"{config.output_dir} was trained again")

    monkeypatch.setattr(judge_ablation, "train", refuse)
    assert ablate(settings, work_dir, files, resamples=2)["parts"] == first["parts"]
    with pytest.raises(AssertionError, match="features was trained again"):
        ablate(replace(settings, max_steps=3), work_dir, files, resamples=2)


def part(**decisions: list[float]) -> Part:
    answers = {name: Answers(np.array(d), np.array(d), calibrated=False) for name, d in decisions.items()}
    return Part(np.ones(4), ["a", "a", "b", "c"], answers, ("accuracy",))


def test_gains_are_over_the_judge_that_each_is_compared_with() -> None:
    judged = part(
        encoder=[1, 0, 0, 0], features=[1, 1, 0, 0], contrast=[0, 0, 0, 0], both=[1, 1, 1, 0],
        both_8bit=[1, 1, 1, 1],
    )  # fmt: skip
    gains = measured("p", judged, resamples=0)["gains"]
    assert {name: gain["accuracy"]["value"] for name, gain in gains.items()} == {
        "features over encoder": 0.25,
        "contrast over encoder": -0.25,
        "both over encoder": 0.5,
        "both_8bit over both": 0.25,
    }


def test_verdicts_are_the_same_where_both_say_right_and_where_neither_does() -> None:
    found = same_verdict(part(both=[1, 1, 0, 0], both_8bit=[1, 0, 0, 0]), resamples=20)
    assert found["value"] == 0.75  # three of four rows
    assert found["low"] is not None
