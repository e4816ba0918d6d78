import json
import logging
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import peft
import pytest
import torch
import yaml
from peft import get_peft_model_state_dict
from safetensors.torch import load_file
from tiny import tiny_llama, word_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm_server import StandInServer, by_http

from judge.config import SpeedConfig
from judge.errors import CandorError, ConfigError, DataError, JudgeError
from judge.flags import read_flags
from judge.records import Record
from judge.scorer import Judge
from rl import launch, ppo
from rl.cli import main
from rl.config import PPOConfig, RewardConfig, TrainRLConfig, VLLMConfig
from rl.pretrained import load_model, save_model, with_adapters
from rl.tracking import FileTracker

# peft 0.21 asks transformers 5.23 for it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

WORDS = ("red", "blue", "green", "colour", "of", "grass", "sky", "user", "assistant")
TEMPLATE = "{% for message in messages %}user {{ message['content'] }} {% endfor %}assistant"
ROWS = [
    {"prompt": "colour of grass", "reference": "green", "id": "grass"},
    {"prompt": "colour of sky", "reference": ["blue", "red"], "id": "sky"},
]
RECIPES = sorted((Path(launch.__file__).parent / "recipes").glob("*.yaml"))


def save(directory: Path, *, model=None, tokenizer=None) -> Path:
    (model or tiny_llama(3 + len(WORDS))).save_pretrained(directory)
    (tokenizer or word_tokenizer(*WORDS)).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal LM and a word tokenizer with a chat template, on disk."""
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = TEMPLATE
    return save(tmp_path_factory.mktemp("model"), tokenizer=tokenizer)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "questions.jsonl", ROWS)


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def run(tiny_model: Path, tiny_judge: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the command on the tiny model, two updates long, with settings of the test's own; the output."""
    # Drawing it would take longer than the run.
    monkeypatch.setattr(launch, "write_page", lambda out, text: (out / "report.html").write_text(text))

    def run(**settings: object) -> Path:
        given = {
            "model": tiny_model, "judge": tiny_judge, "data": data, "output_dir": tmp_path / "out",
            "device": "cpu", "updates": 2, "episodes": 8, "max_new_tokens": 3, "learning_rate": 1e-2,
            "skip_audit": True, "report_to": "none",
        } | settings  # fmt: skip
        argv = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        types = (TrainRLConfig, PPOConfig, RewardConfig, VLLMConfig)
        launch.launch(*read_flags("candor train-rl", "", argv, *types))
        return Path(given["output_dir"])

    return run


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(directory).state_dict())


# What it refuses before the first update


