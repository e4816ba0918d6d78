"""TRL's own RLOO and GRPO trainers, run for real on a tiny Llama."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny import FunctionJudge, tiny_llama, word_tokenizer
from transformers import AutoModelForCausalLM
from trl import GRPOConfig, RLOOConfig
from trl.generation import vllm_generation
from vllm_server import StandInServer, by_http

from judge.errors import ConfigError
from judge.records import Record, Verdict
from rl.config import Algorithm, PPOConfig, RewardConfig, VLLMConfig
from rl.pretrained import with_adapters
from rl.probe import Probe
from rl.processes import Processes
from rl.rollout import sample
from rl.trl_training import DEFAULT_GENERATIONS, arguments_of, questions, train

WORDS = ("red", "blue", "green", "idk", "colour", "of", "grass", "sky", "user", "assistant")
TEMPLATE = "{% for message in messages %}user {{ message['content'] }} {% endfor %}assistant"
RECORDS = [
    Record("colour of grass", ("green",), id="grass"),
    Record("colour of sky", ("blue", "red"), id="sky"),
]
CONFIG = PPOConfig(
    updates=2, episodes=8, epochs=2, minibatches=2, max_new_tokens=2, learning_rate=1e-2, kl_coef=0.01
)
BOTH = pytest.mark.parametrize("algorithm", [Algorithm.RLOO, Algorithm.GRPO])


def verdict_of(record: Record) -> Verdict | None:
    """By the first word; "red" cannot be judged."""
    first = record.completion.split()[:1]
    if first == ["red"]:
        return None
    if first == ["idk"]:
        return Verdict.ABSTAIN
    return Verdict.CORRECT if first and first[0] in record.references else Verdict.WRONG


class ListTracker:
    def __init__(self) -> None:
        self.rows = []

    def log(self, update, metrics, completions):
        self.rows.append((update, metrics, list(completions)))


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    tiny_llama(3 + len(WORDS), seed=1).save_pretrained(directory)
    return directory


@pytest.fixture
def run(model_dir: Path, tmp_path: Path):
    """Trains the tiny model; what was tracked, the judge and the model."""

    def run(
        algorithm, config=CONFIG, *, reward=None, generations=4, adapters=0, verdict=verdict_of,
        measure=None, named=None, **rest,
    ):  # fmt: skip
        model = AutoModelForCausalLM.from_pretrained(model_dir)
        model = with_adapters(model, adapters, seed=0) if adapters else model
        tokenizer = word_tokenizer(*WORDS, **(named or {}))
        tokenizer.chat_template = TEMPLATE
        judge, tracker = FunctionJudge(verdict), ListTracker()
        metrics = train(
            algorithm, config, generations, tmp_path, model=model, tokenizer=tokenizer, records=RECORDS,
            judge=judge, reward=reward or RewardConfig(), tracker=tracker,
            before_update=None if measure is None else partial(measure, model), **rest,
        )  # fmt: skip
        assert metrics == [row[1] for row in tracker.rows]
        return tracker.rows, judge, model

    return run


@BOTH
def test_the_policy_learns_what_the_judge_pays_for(run, algorithm):
    def green(record: Record) -> Verdict:
        return Verdict.CORRECT if record.completion.startswith("green") else Verdict.WRONG

    rows, _, model = run(algorithm, replace(CONFIG, updates=12, episodes=32, epochs=1), verdict=green)
    paid = [metrics["judge/correct_rate"] for _, metrics, _ in rows]
    assert paid[0] < 0.4
    assert min(paid[-3:]) > 0.8
    assert not model.training


@BOTH
def test_every_update_is_logged_under_the_names_of_ppo_with_its_completions(run, algorithm):
    rows, judge, _ = run(algorithm)
    assert [update for update, _, _ in rows] == [0, 1]
    assert len(judge.seen) == 2 * CONFIG.episodes
    for _, metrics, completions in rows:
        assert metrics.keys() == {
            "objective/scores", "objective/kl", "objective/entropy", "objective/kl_coef", "loss/policy_avg",
            "policy/clipfrac_avg", "optimizer/grad_norm", "rollout/response_tokens", "rollout/truncated_rate",
            "judge/correct_rate", "judge/abstain_rate", "judge/wrong_rate", "judge/unscored",
            "reward/break_even", "optimizer/learning_rate", "time/rollout_s", "time/judge_s",
            "time/update_s",
        }  # fmt: skip
        assert metrics["optimizer/learning_rate"] == CONFIG.learning_rate
        assert all(metrics[f"time/{phase}_s"] >= 0.0 for phase in ("rollout", "judge", "update"))
        rates = [metrics[f"judge/{verdict}_rate"] for verdict in Verdict]
        assert sum(rates) == pytest.approx(1.0)
        rewards = [row["reward"] for row in completions if row["reward"] is not None]
        assert len(completions) == CONFIG.episodes
        assert metrics["objective/scores"] == pytest.approx(sum(rewards) / len(rewards))
        assert metrics["judge/unscored"] == len(completions) - len(rewards)


@BOTH
def test_each_question_is_answered_by_a_whole_group(run, algorithm):
    rows, _, _ = run(algorithm, generations=4)
    for _, _, completions in rows:
        names = [row["id"] for row in completions]
        assert names == [names[0]] * 4 + [names[4]] * 4


@BOTH
def test_from_what_cannot_be_judged_nothing_is_learned(run, model_dir, algorithm):
    rows, _, model = run(algorithm, replace(CONFIG, kl_coef=0.0), verdict=lambda record: None)
    before = AutoModelForCausalLM.from_pretrained(model_dir).state_dict()
    assert all(torch.equal(before[name], after) for name, after in model.state_dict().items())
    assert math.isnan(rows[0][1]["judge/abstain_rate"])
    assert rows[0][1]["judge/unscored"] == CONFIG.episodes


@BOTH
def test_a_tokenizer_may_name_neither_padding_nor_end_where_the_model_names_its_end(run, algorithm):
    rows, _, _ = run(algorithm, named={"pad": None, "eos": None})
    assert [update for update, _, _ in rows] == list(range(CONFIG.updates))


def test_kl_and_entropy_are_nats_an_answer(run):
    # With one update of one step, the policy of the rollout is the reference: KL 0, whatever was said.
    rows, _, _ = run(Algorithm.RLOO, replace(CONFIG, updates=1, epochs=1, minibatches=1))
    metrics = rows[0][1]
    assert metrics["objective/kl"] == pytest.approx(0.0, abs=1e-5)
    tokens = metrics["rollout/response_tokens"]
    assert 1.0 <= tokens <= 2.0
    assert 0.0 < metrics["objective/entropy"] <= tokens * math.log(3 + len(WORDS))


def test_with_a_chat_template_the_policy_is_asked_in_chat_and_the_judge_reads_the_question(run):
    plain, chat = (run(Algorithm.GRPO, replace(CONFIG, chat_template=chat)) for chat in (False, True))
    asked = [{record.prompt for record in judge.seen} for _, judge, _ in (plain, chat)]
    assert asked[0] == asked[1] <= {record.prompt for record in RECORDS}
    assert plain[0][0][2] != chat[0][0][2]


@BOTH
def test_adapters_alone_are_trained_and_the_reference_leaves_none_behind(run, model_dir, algorithm):
    _, _, model = run(algorithm, adapters=2)
    assert list(model.peft_config) == ["default"]
    learned = [value for name, value in model.named_parameters() if "lora_B" in name]
    assert any(value.abs().max() > 0 for value in learned)  # B starts at zero
    base = AutoModelForCausalLM.from_pretrained(model_dir).state_dict()
    assert all(torch.equal(base[name], value) for name, value in model.unload().state_dict().items())


def test_t_star_ramps_by_rollouts(run):
    ramp = RewardConfig(break_even=1.0, break_even_start=0.0, ramp_updates=2)
    rows, _, _ = run(Algorithm.RLOO, replace(CONFIG, updates=4), reward=ramp)
    assert [metrics["reward/break_even"] for _, metrics, _ in rows] == [0.0, 0.5, 1.0, 1.0]


def test_an_answer_that_is_cut_pays_for_it(run):
    rows, _, _ = run(Algorithm.GRPO, reward=RewardConfig(missing_eos_penalty=4.0))
    worth = {"correct": 1.0, "abstain": 0.0, "wrong": -1.0}
    penalties = [worth[row["verdict"]] - row["reward"] for row in rows[0][2] if row["verdict"] is not None]
    assert set(penalties) == {0.0, 4.0}


@BOTH
def test_what_is_measured_before_an_update_is_logged_with_it_and_changes_nothing(run, algorithm):
    def measure(model, update):
        sample(model, word_tokenizer(*WORDS), ["colour of sky"], max_new_tokens=2, greedy=True)
        return {"eval/updates": float(update)}

    rows, _, measured = run(algorithm, measure=measure)
    plain = run(algorithm)[2].state_dict()
    assert [metrics["eval/updates"] for _, metrics, _ in rows] == [0.0, 1.0]
    assert all(torch.equal(plain[name], value) for name, value in measured.state_dict().items())


def test_who_watches_the_updates_can_end_the_run(run):
    rows, _, _ = run(Algorithm.RLOO, replace(CONFIG, updates=4), on_update=lambda update, _: update == 1)
    assert [update for update, _, _ in rows] == [0, 1]


def test_each_question_is_paid_by_what_was_known_of_it(run):
    # t* .5 + 1 (.5 - 1) = 0: abstaining earns what a wrong answer earns; on the sky, not probed, 0
    probe = Probe({("colour of grass", ("green",)): 1.0})
    rows, _, _ = run(Algorithm.GRPO, verdict=lambda record: Verdict.ABSTAIN, probe=probe)
    paid = {(row["id"], row["reward"]) for _, _, completions in rows for row in completions}
    assert paid == {("grass", -1.0), ("sky", 0.0)}


def test_the_same_seed_gives_the_same_run(run):
    first, again = (run(Algorithm.RLOO)[2].state_dict() for _ in range(2))
    other = run(Algorithm.RLOO, replace(CONFIG, seed=1))[2].state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("algorithm", "adapters"), [(Algorithm.RLOO, 2), (Algorithm.GRPO, 0)])
def test_bf16_is_for_products_alone(run, algorithm, adapters):
    rows, _, plain = run(algorithm, adapters=adapters)
    mixed_rows, _, mixed = run(algorithm, replace(CONFIG, bf16=True), adapters=adapters)
    assert {parameter.dtype for parameter in mixed.parameters()} == {torch.float32}
    assert mixed_rows[0][1]["objective/entropy"] != rows[0][1]["objective/entropy"]
    tokens = torch.tensor([[3, 4, 5]])
    with torch.no_grad():  # the model is given back without what the trainer wrapped it in
        mixed.load_state_dict(plain.state_dict())
        assert torch.equal(mixed(tokens).logits, plain(tokens).logits)


@BOTH
def test_a_server_may_sample_by_trls_own_way_to_it(run, model_dir, algorithm, monkeypatch):
    by_http(monkeypatch)
    monkeypatch.setattr(vllm_generation, "is_vllm_available", lambda: True)
    corrects = algorithm == Algorithm.GRPO
    config = replace(CONFIG, vllm_importance_sampling_correction=corrects)
    with StandInServer(AutoModelForCausalLM.from_pretrained(model_dir).to(torch.bfloat16)) as server:
        rows, _, _ = run(algorithm, config, vllm=VLLMConfig(use_vllm=True, vllm_server_base_url=server.url))
        assert len(server.received) == CONFIG.updates
    for _, metrics, _ in rows:
        named = {name for name in metrics if name.startswith("sampling/")}
        assert bool(named) is corrects
        if corrects:
            assert metrics.keys() >= {
                "sampling/sampling_logp_difference/mean", "sampling/sampling_logp_difference/max",
                "sampling/importance_sampling_ratio/min", "sampling/importance_sampling_ratio/mean",
                "sampling/importance_sampling_ratio/max",
            }  # fmt: skip
            assert 0.0 < metrics["sampling/sampling_logp_difference/mean"] < 0.1


# Settings


def test_tokens_of_a_server_are_weighed_as_under_ppo():
    vllm = VLLMConfig(use_vllm=True, vllm_server_base_url="http://there:1", vllm_group_port=5)
    config = replace(CONFIG, vllm_importance_sampling_clip_max=2.0)
    given = arguments_of(Algorithm.GRPO, config, 4, Path("out"), torch.device("cpu"), vllm)
    assert (given.use_vllm, given.vllm_mode) == (True, "server")
    assert (given.vllm_server_base_url, given.vllm_group_port) == ("http://there:1", 5)
    assert (given.vllm_importance_sampling_mode, given.vllm_importance_sampling_clip_max) == (
        "token_truncate", 2.0,
    )  # fmt: skip


def test_rloo_on_a_server_asks_for_the_correction_that_it_lacks_to_be_given_up():
    vllm = VLLMConfig(use_vllm=True)
    settings = (4, Path("out"), torch.device("cpu"), vllm)
    with pytest.raises(ConfigError, match="set vllm_importance_sampling_correction to false"):
        arguments_of(Algorithm.RLOO, CONFIG, *settings)
    without = replace(CONFIG, vllm_importance_sampling_correction=False)
    assert arguments_of(Algorithm.RLOO, without, *settings).use_vllm


def arguments(algorithm=Algorithm.RLOO, generations=4, device="cpu", **changes):
    return arguments_of(algorithm, replace(CONFIG, **changes), generations, Path("out"), torch.device(device))


def test_an_update_has_as_many_optimizer_steps_as_under_ppo():
    # 64 episodes in 4 minibatches of 16, each in micro-batches of 2: 8 of them a step; 3 passes, 5 rollouts
    given = arguments(episodes=64, minibatches=4, micro_batch_size=2, epochs=3, updates=5)
    assert (given.per_device_train_batch_size, given.gradient_accumulation_steps) == (2, 8)
    assert (given.generation_batch_size, given.steps_per_generation) == (64, 32)
    assert (given.num_iterations, given.max_steps) == (3, 5 * 3 * 4)


def test_whitening_is_what_each_algorithm_has_of_it():
    assert [arguments(whiten_advantages=on).normalize_advantages for on in (True, False)] == [True, False]
    scaled = [arguments(Algorithm.GRPO, whiten_advantages=on).scale_rewards for on in (True, False)]
    assert scaled == ["group", "none"]


def test_precision_and_checkpointing_are_trls_own():
    for on in (False, True):
        given = arguments(bf16=on, gradient_checkpointing=on)
        assert (given.bf16, given.activation_checkpointing) == (on, on)


def test_an_algorithm_may_be_named_by_plain_text():
    assert isinstance(arguments("rloo"), RLOOConfig)
    assert isinstance(arguments("grpo"), GRPOConfig)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": 0.9}, "gamma is for algorithm ppo, got 0.9 with rloo"),
        ({"gae_lambda": 1.0}, "gae_lambda is for"),
        ({"value_coef": 0.5}, "value_coef is for"),
        ({"value_clip_range": 0.5}, "value_clip_range is for"),
        ({"kl_target": 6.0}, "kl_target is for"),
        ({"entropy_coef": 0.1}, "entropy_coef is for"),
        ({"dual_clip": 3.0}, "dual_clip is for"),
        ({"kl_estimator": "k3"}, "kl_estimator is for"),
        ({"kl_horizon": 5}, "kl_horizon is for"),
        ({"torch_compile": True}, "torch_compile is for"),
        ({"episodes": 10, "minibatches": 4}, "episodes to be a multiple"),
        ({"episodes": 6, "minibatches": 2}, "num_generations, got 6, 2 x 1 x 3 and 4"),
        ({"micro_batch_size": 3}, "got 8, 2 x 1 x 3"),
    ],
)
def test_what_trl_cannot_do_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        arguments(**changes)


@pytest.mark.parametrize(("device", "visible"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_several_gpus_for_one_process_are_refused(device, visible, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=f"2 GPUs and device {device}; set CUDA_VISIBLE_DEVICES={visible} "):
        arguments(device=device)
    assert arguments(device="cpu").use_cpu
    monkeypatch.setattr(Processes, "joined", lambda: Processes(rank=1, count=2))
    assert not arguments(device=device).use_cpu


def test_the_questions_are_passes_over_all_records_in_a_new_order_each():
    config = replace(CONFIG, updates=20, episodes=2 * DEFAULT_GENERATIONS, minibatches=1)
    rows = questions(RECORDS * 3, config, DEFAULT_GENERATIONS)
    names = rows["id"]
    assert len(names) == 20 * 2
    passes = [tuple(names[start : start + 6]) for start in range(0, 36, 6)]
    assert all(sorted(each) == sorted(record.id for record in RECORDS * 3) for each in passes)
    assert len(set(passes)) > 1
