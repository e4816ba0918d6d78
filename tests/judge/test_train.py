import csv
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import prepare_data_loader
from safetensors import SafetensorError
from torch.utils.data import DataLoader

from judge.batches import length_grouped_batches
from judge.config import Dtype, SpeedConfig, TrainJudgeConfig
from judge.errors import ConfigError, DataError
from judge.model import encode_pairs
from judge.pairs import TASKS, Task, TrainingRow
from judge.ranking import ranking_by_source
from judge.records import Record, Verdict
from judge.scorer import Judge
from judge.train import as_dataset, last_checkpoint, stays_on_cpu, train, training_arguments

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
        write(tmp_path / name, rows)
    return list(tables)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


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


def test_the_defaults_train_where_there_is_no_accelerator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    settings = TrainJudgeConfig(output_dir=str(tmp_path))
    assert settings.bf16
    assert training_arguments(settings, tmp_path).device.type == "cpu"
    with pytest.raises(ConfigError, match="cannot use device 'cuda:1', torch finds the CPU alone"):
        stays_on_cpu("cuda:1")


def test_an_output_directory_that_is_a_file_is_refused(tmp_path: Path, tiny_backbone: Path) -> None:
    (tmp_path / "judge").touch()
    with pytest.raises(DataError, match=r"cannot write .*judge: File exists"):
        train(config(tmp_path, tiny_backbone, []))


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


def test_a_judge_that_finds_no_room_is_written_by_the_same_command_again(
    tmp_path: Path, tiny_backbone: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("I/O error: No space left on device")

    settings = config(tmp_path, tiny_backbone, files, as_delta=True)
    with monkeypatch.context() as patch:
        patch.setattr("judge.storage.save_file", full)
        with pytest.raises(
            DataError, match=r"cannot write .*judge: .*No space .*; make room, and run the same"
        ):
            train(settings)
    assert (train(settings) / "delta.safetensors").is_file()


def test_a_checkpoint_that_finds_no_room_leaves_the_run_to_go_on(
    tmp_path: Path, tiny_backbone: Path, files: list[str]
) -> None:
    settings = config(tmp_path, tiny_backbone, files)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    weights = (tiny_backbone / "model.safetensors").stat().st_size
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (2 * weights, limits[1])
    )  # Adam's moments are twice the weights
    try:
        with pytest.raises(DataError, match=r"cannot write .*checkpoints: .*; make room, and run the same"):
            train(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (train(settings) / "judge.json").is_file()


def _after(calls: int, then):
    """The true loss for `calls` calls, `then` in its place afterwards."""
    from judge.losses import masked_binary_cross_entropy as true_loss

    count = iter(range(10**6))
    return lambda *arguments: true_loss(*arguments) if next(count) < calls else then()


def test_going_on_from_a_judge_keeps_what_the_rows_say_nothing_of(tmp_path: Path, tiny_judge: Path) -> None:
    rows = [
        {"question": f"who is {i}?", "reference": "bob", "candidate": name, "label": int(name == "bob")}
        for i in range(120)
        for name in ("bob", "ann")
    ]
    write(tmp_path / "many.csv", rows)
    start = Judge.from_pretrained(tiny_judge, device="cpu")
    settings = {"start_from": str(tiny_judge), "max_steps": 2, "held_out_share": 0.6}
    directory = train(config(tmp_path, tiny_judge, ["many.csv"], **settings))
    judge = Judge.from_pretrained(directory, device="cpu")
    assert judge.calibration.abstention == start.calibration.abstention
    assert judge.calibration.support == start.calibration.support
    assert judge.calibration.equivalence != start.calibration.equivalence
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["ranking"].keys() == metrics["ranking_before"].keys() == {"equivalence/many.csv"}


def test_what_is_gone_on_from_are_weights_that_no_fast_product_has_rounded(
    tmp_path: Path, tiny_judge: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Begins(Exception):
        pass

    def begin(*arguments: Any) -> None:
        raise Begins(arguments[2])

    exact = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(dtype=Dtype.FLOAT32))
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: True)
    monkeypatch.setattr("judge.train.run_trainer", begin)
    with pytest.raises(Begins) as begun:
        train(config(tmp_path, tiny_judge, files, start_from=str(tiny_judge)))
    weights = begun.value.args[0].model.state_dict()
    torch.testing.assert_close(weights, exact.encoder.model.state_dict(), rtol=0, atol=0)