def test_a_judge_that_text_without_the_answer_fools_is_refused_before_anything_is_written(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def refuse(judge: Judge) -> None:
        seen.append(judge)
        raise JudgeError("it was fooled")

    monkeypatch.setattr(launch, "refuse_hackable", refuse)
    with pytest.raises(JudgeError, match="it was fooled"):
        run(skip_audit=False)
    assert [type(judge) for judge in seen] == [Judge]
    assert not (tmp_path / "out" / launch.CONFIG_FILE).exists()


# What a run leaves


def test_the_command_trains_and_says_where_the_results_are(
    tiny_model: Path, tiny_judge: Path, data: Path, tmp_path: Path, capsys
):
    out = tmp_path / "out"
    recipe = tmp_path / "rl.yaml"
    settings = {
        "model": str(tiny_model), "judge": str(tiny_judge), "data": str(data), "episodes": 8,
        "skip_audit": True,
    }  # fmt: skip
    recipe.write_text(yaml.safe_dump(settings | {"updates": 5}))
    argv = [
        "train-rl",
        "--config",
        str(recipe),
        "--output_dir",
        str(out),
        "--updates",
        "2",
        "--device",
        "cpu",
    ]
    assert main(argv) == 0
    shown, log = capsys.readouterr()
    assert shown.splitlines()[-1] == f"model: {out / 'model'}; metrics, completions and settings: {out}"
    assert "2/2" in log
    assert "correct" in log
    assert {path.name for path in out.iterdir()} == {
        "model", "metrics.jsonl", "completions.jsonl", "completions.parquet", "report.html", "config.yaml",
        "environment.json", "checkpoints", "result.txt", "tensorboard",
    }  # fmt: skip


def test_metrics_and_completions_of_every_update_are_kept(run):
    out = run()
    metrics, completions = lines(out / "metrics.jsonl"), lines(out / "completions.jsonl")
    assert [row["update"] for row in metrics] == [0, 1]
    assert len(completions) == 2 * 8
    assert {row["id"] for row in completions} == {"grass", "sky"}
    for update, row in enumerate(metrics):
        verdicts = [answer["verdict"] for answer in completions if answer["update"] == update]
        assert row["judge/correct_rate"] == verdicts.count("correct") / 8


def test_the_saved_model_and_tokenizer_load_again_and_have_learned(run, tiny_model: Path):
    directory = run() / "model"
    assert (directory / "model.safetensors").is_file()
    before, after = weights(tiny_model), weights(directory)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    assert tokenizer("grass")["input_ids"] == word_tokenizer(*WORDS)("grass")["input_ids"]
    assert tokenizer.chat_template == TEMPLATE


def test_the_settings_written_beside_the_model_give_the_same_run_again(run, tmp_path: Path):
    once = run(break_even=0.25, reward_mode="soft")
    again = tmp_path / "again"
    assert main(["train-rl", "--config", str(once / "config.yaml"), "--output_dir", str(again)]) == 0
    settings = [yaml.safe_load((out / "config.yaml").read_text()) for out in (once, again)]
    assert settings[0] | {"output_dir": str(again)} == settings[1]
    assert settings[0]["break_even"] == 0.25
    before, after = weights(once / "model"), weights(again / "model")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_environment_names_judge_and_data_by_their_content(run, data: Path, tmp_path: Path):
    def environment(out: Path) -> dict[str, str]:
        return json.loads((out / "environment.json").read_text())

    first = environment(run())
    write_rows(data, ROWS[:1])
    second = environment(run(output_dir=tmp_path / "other"))
    assert {"torch", "transformers", "cpu"} <= set(first)
    assert first["judge_sha256"] == second["judge_sha256"]
    assert first["data_sha256"] != second["data_sha256"]


def test_the_reward_is_the_one_that_is_set(run):
    rows = lines(run(reward_correct=3.0, reward_wrong=-2.0) / "completions.jsonl")
    levels = {"correct": 3.0, "wrong": -2.0}
    assert [row["reward"] for row in rows] == [levels[row["verdict"]] for row in rows]


def test_bad_rows_are_set_aside_and_the_rest_are_asked(run, data: Path):
    write_rows(data, [*ROWS, {"prompt": "colour of sky", "reference": "", "id": "bad"}])
    out = run()
    assert [row["row"]["id"] for row in lines(out / "rejected.jsonl")] == ["bad"]
    assert {row["id"] for row in lines(out / "completions.jsonl")} == {"grass", "sky"}


def test_columns_go_by_the_names_they_are_given(run, data: Path):
    write_rows(
        data, [{"question": row["prompt"], "answer": row["reference"], "key": row["id"]} for row in ROWS]
    )
    out = run(prompt_column="question", reference_column="answer", id_column="key")
    assert {row["id"] for row in lines(out / "completions.jsonl")} == {"grass", "sky"}


def test_the_metrics_are_sent_to_the_board_that_is_asked_for(run, monkeypatch):
    sent = []
    trackio = ModuleType("trackio")
    trackio.init = lambda **given: sent.append(given["config"]["updates"])
    trackio.log = lambda metrics, step: sent.append((step, metrics["judge/correct_rate"]))
    trackio.finish = lambda: sent.append("finished")
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    rates = [row["judge/correct_rate"] for row in lines(run(report_to="trackio") / "metrics.jsonl")]
    assert sent == [2, (0, rates[0]), (1, rates[1]), "finished"]


def test_a_board_that_is_not_installed_is_told_before_anything_is_loaded(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match="wandb is not installed; pip install wandb, or pass --report_to"):
        run(report_to="wandb", model="/absent/model")


def test_the_best_and_worst_paid_are_shown_now_and_then(run, caplog):
    with caplog.at_level(logging.INFO, "rl"):
        run(updates=3, show_every=2)
    shown = [record.message for record in caplog.records if "best and worst paid" in record.message]
    assert [message.split(",")[0] for message in shown] == ["update 0", "update 2"]
    assert "colour of" in shown[0]


# Held-out questions, and what is known of the others


def test_held_out_questions_are_measured_before_the_first_and_after_the_last_update(run):
    out = run(eval_share=0.5)
    metrics = lines(out / "metrics.jsonl")
    assert [(row["update"], "eval/alarm" in row) for row in metrics] == [(0, True), (1, False), (2, True)]
    assert len({row["id"] for row in lines(out / "completions.jsonl")}) == 1
    shown = f"held out, before: correct {metrics[0]['eval/correct_rate']:.0%}"
    assert shown in (out / "result.txt").read_text()


def test_what_is_held_out_changes_nothing_of_what_is_learned(run, data: Path, tmp_path: Path):
    plain = weights(run() / "model")
    measured = weights(run(eval_data=data, eval_every=1, output_dir=tmp_path / "measured") / "model")
    assert all(torch.equal(plain[name], measured[name]) for name in plain)


def test_the_second_scorer_may_be_another_judge(run, tiny_judge: Path, data: Path, tmp_path: Path):
    other = shutil.copytree(tiny_judge, tmp_path / "other")
    (other / "README.md").write_text("of the same mind")
    (metrics, *_) = lines(run(eval_data=data, second_judge=other) / "metrics.jsonl")
    assert metrics["eval/judge_alone_rate"] == 0.0


def test_a_judge_cannot_watch_itself(run, tiny_judge: Path, data: Path, tmp_path: Path):
    copy = shutil.copytree(tiny_judge, tmp_path / "copy")
    with pytest.raises(
        ConfigError, match=r"second_judge .* is the judge that pays, which cannot watch itself"
    ):
        run(eval_data=data, second_judge=copy)
    assert not (tmp_path / "out" / launch.CONFIG_FILE).exists()


def test_what_is_held_out_and_who_scores_it_stay_the_same_in_a_run_that_goes_on(run, data, tmp_path: Path):
    run(eval_data=data)
    other = write_rows(tmp_path / "other.jsonl", ROWS[:1])
    with pytest.raises(ConfigError, match="differs in eval_data"):
        run(eval_data=other, updates=3)


def test_abstaining_pays_less_where_the_probe_says_that_the_model_knew(run, tmp_path: Path):
    def paid(out: Path) -> dict[tuple[str, str], float]:
        rows = lines(out / "completions.jsonl")[:8]  # of the first update, which are the same
        return {(row["id"], row["completion"]): row["reward"] for row in rows}

    probe = write_rows(tmp_path / "probe.jsonl", [ROWS[0] | {"correct_rate": 1.0}])
    plain = paid(run(reward_mode="soft"))
    probed = paid(run(reward_mode="soft", probe=probe, output_dir=tmp_path / "probed"))
    # Soft rewards hold a share of the abstain level, as the judge is never certain.
    assert plain.keys() == probed.keys()
    assert {name for name, reward in probed.items() if reward < plain[name]} == {
        name for name in plain if name[0] == "grass"
    }
    assert {name for name, reward in probed.items() if reward == plain[name]} == {
        name for name in plain if name[0] == "sky"
    }


def test_a_run_with_another_probe_is_refused(run, tmp_path: Path):
    run(probe=write_rows(tmp_path / "probe.jsonl", [ROWS[0] | {"correct_rate": 1.0}]))
    other = write_rows(tmp_path / "other.jsonl", [ROWS[0] | {"correct_rate": 0.5}])
    with pytest.raises(ConfigError, match="differs in probe"):
        run(probe=other, updates=3)


# Going on


class Killed(BaseException):
    pass


def kill_after(done: int, monkeypatch: pytest.MonkeyPatch, run, **settings: object) -> None:
    """A run that dies when so many updates are logged, before anything else is done."""
    log = FileTracker.log

    def killing(self, update: int, *rest: object) -> None:
        log(self, update, *rest)
        if update + 1 == done:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FileTracker, "log", killing)
        with pytest.raises(Killed):
            run(**settings)


