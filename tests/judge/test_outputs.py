import datetime
import gzip
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from judge.errors import DataError
from judge.outputs import check_writable, json_text, open_output, widen, write_text


def written(path: Path, rows: list[dict], columns: dict[str, pa.DataType] | None = None) -> Path:
    with open_output(path, columns or widen({}, rows)) as write:
        write(rows[:1])
        write(rows[1:])
    return path


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ([1, 2], pa.int64(), [1, 2]),
        ([1, 0.5, None], pa.float64(), [1.0, 0.5, None]),
        (["a", None], pa.string(), ["a", None]),
        (["a", ["b", "c"]], pa.list_(pa.string()), [["a"], ["b", "c"]]),
        ([1, "a", {"k": 2}], pa.string(), ["1", "a", '{"k": 2}']),
        ([True, 1], pa.string(), ["true", "1"]),
        ([10**30], pa.string(), [str(10**30)]),
        ([{}], pa.string(), ["{}"]),
        ([[{"k": {}}]], pa.string(), ['[{"k": {}}]']),
        ([{"k": 1}, {"k": "x"}], pa.string(), ['{"k": 1}', '{"k": "x"}']),
        ([{"k": 1}, {"m": 2}], pa.struct([("k", pa.int64()), ("m", pa.int64())]), None),
        ([None, None], pa.null(), [None, None]),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_column_gets_a_type_that_holds_all_of_its_values(tmp_path, values, kind, kept, at_once: bool):
    rows = [{"x": value} for value in values]
    columns: dict[str, pa.DataType] = {}
    for chunk in [rows] if at_once else [[row] for row in rows]:
        columns = widen(columns, chunk)
    assert columns == {"x": kind}
    table = pq.read_table(written(tmp_path / "a.parquet", rows, columns))
    if kept is not None:
        assert table["x"].to_pylist() == kept


def test_a_column_of_texts_takes_whatever_a_later_chunk_shows_to_be_there(tmp_path):
    columns = widen(widen({}, [{"x": 1}, {"x": "a"}]), [{"x": ["b"]}])
    rows = [{"x": 1}, {"x": "a"}, {"x": ["b"]}]
    assert pq.read_table(written(tmp_path / "a.parquet", rows, columns))["x"].to_pylist() == [
        ["1"],
        ["a"],
        ["b"],
    ]


def test_columns_come_in_order_of_first_sight():
    assert list(widen(widen({}, [{"b": 1}]), [{"a": 1, "b": 2}, {"c": 3}])) == ["b", "a", "c"]


def test_parquet_is_written_in_row_groups_that_do_not_depend_on_the_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("judge.outputs._GROUP_ROWS", 4)
    path = tmp_path / "a.parquet"
    with open_output(path, {"x": pa.int64()}) as write:
        for i in range(10):
            write([{"x": i}])
    assert pq.ParquetFile(path).num_row_groups == 3
    assert pq.read_table(path)["x"].to_pylist() == list(range(10))


def test_json_lines_keep_each_row_as_it_is(tmp_path):
    rows = [{"a": 1, "b": ["ü"]}, {"c": None}]
    lines = written(tmp_path / "a.jsonl", rows).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert "ü" in lines[0]


def test_a_gz_suffix_compresses(tmp_path):
    path = written(tmp_path / "a.jsonl.gz", [{"a": 1}])
    assert json.loads(gzip.decompress(path.read_bytes())) == {"a": 1}


def test_csv_has_a_header_empty_cells_for_nothing_and_json_for_lists(tmp_path):
    rows = [{"a": "x,\ny", "b": ["p", "q"]}, {"c": 0.5, "a": None}]
    content = written(tmp_path / "a.csv", rows).read_text(encoding="utf-8")
    assert content == 'a,b,c\n"x,\ny","[""p"", ""q""]",\n,,0.5\n'


def test_json_text_is_strict_json_whatever_comes():
    value = {"a": [math.nan, {"b": math.inf}], "c": datetime.date(2020, 2, 1), "d": "é"}
    assert json_text(value) == '{"a": [null, {"b": null}], "c": "2020-02-01", "d": "é"}'


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_an_error_leaves_neither_half_a_file_nor_the_old_one_changed(tmp_path, name: str):
    path = tmp_path / name
    path.write_text("old")

    def fail() -> None:
        with open_output(path, {"x": pa.int64()}) as write:
            write([{"x": 1}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_missing_directory_is_made(tmp_path):
    check_writable(tmp_path / "new" / "deep" / "a.csv")
    assert list((tmp_path / "new" / "deep").iterdir()) == []


def test_what_cannot_be_written_is_refused_beforehand(tmp_path):
    with pytest.raises(DataError, match="got the directory"):
        check_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        check_writable(tmp_path / "file" / "a.csv")


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "a.csv.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"a\.csv: No space left"):
        written(tmp_path / "a.csv", [{"a": 1}])


def test_half_of_a_surrogate_pair_is_written_as_its_code(tmp_path):
    write_text(tmp_path / "new" / "a.html", "\ud83d!\r\n")
    assert (tmp_path / "new" / "a.html").read_bytes() == b"\\ud83d!\r\n"


def test_text_that_cannot_be_finished_leaves_the_older_one(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError("no space left")

    write_text(tmp_path / "a.html", "older")
    monkeypatch.setattr("judge.outputs.os.replace", fail)
    with pytest.raises(DataError, match="no space left"):
        write_text(tmp_path / "a.html", "newer")
    assert (tmp_path / "a.html").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