def test_a_judge_gone_on_from_keeps_its_calibration_where_few_rows_are_held_out(
    tmp_path: Path, tiny_judge: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {"q": f"who is {i}?", "gold": "bob", "said": ("bob", "ann")[i % 2], "ok": i % 2 == 0}
        for i in range(24)
    ]
    write(tmp_path / "few.csv", rows)
    columns = {"prompt": "q", "reference": "gold", "completion": "said", "label": "ok"}
    settings = {f"{role}_column": name for role, name in columns.items()}
    start = Judge.from_pretrained(tiny_judge, device="cpu")
    directory = train(config(tmp_path, tiny_judge, ["few.csv"], start_from=str(tiny_judge), **settings))
    assert Judge.from_pretrained(directory, device="cpu").calibration == start.calibration
    assert "equivalence keeps its calibration" in caplog.text
    assert "are those of the judge it was trained from" in (directory / "README.md").read_text()


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([1] * 20, "expected rows of equivalence with different labels, found 1 alone"),
        ([1, 0, 1], "from at least four groups"),
    ],
)
def test_files_that_cannot_be_learnt_from_are_refused_before_training(
    tmp_path: Path, tiny_judge: Path, labels: list[int], complaint: str
) -> None:
    rows = [
        {"question": f"q{i}", "reference": "a", "candidate": "b", "label": n} for i, n in enumerate(labels)
    ]
    write(tmp_path / "one.csv", rows)
    with pytest.raises(DataError, match=complaint):
        train(config(tmp_path, tiny_judge, ["one.csv"], start_from=str(tiny_judge)))
    assert not (tmp_path / "judge" / "checkpoints").exists()


def test_a_run_goes_on_only_with_the_same_settings_and_rows(
    tmp_path: Path, tiny_backbone: Path, files: list[str]
) -> None:
    train(config(tmp_path, tiny_backbone, files, max_steps=2))
    train(config(tmp_path, tiny_backbone, files, max_steps=2, max_fpr=0.2))  # calibrates anew
    with pytest.raises(ConfigError, match=r"differs in learning_rate, the training rows; pass another"):
        train(config(tmp_path, tiny_backbone, [*files[:2], f"{files[2]}*2"], learning_rate=2e-3))


def test_rows_without_abstentions_are_refused_for_a_new_judge(
    tmp_path: Path, tiny_backbone: Path, files: list[str]
) -> None:
    with pytest.raises(DataError, match=r"at least 5 held-out rows of support .* --start_from default"):
        train(config(tmp_path, tiny_backbone, files[:1], max_steps=1))


def test_the_label_vector_is_nan_where_a_row_says_nothing() -> None:
    dataset = as_dataset([row(Task.SUPPORT, 1.0)])
    label = dict(zip(TASKS, dataset["label"][0], strict=True))
    assert label[Task.SUPPORT] == 1.0
    assert all(np.isnan(label[task]) for task in TASKS if task is not Task.SUPPORT)


def test_batches_hold_every_row_once_and_like_lengths_together() -> None:
    rows = [row(Task.SUPPORT, 1.0, text="x" * (i % 97)) for i in range(505)]
    batches = list(length_grouped_batches(as_dataset(rows), 10, drop_last=False, seed=0))
    assert sorted(i for batch in batches for i in batch) == list(range(505))
    assert [len(batch) for batch in batches] == [10] * 50 + [5]
    spread = [max(len(rows[i].text) for i in b) - min(len(rows[i].text) for i in b) for b in batches[:50]]
    assert (
        sorted(spread)[len(spread) // 2] <= 4
    )  # of 500 sorted rows, ten neighbours span two or three lengths


def test_each_of_two_processes_reads_other_batches_and_an_equal_number_of_them_each_epoch() -> None:
    dataset = as_dataset([row(Task.SUPPORT, 1.0, text="x" * (i % 13)) for i in range(75)])

    def epoch(number: int) -> list[list[list[int]]]:
        dealt = []
        for process in range(2):
            batches = length_grouped_batches(dataset, 10, drop_last=True, seed=0)
            loader = prepare_data_loader(
                DataLoader(dataset, batch_sampler=batches, collate_fn=list),
                num_processes=2, process_index=process, even_batches=False, put_on_device=False,
            )  # fmt: skip
            loader.set_epoch(number)
            dealt.append(list(loader.batch_sampler))
        return dealt

    one, other = epoch(0)
    assert [len(batch) for batch in one] == [len(batch) for batch in other] == [10, 10, 10]  # 7 // 2
    assert not {i for batch in one for i in batch} & {i for batch in other for i in batch}
    assert epoch(0) == [one, other]
    assert epoch(1) != [one, other]


def test_ranking_is_by_task_and_source_and_skips_sources_of_one_class() -> None:
    rows = [row(Task.SUPPORT, 1.0), row(Task.SUPPORT, 0.0), row(Task.ABSTENTION, 1.0)]
    logits = np.zeros((3, len(TASKS)))
    logits[0, TASKS.index(Task.SUPPORT)] = 1.0
    assert ranking_by_source(rows, logits) == {"support/s": 1.0}


def test_a_task_whose_sources_have_one_label_each_is_ranked_as_a_whole() -> None:
    rows = [row(Task.SUPPORT, 1.0, source="a"), row(Task.SUPPORT, 0.0, source="b")]
    logits = np.zeros((2, len(TASKS)))
    logits[0, TASKS.index(Task.SUPPORT)] = 1.0
    assert ranking_by_source(rows, logits) == {"support/all": 1.0}


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


def test_a_checkpoint_that_a_killed_run_left_half_written_is_passed_over(tmp_path: Path):
    assert last_checkpoint(tmp_path / "none") is None
    states = {
        "checkpoint-9": '{\n  "epoch": 1.0\n}\n',
        "checkpoint-20": '{\n  "epoch"',
        "checkpoint-30": None,
    }
    for name, text in states.items():
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "trainer_state.json").write_text(text)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-9")
