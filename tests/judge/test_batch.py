import csv
import gzip
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from judge.batch import Job, Summary, journal_path, prepare, rejected_path, run, score_all
from judge.data import Columns
from judge.errors import DataError, JudgeError
from judge.records import Record, Score, Verdict


class MatchJudge:
    """Correct where the completion is a reference; no score for "?"; remembers what it was asked."""

    def __init__(self, fail_after: int | None = None):
        self.asked: list[Record] = []
        self.fail_after = fail_after

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        if self.fail_after is not None and len(self.asked) + len(records) > self.fail_after:
            raise KeyboardInterrupt
        self.asked += records
        return [None if r.completion == "?" else self.judge(r) for r in records]

    @staticmethod
    def judge(record: Record) -> Score:
        if record.completion in record.references:
            return Score(0.9, 0.1, Verdict.CORRECT)
        return Score(0.2, 0.05, Verdict.WRONG)


REWARD = {"reward": lambda score: 2 * score.equivalence - 1}
ROWS = [
    {"id": "a", "prompt": "Where?", "reference": "Lima", "completion": "Lima", "seed": 1},
    {"id": "b", "prompt": "Where?", "reference": ["Lima", "Peru"], "completion": "Peru", "seed": 2},
    {"id": "c", "prompt": "Where?", "reference": "Lima", "completion": "?", "note": {"k": [1]}},
    {"id": "d", "prompt": "Where?", "reference": "Lima", "completion": "Quito", "seed": None},
]


@pytest.fixture
def gens(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "gens.jsonl", ROWS)


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def score_file(source: Path, output: Path, judge: MatchJudge | None = None, **options) -> tuple[Job, Summary]:
    job = prepare(source, output, options.pop("columns", Columns()))
    return job, run(job, judge or MatchJudge(), derive=REWARD, **options)


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_record_gets_a_row_in_order_with_its_own_columns_and_the_scores(gens, tmp_path):
    score_file(gens, tmp_path / "out.jsonl")
    rows = read_jsonl(tmp_path / "out.jsonl")
    right = {"verdict": "correct", "equivalence": 0.9, "abstention": 0.1, "reward": pytest.approx(0.8)}
    wrong = {"verdict": "wrong", "equivalence": 0.2, "abstention": 0.05, "reward": pytest.approx(-0.6)}
    nothing = {"verdict": None, "equivalence": None, "abstention": None, "reward": None}
    assert rows == [{**ROWS[0], **right}, {**ROWS[1], **right}, {**ROWS[2], **nothing}, {**ROWS[3], **wrong}]
    assert list(rows[0]) == [*ROWS[0], *right]


