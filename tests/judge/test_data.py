import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from judge.data import SURVEYED_ROWS, Columns, read_entries, read_records
from judge.errors import DataError
from judge.records import Record
from judge.tables import BadRow

SYSTEM = {"role": "system", "content": "Be brief."}
GOOD = {"id": "g", "prompt": "Where?", "reference": "Lima", "completion": "in Lima"}


@pytest.fixture
def jsonl(tmp_path: Path):
    def write(*rows: object) -> Path:
        path = tmp_path / "gens.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def csv(tmp_path: Path):
    def write(*lines: str) -> Path:
        path = tmp_path / "gens.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def reasons(path: Path, columns: Columns | None = None) -> list[str]:
    return [row.reason for row in read_entries(path, columns or Columns()) if isinstance(row, BadRow)]


def test_a_row_becomes_a_record(jsonl):
    assert read_records(jsonl(GOOD)) == [Record("Where?", ("Lima",), "in Lima", "g")]


def test_a_reference_may_be_a_list_of_which_any_may_match(jsonl):
    (record,) = read_records(jsonl({**GOOD, "reference": ["Lima", "Lima, Peru"]}))
    assert record.references == ("Lima", "Lima, Peru")


def test_an_empty_completion_is_no_fault(jsonl):
    (record,) = read_records(jsonl({**GOOD, "completion": ""}))
    assert record.completion == ""


def test_columns_go_by_other_names(jsonl):
    path = jsonl({"q": "Where?", "gold": "Lima", "out": "in Lima", "uid": "7"})
    records = read_records(
        path, prompt_column="q", reference_column="gold", completion_column="out", id_column="uid"
    )
    assert records == [Record("Where?", ("Lima",), "in Lima", "7")]


def test_completions_may_be_yet_to_come(jsonl):
    path = jsonl({"prompt": "Where?", "reference": "Lima"})
    assert read_records(path, completion_column=None) == [Record("Where?", ("Lima",), "", "1")]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_of_chat_messages_the_last_is_the_question_and_the_policy_is_asked_all(suffix: str, tmp_path: Path):
    rows = [{"prompt": [SYSTEM, {"role": "user", "content": "Where?"}], "reference": "Lima"}]
    path = tmp_path / f"questions{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".csv":
        cell = json.dumps(rows[0]["prompt"]).replace('"', '""')
        path.write_text(f'prompt,reference\n"{cell}",Lima\n')
    else:
        path.write_text(json.dumps(rows[0]))
    (record,) = read_records(path, completion_column=None)
    assert record.prompt == "Where?"
    assert record.asked == (("system", "Be brief."), ("user", "Where?"))
    assert Record("Where?", ("Lima",)).asked == "Where?"


def test_without_an_id_column_the_row_number_is_the_id(jsonl):
    row = {name: value for name, value in GOOD.items() if name != "id"}
    assert [record.id for record in read_records(jsonl(row, "{bad", row))] == ["1", "3"]


