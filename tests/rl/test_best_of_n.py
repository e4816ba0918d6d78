import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from datasets import load_dataset
from tiny import FunctionJudge, bigram_llama, score_of, tiny_llama, word_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from judge.errors import ConfigError, DataError
from judge.records import Record, Verdict
from rl import best_of_n
from rl.best_of_n import Answers, answers_to, best_row, continuations, pair_row
from rl.config import BestOfNConfig, RewardConfig
from rl.rollout import sample

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

    def run(**settings: object) -> tuple[list[dict], list[dict]]:
        given = {
            "model": model_dir, "judge": tiny_judge, "input": tmp_path / "questions.jsonl",
            "output": tmp_path / "best.jsonl", "pairs": tmp_path / "pairs.jsonl", "n": 32,
            "max_new_tokens": 3, "device": "cpu",
        } | settings  # fmt: skip
        config = BestOfNConfig(**{k: str(v) if isinstance(v, Path) else v for k, v in given.items()})
        print(best_of_n.run(config, RewardConfig()))
        return rows(Path(config.output)), rows(Path(config.pairs))

    return run


def rows(path: Path) -> list[dict]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]


def answers(*judged: tuple[str, Verdict | None, float | None]) -> Answers:
    question = Record("Where?", ("Lima",), id="peru")
    texts = [f" {text}" for text, _, _ in judged]
    return Answers(
        question,
        texts,
        [Record("Where?", ("Lima",), text, "peru") for text, _, _ in judged],
        [score_of(verdict) for _, verdict, _ in judged],
        [reward for _, _, reward in judged],
    )


# Which answers are taken

GIVEN = answers(
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
    assert pair_row(answers(("a", Verdict.WRONG, -1.0), ("b", Verdict.WRONG, -1.0)), chat=False) is None


def test_in_chat_both_sides_are_messages():
    row = pair_row(GIVEN, chat=True)
    assert row["prompt"] == [{"role": "user", "content": "Where?"}]
    assert row["chosen"] == [{"role": "assistant", "content": " Lima"}]


def test_each_question_is_answered_n_times_and_judged_with_its_own_references():
    # After "of" comes red or blue, then the end: p = 1/2 each.
    table = torch.full((7, 7), 0.0)
    table[:, 1] = 1.0
    table[5, :] = torch.tensor([0, 0, 0, 0.5, 0.5, 0, 0])
    model, tokenizer = bigram_llama(table.tolist()), word_tokenizer("red", "blue", "of", "sky")
    records = [Record("sky of", (colour,), id=colour) for colour in ("red", "blue", "red")]
    judge = FunctionJudge(lambda r: Verdict.CORRECT if r.completion in r.references else Verdict.WRONG)
    config = BestOfNConfig("m", "i", "o", n=20, batch_size=40, max_new_tokens=3)
    found = list(answers_to(records, model, tokenizer, judge, config, RewardConfig()))
    assert [each.question.id for each in found] == ["red", "blue", "red"]
    for each in found:
        assert set(each.texts) == {" red", " blue"}
        right = [text.strip() == each.question.id for text in each.texts]
        assert each.rewards == [1.0 if is_right else -1.0 for is_right in right]


def test_prompt_and_continuation_are_the_text_that_the_policy_went_on_with():
    tokenizer = word_tokenizer(*WORDS)
    model = tiny_llama(3 + len(WORDS))
    prompts = ["colour of sky", "grass"]  # of unlike length, so that one is padded
    rollout = sample(model, tokenizer, prompts, max_new_tokens=3, generator=torch.Generator().manual_seed(0))
    for prompt, text, completion in zip(
        prompts, continuations(tokenizer, rollout), rollout.completions, strict=True
    ):
        assert text == f" {completion}"
        whole = tokenizer(prompt + text)["input_ids"]
        assert whole == tokenizer(prompt)["input_ids"] + tokenizer(completion)["input_ids"]


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
    row, _ = run(output=tmp_path / "best.parquet", chat_template=True)[0]
    assert row["prompt"] == [{"role": "user", "content": "colour of grass"}]
    assert row["reference"] == ["green"]


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
        ({"max_new_tokens": 100}, DataError, "window"),
    ],
)
def test_what_could_not_go_through_is_refused(tmp_path, model_dir, tiny_judge, settings, error, message):
    (tmp_path / "questions.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    paths = {name: str(tmp_path / value) for name, value in settings.items() if isinstance(value, str)}
    given = {
        "model": str(model_dir), "judge": str(tiny_judge), "input": str(tmp_path / "questions.jsonl"),
        "output": str(tmp_path / "best.jsonl"), "device": "cpu",
    } | settings | paths  # fmt: skip
    with pytest.raises(error, match=message):
        best_of_n.run(BestOfNConfig(**given), RewardConfig())
    assert rows(tmp_path / "questions.jsonl") == ROWS[:1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"n": 0}, "n must be"), ({"n": 1, "pairs": "p.jsonl"}, "n must be"), ({"pairs": "o"}, "two files")],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        BestOfNConfig(**({"model": "m", "input": "i", "output": "o"} | settings))


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
