import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from judge.config import TrainJudgeConfig
from judge.errors import DataError
from judge.model import encode_pairs
from judge.pairs import TASKS, Task, TrainingRow
from judge.records import Record, Verdict
from judge.scorer import Judge
from judge.train import LengthGroupedSampler, as_dataset, ranking_by_source, train

NAMES = ("bob", "ann", "eve", "joe", "tim", "sue", "max", "kim")


def row(task: Task, target: float, text: str = "b", source: str = "s") -> TrainingRow:
    return TrainingRow(task, "q", "a", text, {task: target}, group=text, source=source)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Right and wrong answers, supported and unsupported claims, abstentions and answers, as CSV."""
    tables = {
        "pairs.csv": [
            {
                "question": f"who is {i}?",
                "reference": name,
                "candidate": f"it is {other}",
                "label": int(name == other),
            }
            for i in range(12)
            for name in NAMES[:3]
            for other in NAMES[:3]
        ],
        "claims.csv": [
            {"text_a": f"{name} is {i}", "text_b": f"{other} is {i}", "label": int(name == other)}
            for i in range(12)
            for name in NAMES[:2]
            for other in NAMES[:2]
        ],
        "declined.csv": [
            {"question": f"who is {i}?", "text": text, "label": label}
            for i in range(20)
            for text, label in (("i do not know", 1), ("it is bob", 0))
        ],
    }
    for name, rows in tables.items():
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return list(tables)


def config(directory: Path, backbone: Path, files: list[str], **settings: object) -> TrainJudgeConfig:
    defaults = {
        "max_steps": 6, "batch_size": 16, "eval_steps": 3, "max_tokens": 64, "learning_rate": 1e-3,
        "held_out_share": 0.3, "device": "cpu", "bf16": False, "max_fpr": 0.3, "combiner_hidden": 0,
    }  # fmt: skip
    defaults |= {
        "output_dir": str(directory / "judge"),
        "data_dir": str(directory),
        "backbone": str(backbone),
    }
    return TrainJudgeConfig(train_files=files, **(defaults | settings))  # type: ignore[arg-type]


def test_a_judge_trained_on_csv_scores(tmp_path: Path, tiny_backbone: Path, files: list[str]) -> None:
    directory = train(config(tmp_path, tiny_backbone, files, as_delta=True))
    judge = Judge.from_pretrained(directory, device="cpu")
    right, wrong = judge.score([Record("who is 99?", ("bob",), f"it is {name}") for name in ("bob", "ann")])
    assert right is not None
    assert wrong is not None
    assert right.equivalence > wrong.equivalence
    assert {path.name for path in directory.iterdir()} >= {
        "judge.json", "delta.safetensors", "train_config.json", "environment.json", "metrics.json",
    }  # fmt: skip
    assert json.loads((directory / "train_config.json").read_text())["seed"] == 0
    assert "torch" in json.loads((directory / "environment.json").read_text())
    points = judge.calibration.operating_points
    (trained_for,) = (point for point in points if point.max_fpr == 0.3)
    assert judge.calibration.thresholds.equivalence == trained_for.threshold
    assert [point.threshold for point in points] == sorted((p.threshold for p in points), reverse=True)
    assert all(point.false_positive_rate <= point.max_fpr for point in points)


def test_a_killed_run_goes_on_to_the_weights_of_a_whole_one(
    tmp_path: Path, tiny_backbone: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    pairs = [("equivalence: who? | bob", "it is bob")]
    whole = train(config(tmp_path, tiny_backbone, files, output_dir=str(tmp_path / "whole")))

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    parted = config(tmp_path, tiny_backbone, files, output_dir=str(tmp_path / "parted"))
    with monkeypatch.context() as patch:
        patch.setattr("judge.losses.masked_binary_cross_entropy", _after(4, killed))
        with pytest.raises(Killed):
            train(parted)
    resumed = train(parted)
    logits = [
        encode_pairs(Judge.from_pretrained(directory, device="cpu").encoder, pairs)
        for directory in (whole, resumed)
    ]
    assert torch.equal(logits[0], logits[1])


def _after(calls: int, then):
    """The true loss for `calls` calls, `then` in its place afterwards."""
    from judge.losses import masked_binary_cross_entropy as true_loss

    count = iter(range(10**6))
    return lambda *arguments: true_loss(*arguments) if next(count) < calls else then()


def test_going_on_from_a_judge_keeps_what_the_rows_say_nothing_of(
    tmp_path: Path, tiny_judge: Path, files: list[str]
) -> None:
    start = Judge.from_pretrained(tiny_judge, device="cpu")
    directory = train(config(tmp_path, tiny_judge, ["pairs.csv"], start_from=str(tiny_judge), max_steps=2))
    judge = Judge.from_pretrained(directory, device="cpu")
    assert judge.calibration.abstention == start.calibration.abstention
    assert judge.calibration.support == start.calibration.support
    assert judge.calibration.equivalence != start.calibration.equivalence


def test_rows_without_abstentions_are_refused_for_a_new_judge(
    tmp_path: Path, tiny_backbone: Path, files: list[str]
) -> None:
    with pytest.raises(DataError, match=r"expected held-out rows of .* or pass --start_from"):
        train(config(tmp_path, tiny_backbone, files[:1], max_steps=1))


def test_the_label_vector_is_nan_where_a_row_says_nothing() -> None:
    dataset = as_dataset([row(Task.SUPPORT, 1.0)])
    label = dict(zip(TASKS, dataset["label"][0], strict=True))
    assert label[Task.SUPPORT] == 1.0
    assert all(np.isnan(label[task]) for task in TASKS if task is not Task.SUPPORT)


def test_batches_hold_every_row_once_and_like_lengths_together() -> None:
    rows = [row(Task.SUPPORT, 1.0, text="x" * (i % 97)) for i in range(500)]
    dataset = as_dataset(rows)
    sampler = LengthGroupedSampler(dataset, 10, False)
    batches = list(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    spread = [max(len(rows[i].text) for i in b) - min(len(rows[i].text) for i in b) for b in batches]
    assert max(spread) <= 4  # 500 rows in one sorted stretch: ten neighbours span two or three lengths
    sampler.set_epoch(1)
    assert list(sampler) != batches


def test_ranking_is_by_task_and_source_and_skips_sources_of_one_class() -> None:
    rows = [row(Task.SUPPORT, 1.0), row(Task.SUPPORT, 0.0), row(Task.ABSTENTION, 1.0)]
    logits = np.zeros((3, len(TASKS)))
    logits[0, TASKS.index(Task.SUPPORT)] = 1.0
    assert ranking_by_source(rows, logits) == {"support/s": 1.0}


def test_graded_labels_are_ranked_by_spearman() -> None:
    rows = [row(Task.EQUIVALENCE, target) for target in (0.0, 0.5, 1.0)]
    logits = np.zeros((3, len(TASKS)))
    logits[:, 0] = [3.0, 2.0, 1.0]
    assert ranking_by_source(rows, logits) == {"equivalence/s": pytest.approx(-1.0)}


def test_contrastive_kinds_are_one_source() -> None:
    rows = [
        row(Task.EQUIVALENCE, 1.0, source="contrast/alias"),
        row(Task.EQUIVALENCE, 0.0, source="contrast/sign"),
    ]
    logits = np.zeros((2, len(TASKS)))
    logits[0, 0] = 1.0
    assert ranking_by_source(rows, logits) == {"equivalence/contrast": 1.0}


def test_a_trained_verdict_is_one_of_three(tmp_path: Path, tiny_backbone: Path, files: list[str]) -> None:
    judge = Judge.from_pretrained(train(config(tmp_path, tiny_backbone, files, max_steps=1)), device="cpu")
    scores = judge.score([Record("who?", ("bob",), text) for text in ("bob", "i do not know", "ann")])
    assert all(score is not None and score.verdict in Verdict for score in scores)