def test_parquet_holds_the_same_with_types(gens, tmp_path):
    score_file(gens, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == [
        "id", "prompt", "reference", "completion", "seed", "note",
        "verdict", "equivalence", "abstention", "reward",
    ]  # fmt: skip
    assert table.schema.field("reference").type == pa.list_(pa.string())
    assert table.schema.field("reward").type == pa.float64()
    assert table["seed"].to_pylist() == [1, 2, None, None]
    assert table["verdict"].to_pylist() == ["correct", "correct", None, "wrong"]


def test_csv_leaves_cells_empty_where_nothing_was_judged(gens, tmp_path):
    score_file(gens, tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["verdict"] for row in rows] == ["correct", "correct", "", "wrong"]
    assert rows[2]["reward"] == ""


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl.gz"])
def test_an_output_is_an_input_again(gens, tmp_path, suffix: str):
    first = tmp_path / f"first{suffix}"
    score_file(gens, first)
    _, summary = score_file(first, tmp_path / "second.jsonl")
    assert summary.verdicts == {Verdict.CORRECT: 2, Verdict.WRONG: 1}
    row = read_jsonl(tmp_path / "second.jsonl")[0]
    assert (row["id"], row["verdict"], row["input_verdict"]) == ("a", "correct", "correct")


def test_the_types_of_a_parquet_input_are_kept(tmp_path):
    source = tmp_path / "gens.parquet"
    table = pa.table(
        {
            "prompt": ["Where?"],
            "reference": pa.array(["Lima"]).dictionary_encode(),
            "completion": ["Lima"],
            "when": pa.array([0], pa.timestamp("us", "UTC")),
            "small": pa.array([1], pa.int8()),
        }
    )
    pq.write_table(table, source)
    score_file(source, tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.select(table.column_names).schema.types == table.schema.types
    assert out["id"].to_pylist() == ["1"]


def test_another_id_column_gives_the_id_and_stays(tmp_path):
    rows = [{"uid": 7, "id": "other", "prompt": "Where?", "reference": "Lima", "completion": "Lima"}]
    score_file(write_rows(tmp_path / "gens.jsonl", rows), tmp_path / "out.jsonl", columns=Columns(id="uid"))
    (row,) = read_jsonl(tmp_path / "out.jsonl")
    assert (row["id"], row["uid"], row["input_id"]) == ("7", 7, "other")


def test_a_column_that_the_output_needs_is_kept_under_another_name(tmp_path, caplog):
    rows = [{**ROWS[0], "reward": 5, "input_reward": 6}]
    with caplog.at_level(logging.INFO, logger="judge.batch"):
        score_file(write_rows(tmp_path / "gens.jsonl", rows), tmp_path / "out.jsonl")
    (row,) = read_jsonl(tmp_path / "out.jsonl")
    assert row["reward"] == pytest.approx(0.8)
    assert (row["input_input_reward"], row["input_reward"]) == (5, 6)
    assert "'reward' of " in caplog.text


def test_the_summary_counts_verdicts_unscored_and_rejected(tmp_path):
    source = write_rows(tmp_path / "gens.jsonl", [*ROWS, {"prompt": "no reference", "id": "e"}, ROWS[0]])
    job, summary = score_file(source, tmp_path / "out.jsonl")
    assert (job.rows, job.rejected) == (4, 2)
    assert summary.verdicts == {Verdict.CORRECT: 2, Verdict.WRONG: 1}
    assert (summary.scored, summary.unscored, summary.rows) == (3, 1, 4)
    assert summary.sums["equivalence"] == pytest.approx(0.9 + 0.9 + 0.2)
    assert summary.sums["reward"] == pytest.approx(0.8 + 0.8 - 0.6)
    assert [row["line"] for row in read_jsonl(rejected_path(tmp_path / "out.jsonl"))] == [5, 6]


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_the_size_of_a_chunk_changes_nothing(gens, tmp_path, chunk_rows: int):
    score_file(gens, tmp_path / "whole.jsonl")
    score_file(gens, tmp_path / "out.jsonl", chunk_rows=chunk_rows)
    assert (tmp_path / "out.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()


def interrupted(source: Path, output: Path, **options) -> MatchJudge:
    judge = MatchJudge(fail_after=2)
    with pytest.raises(KeyboardInterrupt):
        score_file(source, output, judge, chunk_rows=1, **options)
    assert len(judge.asked) == 2
    return judge


def test_an_interrupted_run_goes_on_where_it_stopped(gens, tmp_path):
    score_file(gens, tmp_path / "whole.jsonl")
    out = tmp_path / "out.jsonl"
    interrupted(gens, out)
    assert not out.exists()
    judge = MatchJudge()
    _, summary = score_file(gens, out, judge, chunk_rows=1)
    assert [record.id for record in judge.asked] == ["c", "d"]
    assert (summary.resumed, summary.rows) == (2, 4)
    assert out.read_text() == (tmp_path / "whole.jsonl").read_text()
    assert not journal_path(out).exists()


@pytest.mark.parametrize("change", ["input", "judge", "chunk_rows", "columns"])
def test_a_run_with_anything_changed_starts_over(gens, tmp_path, change: str):
    out = tmp_path / "out.jsonl"
    interrupted(gens, out, settings={"judge": "one"})
    options = {"chunk_rows": 1, "settings": {"judge": "one"}}
    if change == "input":
        gens.write_text(gens.read_text().replace("Quito", "Lima"))
    elif change == "judge":
        options["settings"] = {"judge": "two"}
    elif change == "chunk_rows":
        options["chunk_rows"] = 2
    else:
        options["columns"] = Columns(completion="prompt")
    judge = MatchJudge()
    _, summary = score_file(gens, out, judge, **options)
    assert (len(judge.asked), summary.resumed) == (4, 0)


@pytest.mark.parametrize("name", ["gens.jsonl", "./gens.jsonl"])
def test_the_input_is_never_overwritten(gens, tmp_path, name: str):
    with pytest.raises(DataError, match="would be overwritten"):
        prepare(gens, tmp_path / name, Columns())


def test_the_input_is_not_taken_for_the_rejected_rows_of_its_output(gens, tmp_path):
    source = gens.rename(tmp_path / "out.csv.rejected.jsonl")
    with pytest.raises(DataError, match="would be overwritten"):
        prepare(source, tmp_path / "out.csv", Columns())
    assert source.exists()


def test_an_output_of_no_known_format_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(DataError, match=r"\.parquet"):
        prepare(tmp_path / "not there.jsonl", tmp_path / "out.xlsx", Columns())


def test_an_output_in_a_missing_directory_makes_it(gens, tmp_path):
    score_file(gens, tmp_path / "new" / "out.csv")
    assert (tmp_path / "new" / "out.csv").exists()


def test_a_judge_that_loses_a_record_is_an_error(gens, tmp_path):
    class Careless:
        def score(self, records):
            return []

    with pytest.raises(JudgeError, match="expected 4 scores for as many records, got 0"):
        run(prepare(gens, tmp_path / "out.csv", Columns()), Careless())


def test_records_in_memory_are_scored_in_order_chunk_by_chunk():
    judge = MatchJudge()
    records = [Record("q", ("x",), completion) for completion in ("x", "?", "y")]
    scores = score_all(judge, records, chunk_rows=2)
    assert [score and score.verdict for score in scores] == [Verdict.CORRECT, None, Verdict.WRONG]
    assert judge.asked == records


def test_a_gzipped_csv_is_read(tmp_path):
    content = "prompt,reference,completion\nWhere?,Lima,Lima\n"
    source = tmp_path / "gens.csv.gz"
    source.write_bytes(gzip.compress(content.encode()))
    _, summary = score_file(source, tmp_path / "out.csv")
    assert summary.verdicts == {Verdict.CORRECT: 1}
