"""The `candor` command as a user meets it."""

import json
import sys
import types
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from judge.records import Score, Verdict
from rl.cli import COMMANDS, main

SCORES = {
    "Lima": Score(0.8, 0.1, Verdict.CORRECT),
    "I don't know": Score(0.1, 0.9, Verdict.ABSTAIN),
    "Quito": Score(0.2, 0.0, Verdict.WRONG),
}


@pytest.fixture
def gens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Three completions, and a judge that knows them."""

    class FakeJudge:
        references_left_out = 0

        @classmethod
        def from_pretrained(cls, directory, *, max_fpr, **_):
            return cls()

        def score(self, records):
            return [SCORES[record.completion] for record in records]

    scorer = types.ModuleType("judge.scorer")
    scorer.Judge = FakeJudge
    scorer.find_judge = lambda source: tmp_path
    monkeypatch.setitem(sys.modules, "judge.scorer", scorer)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "gens.jsonl"
    rows = [{"prompt": "Where?", "reference": "Lima", "completion": completion} for completion in SCORES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rewards(path: str) -> list[float]:
    return [json.loads(line)["reward"] for line in Path(path).read_text().splitlines()]


def test_score_rewards_each_verdict(gens):
    assert main(["score", "--input", str(gens), "--output", "out.jsonl"]) == 0
    # break-even 0.5 between wrong -1 and correct 1 puts abstaining at -1 + 0.5 * 2 = 0
    assert rewards("out.jsonl") == [1.0, 0.0, -1.0]


def test_the_break_even_confidence_sets_what_abstaining_is_worth(gens):
    flags = ["--break_even", "0.25", "--reward_correct", "3", "--reward_wrong", "-1"]
    assert main(["score", "--input", str(gens), "--output", "out.jsonl", *flags]) == 0
    assert rewards("out.jsonl") == [3.0, -1 + 0.25 * 4, -1.0]


def test_a_soft_reward_is_the_expectation_under_the_judge(gens):
    assert main(["score", "--input", str(gens), "--output", "out.jsonl", "--reward_mode", "soft"]) == 0
    # Lima: correct 0.9 * 0.8 = 0.72, wrong 0.18, abstain 0.1 at 0
    assert rewards("out.jsonl")[0] == pytest.approx(0.72 - 0.18)


def test_settings_of_a_reward_that_only_training_has_are_refused(gens, capsys):
    flags = ["--break_even_start", "0.1", "--ramp_updates", "5"]
    assert main(["score", "--input", str(gens), "--output", "out.jsonl", *flags]) == 2
    assert "break_even_start" in capsys.readouterr().err


def test_an_error_is_one_line_that_says_what_to_do(tmp_path, capsys):
    path = tmp_path / "gens.jsonl"
    path.write_text('{"prompt": "Where?", "output": "Lima"}\n')
    assert main(["score", "--input", str(path), "--output", str(tmp_path / "out.csv")]) == 2
    assert capsys.readouterr().err == (
        f"error: column 'reference' not in {path} (has: prompt, output); pass --reference_column\n"
    )


def test_debug_shows_where_an_error_came_from(tmp_path, capsys):
    argv = ["score", "--input", str(tmp_path / "no.jsonl"), "--output", str(tmp_path / "out.csv")]
    main([*argv, "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_an_unknown_command_suggests_the_nearest(capsys):
    assert main(["scroe"]) == 2
    assert capsys.readouterr().err == "error: no command 'scroe'; did you mean score?\n"


def test_a_command_unlike_any_lists_them(capsys):
    assert main(["xyzzy"]) == 2
    assert "eval-judge" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(argv: list[str], capsys):
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and command.help in shown for name, command in COMMANDS.items())


def test_the_version_is_that_of_the_distribution(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("candor 0.")


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not command.shares_work])
def test_a_command_that_shares_no_work_is_refused_under_a_launcher(name, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main([name]) == 2
    assert f"error: expected one process for candor {name}, got 2" in capsys.readouterr().err


def test_a_command_that_shares_its_work_is_not(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["train-rl"]) == 2
    assert "expected one process" not in capsys.readouterr().err


@pytest.mark.parametrize(("rank", "printed"), [("0", True), ("1", False)])
def test_an_error_is_in_the_summary_of_torchrun_and_printed_once(
    rank, printed, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    monkeypatch.setenv("RANK", rank)
    assert main(["scroe"]) == 2
    said = "error: no command 'scroe'; did you mean score?"
    assert (said in capsys.readouterr().err) is printed
    failure = ProcessFailure(local_rank=0, pid=1, exitcode=2, error_file=str(tmp_path / "error.json"))
    summary = ChildFailedError("rl.cli", {0: failure}).format_msg()
    assert f"traceback : {said}" in summary


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    def interrupt(arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rl.cli._dispatch", interrupt)
    assert main(["score"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_env_says_what_a_bug_report_needs(capsys):
    assert main(["env"]) == 0
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {"python", "torch", "transformers", "cpu", "cpu_features", "cuda"} <= set(facts)