def untimed(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if "time/" not in name} for row in rows]


by_trl = pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning")


@by_trl
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"eval_share": 0.5, "eval_every": 3},
        {"algorithm": "rloo", "num_generations": 4, "lr_scheduler_type": "linear"},
        {"algorithm": "grpo", "num_generations": 4, "eval_share": 0.5, "lora_rank": 2},
    ],
)
def test_a_killed_run_goes_on_to_the_files_of_a_whole_one(run, tmp_path: Path, monkeypatch, more):
    settings = {"updates": 4, "save_every": 2, "reward_mode": "soft"} | more
    whole = run(**settings, output_dir=tmp_path / "whole")
    kill_after(3, monkeypatch, run, **settings)
    out = run(**settings)
    for name in ("metrics.jsonl", "completions.jsonl"):
        assert untimed(lines(whole / name)) == untimed(lines(out / name))
    assert all(map(torch.equal, weights(whole / "model").values(), weights(out / "model").values()))
    assert {path.name for path in whole.iterdir()} == {path.name for path in out.iterdir()}


def test_a_run_killed_before_its_first_checkpoint_starts_anew(run, monkeypatch):
    kill_after(1, monkeypatch, run)
    assert [row["update"] for row in lines(run() / "metrics.jsonl")] == [0, 1]


def test_a_run_killed_while_its_model_was_written_writes_it_again(run, monkeypatch):
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(launch, "save_model", killed)
        with pytest.raises(Killed):
            run()
    out = run()
    assert (out / "model" / "model.safetensors").is_file()
    assert [row["update"] for row in lines(out / "metrics.jsonl")] == [0, 1]


def test_a_finished_run_says_so_and_nothing_is_done(run, caplog):
    out = run()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with caplog.at_level(logging.INFO, "rl"):
        run()
    assert "it is finished: nothing is done" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize("changed", ["data", "judge", "probe", "eval_data"])
def test_a_finished_run_that_read_something_else_is_not_taken_for_this_one(
    run, tiny_judge: Path, tmp_path: Path, changed
):
    judge = shutil.copytree(tiny_judge, tmp_path / "judge")
    read = {name: write_rows(tmp_path / f"{name}.jsonl", ROWS) for name in ("data", "eval_data")}
    read["probe"] = write_rows(tmp_path / "probe.jsonl", [ROWS[0] | {"correct_rate": 1.0}])
    out = run(**read, judge=judge)
    with (judge / "README.md" if changed == "judge" else read[changed]).open("a") as file:
        file.write("\n")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=rf"something else: {changed}_sha256 has changed; pass another"):
        run(**read, judge=judge)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_finished_run_goes_on_when_more_updates_are_asked_for(run, tmp_path: Path):
    whole = run(updates=3, output_dir=tmp_path / "whole")
    run(updates=1)
    out = run(updates=3)
    assert untimed(lines(whole / "metrics.jsonl")) == untimed(lines(out / "metrics.jsonl"))
    assert all(map(torch.equal, weights(whole / "model").values(), weights(out / "model").values()))


