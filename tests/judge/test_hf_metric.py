import json
import math
import socket
import sys
from functools import partial
from pathlib import Path

import evaluate
import pytest
import torch

from judge import cli, hf_metric
from judge.config import ScoreConfig, SpeedConfig
from judge.errors import JudgeError
from judge.hf_metric import JudgeMetric

ROWS = [
    {"prompt": "who?", "reference": ["bob", "rob"], "completion": "it was rob"},
    {"prompt": "who?", "reference": "bob", "completion": "it was ann"},
    {"prompt": "who?", "reference": "ann", "completion": "i see that it was ann"},
    {"prompt": "who?", "reference": "ann", "completion": "..."},
]
COLUMNS = {
    "predictions": [row["completion"] for row in ROWS],
    "references": [row["reference"] for row in ROWS],
    "questions": [row["prompt"] for row in ROWS],
}


@pytest.fixture
def metric(tiny_judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JudgeMetric:
    """Without the network."""

    def refuse(*_: object) -> None:
        raise AssertionError("asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return JudgeMetric(judge=str(tiny_judge), cache_dir=str(tmp_path))


def test_the_numbers_are_those_of_candor_score(metric: JudgeMetric, tiny_judge: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "gens.jsonl", tmp_path / "scored.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    config = ScoreConfig(input=str(source), output=str(output), judge=str(tiny_judge))
    cli.score(config, SpeedConfig(), {})
    scored = [json.loads(line) for line in output.read_text().splitlines()]
    found = metric.compute(**COLUMNS, per_row=True)
    assert found["verdicts"] == [row["verdict"] for row in scored]
    assert found["equivalences"] == [row["equivalence"] for row in scored]
    assert found["abstentions"] == [row["abstention"] for row in scored]
    assert found["equivalence"] == pytest.approx(sum(row["equivalence"] for row in scored) / 4)
    # rob and the second ann are named, the other two are not
    assert (found["correct_rate"], found["abstain_rate"], found["wrong_rate"]) == (0.5, 0.0, 0.5)
    assert found["unscored"] == 0


def test_rows_are_returned_only_where_they_are_asked_for(metric: JudgeMetric) -> None:
    assert set(metric.compute(**COLUMNS)) == {
        "correct_rate", "abstain_rate", "wrong_rate", "equivalence", "unscored",
    }  # fmt: skip


def test_loaded_by_path_it_is_the_same_metric(
    metric: JudgeMetric, tiny_judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules_in = partial(evaluate.loading.init_dynamic_modules, hf_modules_cache=str(tmp_path / "modules"))
    monkeypatch.setattr(evaluate.loading, "init_dynamic_modules", modules_in)
    monkeypatch.setattr(sys, "path", [*sys.path])  # it adds to it
    loaded = evaluate.load(hf_metric.__file__, judge=str(tiny_judge), cache_dir=str(tmp_path / "other"))
    assert type(loaded).__name__ == "JudgeMetric"
    assert loaded.compute(**COLUMNS, per_row=True) == metric.compute(**COLUMNS, per_row=True)


def test_rows_may_be_added_one_by_one_and_in_batches(metric: JudgeMetric) -> None:
    whole = metric.compute(**COLUMNS)
    metric.add(prediction="it was rob", reference=["bob", "rob"], question="who?")
    metric.add_batch(**{name: column[1:] for name, column in COLUMNS.items()})
    assert metric.compute() == whole


def test_questions_may_be_left_out(metric: JudgeMetric) -> None:
    assert metric.compute(predictions=["it was bob"], references=["bob"])["correct_rate"] == 1.0


def test_what_cannot_be_judged_is_counted_and_left_out_of_the_means(
    metric: JudgeMetric, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model: object, pairs: list[tuple[str, str]], **_: object) -> torch.Tensor:
        return torch.full((len(pairs), 4), torch.nan)

    monkeypatch.setattr("judge.scorer.encode_pairs", broken)
    found = metric.compute(predictions=["it was zoe", "zoe"], references=["zoe", "zoe"], per_row=True)
    assert found["verdicts"] == [None, "correct"]
    assert (found["unscored"], found["correct_rate"], found["equivalence"]) == (1, 1.0, 1.0)
    nothing = metric.compute(predictions=["it was zoe"], references=["zoe"])
    assert math.isnan(nothing["correct_rate"])
    assert math.isnan(nothing["equivalence"])


def test_a_false_positive_rate_that_the_judge_has_no_threshold_for_is_refused(
    tiny_judge: Path, tmp_path: Path
) -> None:
    with pytest.raises(JudgeError, match="expected operating points"):
        JudgeMetric(judge=str(tiny_judge), max_fpr=0.02, cache_dir=str(tmp_path))
