import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from judge.errors import DataError
from judge.tables import BadRow, Format, Row, format_of, kind_of, read_rows


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows_of(path: Path) -> list[Row | BadRow]:
    return list(read_rows(path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", Format.JSONL),
        ("a.JSONL.gz", Format.JSONL),
        ("2024.11.csv", Format.CSV),
        ("a.csv.gz", Format.CSV),
        ("a.parquet", Format.PARQUET),
    ],
)
def test_the_suffix_says_the_format(name: str, expected: Format):
    assert format_of(Path(name)) is expected


@pytest.mark.parametrize("name", ["a", "a.gz", "a.json", "a.parquet.gz", "a.xlsx", ".jsonl.d"])
def test_another_suffix_is_refused_with_those_that_work(name: str):
    with pytest.raises(DataError, match=r"\.jsonl, \.csv .* \.parquet"):
        format_of(Path(name))


def test_json_lines_keep_their_line_numbers_over_blank_lines_and_windows_line_ends(write):
    path = write("a.jsonl", '\ufeff{"a": 1}\r\n\r\n   \r\n{"a": "ü"}\r\n')
    assert rows_of(path) == [Row(1, {"a": 1}), Row(4, {"a": "ü"})]


def test_an_unusual_line_separator_inside_json_text_does_not_end_the_row(write):
    assert rows_of(write("a.jsonl", '{"a": "one\u2028two\x85"}')) == [Row(1, {"a": "one\u2028two\x85"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{nope", "not JSON"),
        (b'{"a": 1} {"a": 2}', "not JSON"),
        (b"[1, 2]", "expected a JSON object, got a list"),
        (b"7", "expected a JSON object, got a number"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\\ud83d"}', "half of a surrogate pair"),
        (b'{"\\udc00": 1}', "half of a surrogate pair"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_line_that_is_no_object_of_json_is_set_aside_as_it_stands(write, line: bytes, reason: str):
    bad, good = rows_of(write("a.jsonl", line + b'\n{"a": 1}'))
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith(reason) or reason in bad.reason
    assert bad.line == 1
    assert json.dumps(bad.raw)
    assert good == Row(2, {"a": 1})


def test_a_whole_surrogate_pair_is_text(write):
    assert rows_of(write("a.jsonl", '{"a": "\\ud83d\\ude00"}')) == [Row(1, {"a": "😀"})]


def test_nan_in_json_is_null(write):
    assert rows_of(write("a.jsonl", '{"a": NaN, "b": -Infinity}')) == [Row(1, {"a": None, "b": None})]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl"])
def test_gzip_is_known_by_its_content_whatever_the_name(write, name: str):
    assert rows_of(write(name, gzip.compress(b'{"a": 1}\n'))) == [Row(1, {"a": 1})]


def test_a_gzip_file_that_was_cut_off_is_refused(write):
    lines = "".join(json.dumps({"a": i * 7919}) + "\n" for i in range(5000)).encode()
    with pytest.raises(DataError, match="is it whole"):
        rows_of(write("a.jsonl.gz", gzip.compress(lines)[:-2000]))


def test_csv_rows_carry_the_line_on_which_they_start(write):
    path = write("a.csv", 'q,a\r\n"two\r\nlines",x\r\n\r\nnext,y\r\n')
    assert rows_of(path) == [Row(2, {"q": "two\r\nlines", "a": "x"}), Row(5, {"q": "next", "a": "y"})]


def test_csv_survives_a_byte_order_mark_and_trailing_commas(write):
    path = write("a.csv", "\ufeffq, a ,,\none,1,,\ntwo,2\n")
    assert rows_of(path) == [Row(2, {"q": "one", "a": "1"}), Row(3, {"q": "two", "a": "2"})]


def test_a_nameless_csv_column_gets_a_name(write):
    assert rows_of(write("a.csv", ",q\n0,x\n")) == [Row(2, {"column_1": "0", "q": "x"})]


def test_csv_cells_stay_text(write):
    assert rows_of(write("a.csv", 'q,a\n007,"1,5"\n')) == [Row(2, {"q": "007", "a": "1,5"})]


def test_a_huge_csv_cell_is_read(write):
    huge = "x" * 1_000_000
    assert rows_of(write("a.csv", f"q,a\n{huge},1\n")) == [Row(2, {"q": huge, "a": "1"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("one,two,three", "expected 2 fields, as in the header, got 3"),
        ("one", "expected 2 fields, as in the header, got 1"),
        ('"one" x,two', "not CSV"),
    ],
)
def test_a_csv_row_that_does_not_fit_its_header_is_set_aside(write, line: str, reason: str):
    bad, good = rows_of(write("a.csv", f"q,a\n{line}\ngood,1\n"))
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith(reason)
    assert (bad.line, bad.raw.strip()) == (2, line)
    assert good == Row(3, {"q": "good", "a": "1"})


def test_an_open_quote_swallows_the_rest_of_a_csv_file_and_says_where_it_opened(write):
    good, bad = rows_of(write("a.csv", 'q,a\none,1\n"two,2\nthree,3\n'))
    assert good == Row(2, {"q": "one", "a": "1"})
    assert isinstance(bad, BadRow)
    assert bad.line == 3
    assert "three" in bad.raw


def test_csv_that_is_not_utf8_is_set_aside_row_by_row(write):
    bad, good = rows_of(write("a.csv", b"q,a\ncaf\xe9,1\ncaf\xc3\xa9,2\n"))
    assert bad == BadRow(2, "not UTF-8", "caf\\xe9,1\n")
    assert good == Row(3, {"q": "café", "a": "2"})


@pytest.mark.parametrize("content", ["q,caf\xe9\n1,2\n".encode("latin-1"), "q,a\n1,2\n".encode("utf-16")])
def test_a_csv_header_that_is_not_utf8_is_refused(write, content: bytes):
    with pytest.raises(DataError, match="save it as UTF-8"):
        rows_of(write("a.csv", content))


def test_a_csv_header_with_an_open_quote_is_refused(write):
    with pytest.raises(DataError, match="cannot read"):
        rows_of(write("a.csv", 'q,"a\n1,2\n'))


def test_a_column_named_twice_is_refused(write):
    with pytest.raises(DataError, match="found q twice"):
        rows_of(write("a.csv", "q,a,q\n1,2,3\n"))


def test_parquet_rows_are_numbered_and_keep_lists(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"q": ["x", None], "r": [["a", "b"], []]}), path)
    assert rows_of(path) == [Row(1, {"q": "x", "r": ["a", "b"]}), Row(2, {"q": None, "r": []})]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz"])
def test_a_file_that_is_not_what_its_name_says_is_refused(write, name: str):
    path = write(name, b"PAR1 no" if name == "a.parquet" else b"\x1f\x8b no")
    with pytest.raises(DataError, match="cannot read"):
        rows_of(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="found nothing"):
        rows_of(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").mkdir()
    with pytest.raises(DataError, match="found a directory"):
        rows_of(tmp_path / "b.jsonl")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean (True)"),
        (7, "a number (7)"),
        ("x", "text"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "a bytes"),
    ],
)
def test_a_value_is_named_for_an_error_message(value: object, words: str):
    assert kind_of(value) == words