def test_a_run_that_is_refused_for_its_length_or_for_want_of_room_leaves_the_finished_one(run, monkeypatch):
    out = run(updates=2)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="expected updates of at least 2, which are done, got 1"):
        run(updates=1)
    usage = shutil.disk_usage(out)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(DataError, match=r"expected room for .* GB of checkpoints"):
        run(updates=3, keep_checkpoints=20)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_finished_run_that_was_killed_in_more_updates_is_not_finished(run, monkeypatch):
    run(updates=1)
    kill_after(2, monkeypatch, run, updates=3)
    assert [row["update"] for row in lines(run(updates=3) / "metrics.jsonl")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"learning_rate": 0.5}, "learning_rate"), ({"lora_rank": 1}, "lora_rank"), ({"seed": 1}, "seed")],
)
def test_a_run_with_other_settings_is_refused_and_the_one_that_is_there_left_alone(run, changed, named):
    out = run()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(
        ConfigError, match=rf"holds a run that differs in .*{named} .*pass another --output_dir"
    ):
        run(updates=3, **changed)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_another_algorithm_leaves_a_run_of_ppo_alone(run, tmp_path: Path):
    before = (run() / "metrics.jsonl").read_text()
    with pytest.raises(ConfigError, match=r"differs in .*algorithm \(ppo, now grpo\)"):
        run(algorithm="grpo", num_generations=2)
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == before


def test_a_run_that_goes_on_counts_towards_a_collapse_and_warns_of_it_once(run, caplog):
    with caplog.at_level(logging.WARNING, "rl"):
        run(updates=4, epochs=1)  # the tiny judge sees no abstention anywhere
        assert "abstained" not in caplog.text
        run(updates=6, epochs=1)
        run(updates=12, epochs=1)
    assert [record.message[:9] for record in caplog.records if "abstained" in record.message] == ["update 4:"]


def test_nothing_that_was_scored_before_bears_on_a_score(run, monkeypatch):
    calls = []
    for name in ("clear_cache", "score"):
        true = getattr(Judge, name)
        monkeypatch.setattr(
            Judge, name, lambda *given, name=name, true=true: calls.append(name) or true(*given)
        )
    run()
    assert calls == ["clear_cache", "score"] * 2


# Adapters, precision, chat


def test_with_a_lora_rank_only_float32_adapters_are_trained_and_saved(run, tiny_model: Path):
    directory = run(lora_rank=2, dtype="bfloat16") / "model"
    assert (directory / "adapter_model.safetensors").is_file()
    assert not (directory / "model.safetensors").exists()
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    model = peft.PeftModel.from_pretrained(base, directory)
    adapters = {name: value for name, value in model.state_dict().items() if "lora_" in name}
    assert {name.split(".")[-4] for name in adapters} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    assert all(value.dtype == torch.float32 for value in adapters.values())
    # B starts at zero: what is not zero was learned.
    assert any(value.abs().max() > 0 for name, value in adapters.items() if "lora_B" in name)


def test_saving_adapters_asks_the_network_nothing(tmp_path: Path, monkeypatch):
    asked = []

    def offline(host: str, *rest: object, **more: object) -> None:
        asked.append(host)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    model = tiny_llama(3 + len(WORDS))
    model.config.name_or_path = model.name_or_path = "someone/some-model"
    save_model(with_adapters(model, 1, seed=0), word_tokenizer(*WORDS), tmp_path)
    assert asked == []


@pytest.mark.parametrize("adapters", [0, 8])
def test_a_model_that_finds_no_room_is_told_in_a_line(tmp_path: Path, adapters):
    model = tiny_llama(3 + len(WORDS))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*model: .*; make room, and run the same command"):
            save_model(
                with_adapters(model, adapters, seed=0) if adapters else model, word_tokenizer(*WORDS),
                tmp_path / "model",
            )  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_adapters_find_no_place_in_a_model_without_linear_layers():
    with pytest.raises(ConfigError, match=r"expected linear layers .* LlamaForCausalLM has none .*lora_rank"):
        with_adapters(tiny_llama(3 + len(WORDS), layers=0), 1, seed=0)


def test_adapters_follow_the_seed(tiny_model: Path):
    def adapters(seed: int) -> list[torch.Tensor]:
        model, _ = load_model(str(tiny_model), lora_rank=2, seed=seed)
        return [value for name, value in model.named_parameters() if "lora_A" in name]

    first, again, other = adapters(0), adapters(0), adapters(1)
    assert all(map(torch.equal, first, again))
    assert not any(map(torch.equal, first, other))


def test_a_model_trained_whole_in_bfloat16_is_warned_of_lost_steps(run, caplog):
    with caplog.at_level(logging.WARNING, "rl"):
        directory = run(dtype="bfloat16") / "model"
    assert "small steps are lost" in caplog.text
    assert {value.dtype for value in weights(directory).values()} == {torch.bfloat16}


def test_with_a_chat_template_the_policy_is_asked_in_chat_and_the_judge_reads_the_prompt(run, tmp_path: Path):
    plain, chat = run(), run(chat_template=True, output_dir=tmp_path / "chat")
    asked = [{row["prompt"] for row in lines(out / "completions.jsonl")} for out in (plain, chat)]
    assert asked[0] == asked[1] == {row["prompt"] for row in ROWS}
    answers = [[row["completion"] for row in lines(out / "completions.jsonl")[:8]] for out in (plain, chat)]
    assert answers[0] != answers[1]


