import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from judge.config import TrainJudgeConfig
from judge.errors import ConfigError, DataError
from judge.mixture import FileSpec, read_split
from judge.pairs import Task


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path.name


def answers(count: int) -> list[dict[str, Any]]:
    return [
        {
            "question": f"where was p{i} born?",
            "reference": f"Town {i}",
            "candidate": f"in Town {i - i % 2}",
            "label": 1 - i % 2,
        }
        for i in range(count)
    ]


def config(directory: Path, *files: str, **settings: Any) -> TrainJudgeConfig:
    return TrainJudgeConfig(
        output_dir=str(directory),
        data_dir=str(directory),
        train_files=list(files),
        held_out_share=0.25,
        **settings,
    )


def test_files_of_three_kinds_make_one_split(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "pairs.jsonl.gz", answers(40)),
        write(
            tmp_path / "claims.jsonl.gz",
            [{"text_a": f"a{i}", "text_b": f"b{i}", "label": i % 2} for i in range(40)],
        ),
        write(
            tmp_path / "declined.jsonl.gz",
            [{"question": f"q{i}", "text": "no idea", "label": 1} for i in range(40)],
        ),
    ]
    split = read_split(config(tmp_path, *files))
    assert len(split.train) + len(split.held_out) == 120
    assert {row.task for row in split.train} == {Task.EQUIVALENCE, Task.SUPPORT, Task.ABSTENTION}
    assert not {row.group for row in split.train} & {row.group for row in split.held_out}


def test_a_limit_takes_that_many_rows_and_the_same_ones_each_time(tmp_path: Path) -> None:
    name = write(tmp_path / "pairs.jsonl.gz", answers(40))
    one, other = (read_split(config(tmp_path, f"{name}:10")) for _ in range(2))
    assert len(one.train) + len(one.held_out) == 10
    assert one == other


def test_a_repeated_file_is_read_that_often_in_training_and_once_in_what_is_held_out(tmp_path: Path) -> None:
    name = write(tmp_path / "pairs.jsonl.gz", answers(40))
    once, thrice = (read_split(config(tmp_path, spec)) for spec in (name, f"{name}*3"))
    assert thrice.held_out == once.held_out
    assert thrice.train == once.train * 3


def test_a_row_without_a_question_changes_sides_at_every_other_repeat(tmp_path: Path) -> None:
    rows = [{"reference": f"The cat {i}.", "candidate": f"A cat, {i}.", "label": i % 2} for i in range(40)]
    split = read_split(config(tmp_path, write(tmp_path / "pairs.jsonl.gz", rows) + "*3"))
    third = len(split.train) // 3
    one, turned, again = split.train[:third], split.train[third : 2 * third], split.train[2 * third :]
    assert [(row.reference, row.text) for row in turned] == [(row.text, row.reference) for row in one]
    assert again == one


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a.csv", FileSpec("a.csv")),
        ("a.csv:20", FileSpec("a.csv", rows=20)),
        ("a.csv*3", FileSpec("a.csv", times=3)),
        ("a.csv:20*3", FileSpec("a.csv", rows=20, times=3)),
        ("C:/a.csv", FileSpec("C:/a.csv")),
    ],
)
def test_a_file_is_named_with_what_to_take_of_it(text: str, spec: FileSpec) -> None:
    assert FileSpec.parse(text) == spec


@pytest.mark.parametrize("text", ["", "a.csv:0", "a.csv*0"])
def test_taking_nothing_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="ROWS and TIMES above 0"):
        FileSpec.parse(text)


def test_claims_and_paraphrases_are_sentences_to_reorder(tmp_path: Path) -> None:
    claim = {"text_a": "Then Bob chased Ann away.", "text_b": "Nobody knows.", "label": 0}
    pair = {"reference": "Eva paid Carl.", "candidate": "Eva gave money to Carl .", "label": 1}
    files = [write(tmp_path / f"{i}.jsonl.gz", [row]) for i, row in enumerate((claim, pair))]
    split = read_split(config(tmp_path, *files, word_order_per_kind=5))
    made = {row.reference: row.text for row in split.train + split.held_out if not row.natural}
    assert made["Then Bob chased Ann away."].lower().startswith("then ann chased bob away")
    assert made["Eva paid Carl."].lower().startswith("carl gave money to eva")


def test_bad_rows_are_set_aside_with_line_and_reason(tmp_path: Path) -> None:
    rows = answers(6)
    rows[2]["label"] = "maybe"
    rows[4]["candidate"] = None
    name = write(tmp_path / "pairs.jsonl.gz", rows)
    split = read_split(config(tmp_path, name))
    assert len(split.train) + len(split.held_out) == 4
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rejected] == [3, 5]
    assert "pairs.jsonl.gz: 'label' is 'maybe'" in rejected[0]["reason"]


def test_contrastive_pairs_stay_on_the_side_of_the_row_they_were_made_from(tmp_path: Path) -> None:
    name = write(tmp_path / "pairs.jsonl.gz", answers(60))
    questions = write(
        tmp_path / "questions.jsonl.gz",
        [{"question": f"who wrote book {i}?", "answers": [f"Ann Writer{i}"]} for i in range(60)],
    )
    split = read_split(
        config(tmp_path, name, question_files=[questions], contrast_per_kind=20, abstention_rows=40)
    )
    made = [row for row in split.train if not row.natural]
    assert {row.task for row in made} == {Task.EQUIVALENCE, Task.ABSTENTION}
    assert {target for row in made for target in row.targets.values()} == {0.0, 1.0}
    assert not {row.group for row in split.train} & {row.group for row in split.held_out}


def test_a_column_named_by_a_flag_is_looked_for_in_every_file_and_must_be_in_one(tmp_path: Path) -> None:
    mine = [
        {"q": r["question"], "gold": r["reference"], "said": r["candidate"], "ok": r["label"]}
        for r in answers(8)
    ]
    files = [write(tmp_path / "mine.jsonl.gz", mine), write(tmp_path / "other.jsonl.gz", answers(8))]
    named = {
        "prompt_column": "q",
        "reference_column": "gold",
        "completion_column": "said",
        "label_column": "ok",
    }
    split = read_split(config(tmp_path, *files, **named))
    rows = split.train + split.held_out
    assert len(rows) == 16
    assert {row.question for row in rows} == {row["question"] for row in answers(8)}
    with pytest.raises(ConfigError, match="no training file has a column said"):
        read_split(config(tmp_path, files[1], completion_column="said"))


def test_the_rows_of_each_part_of_the_mix_are_counted(tmp_path: Path) -> None:
    name = write(tmp_path / "pairs.jsonl.gz", answers(40))
    split = read_split(config(tmp_path, f"{name}:30", contrast_per_kind=2))
    assert sum(split.sizes[f"{name}:30"]) == 30
    assert sum(map(sum, split.sizes.values())) == len(split.train) + len(split.held_out)
    assert list(split.sizes) == [f"{name}:30", "contrast/"]


def test_a_file_without_one_good_row_is_refused(tmp_path: Path) -> None:
    name = write(tmp_path / "pairs.jsonl.gz", [row | {"label": 5} for row in answers(3)])
    with pytest.raises(DataError, match=r"no row of pairs.jsonl.gz can be used; see .*rejected.jsonl"):
        read_split(config(tmp_path, name))


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pass --train_files"):
        read_split(config(tmp_path))


def test_a_file_of_no_known_kind_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    name = write(tmp_path / "other.jsonl.gz", [{"prompt": "a", "answer": "b"}])
    with pytest.raises(DataError, match="found prompt, answer"):
        read_split(config(tmp_path, name))
