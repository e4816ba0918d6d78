import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from datasets import load_dataset
from tiny import score_of, tiny_llama, word_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from judge.errors import ConfigError, DataError
from judge.records import Record, Verdict
from rl import best_of_n
from rl.answers import Answers
from rl.best_of_n import Rewarded, best_row, pair_row
from rl.config import BestOfNConfig, RewardConfig, SamplingConfig

pytestmark = [
    # TRL 1.16 sets these by names that transformers 5.23 has replaced.
    pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]

WORDS = ("red", "blue", "green", "colour", "of", "grass", "sky", "user", "assistant")
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)
ROWS = [
    {"prompt": "colour of grass", "reference": "green", "id": "grass"},
    {"prompt": "colour of sky", "reference": ["blue", "red"], "id": "sky"},
]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(directory)
    tiny_llama(3 + len(WORDS)).save_pretrained(directory)
    return directory


@pytest.fixture
def run(model_dir: Path, tiny_judge: Path, tmp_path: Path):
    """Runs the command on two questions; the two files' rows."""
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def run(output: str = "best.jsonl", **sampling: object) -> tuple[list[dict], list[dict]]:
        config = BestOfNConfig(
            model=str(model_dir), judge=str(tiny_judge), input=str(tmp_path / "questions.jsonl"),
            output=str(tmp_path / output), pairs=str(tmp_path / "pairs.jsonl"), device="cpu",
        )  # fmt: skip
        settings = SamplingConfig(**({"n": 32, "max_new_tokens": 3} | sampling))
        print(best_of_n.run(config, settings, RewardConfig()))
        return rows(Path(config.output)), rows(Path(config.pairs))

    return run


def rows(path: Path) -> list[dict]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewarded(*judged: tuple[str, Verdict | None, float | None]) -> Rewarded:
    texts, verdicts, rewards = zip(*judged, strict=True)
    answers = Answers(
        Record("Where?", ("Lima",), id="peru"),
        [f" {text}" for text in texts],
        [Record("Where?", ("Lima",), text, "peru") for text in texts],
        [score_of(verdict) for verdict in verdicts],
        [False] * len(texts),
    )
    return Rewarded(answers, list(rewards))


# Which answers are taken

GIVEN = rewarded(
    ("Quito", Verdict.WRONG, -1.0), ("?", None, None), ("Lima", Verdict.CORRECT, 1.0),
    ("idk", Verdict.ABSTAIN, 0.0), ("in Lima", Verdict.CORRECT, 1.0), ("Cusco", Verdict.WRONG, -1.0),
)  # fmt: skip


def test_the_best_paid_answer_is_taken_and_of_equals_the_first():
    row = best_row(GIVEN, chat=False)
    assert (row["prompt"], row["completion"], row["verdict"], row["reward"]) == (
        "Where?",
        " Lima",
        "correct",
        1.0,
    )
    assert row["correct_rate"] == 2 / 5  # of those that were judged


def test_a_pair_is_the_best_paid_answer_and_the_worst():
    assert pair_row(GIVEN, chat=False) == {
        "id": "peru", "prompt": "Where?", "chosen": " Lima", "rejected": " Cusco",
        "chosen_reward": 1.0, "rejected_reward": -1.0,
    }  # fmt: skip


def test_answers_that_are_paid_alike_make_no_pair():
    assert pair_row(rewarded(("a", Verdict.WRONG, -1.0), ("b", Verdict.WRONG, -1.0)), chat=False) is None


def test_in_chat_both_sides_are_messages():
    row = pair_row(GIVEN, chat=True)
    assert row["prompt"] == [{"role": "user", "content": "Where?"}]
    assert row["chosen"] == [{"role": "assistant", "content": " Lima"}]


# The command


def test_the_command_writes_the_best_answers_and_pairs(run, tmp_path, capsys):
    best, pairs = run()
    assert [row["id"] for row in best] == ["grass", "sky"]
    assert {row["id"] for row in pairs} <= {"grass", "sky"}
    assert pairs
    for pair in pairs:
        (row,) = [row for row in best if row["id"] == pair["id"]]
        assert (pair["chosen"], pair["chosen_reward"]) == (row["completion"], row["reward"])
        assert pair["chosen_reward"] > pair["rejected_reward"]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"2 best answers, of 32 to each of 2 questions: {tmp_path / 'best.jsonl'}"
    assert shown[1].startswith(f"{len(pairs)} pairs")


def test_the_same_seed_gives_the_same_files(run):
    assert run() == run()
    assert run(seed=1) != run()


