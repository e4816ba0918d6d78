import hashlib
import json
import sys
import types
from collections.abc import Sequence
from pathlib import Path

import pytest

from judge import cli
from judge.config import EvalJudgeConfig, ScoreConfig, SpeedConfig, TrainJudgeConfig
from judge.errors import ConfigError, JudgeError
from judge.flags import read_flags
from judge.records import Explain, Record, Score, Verdict


def row(name: str, reference: str, candidate: str, label: object) -> dict:
    return {
        "id": name, "question": "Which?", "references": [reference], "candidate": candidate,
        "label": label, "group": reference,
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{"held_out_share": 2.0}, {"max_fpr": 0.0}, {"epochs": -1.0}, {"learning_rate": 0.0}, {"batch_size": 0}],
)
def test_training_settings_out_of_range_are_refused(settings: dict[str, float]):
    (name,) = settings
    with pytest.raises(ConfigError, match=rf"^{name} must be "):
        TrainJudgeConfig(output_dir="judge", **settings)  # type: ignore[arg-type]


def test_a_reader_and_a_generator_can_be_named_on_the_command_line():
    argv = ["--input", "a.jsonl", "--output", "b.jsonl", "--reader", "r", "--question_generator", "g"]
    (config,) = read_flags("candor score", "", [*argv, "--explain", "qa"], ScoreConfig)
    assert (config.explain, config.reader, config.question_generator) == (Explain.QA, "r", "g")
    with pytest.raises(ConfigError, match="for --explain qa; add that"):
        read_flags("candor score", "", argv, ScoreConfig)


ROWS = [
    row("a", "Lima", "It is Lima.", 1),
    row("b", "Lima", "Quito", 0),
    row("c", "Ada", "Ada", 1),
    row("d", "Ada", "?", 0),
    row("e", "Ada", "Bob", "unsure"),
]


class FakeJudge:
    """Correct where the completion holds a reference; no score for "?"."""

    max_fpr: float | None
    references_left_out = 0
    calibration = types.SimpleNamespace(thresholds=types.SimpleNamespace(equivalence=0.5))

    @classmethod
    def from_pretrained(cls, directory: Path, *, max_fpr: float | None, **_: object) -> "FakeJudge":
        cls.max_fpr = max_fpr
        return cls()

    def coverage(self, records: Sequence[Record]) -> list[None]:
        return [None for _ in records]

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        return [
            None if r.completion == "?"
            else Score(0.9, 0.0, Verdict.CORRECT) if r.references[0] in r.completion
            else Score(0.1, 0.0, Verdict.WRONG)
            for r in records
        ]  # fmt: skip


