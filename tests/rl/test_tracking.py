import json
import math
import resource

import pyarrow.parquet as pq
import pytest
from tiny import score_of

from judge.errors import ConfigError, DataError
from judge.records import Record, Score, Verdict
from rl.tracking import (
    FileTracker,
    Trackers,
    agreement,
    completion_rows,
    verdict_metrics,
    write_parquet,
)

RECORDS = [
    Record("capital of Peru?", ("Lima",), "Lima", "a"),
    Record("capital of Chile?", ("Santiago", "Santiago de Chile"), "Lima", "b"),
    Record("capital of Bolivia?", ("Sucre",), "", "c"),
]
SCORES = [Score(0.9, 0.1, Verdict.CORRECT), score_of(Verdict.WRONG), None]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_completion_has_the_columns_of_a_scored_file():
    rows = completion_rows(RECORDS, SCORES, [1.0, -1.0, None])
    assert rows[0] == {
        "id": "a", "prompt": "capital of Peru?", "reference": "Lima", "completion": "Lima",
        "verdict": "correct", "equivalence": 0.9, "abstention": 0.1, "reward": 1.0,
    }  # fmt: skip
    assert rows[1]["reference"] == ["Santiago", "Santiago de Chile"]
    assert [rows[2][name] for name in ("verdict", "equivalence", "abstention", "reward")] == [None] * 4


def test_each_update_adds_one_line_of_metrics_and_one_per_completion(tmp_path):
    rows = completion_rows(RECORDS, SCORES, [1.0, -1.0, None])
    with FileTracker(tmp_path) as tracker:
        tracker.log(0, {"objective/kl": 0.0, "val/explained_variance": math.nan}, rows)
        assert len(lines(tmp_path / "completions.jsonl")) == 3  # on disk before the run ends
        tracker.log(1, {"objective/kl": 0.5}, rows[:1])
    assert lines(tmp_path / "metrics.jsonl") == [
        {"update": 0, "objective/kl": 0.0, "val/explained_variance": None},
        {"update": 1, "objective/kl": 0.5},
    ]
    assert [row["update"] for row in lines(tmp_path / "completions.jsonl")] == [0, 0, 0, 1]


def test_a_second_run_in_the_same_directory_adds_to_the_first(tmp_path):
    for update in range(2):
        with FileTracker(tmp_path) as tracker:
            tracker.log(update, {"objective/kl": 0.0}, [])
    assert [line["update"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1]


def test_a_run_whose_files_another_still_writes_is_refused_and_cuts_nothing_off(tmp_path):
    with FileTracker(tmp_path) as tracker:
        tracker.log(0, {"objective/kl": 0.0}, [])
        with pytest.raises(ConfigError, match=r"another run writes to .*metrics\.jsonl"):
            FileTracker(tmp_path, start=0)
        tracker.log(1, {"objective/kl": 0.0}, [])
    assert [line["update"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1]


def test_a_run_that_goes_on_cuts_off_what_was_written_after_its_checkpoint(tmp_path):
    rows = completion_rows(RECORDS, SCORES, [1.0, -1.0, None])
    with FileTracker(tmp_path) as tracker:
        for update in range(4):
            tracker.log(update, {"objective/kl": update}, rows)
    with FileTracker(tmp_path, start=2) as tracker:
        tracker.log(2, {"objective/kl": 9.0}, rows[:1])
    assert [line["objective/kl"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1, 9.0]
    assert [line["update"] for line in lines(tmp_path / "completions.jsonl")] == [0, 0, 0, 1, 1, 1, 2]


def test_a_line_that_a_kill_left_unfinished_is_cut_off(tmp_path):
    with FileTracker(tmp_path) as tracker:
        tracker.log(0, {"objective/kl": 0.0}, [])
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"update": 1, "objec')
    with FileTracker(tmp_path, start=5) as tracker:
        tracker.log(1, {"objective/kl": 1.0}, [])
    assert [line["update"] for line in lines(tmp_path / "metrics.jsonl")] == [0, 1]


def test_a_disk_that_is_full_is_told_in_a_line(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FileTracker(tmp_path) as tracker:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
        try:
            with pytest.raises(DataError, match=r"cannot write to .*make room, and run again"):
                tracker.log(0, {"objective/kl": 0.0}, [])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_text_of_any_language_is_written_as_it_is(tmp_path):
    with FileTracker(tmp_path) as tracker:
        tracker.log(0, {}, completion_rows([Record("谁?", ("é",), "ñ\n")], [None], [None]))
    assert "谁?" in (tmp_path / "completions.jsonl").read_text(encoding="utf-8")
    assert lines(tmp_path / "completions.jsonl")[0]["completion"] == "ñ\n"


def test_at_the_end_the_completions_become_parquet_with_the_references_as_lists(tmp_path):
    rows = completion_rows(RECORDS, SCORES, [1.0, -1.0, None])
    with FileTracker(tmp_path) as tracker:
        tracker.log(7, {}, rows)
    write_parquet(tmp_path)
    table = pq.read_table(tmp_path / "completions.parquet").to_pylist()
    assert [row["reference"] for row in table] == [["Lima"], ["Santiago", "Santiago de Chile"], ["Sucre"]]
    assert table[2] == rows[2] | {"reference": ["Sucre"], "update": 7}
    assert list(table[0]) == list(lines(tmp_path / "completions.jsonl")[0])


def test_a_run_without_completions_has_parquet_without_rows(tmp_path):
    with FileTracker(tmp_path):
        pass
    write_parquet(tmp_path)
    assert pq.read_table(tmp_path / "completions.parquet").num_rows == 0


def test_several_trackers_are_told_the_same(tmp_path):
    with FileTracker(tmp_path / "a") as first, FileTracker(tmp_path / "b") as second:
        Trackers(first, second).log(3, {"objective/kl": 0.5}, completion_rows(RECORDS, SCORES, [None] * 3))
    for name in ("metrics.jsonl", "completions.jsonl"):
        texts = [(tmp_path / each / name).read_text() for each in "ab"]
        assert texts[0] == texts[1] != ""


def test_rates_of_the_scored_sum_to_one_and_the_unscored_are_counted():
    metrics = verdict_metrics([*map(score_of, (Verdict.CORRECT, Verdict.CORRECT, Verdict.ABSTAIN)), None])
    assert metrics == {
        "judge/correct_rate": pytest.approx(2 / 3), "judge/abstain_rate": pytest.approx(1 / 3),
        "judge/wrong_rate": 0.0, "judge/unscored": 1.0,
    }  # fmt: skip
    assert sum(metrics[f"judge/{verdict}_rate"] for verdict in Verdict) == pytest.approx(1.0)


def test_rates_of_nothing_are_nan():
    assert math.isnan(verdict_metrics([None])["judge/correct_rate"])


def test_agreement_is_taken_where_both_judges_spoke():
    ours = [score_of(Verdict.CORRECT), score_of(Verdict.WRONG), None]
    theirs = [score_of(Verdict.CORRECT), score_of(Verdict.ABSTAIN), score_of(Verdict.WRONG)]
    assert agreement(ours, theirs) == 0.5
    assert math.isnan(agreement([None], [None]))