def test_bad_rows_are_set_aside(run, tmp_path):
    given = [*ROWS, {"prompt": "colour of sky", "reference": "", "id": "bad"}]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    best, _ = run()
    assert [row["id"] for row in best] == ["grass", "sky"]
    assert [row["row"]["id"] for row in rows(tmp_path / "best.jsonl.rejected.jsonl")] == ["bad"]


def test_parquet_keeps_messages_and_lists(run, tmp_path):
    row, _ = run(output="best.parquet", chat_template=True)[0]
    assert row["prompt"] == [{"role": "user", "content": "colour of grass"}]
    assert row["reference"] == ["green"]


def test_a_system_message_stays_before_the_question(run, tmp_path):
    chat = [{"role": "system", "content": "red"}, {"role": "user", "content": "colour of sky"}]
    (tmp_path / "questions.jsonl").write_text(json.dumps(ROWS[1] | {"prompt": chat}) + "\n")
    (row,), _ = run(chat_template=True)
    assert row["prompt"] == chat


def test_a_run_that_fails_leaves_what_was_there(run, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise DataError("full")

    (tmp_path / "best.jsonl").write_text("earlier\n")
    monkeypatch.setattr(best_of_n, "pair_row", fail)
    with pytest.raises(DataError, match="full"):
        run()
    assert (tmp_path / "best.jsonl").read_text() == "earlier\n"
    assert not (tmp_path / "pairs.jsonl").exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"output": "questions.jsonl"}, ConfigError, "would be overwritten"),
        ({"pairs": "questions.jsonl"}, ConfigError, "would be overwritten"),
        ({"output": "best.txt"}, DataError, "file name ending in"),
    ],
)
def test_files_that_could_not_be_written_are_refused(tmp_path, model_dir, settings, error, message):
    (tmp_path / "questions.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    paths = {"input": "questions.jsonl", "output": "best.jsonl"} | settings
    config = BestOfNConfig(
        model=str(model_dir), **{name: str(tmp_path / value) for name, value in paths.items()}
    )
    with pytest.raises(error, match=message):
        best_of_n.run(config, SamplingConfig(), RewardConfig())
    assert rows(tmp_path / "questions.jsonl") == ROWS[:1]


@pytest.mark.parametrize(
    ("sampling", "error", "message"),
    [({"max_new_tokens": 100}, DataError, "window"), ({"n": 1}, ConfigError, "n of at least 2, got 1")],
)
def test_answers_that_could_not_be_sampled_or_paired_are_refused(run, sampling, error, message):
    with pytest.raises(error, match=message):
        run(**sampling)


def test_one_file_for_both_is_refused():
    with pytest.raises(ConfigError, match="two files"):
        BestOfNConfig(model="m", input="i", output="o", pairs="o")


@pytest.mark.parametrize("name", ["n", "max_new_tokens", "batch_size", "temperature"])
def test_what_cannot_be_sampled_by_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} must be"):
        SamplingConfig(**{name: 0})


# What TRL makes of the files


def train_on(trainer_class, arguments, model_dir: Path, path: Path):
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = trainer_class(
        model=model,
        args=arguments,
        train_dataset=load_dataset(
            "json", data_files=str(path), split="train", cache_dir=path.parent / "cache"
        ),
        processing_class=AutoTokenizer.from_pretrained(model_dir),
    )
    logs = trainer.train()
    assert any(not torch.equal(before[name], value) for name, value in model.state_dict().items())
    return trainer, logs


SHORT = {
    "max_steps": 4, "learning_rate": 1e-2, "logging_steps": 1, "use_cpu": True, "bf16": False,
    "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no",
}  # fmt: skip


@pytest.mark.parametrize("chat", [False, True])
def test_dpo_learns_from_the_pairs(run, model_dir, tmp_path, chat):
    run(chat_template=chat)
    arguments = DPOConfig(str(tmp_path / "dpo"), **SHORT)
    trainer, _ = train_on(DPOTrainer, arguments, model_dir, tmp_path / "pairs.jsonl")
    margins = [row["rewards/margins"] for row in trainer.state.log_history if "rewards/margins" in row]
    assert margins[0] == pytest.approx(0.0, abs=1e-4)
    assert margins[-1] > 0.01


@pytest.mark.parametrize("chat", [False, True])
def test_sft_learns_from_the_best_answers(run, model_dir, tmp_path, chat):
    run(chat_template=chat)
    arguments = SFTConfig(str(tmp_path / "sft"), **SHORT)
    trainer, _ = train_on(SFTTrainer, arguments, model_dir, tmp_path / "best.jsonl")
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses[-1] < losses[0]
