import json
import logging
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records import Record
from rl.config import TrainRLConfig
from rl.questions import load_probe, load_questions, split_off

RECORDS = [Record(f"question {number // 2}", (f"answer {number}",), id=str(number)) for number in range(20)]


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows_of(*prompts: str) -> list[dict[str, object]]:
    return [{"prompt": prompt, "reference": "A"} for prompt in prompts]


def load(tmp_path: Path, **settings) -> tuple[list[str], list[str]]:
    config = TrainRLConfig(model="", output_dir=str(tmp_path / "out"), **settings)
    trained_on, held_out = load_questions(config, seed=0)
    return [record.prompt for record in trained_on], [record.prompt for record in held_out]


def test_a_share_of_the_prompts_is_held_out_with_all_that_is_asked_by_them():
    trained_on, held_out = split_off(RECORDS, 0.3, seed=0)
    assert sorted([*trained_on, *held_out], key=RECORDS.index) == RECORDS
    assert len(held_out) == 6  # 3 of 10 prompts, two records each
    assert not {record.prompt for record in trained_on} & {record.prompt for record in held_out}


def test_what_is_held_out_hangs_on_the_seed_alone():
    assert (
        split_off(RECORDS, 0.3, seed=1) == split_off(RECORDS, 0.3, seed=1) != split_off(RECORDS, 0.3, seed=2)
    )


def test_without_a_share_nothing_is_held_out():
    assert split_off(RECORDS, 0.0, seed=0) == (RECORDS, [])


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_share_that_leaves_a_side_empty_is_refused(share):
    with pytest.raises(DataError, match=r"questions on both sides, 0\.\d+ of 10 holds out"):
        split_off(RECORDS, share, seed=0)


def test_held_out_questions_may_come_from_a_file_and_their_bad_rows_stay_apart(tmp_path, caplog):
    data = write(tmp_path / "data.jsonl", rows_of("a", "b"))
    held_out = write(tmp_path / "eval.jsonl", [*rows_of("c", "b"), {"prompt": "d", "reference": ""}])
    with caplog.at_level(logging.WARNING, "rl"):
        assert load(tmp_path, data=data, eval_data=held_out) == (["a", "b"], ["c", "b"])
    assert "1 of 2 held-out questions are trained on too" in caplog.text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["eval_rejected.jsonl"]


def test_a_probe_of_other_questions_is_refused(tmp_path):
    probe = write(tmp_path / "probe.jsonl", [row | {"correct_rate": 0.5} for row in rows_of("a")])
    assert load_probe(None, RECORDS) is None
    assert load_probe(probe, [Record("a", ("A",)), *RECORDS]) is not None
    with pytest.raises(DataError, match="has none of 20"):
        load_probe(probe, RECORDS)
