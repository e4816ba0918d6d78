"""The warm start, run for real through TRL's SFTTrainer on a tiny Llama."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import FunctionJudge, bigram_llama, tiny_llama, word_tokenizer
from transformers import AutoModelForCausalLM

from judge.errors import ConfigError
from judge.records import Record, Verdict
from rl import sft
from rl.cli import main
from rl.config import SamplingConfig, WarmStartConfig
from rl.pretrained import load_model
from rl.rollout import generate

WORDS = ("green", "blue", "red", "idk", "colour", "of", "grass", "sky", "user", "assistant")
IDS = {word: number for number, word in enumerate(WORDS, start=3)}
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)
ROWS = [
    {"prompt": "colour of grass", "reference": "green", "id": "grass"},
    {"prompt": "colour of sky", "reference": "blue", "id": "sky"},
]


def verdict_of(record: Record) -> Verdict:
    """By the first word."""
    first = record.completion.split()[:1]
    if first == ["idk"]:
        return Verdict.ABSTAIN
    return Verdict.CORRECT if first == list(record.references) else Verdict.WRONG


def knows_grass():
    """A model that says green of grass and red of sky, most of the time."""
    size = 3 + len(WORDS)
    table = torch.full((size, size), 0.01)
    table[:, 1] = 0.88
    for asked, said in (("grass", "green"), ("sky", "red")):
        table[IDS[asked], [1, IDS[said]]] = torch.tensor([0.01, 0.88])
    return bigram_llama(table.tolist())


@pytest.fixture
def run(tiny_judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the command on two questions; the output directory."""
    judge = FunctionJudge(verdict_of)
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(tmp_path / "base")

    def run(model=None, *, judged=True, sampling=None, **settings: object) -> Path:
        (model or knows_grass()).save_pretrained(tmp_path / "base")
        if judged:
            monkeypatch.setattr(sft, "Judge", SimpleNamespace(from_pretrained=lambda *_, **__: judge))
        given = {
            "model": str(tmp_path / "base"), "data": str(tmp_path / "questions.jsonl"),
            "output_dir": str(tmp_path / "out"), "judge": str(tiny_judge), "device": "cpu",
            "abstention": ["idk"], "epochs": 30, "learning_rate": 0.1,
        } | settings  # fmt: skip
        asked = SamplingConfig(**({"n": 16, "max_new_tokens": 3} | (sampling or {})))
        print(sft.run(WarmStartConfig(**given), asked))
        return tmp_path / "out"

    return run


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_model_learns_to_say_what_it_knows_and_to_abstain_elsewhere(run, capsys):
    out = run()
    probe = {row["id"]: row["correct_rate"] for row in rows(out / "probe.jsonl")}
    assert probe["grass"] > 0.5
    assert probe["sky"] < 0.2
    assert rows(out / "targets.jsonl") == [
        {"id": "grass", "prompt": "colour of grass", "completion": " green", "abstains": False},
        {"id": "sky", "prompt": "colour of sky", "completion": " idk", "abstains": True},
    ]
    model, tokenizer = load_model(str(out / "model"))
    said = generate(model.eval(), tokenizer, [row["prompt"] for row in ROWS], max_new_tokens=3, greedy=True)
    assert said == ["green", "idk"]
    losses = [row["loss"] for row in rows(out / "metrics.jsonl")]
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 2
    shown = capsys.readouterr().out
    assert "1 of 2 questions known" in shown
    assert "taught: 1 answers, 1 abstentions" in shown
    assert (out / "result.txt").read_text() in shown
    assert {path.name for path in out.iterdir()} == {
        "model", "probe.jsonl", "targets.jsonl", "metrics.jsonl", "config.yaml", "environment.json",
        "result.txt",
    }  # fmt: skip


def test_train_rl_takes_what_a_warm_start_with_adapters_leaves(run, tiny_judge: Path, tmp_path: Path):
    base = tiny_llama(3 + len(WORDS))
    before = {name: value.clone() for name, value in base.state_dict().items()}
    out = run(base, lora_rank=2, targets="random", abstain_share=0.5, epochs=2)
    after = AutoModelForCausalLM.from_pretrained(out / "model").state_dict()
    assert before.keys() == after.keys()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert all("_proj" in name for name in changed)
    argv = {
        "model": out / "model", "judge": tiny_judge, "data": tmp_path / "questions.jsonl", "device": "cpu",
        "output_dir": tmp_path / "rl", "updates": 1, "episodes": 4, "max_new_tokens": 3, "skip_audit": True,
    }  # fmt: skip
    flags = [part for name, value in argv.items() for part in (f"--{name}", str(value))]
    assert main(["train-rl", *flags]) == 0


def test_in_chat_prompts_and_targets_are_messages(run):
    out = run(targets="random", abstain_share=0.5, epochs=1, sampling={"chat_template": True})
    for row in rows(out / "targets.jsonl"):
        assert [message["role"] for message in row["prompt"] + row["completion"]] == ["user", "assistant"]


def test_the_loss_is_on_the_target_and_its_end_alone(run):
    # At a learning rate of next to nothing the loss is the base model's: -log p(green | grass) etc.
    out = run(epochs=1, learning_rate=1e-12)
    (step,) = rows(out / "metrics.jsonl")
    nats = -torch.tensor([0.88, 0.88, 0.01, 0.88]).log()  # green, its end, idk, its end
    assert step["loss"] == pytest.approx(nats.mean().item(), rel=1e-3)


def test_several_gpus_are_refused_before_the_model_is_loaded(run, monkeypatch):
    monkeypatch.setattr(sft, "find_device", lambda name: "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(sft, "load_model", None)
    with pytest.raises(ConfigError, match="set CUDA_VISIBLE_DEVICES=0"):
        run()


def test_an_abstention_that_the_judge_does_not_take_for_one_is_refused(run, tmp_path: Path):
    # The tiny judge never sees an abstention.
    with pytest.raises(ConfigError, match=r"'idk' after 0% of 2 questions; pass another --abstention"):
        run(judged=False)
    assert not (tmp_path / "out" / "probe.jsonl").exists()


def test_an_abstention_that_max_new_tokens_would_cut_is_refused(run):
    with pytest.raises(ConfigError, match="has 4 tokens with its end, max_new_tokens is 3"):
        run(abstention=["idk idk idk"])


def test_a_directory_that_holds_something_else_is_refused(run, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"new or empty output directory, .* has notes\.txt"):
        run()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"known_from": 0.0}, "known_from must be in"),
        ({"abstain_share": 1.0}, "abstain_share must be in"),
        ({"abstention": [" "]}, "abstention must be"),
        ({"targets": "all"}, "targets must be one of random, refusal_aware"),
        ({"micro_batch_size": 5}, "multiple of micro_batch_size, got 16 and 5"),
        ({"epochs": 0}, "epochs must be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        WarmStartConfig(**({"model": "m", "data": "d", "output_dir": "o"} | settings))