def test_a_whole_number_serves_as_id(jsonl):
    assert [record.id for record in read_records(jsonl({**GOOD, "id": 7}))] == ["7"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": None}, "'prompt' is missing, expected text"),
        ({"prompt": 3}, "'prompt' is a number (3), expected text"),
        ({"prompt": ["Where?"]}, "'prompt' is a list, expected messages with 'role' and 'content' in it"),
        ({"prompt": []}, "'prompt' ends with nothing, expected a message of the user"),
        ({"prompt": [SYSTEM]}, "'prompt' ends with system, expected a message of the user"),
        ({"prompt": [{"role": "user", "content": None}]}, "'prompt.content' is missing, expected text"),
        ({"completion": None}, "'completion' is missing, expected text"),
        ({"completion": ["a"]}, "'completion' is a list, expected text"),
        ({"completion": {"a": 1}}, "'completion' is an object, expected text"),
        ({"reference": None}, "'reference' is missing, expected text"),
        ({"reference": 1969}, "'reference' is a number (1969), expected text or a list of texts"),
        ({"reference": True}, "'reference' is a boolean (True), expected text or a list of texts"),
        ({"reference": ""}, "'reference' is empty, expected a right answer"),
        ({"reference": " \n"}, "'reference' is empty, expected a right answer"),
        ({"reference": []}, "'reference' is an empty list, expected at least one text"),
        ({"reference": ["Lima", ""]}, "'reference' is empty, expected a right answer"),
        ({"reference": ["Lima", 3]}, "'reference' is a number (3), expected text"),
        ({"reference": [["Lima"]]}, "'reference' is a list, expected text"),
        ({"id": "g"}, "'id' 'g' is on line 1 already"),
        ({"id": ""}, "'id' is empty, expected a name for the row"),
        ({"id": None}, "'id' is missing, expected text"),
        ({"id": True}, "'id' is a boolean (True), expected text"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_rest_go_on(jsonl, change: dict, reason: str):
    path = jsonl(GOOD, {**GOOD, "id": "b", **change}, {**GOOD, "id": "c"})
    assert reasons(path) == [reason]
    assert [record.id for record in read_records(path)] == ["g", "c"]


def test_an_absent_field_is_like_a_null_one(jsonl):
    assert reasons(jsonl(GOOD, {"id": "b"})) == ["'prompt' is missing, expected text"]


def test_the_id_of_a_bad_row_may_be_used_again(jsonl):
    assert reasons(jsonl({**GOOD, "reference": ""}, GOOD)) == [
        "'reference' is empty, expected a right answer"
    ]


def test_rejected_rows_are_written_with_line_and_reason_as_they_stood(jsonl, tmp_path: Path, caplog):
    path = jsonl(GOOD, "", "{bad", {**GOOD, "id": "b", "reference": 7, "extra": "ü"})
    rejected = tmp_path / "new" / "out.rejected.jsonl"
    with caplog.at_level(logging.WARNING):
        read_records(path, rejected_path=rejected)
    first, second = map(json.loads, rejected.read_text(encoding="utf-8").splitlines())
    assert (first["line"], first["row"]) == (3, "{bad")
    assert first["reason"].startswith("not JSON")
    assert (second["line"], second["row"]["extra"]) == (4, "ü")
    assert "2 rows" in caplog.text


def test_no_file_of_rejected_rows_is_left_where_none_is_rejected(jsonl, tmp_path: Path):
    rejected = tmp_path / "out.rejected.jsonl"
    rejected.write_text("of an earlier run")
    read_records(jsonl(GOOD), rejected_path=rejected)
    assert not rejected.exists()


def test_a_missing_column_is_refused_with_what_is_there_and_what_to_pass(jsonl):
    path = jsonl({"prompt": "Where?", "output": "Lima"})
    with pytest.raises(DataError) as error:
        read_records(path)
    assert (
        str(error.value) == f"column 'reference' not in {path} (has: prompt, output); pass --reference_column"
    )


def test_an_id_column_that_was_asked_for_must_be_there(jsonl):
    with pytest.raises(DataError, match="pass --id_column"):
        read_records(jsonl(GOOD), id_column="uid")


def test_a_column_that_turns_up_in_a_later_row_is_a_column(jsonl):
    path = jsonl({"prompt": "no reference"}, GOOD)
    assert [record.id for record in read_records(path)] == ["g"]


def test_a_file_of_which_no_line_can_be_read_is_refused(jsonl):
    with pytest.raises(DataError, match=r"none of the first 2 rows .* line 1: expected a JSON object"):
        read_records(jsonl("[1]", "[2]"))


def test_a_file_of_which_no_row_can_be_used_is_refused(jsonl):
    with pytest.raises(DataError, match=r"no row of .* line 1: 'reference' is empty"):
        read_records(jsonl({**GOOD, "reference": ""}))


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_is_refused(jsonl, content: str):
    with pytest.raises(DataError, match=r"expected rows in .*found none"):
        read_records(jsonl(content))


def test_rows_after_the_survey_are_read_too(jsonl):
    rows = [{**GOOD, "id": str(i)} for i in range(SURVEYED_ROWS + 5)]
    records = read_records(jsonl(*rows))
    assert [record.id for record in records] == [row["id"] for row in rows]


def test_entries_are_read_as_they_are_wanted(jsonl):
    entries = read_entries(
        jsonl(*({**GOOD, "id": str(i)} for i in range(3 * SURVEYED_ROWS)), "{bad"), Columns()
    )
    assert next(entries).record.id == "0"


def test_a_csv_reference_may_be_a_json_list(csv):
    path = csv(
        "prompt,reference,completion", 'Where?,"[""Lima"", ""Lima, Peru""]",Lima', "When?,1969,in 1969"
    )
    assert [record.references for record in read_records(path)] == [("Lima", "Lima, Peru"), ("1969",)]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("\"['Lima', 'Peru']\"", "looks like a list but is not JSON"),
        ("[citation needed]", "looks like a list but is not JSON"),
        ("[1969]", "'reference' is a number (1969)"),
        ("[]", "'reference' is an empty list"),
    ],
)
def test_a_csv_reference_that_looks_like_a_list_must_be_one_of_texts(csv, cell: str, reason: str):
    path = csv("prompt,reference,completion", f"Where?,{cell},x", "Where?,Lima,x")
    (found,) = reasons(path)
    assert reason in found


@pytest.mark.parametrize(
    "prompt", ["[sic] who? [1]", "[1, 2]", "[]", '["Where?"]', '[{"role": "user"}]', "[" * 100_000]
)
def test_a_csv_prompt_in_brackets_that_holds_no_messages_is_text(csv, prompt: str):
    cell = prompt.replace('"', '""')
    (record,) = read_records(csv("prompt,reference", f'"{cell}",Lima'), completion_column=None)
    assert (record.prompt, record.chat) == (prompt, ())


def test_a_csv_prompt_of_messages_that_ends_with_another_than_the_user_is_refused(csv):
    cell = json.dumps([SYSTEM]).replace('"', '""')
    (found,) = reasons(csv("prompt,reference,completion", f'"{cell}",Lima,x'))
    assert found == "'prompt' ends with system, expected a message of the user"


def test_a_json_string_that_looks_like_a_list_is_text(jsonl):
    (record,) = read_records(jsonl({**GOOD, "reference": '["Lima"]'}))
    assert record.references == ('["Lima"]',)


def test_parquet_nulls_and_nans_are_missing_and_numbers(tmp_path: Path):
    path = tmp_path / "gens.parquet"
    prompts = pa.array(["a", None, "c"])
    pq.write_table(
        pa.table({"prompt": prompts, "reference": ["x", "y", "z"], "completion": ["", "", ""]}), path
    )
    assert reasons(path) == ["'prompt' is missing, expected text"]
    numbers = pa.array([float("nan")] * 3)
    pq.write_table(pa.table({"prompt": ["a"] * 3, "reference": numbers, "completion": [""] * 3}), path)
    assert reasons(path) == ["'reference' is a number (nan), expected text or a list of texts"] * 3