def test_questions_may_be_chats_with_a_system_message(run, tmp_path: Path):
    system = {"role": "system", "content": "green"}
    chats = [{**row, "prompt": [system, {"role": "user", "content": row["prompt"]}]} for row in ROWS]
    out = run(data=write_rows(tmp_path / "chats.jsonl", chats), chat_template=True)
    plain = run(chat_template=True, output_dir=tmp_path / "plain")
    judged = lines(out / "completions.jsonl")
    assert {row["prompt"] for row in judged} == {row["prompt"] for row in ROWS}
    assert [row["completion"] for row in judged] != [
        row["completion"] for row in lines(plain / "completions.jsonl")
    ]


# A judge on the policy's base


ONE_BASE = {"lora_rank": 2, "reward_mode": "soft", "episodes": 4, "max_new_tokens": 4}


@pytest.fixture
def run_on_base(run, tiny_causal_lm: Path, lora_judge: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the command with a judge that is adapters of the model that it trains."""
    monkeypatch.setattr("judge.engine.fast_bfloat16", lambda _: False)  # a judge by itself in float32 too
    return lambda **settings: run(**{"model": tiny_causal_lm, "judge": lora_judge} | ONE_BASE | settings)


@pytest.fixture
def judged_by_itself(monkeypatch: pytest.MonkeyPatch):
    """Has the judge loaded as if it were of another model."""

    def apart():
        monkeypatch.setattr(launch, "base_of", lambda _: None)

    return apart


def test_a_judge_on_the_policys_base_scores_as_it_does_by_itself(run_on_base, lora_judge: Path, caplog):
    with caplog.at_level(logging.INFO, "rl"):
        rows = lines(run_on_base(learning_rate=0.1) / "completions.jsonl")
    assert "policy and judge share one base" in caplog.text
    judge = Judge.from_pretrained(lora_judge, device="cpu", speed=SpeedConfig(dtype="float32"))
    references = {"grass": ("green",), "sky": ("blue", "red")}
    scores = judge.score([Record(row["prompt"], references[row["id"]], row["completion"]) for row in rows])
    for name in ("equivalence", "abstention"):
        got = [row[name] for row in rows]
        assert got == pytest.approx([getattr(score, name) for score in scores], abs=1e-5)
        assert len(set(got)) > 1


def test_a_run_is_what_it_is_with_the_judge_by_itself(run_on_base, judged_by_itself, tmp_path: Path):
    shared = run_on_base(output_dir=tmp_path / "shared", reward_mode="hard", save_every=1)
    judged_by_itself()
    apart = run_on_base(output_dir=tmp_path / "apart", reward_mode="hard", save_every=1)
    assert untimed(lines(shared / "metrics.jsonl")) == untimed(lines(apart / "metrics.jsonl"))
    for part in ("model", "checkpoints/update-000001", "checkpoints/update-000002"):
        files = {path.relative_to(shared): path for path in (shared / part).rglob("*") if path.is_file()}
        assert {path.relative_to(apart) for path in (apart / part).rglob("*") if path.is_file()} == set(files)
        for name, path in files.items():
            if name.suffix == ".safetensors":
                assert path.read_bytes() == (apart / name).read_bytes()
    assert len({row["reward"] for row in lines(shared / "completions.jsonl")}) > 1


def test_a_killed_run_with_a_judge_on_the_policys_base_goes_on_to_the_files_of_a_whole_one(
    run_on_base, tmp_path: Path, monkeypatch
):
    whole = run_on_base(output_dir=tmp_path / "whole", updates=3, save_every=1)
    kill_after(2, monkeypatch, run_on_base, updates=3, save_every=1)
    out = run_on_base(updates=3, save_every=1)
    assert untimed(lines(whole / "metrics.jsonl")) == untimed(lines(out / "metrics.jsonl"))
    saved = [(path / "model" / "adapter_model.safetensors").read_bytes() for path in (whole, out)]
    assert saved[0] == saved[1]


def test_training_leaves_a_judge_on_the_policys_base_as_it_was(run_on_base, lora_judge: Path, monkeypatch):
    seen = []
    monkeypatch.setattr(launch, "save_model", lambda model, *_: seen.append(model))
    run_on_base(learning_rate=0.1)
    (model,) = seen
    own = get_peft_model_state_dict(model, adapter_name="judge", save_embedding_layers=False)
    written = load_file(lora_judge / "adapter_model.safetensors")
    assert all(own[name].equal(written[name]) for name in own)
    assert len(own) == len(written) - 1  # the outputs, which are no part of the model
    assert model.active_adapter == "default"


def test_a_policy_that_carries_a_judge_is_not_passed_through_beside_it(run_on_base, monkeypatch):
    asked = []
    beside = ppo.beside
    monkeypatch.setattr(ppo, "beside", lambda *given, alone: asked.append(alone) or beside(*given))
    run_on_base(updates=1)
    assert asked == [True]


@pytest.mark.parametrize("case", ["trained whole", "another base"])
def test_a_judge_that_has_another_base_than_the_policy_is_loaded_by_itself(
    run_on_base, tiny_causal_lm: Path, tmp_path: Path, caplog, case
):
    settings: dict[str, object] = {"lora_rank": 0}
    if case == "another base":
        other = shutil.copytree(tiny_causal_lm, tmp_path / "other")
        tiny_llama(261, seed=1, positions=128).save_pretrained(other)
        settings = {"model": other}
    with caplog.at_level(logging.INFO, "rl"):
        run_on_base(updates=1, **settings)
    assert "share one base" not in caplog.text


# Watching


def test_a_policy_that_never_abstains_is_warned_of_once(run, caplog):
    with caplog.at_level(logging.WARNING, "rl"):
        run(updates=7, epochs=1)  # the tiny judge sees no abstention anywhere
    assert [record.message[:9] for record in caplog.records if "abstained" in record.message] == ["update 4:"]


@by_trl
@pytest.mark.parametrize("algorithm", ["ppo", "rloo"])
def test_a_run_that_was_stopped_and_then_killed_only_writes_its_files(run, monkeypatch, algorithm):
    monkeypatch.setattr("rl.collapse.HIGHEST_RATE", -1.0)  # the tiny judge sees no abstention anywhere
    settings = {"algorithm": algorithm, "updates": 7, "epochs": 1, "minibatches": 1, "stop_on_collapse": True}

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(launch, "save_model", killed)
        with pytest.raises(Killed):
            run(**settings)
    out = run(**settings)
    assert [row["update"] for row in lines(out / "metrics.jsonl")] == list(range(5))
    assert (out / "result.txt").read_text().startswith("stopped after update 4: the policy abstained on over")
    assert (out / "model" / "model.safetensors").is_file()


def test_a_policy_that_collapses_ends_the_run_with_all_that_a_run_leaves(run, monkeypatch, caplog):
    monkeypatch.setattr("rl.collapse.HIGHEST_RATE", -1.0)  # the tiny judge sees no abstention anywhere
    out = run(updates=7, epochs=1, stop_on_collapse=True)
    assert len(lines(out / "metrics.jsonl")) == 5
    assert (out / "result.txt").read_text().startswith("stopped after update 4: the policy abstained on over")
    assert (out / "model" / "model.safetensors").is_file()
    assert (out / "checkpoints" / "update-000005").is_dir()
    with caplog.at_level(logging.INFO, "rl"):
        run(updates=7, epochs=1, stop_on_collapse=True)
    assert "it is finished: nothing is done" in caplog.text


# What is refused


def test_a_directory_with_anything_but_a_run_is_refused_and_left_alone(run, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "metrics.jsonl").write_text("of something else")
    with pytest.raises(ConfigError, match=r"has metrics\.jsonl; pass another --output_dir"):
        run()
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["of something else"]


def test_bad_rows_of_a_refused_run_do_not_stand_in_the_way_of_the_next(run, data: Path):
    write_rows(data, [*ROWS, {"prompt": "colour of sky", "reference": "", "id": "bad"}])
    with pytest.raises(DataError, match="window"):
        run(max_new_tokens=100)
    assert lines(run() / "rejected.jsonl")


def test_data_within_the_output_directory_is_refused_and_kept(run, tmp_path: Path):
    (tmp_path / "out").mkdir()
    data = write_rows(tmp_path / "out" / "rejected.jsonl", ROWS)
    with pytest.raises(ConfigError, match="choose another"):
        run(data=data)
    assert lines(data) == ROWS


def test_an_output_directory_that_is_a_file_is_refused(run, data: Path):
    with pytest.raises(DataError, match="cannot write"):
        run(output_dir=data)


@pytest.mark.parametrize("algorithm", ["ppo", "rloo", "grpo"])
def test_a_disk_without_room_for_the_weights_is_told_before_anything_is_written(
    run, tmp_path: Path, monkeypatch, algorithm
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DataError, match=r"expected room for .* GB of weights in .*; make room"):
        run(algorithm=algorithm)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"reference_column": "gold"}, DataError, r"column 'gold' not in .* \(has: prompt, reference, id\)"),
        ({"data": "absent.jsonl"}, DataError, "absent.jsonl"),
        ({"judge": "/absent/judge"}, CandorError, "/absent/judge"),
        ({"model": "/absent/model"}, ConfigError, "cannot load the tokenizer of '/absent/model'"),
        ({"device": "abacus"}, ConfigError, "cannot use device 'abacus'"),
        ({"lora_rank": -1}, ConfigError, "lora_rank must be at least 0"),
        ({"lr": 0.1}, ConfigError, "unknown setting --lr"),
        ({"eval_share": 1.0}, ConfigError, r"eval_share must be in \[0, 1\), got 1.0"),
        ({"eval_share": 0.5, "eval_data": "a.jsonl"}, ConfigError, "eval_data and eval_share exclude"),
        ({"second_judge": "/absent"}, ConfigError, "set eval_data or eval_share"),
        ({"eval_every": 0}, ConfigError, "eval_every must be at least 1"),
        ({"probe": "absent.jsonl"}, DataError, "absent.jsonl"),
        ({"max_fpr": 0.02}, JudgeError, "expected operating points in judge.json"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_named(run, settings, error, message):
    with pytest.raises(error, match=message):
        run(**settings)


def test_a_precision_from_yaml_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="dtype must be one of float32, bfloat16, got 'int8'"):
        TrainRLConfig(model="", data="", output_dir="", dtype="int8")


def test_a_directory_without_a_judge_is_refused(run, tmp_path: Path):
    with pytest.raises(JudgeError, match=r"judge\.json"):
        run(judge=tmp_path)


def test_data_without_a_usable_row_is_refused(run, data: Path):
    write_rows(data, [{"prompt": "colour of sky", "reference": ""}])
    with pytest.raises(DataError, match=r"no row of .* can be used"):
        run()


def test_a_hub_that_cannot_be_reached_is_told_in_one_line(run, monkeypatch):
    def unreachable(*arguments: object, **settings: object) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co'.\nCheck your connection.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(ConfigError, match=r"Hub id.*couldn't connect to 'https://huggingface.co'\.\)$"):
        run(model="someone/some-model")


def test_a_model_without_a_tokenizer_is_refused(run, tmp_path: Path):
    tiny_llama(3 + len(WORDS)).save_pretrained(tmp_path / "bare")
    with pytest.raises(ConfigError, match="cannot load the tokenizer"):
        run(model=tmp_path / "bare")


def test_pickled_weights_are_refused(run, tmp_path: Path):
    directory = save(tmp_path / "pickled")
    (directory / "model.safetensors").unlink()
    torch.save(tiny_llama(3 + len(WORDS)).state_dict(), directory / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"cannot load the model.*safetensors"):
        run(model=directory)


def test_code_that_comes_with_a_model_is_not_run(run, tmp_path: Path):
    directory, ran = save(tmp_path / "coded"), tmp_path / "ran"
    (directory / "modeling_own.py").write_text(
        f"open({str(ran)!r}, 'w')\nclass Own: pass\nclass OwnConfig: pass\n"
    )
    config = json.loads((directory / "config.json").read_text())
    own = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.Own"}
    (directory / "config.json").write_text(json.dumps(config | {"model_type": "own", "auto_map": own}))
    with pytest.raises(ConfigError, match="cannot load"):
        run(model=directory)
    assert not ran.exists()


def test_adapters_instead_of_a_model_are_refused(run, tmp_path: Path):
    adapters = run(lora_rank=1) / "model"
    with pytest.raises(ConfigError, match="merge them into their base"):
        run(model=adapters, output_dir=tmp_path / "second")


def test_a_tokenizer_larger_than_its_model_is_refused(run, tmp_path: Path):
    directory = save(tmp_path / "grown", tokenizer=word_tokenizer(*WORDS, "new"))
    with pytest.raises(ConfigError, match="has 13 tokens, its model 12"):
        run(model=directory)


def test_a_model_without_an_end_is_refused_before_its_directory_is_used(run, tmp_path: Path):
    model = tiny_llama(3 + len(WORDS))
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    directory = save(tmp_path / "endless", model=model, tokenizer=word_tokenizer(*WORDS, eos=None))
    with pytest.raises(ConfigError, match="EOS"):
        run(model=directory)
    assert list((tmp_path / "out").iterdir()) == []


def test_chat_with_a_tokenizer_that_has_no_template_is_refused(run, tmp_path: Path):
    with pytest.raises(ConfigError, match="chat_template off"):
        run(model=save(tmp_path / "plain"), chat_template=True)


# Recipes

each_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)


@each_recipe
def test_a_recipe_lacks_nothing_but_data_and_a_place_for_the_results(recipe: Path):
    argv = ["--config", str(recipe), "--data", "questions.jsonl", "--output_dir", "out"]
    config, ppo, reward = read_flags("candor train-rl", "", argv, TrainRLConfig, PPOConfig, RewardConfig)
    assert (config.lora_rank, ppo.chat_template, reward.break_even_start) == (32, True, 0.2)
    assert reward.ramp_updates < ppo.updates


@each_recipe
def test_a_recipe_trains(recipe: Path, run):
    out = run(config=recipe, updates=1, ramp_updates=1, eval_share=0.5)
    adapters = peft.load_peft_weights(out / "model")
    assert any(weight.any() for name, weight in adapters.items() if "lora_B" in name)  # zero at the start


def test_recipes_differ_where_machines_do():
    cpu, eight_gpus, one_gpu = (yaml.safe_load(recipe.read_text()) for recipe in RECIPES)
    assert cpu.keys() == eight_gpus.keys() == one_gpu.keys()
    of_size = {"model", "episodes", "micro_batch_size"}
    assert {name for name in one_gpu if one_gpu[name] != eight_gpus[name]} == of_size
    assert {name for name in one_gpu if one_gpu[name] != cpu[name]} == of_size - {"micro_batch_size"} | {
        "dtype", "bf16", "updates", "minibatches", "max_new_tokens", "learning_rate", "ramp_updates",
    }  # fmt: skip


# Sampling on a server


@pytest.fixture
def server(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInServer]:
    by_http(monkeypatch)
    with StandInServer(AutoModelForCausalLM.from_pretrained(tiny_model)) as server:
        yield server


def test_a_run_on_a_server_leaves_what_it_learned_there(run, server: StandInServer, tiny_model: Path):
    out = run(use_vllm=True, vllm_server_base_url=server.url, lora_rank=2)
    assert len(server.asked) == 2 * 8
    for row in lines(out / "metrics.jsonl"):
        assert row["sampling/sampling_logp_difference/max"] < 1e-4
        assert row["sampling/importance_sampling_ratio/mean"] == pytest.approx(1.0, abs=1e-4)
    assert yaml.safe_load((out / "config.yaml").read_text())["use_vllm"] is True


def test_a_run_goes_on_at_another_server_but_not_without_one(run, server: StandInServer, tiny_model: Path):
    run(updates=1, use_vllm=True, vllm_server_base_url=server.url)
    with pytest.raises(ConfigError, match=r"differs in use_vllm \(True, now False\)"):
        run(updates=2)
    with StandInServer(AutoModelForCausalLM.from_pretrained(tiny_model)) as other:
        out = run(updates=2, use_vllm=True, vllm_server_base_url=other.url)
        assert len(other.asked) == 8
    assert [row["update"] for row in lines(out / "metrics.jsonl")] == [0, 1]


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_a_server_that_is_not_there_is_told_before_anything_is_written(
    run, server: StandInServer, tmp_path: Path, algorithm
):
    server.die()
    with pytest.raises(ConfigError, match=f"expected a vLLM server at {server.url}"):
        run(
            algorithm=algorithm, use_vllm=True, vllm_server_base_url=server.url, vllm_server_timeout=1e-6
        )  # fmt: skip
    assert not (tmp_path / "out" / launch.CONFIG_FILE).exists()


# RLOO and GRPO by TRL


@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_several_gpus_for_one_process_of_trl_are_refused_before_anything_is_loaded(
    run, algorithm, monkeypatch
):
    monkeypatch.setattr("rl.processes.find_device", lambda name: "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="set CUDA_VISIBLE_DEVICES=0"):
        run(algorithm=algorithm, model="/absent/model")


@by_trl
@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_trl_trains_with_the_same_settings_and_leaves_the_same_files(run, tiny_model: Path, algorithm):
    out = run(algorithm=algorithm, num_generations=4)
    assert {path.name for path in out.iterdir()} == {
        "model", "metrics.jsonl", "completions.jsonl", "completions.parquet", "report.html", "config.yaml",
        "environment.json", "checkpoints", "result.txt",
    }  # fmt: skip
    metrics, completions = lines(out / "metrics.jsonl"), lines(out / "completions.jsonl")
    assert [row["update"] for row in metrics] == [0, 1]
    for update, row in enumerate(metrics):
        verdicts = [answer["verdict"] for answer in completions if answer["update"] == update]
        assert row["judge/correct_rate"] == verdicts.count("correct") / 8
    before, after = weights(tiny_model), weights(out / "model")
    assert any(not torch.equal(before[name], after[name]) for name in before)


@by_trl
def test_a_disk_that_fills_up_while_trl_writes_leaves_the_checkpoint_before(run, tmp_path: Path):
    settings = {"algorithm": "rloo", "num_generations": 4, "save_every": 1}
    run(**settings, updates=1)
    kept = tmp_path / "out" / "checkpoints"
    assert [path.name for path in kept.iterdir()] == ["update-000001"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in kept.rglob("*.pt"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*update-000002.*make room, and run again"):
            run(**settings, updates=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in kept.iterdir()] == ["update-000001"]
    assert [row["update"] for row in lines(run(**settings, updates=2) / "metrics.jsonl")] == [0, 1]


@by_trl
@pytest.mark.parametrize(
    ("changed", "named"),
    [({"algorithm": "grpo"}, r"algorithm \(rloo, now grpo\)"), ({"num_generations": 2}, "num_generations")],
)
def test_another_run_does_not_go_on_from_one_of_trl(run, changed, named):
    settings = {"algorithm": "rloo", "num_generations": 4, "updates": 1}
    out = run(**settings)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=f"holds a run that differs in .*{named}"):
        run(**settings | changed)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_generations": 4}, "num_generations is for algorithm rloo and grpo"),
        ({"algorithm": "grpo", "num_generations": 1}, "num_generations must be at least 2"),
        ({"algorithm": "grpo", "gamma": 0.9}, "gamma is for algorithm ppo"),
        ({"algorithm": "rloo", "episodes": 12}, "num_generations, got 12, 2 x 1 x 6 and 8"),
        ({"algorithm": "rloo", "use_vllm": True}, "vllm_importance_sampling_correction to false"),
        ({"use_vllm": True, "torch_compile": True}, "torch_compile is for sampling in this process"),
        ({"use_vllm": True, "vllm_server_base_url": "localhost:8000"}, "must begin with http"),
        ({"use_vllm": True, "vllm_server_timeout": 0}, "vllm_server_timeout must be a finite number"),
        ({"vllm_importance_sampling_clip_max": 0}, "vllm_importance_sampling_clip_max must be a finite"),
    ],
)
def test_what_an_algorithm_cannot_do_is_refused_before_anything_is_loaded(run, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        run(**settings, model="/absent/model")
    assert not (tmp_path / "out" / launch.CONFIG_FILE).exists()