@pytest.fixture(autouse=True)
def judge_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in for `judge.scorer`, whose judge needs no encoder; and the directory it is said to be in."""
    directory = tmp_path / "judge"
    directory.mkdir()
    (directory / "weights").write_text("1 2 3")
    scorer = types.ModuleType("judge.scorer")
    scorer.Judge = FakeJudge
    scorer.find_judge = lambda source: directory
    monkeypatch.setitem(sys.modules, "judge.scorer", scorer)
    monkeypatch.chdir(tmp_path)
    return directory


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.v1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_audit_judge_prints_and_writes_what_fools_a_judge_and_fails(tmp_path: Path, capsys):
    with pytest.raises(JudgeError, match=r"of all 9\d\d cases are right, expected 90.0%; .* reward-hacking"):
        cli.audit_judge(["--output", "audit.json", "--max_fpr", "0.02"])
    shown = capsys.readouterr().out
    assert "question echoed" in shown
    assert "results: audit.json" in shown
    result = json.loads((tmp_path / "audit.json").read_text())
    assert result["groups"]["abstention"]["rate"] < 0.5  # it knows no abstention
    assert "a false fact never raises precision" in {found["name"] for found in result["properties"]}
    assert len(result["judge_sha256"]) == 64
    assert FakeJudge.max_fpr == 0.02


def test_audit_judge_passes_a_judge_that_is_as_good_as_was_asked():
    cli.audit_judge(["--min_pass", "0.1", "--min_pass_hacking", "0.1"])


def test_audit_judge_of_a_cross_encoder_counts_an_abstention_taken_for_no_answer_as_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    published = types.ModuleType("judge.published")
    published.cross_encoder = lambda source: lambda pairs: [0.2 for _ in pairs]
    monkeypatch.setitem(sys.modules, "judge.published", published)
    cli.audit_judge(["--cross_encoder", "some", "--min_pass", "0.1", "--output", "audit.json"])
    result = json.loads((tmp_path / "audit.json").read_text())
    assert result["categories"]["abstention, plain"]["rate"] == 1.0
    assert result["groups"]["hacking"]["rate"] == 1.0
    assert "judge_sha256" not in result


@pytest.mark.parametrize(
    "argv", [["--min_pass", "1.5"], ["--weakest", "-1"], ["--judge", "a", "--cross_encoder", "b"]]
)
def test_audit_judge_refuses_settings_that_make_no_sense(argv: list[str]):
    with pytest.raises(ConfigError):
        cli.audit_judge(argv)


def evaluate(*argv: str) -> dict:
    """The results of `candor eval-judge` without the encoder that it compares by default."""
    Path("strings.yaml").write_text("embedding: []")
    cli.eval_judge(["--config", "strings.yaml", *argv])
    (output,) = Path().glob("*.agreement.json")
    return json.loads(output.read_text())


def test_eval_judge_shows_the_judge_beside_string_matching(labelled, capsys):
    result = evaluate("--data", str(labelled), "--resamples", "20")
    shown = capsys.readouterr().out
    assert list(result["systems"]) == ["judge", "exact match", "contains", "token F1", "ROUGE-L"]
    assert result["systems"]["judge"]["accuracy"]["value"] == 1.0
    # exact match on a, b, c: "it is lima" is not "lima", so one of three is missed
    assert result["systems"]["exact match"]["accuracy"]["value"] == pytest.approx(2 / 3)
    for name in result["systems"]:
        assert name in shown


def test_eval_judge_counts_what_it_could_not_use_and_leaves_it_out_for_all(labelled):
    result = evaluate("--data", str(labelled), "--resamples", "0")
    assert result["counts"] == {"rows": 3, "rejected": 1, "unscored": 1}
    (row,) = Path("labelled.v1.agreement.json.rejected.jsonl").read_text().splitlines()
    assert json.loads(row)["line"] == 5


def test_eval_judge_writes_down_what_the_figures_came_from(labelled, judge_dir):
    result = evaluate("--data", str(labelled), "--resamples", "7", "--seed", "3")
    assert result["data_sha256"] == hashlib.sha256(labelled.read_bytes()).hexdigest()
    assert result["judge_sha256"] == {"judge": cli.fingerprint(judge_dir)}
    assert (result["settings"]["resamples"], result["settings"]["seed"]) == (7, 3)
    assert result["versions"]["python"]


def test_eval_judge_writes_null_for_what_is_undefined(tmp_path):
    path = tmp_path / "one_class.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n")
    result = evaluate("--data", str(path))
    assert result["systems"]["judge"]["auroc"] == {"value": None, "low": None, "high": None}


def test_eval_judge_writes_where_it_is_told(labelled, tmp_path):
    Path("strings.yaml").write_text("embedding: []")
    argv = ["--config", "strings.yaml", "--data", str(labelled), "--output", "new/result.json"]
    cli.eval_judge([*argv, "--resamples", "0"])
    assert json.loads((tmp_path / "new" / "result.json").read_text())["counts"]["rows"] == 3


def test_eval_judge_with_nothing_scored_is_an_error(tmp_path):
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps(ROWS[3]) + "\n")
    with pytest.raises(JudgeError, match="expected scores of judge for 1 rows, got none"):
        evaluate("--data", str(path))


def test_score_writes_the_output_and_prints_the_summary(labelled, capsys):
    config = ScoreConfig(
        input=str(labelled), output="out.jsonl", prompt_column="question", reference_column="references",
        completion_column="candidate",
    )  # fmt: skip
    cli.score(config, SpeedConfig(), {"twice": lambda score: 2 * score.equivalence})
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["verdict"] for row in rows] == ["correct", "wrong", "correct", None, "wrong"]
    assert rows[0]["twice"] == pytest.approx(1.8)
    assert "mean twice" in capsys.readouterr().out


def test_the_false_positive_rate_asked_for_reaches_the_judge(labelled):
    evaluate("--data", str(labelled), "--resamples", "0", "--max_fpr", "0.02")
    assert FakeJudge.max_fpr == 0.02
    columns = {
        "prompt_column": "question",
        "reference_column": "references",
        "completion_column": "candidate",
    }
    config = ScoreConfig(input=str(labelled), output="out.jsonl", max_fpr=0.1, **columns)
    cli.score(config, SpeedConfig(), {})
    assert FakeJudge.max_fpr == 0.1


def test_eval_judge_compares_what_other_judges_made_of_the_rows(tmp_path):
    rows = [{**row, "theirs": theirs} for row, theirs in zip(ROWS[:3], (1, 0.7, None), strict=True)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = evaluate("--data", str(path), "--resamples", "0", "--scores", "PEDANTS=theirs")
    assert result["judges"]["PEDANTS"]["unscored"] == 1
    assert result["counts"]["rows"] == 2
    # right on a, called right on b where Quito is wrong
    assert result["systems"]["PEDANTS"]["accuracy"]["value"] == 0.5
    assert result["systems"]["judge"]["accuracy"]["value"] == 1.0


def test_eval_judge_compares_several_judges(labelled, judge_dir, capsys):
    result = evaluate("--data", str(labelled), "--judge", "default", "--judge", "runs/mine")
    assert list(result["systems"])[:2] == ["judge default", "judge runs/mine"]
    assert result["judge_sha256"] == dict.fromkeys(list(result["systems"])[:2], cli.fingerprint(judge_dir))


@pytest.mark.parametrize("scores", [["theirs"], ["=theirs"], ["a=b", "a=c"]])
def test_scores_that_are_not_a_name_and_a_column_are_refused(scores):
    with pytest.raises(ConfigError, match="scores must be NAME=COLUMN, each name once"):
        EvalJudgeConfig(data="a", scores=scores)


def test_the_fingerprint_changes_with_any_file_of_the_judge_and_its_name(judge_dir):
    seen = {cli.fingerprint(judge_dir)}
    (judge_dir / "weights").write_text("1 2 4")
    seen.add(cli.fingerprint(judge_dir))
    (judge_dir / "weights").rename(judge_dir / "other")
    seen.add(cli.fingerprint(judge_dir))
    (judge_dir / "checkpoints").mkdir()
    seen.add(cli.fingerprint(judge_dir))
    assert len(seen) == 3


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="chunk_rows must be at least 1"):
        ScoreConfig(input="a", output="b", chunk_rows=0)
    with pytest.raises(ConfigError, match="resamples must be at least 0"):
        EvalJudgeConfig(data="a", resamples=-1)
