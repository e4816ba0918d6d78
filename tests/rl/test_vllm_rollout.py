"""Rollouts over HTTP by TRL's own client, from a stand-in for the server: no vLLM and no GPU is here."""

import copy
import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from test_sharding import FSDP
from tiny import FunctionJudge, bigram_llama, tiny_llama, word_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel
from trl.generation import vllm_client
from two_processes import in_two_processes
from vllm_server import StandInServer, by_http

from judge.errors import CandorError, ConfigError, DataError
from judge.records import Record, Verdict
from rl import ppo
from rl.checkpoint import Checkpoints, settings_of
from rl.config import PPOConfig, RewardConfig, VLLMConfig
from rl.importance import importance_weights
from rl.pretrained import with_adapters
from rl.rollout import Rollout, joined
from rl.vllm_rollout import VLLMSampler, connect, merged_weights

# peft 0.21 asks transformers 5.23 for it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

WORDS = ("A", "B", "C", "idk", "q", "r", "s", "t")
VOCABULARY = 3 + len(WORDS)
PROMPTS = ("q", "q r s", "t", "q r")
QUESTIONS = [Record(prompt, ("A",), id=prompt) for prompt in PROMPTS]
CONFIG = PPOConfig(updates=2, episodes=8, max_new_tokens=4, learning_rate=1e-2, temperature=0.7)
TIMEOUT_S = 5.0


@pytest.fixture(autouse=True)
def _by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    by_http(monkeypatch)


@pytest.fixture
def server() -> Iterator[StandInServer]:
    """Serves a model of the same kind, of other weights."""
    with StandInServer(small_model(seed=5)) as server:
        yield server


def small_model(seed: int = 0) -> PreTrainedModel:
    return tiny_llama(VOCABULARY, seed=seed, width=16)


def at(server: StandInServer, timeout: float = TIMEOUT_S) -> VLLMConfig:
    return VLLMConfig(use_vllm=True, vllm_server_base_url=server.url, vllm_server_timeout=timeout)


def sampler_of(server: StandInServer, *, model=None, config=CONFIG, tokenizer=None) -> VLLMSampler:
    client = connect(at(server))
    return VLLMSampler(client, config, model or small_model(), tokenizer or word_tokenizer(*WORDS))


def sampled(sampler: VLLMSampler, prompts=PROMPTS, *, seed: int = 0) -> Rollout:
    return sampler(prompts, generator=torch.Generator().manual_seed(seed))


def train(config: PPOConfig, model: PreTrainedModel, **rest: Any) -> ppo.TrainResult:
    def verdict(record: Record) -> Verdict:
        return Verdict.CORRECT if record.completion.startswith("A") else Verdict.WRONG

    return ppo.train(
        config, model=model, tokenizer=word_tokenizer(*WORDS), records=QUESTIONS,
        judge=FunctionJudge(verdict), **rest,
    )  # fmt: skip


def digest(module: torch.nn.Module) -> str:
    return hashlib.sha256(b"".join(x.numpy().tobytes() for x in module.state_dict().values())).hexdigest()


# The rollout


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_the_servers_logprobs_stand_where_those_of_the_policy_stand(server: StandInServer, temperature):
    config = dataclasses.replace(CONFIG, temperature=temperature)
    model = small_model()
    rollout = sampled(sampler_of(server, model=model, config=config))
    logprobs = ppo.Policy(model, temperature)(rollout.episodes).logprobs
    assert len(set(rollout.episodes.response_mask.sum(1).tolist())) > 1  # there is padding to leave out
    torch.testing.assert_close(rollout.logprobs, logprobs.detach(), atol=1e-5, rtol=0)


def test_prompts_end_where_completions_begin_and_masks_cover_both(server: StandInServer):
    tokenizer = word_tokenizer(*WORDS)
    rollout = sampled(sampler_of(server))
    tokens, mask, response_mask = rollout.episodes
    for row, prompt in enumerate(PROMPTS):
        real = tokens[row][mask[row].bool()].tolist()
        ids = tokenizer(prompt)["input_ids"]
        assert real[: len(ids)] == ids
        assert (
            tokenizer.decode(real[len(ids) :], skip_special_tokens=True).strip() == rollout.completions[row]
        )
        assert len(real) - len(ids) == response_mask[row].sum()
        ended = real[-1] == tokenizer.eos_token_id
        assert rollout.truncated[row] is not ended
        assert ended or len(real) - len(ids) == CONFIG.max_new_tokens


def test_any_of_several_ends_ends_a_completion_and_is_its_last_action(server: StandInServer):
    # After any word, each of the two ends, and one more word, are as likely: id 1 by the tokenizer, 4 by the
    # generation config.
    server.model = bigram_llama([[0, 1 / 3, 0, 1 / 3, 1 / 3] + [0] * (VOCABULARY - 5)] * VOCABULARY)
    model = copy.deepcopy(server.model)
    model.generation_config.eos_token_id = [4]
    server.model.config.eos_token_id = 3  # its own idea of an end
    config = dataclasses.replace(CONFIG, max_new_tokens=12)
    rollout = sampled(sampler_of(server, model=model, config=config), PROMPTS * 4)
    lengths = rollout.episodes.response_mask.sum(1).tolist()
    said = [
        row[-rollout.episodes.response_mask.shape[1] :][:length]
        for row, length in zip(rollout.episodes.tokens.tolist(), lengths, strict=True)
    ]
    assert {ids[-1] for ids in said} == {1, 4}
    assert all(not {1, 4}.intersection(ids[:-1]) for ids in said)
    assert not any(rollout.truncated)
    assert {word for text in rollout.completions for word in text.split()} <= {"A"}


def test_nothing_but_the_temperature_changes_the_distribution(server: StandInServer):
    sampled(sampler_of(server))
    neutral = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "n": 1}
    for asked in server.asked:
        assert asked.items() >= (neutral | {"temperature": 0.7, "max_tokens": 4}).items()


def test_every_prompt_has_a_seed_of_its_own_that_the_generator_draws(server: StandInServer):
    sampler = sampler_of(server)
    first, again, other = (sampled(sampler, ("q",) * 8, seed=seed) for seed in (3, 3, 4))
    assert len({asked["seed"] for asked in server.asked}) == 16
    assert len(set(first.completions)) > 1
    assert torch.equal(first.episodes.tokens, again.episodes.tokens)
    assert first.completions == again.completions != other.completions


def test_rollouts_of_several_processes_are_padded_alike(server: StandInServer):
    sampler = sampler_of(server)
    short, long = sampled(sampler, ("q",)), sampled(sampler, PROMPTS * 2)
    both = joined([short, long])
    for part, rows in ((short, slice(1)), (long, slice(1, None))):
        length = part.logprobs.shape[1]
        assert torch.equal(both.logprobs[rows, :length], part.logprobs)
        assert not both.logprobs[rows, length:].any()


# The weights


def test_the_server_has_the_weights_of_now_whenever_it_is_asked(server: StandInServer):
    model = small_model()
    sampler = sampler_of(server, model=model)
    for _ in range(2):
        with torch.no_grad():
            model.lm_head.weight.mul_(1.1)
        rollout = sampled(sampler)
        assert digest(server.model) == digest(model)
        logprobs = ppo.Policy(model, 0.7)(rollout.episodes).logprobs
        torch.testing.assert_close(rollout.logprobs, logprobs.detach(), atol=1e-5, rtol=0)
    sent = ["/start_weight_update", "/update_weights", "/finish_weight_update", "/reset_prefix_cache"]
    assert server.paths == (sent + ["/v1/completions"] * len(PROMPTS)) * 2


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=None,
        eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@pytest.mark.parametrize("family", [small_model, gpt2])
@pytest.mark.parametrize("dora", [False, True])
def test_adapters_are_merged_for_the_server_and_the_model_stays_as_it_is_to_the_bit(family, dora):
    lora = LoraConfig(
        r=2, target_modules="all-linear", task_type="CAUSAL_LM", use_dora=dora, fan_in_fan_out=family is gpt2
    )
    model = get_peft_model(family(), lora).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(len(name)))
    before = digest(model)
    with StandInServer(family()) as server:
        rollout = sampled(sampler_of(server, model=model))
        named = {name for name, _ in server.model.named_parameters()}
        assert set(server.received[0]) == named
        assert len(server.received[0]) == len(named)  # what is tied is sent once
    assert digest(model) == before
    logprobs = ppo.Policy(model, 0.7)(rollout.episodes).logprobs.detach()
    torch.testing.assert_close(rollout.logprobs, logprobs, atol=1e-5, rtol=0)
    with model.disable_adapter():
        without = ppo.Policy(model, 0.7)(rollout.episodes).logprobs
    assert (without - logprobs).abs().max() > 0.01  # the adapters do say something


def test_adapters_that_are_not_the_policys_stay_out_of_what_is_sent():
    model = with_adapters(small_model(), rank=2, seed=0)
    before = {name: weight.clone() for name, weight in merged_weights(model)}
    model.add_adapter("judge", LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    sent = dict(merged_weights(model))
    assert sent.keys() == before.keys()
    assert all(torch.equal(sent[name], weight) for name, weight in before.items())
    model.set_adapter("judge")
    assert any(not torch.equal(dict(merged_weights(model))[name], before[name]) for name in before)


def test_weights_that_are_sent_carry_no_gradient():
    model = with_adapters(small_model(), rank=2, seed=0)
    assert not any(weight.requires_grad for _, weight in merged_weights(model))


def test_adapters_that_cannot_be_merged_are_refused(server: StandInServer):
    model = get_peft_model(
        small_model(), LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])
    )
    with pytest.raises(ConfigError, match="adapters that can be merged"):
        sampler_of(server, model=model)


# Training


def half_precision(server: StandInServer) -> None:
    """It then samples from almost the policy, as the real one does."""
    server.model = server.model.to(torch.bfloat16)


def test_a_policy_learns_from_what_another_sampler_drew(server: StandInServer):
    half_precision(server)
    model = small_model()
    config = dataclasses.replace(CONFIG, updates=6, episodes=32, max_new_tokens=1, learning_rate=3e-2)
    metrics = train(config, model, sampler=sampler_of(server, model=model, config=config)).metrics
    assert metrics[0]["judge/correct_rate"] < 0.4
    assert metrics[-1]["judge/correct_rate"] > 0.7
    for row in metrics:
        assert 0.0 < row["sampling/sampling_logp_difference/mean"] < 0.1
    least, most = (
        [row[f"sampling/importance_sampling_ratio/{end}"] for row in metrics] for end in ("min", "max")
    )
    assert min(least) < 1.0 < max(most)


def test_the_first_ratio_is_one_whatever_the_sampler_took_a_token_for(server: StandInServer):
    half_precision(server)
    model = small_model()
    config = dataclasses.replace(CONFIG, epochs=1, minibatches=1)
    for row in train(config, model, sampler=sampler_of(server, model=model, config=config)).metrics:
        assert row["val/ratio"] == pytest.approx(1.0, abs=1e-6)
        assert row["policy/clipfrac_avg"] == 0.0


def off(rollout: Rollout) -> Rollout:
    """As if the sampler had taken every other token for half as likely, and the rest for twice."""
    shift = torch.tensor([-1.0, 1.0]).repeat(len(rollout.logprobs), 99)[:, : rollout.logprobs.shape[1]]
    return dataclasses.replace(
        rollout, logprobs=rollout.logprobs + torch.tensor(2.0).log() * shift * rollout.episodes.response_mask
    )


@pytest.mark.parametrize(("corrects", "low", "high"), [(True, 0.5, 1.5), (False, 1.0, 1.0)])
def test_the_difference_is_logged_and_corrected_up_to_the_cap(server: StandInServer, corrects, low, high):
    model = small_model()
    config = dataclasses.replace(
        CONFIG, updates=1, vllm_importance_sampling_correction=corrects, vllm_importance_sampling_clip_max=1.5
    )
    ask = sampler_of(server, model=model, config=config)
    row = train(config, model, sampler=lambda *given, **more: off(ask(*given, **more))).metrics[0]
    assert row["sampling/sampling_logp_difference/mean"] == pytest.approx(0.6931472, abs=1e-4)  # log 2
    assert row["sampling/sampling_logp_difference/max"] == pytest.approx(0.6931472, abs=1e-4)
    assert row["sampling/importance_sampling_ratio/min"] == pytest.approx(low, abs=1e-4)
    assert row["sampling/importance_sampling_ratio/max"] == pytest.approx(high, abs=1e-4)


# Of four episodes of one token the sampler says A twice, B and C once: mu is .5, .25, .25,
# where the policy has .2, .3, .5.
SAID = [3, 3, 4, 5]
MU, P = {3: 0.5, 4: 0.25, 5: 0.25}, {3: 0.2, 4: 0.3, 5: 0.5}
WORTH = {3: 1.0, 4: -1.0, 5: 2.0}
TABLE = [[0.0, 0.0, 0.0, *P.values(), *[0.0] * (VOCABULARY - 6)]] * VOCABULARY


def asked_once(said: Iterable[int]) -> ppo.Episodes:
    tokens = torch.tensor([[7, token] for token in said])
    return ppo.Episodes(tokens, torch.ones_like(tokens), torch.ones_like(tokens[:, 1:]))


def gradient_of_a_step(worth: Mapping[int, float], **settings: Any) -> torch.Tensor:
    config = PPOConfig(episodes=4, max_grad_norm=1e9, value_coef=0.0, **settings)
    state = ppo.initial_state(config, bigram_llama(TABLE))
    episodes = asked_once(SAID)
    experience, _ = ppo.experience_of(
        state, config, episodes, ppo.evaluate(state, config, episodes), dict.fromkeys(range(4), 0.0),
        torch.tensor([[MU[token]] for token in SAID]).log(),
    )  # fmt: skip
    advantages = torch.tensor([[worth[token]] for token in SAID])
    ppo.step(state, config, experience._replace(advantages=advantages))
    return state.policy.model.lm_head.weight.grad


def gradient_of(loss: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Of a function of the log-probs of the three words."""
    policy = ppo.Policy(bigram_llama(TABLE))
    loss(policy(asked_once(P)).logprobs[:, 0]).backward()
    return policy.model.lm_head.weight.grad


def test_a_corrected_step_has_the_gradient_of_the_policys_own_samples():
    def mean_over(chooses: Mapping[int, float]) -> torch.Tensor:
        """-sum_a chooses(a) A(a) grad log p(a)."""
        gains = torch.tensor([chooses[token] * WORTH[token] for token in P])
        return gradient_of(lambda logprobs: -(gains * logprobs).sum())

    corrected = gradient_of_a_step(WORTH)
    uncorrected = gradient_of_a_step(WORTH, vllm_importance_sampling_correction=False)
    torch.testing.assert_close(corrected, mean_over(P))
    torch.testing.assert_close(uncorrected, mean_over(MU))
    assert not torch.allclose(corrected, uncorrected, atol=1e-2)


def test_the_entropy_that_is_rewarded_is_that_of_the_policy():
    nothing = dict.fromkeys(WORTH, 0.0)
    exact = gradient_of(lambda logprobs: (logprobs.exp() * logprobs).sum())  # minus the entropy
    torch.testing.assert_close(gradient_of_a_step(nothing, entropy_coef=1.0), exact)
    uncorrected = gradient_of_a_step(nothing, entropy_coef=1.0, vllm_importance_sampling_correction=False)
    assert not torch.allclose(uncorrected, exact, atol=1e-2)


def test_own_samples_weigh_one_and_nothing_of_a_sampler_is_logged():
    state = ppo.initial_state(CONFIG, small_model())
    rollout = ppo.sample(
        state.policy.model, word_tokenizer(*WORDS), PROMPTS, max_new_tokens=4, generator=state.sampling
    )
    evaluation = ppo.evaluate(state, CONFIG, rollout.episodes)
    experience, metrics = ppo.experience_of(
        state, CONFIG, rollout.episodes, evaluation, dict.fromkeys(range(4), 1.0)
    )
    assert torch.equal(experience.weights, rollout.episodes.response_mask.float())
    assert not any(name.startswith("sampling/") for name in metrics)


def test_what_has_no_score_is_left_out_with_its_logprobs(server: StandInServer):
    model = small_model()
    state = ppo.initial_state(CONFIG, model)
    rollout = off(sampled(sampler_of(server, model=model)))
    evaluation = ppo.evaluate(state, CONFIG, rollout.episodes)
    experience, _ = ppo.experience_of(
        state, CONFIG, rollout.episodes, evaluation, {1: 1.0, 3: 1.0}, rollout.logprobs
    )
    length = experience.weights.shape[1]
    rows = torch.tensor([1, 3])
    weights = importance_weights(evaluation.logprobs[rows], rollout.logprobs[rows], 3.0)
    expected = (weights * rollout.episodes.response_mask[rows])[:, :length]
    assert torch.equal(experience.weights, expected)


def test_a_run_that_goes_on_asks_with_the_seeds_of_a_whole_one(server: StandInServer, tmp_path):
    def run(updates: int, name: str) -> tuple[str, list[int]]:
        before = len(server.asked)
        model = small_model()
        settings = settings_of(CONFIG, RewardConfig(), QUESTIONS, model)
        config = dataclasses.replace(CONFIG, updates=updates)
        train(
            config, model, sampler=sampler_of(server, model=model, config=config),
            checkpoints=Checkpoints(tmp_path / name, settings, every=1, keep=1),
        )  # fmt: skip
        return digest(model), sorted(asked["seed"] for asked in server.asked[before:])

    whole, seeds = run(2, "whole")
    _, first = run(1, "killed")
    resumed, rest = run(2, "killed")
    assert sorted(first + rest) == seeds
    assert resumed == whole


def two_ranks(url: str, make: Callable[[], PreTrainedModel]) -> list[dict[str, float]]:
    with pytest.MonkeyPatch.context() as patch:
        by_http(patch)
        model = make()
        sampler = VLLMSampler(
            connect(VLLMConfig(vllm_server_base_url=url)), CONFIG, model, word_tokenizer(*WORDS)
        )
        return [
            {name: value for name, value in row.items() if not name.startswith("time/")}
            for row in train(CONFIG, model, sampler=sampler).metrics
        ]


def with_fresh_adapters() -> PreTrainedModel:
    return with_adapters(small_model(), rank=2, seed=0)


@pytest.mark.parametrize(("launcher", "make"), [({}, small_model), (FSDP, with_fresh_adapters)])
def test_each_of_two_processes_asks_for_its_share_and_the_first_sends_all_weights(
    server: StandInServer, tmp_path, launcher, make
):
    half_precision(server)
    first, second = in_two_processes(tmp_path, two_ranks, server.url, make, launcher=launcher)
    assert first == second
    assert not isinstance(first, str), first
    named = {name for name, _ in server.model.named_parameters()}
    assert [set(names) for names in server.received] == [named] * CONFIG.updates
    assert len({asked["seed"] for asked in server.asked}) == CONFIG.updates * CONFIG.episodes
    for row in first:
        assert 0.0 < row["sampling/sampling_logp_difference/mean"] < 0.1


# What is refused


def refusal(server: StandInServer, kind: type[CandorError], message: str, **given: Any) -> None:
    """The error names the server and says what is amiss."""
    with pytest.raises(kind, match=message) as caught:
        sampled(sampler_of(server, **given))
    assert server.url in str(caught.value)


def test_where_no_server_is_it_is_said_how_to_start_one():
    with StandInServer(small_model()) as server:
        gone = at(server, timeout=1e-6)
    with pytest.raises(ConfigError, match=rf"{gone.vllm_server_base_url}.*VLLM_SERVER_DEV_MODE=1 vllm serve"):
        connect(gone)


def test_a_server_without_what_training_needs_is_refused(server: StandInServer):
    server.config["model_config"] = {"logprobs_mode": "raw_logprobs"}
    refusal(server, ConfigError, "--logprobs-mode processed_logprobs, got raw_logprobs")


def test_a_server_that_is_not_in_development_mode_is_refused(server: StandInServer, monkeypatch):
    get = server.get
    monkeypatch.setattr(
        server, "get", lambda path: (404, {}) if path == "/server_info" else get(path), raising=True
    )
    refusal(server, ConfigError, "VLLM_SERVER_DEV_MODE=1")


def test_without_vllm_it_is_said_what_to_install(server: StandInServer, monkeypatch):
    monkeypatch.setattr(vllm_client, "is_vllm_available", lambda: False)
    with pytest.raises(ConfigError, match=r"needs vLLM installed here.*docs/vllm\.md"):
        connect(at(server))


def test_weights_need_a_way_to_the_server_and_a_gpu(server: StandInServer, monkeypatch):
    monkeypatch.undo()  # TRL's own way
    monkeypatch.setattr(vllm_client, "is_vllm_available", lambda: True)
    monkeypatch.setattr(vllm_client, "get_ip", lambda: "127.0.0.1", raising=False)
    refusal(server, ConfigError, "needs a CUDA device, got 'cpu'")
    server.config["weight_transfer_config"] = None
    refusal(server, ConfigError, "no weight-transfer engine")


def test_a_server_of_another_model_is_refused_before_the_first_update(server: StandInServer):
    server.model = tiny_llama(VOCABULARY, width=32)
    refusal(server, DataError, "failed")
    # One that takes the weights and goes on by its own.
    server.model = bigram_llama([[0.01] * 4 + [0.9] + [0.01] * (VOCABULARY - 5)] * VOCABULARY)
    server.answers["/update_weights"] = lambda *_: (200, {})
    refusal(server, ConfigError, r"\d nats off those of the model that is trained; serve that model")


def test_a_server_that_dies_ends_the_run_with_its_name(server: StandInServer):
    sampler = sampler_of(server)
    sampled(sampler)
    server.answers["/v1/completions"] = lambda *_: (500, {"error": "out of memory"})
    with pytest.raises(DataError, match=rf"{server.url} failed.*start it anew"):
        sampled(sampler)
    server.die()
    with pytest.raises(DataError, match=rf"{server.url} failed.*start it anew"):
        sampled(sampler)


@pytest.mark.parametrize("hangs", [False, True])
def test_weights_are_announced_once_whatever_comes_of_it(server: StandInServer, hangs):
    asked, woken = [], threading.Event()

    def answer(path: str, body: bytes) -> tuple[int, Any]:
        asked.append(path)
        woken.wait(TIMEOUT_S if hangs else 0)
        return 500, {"error": "out of memory"}

    server.answers["/update_weights"] = answer
    sampler = VLLMSampler(connect(at(server, timeout=0.3)), CONFIG, small_model(), word_tokenizer(*WORDS))
    with pytest.raises(DataError, match=f"{server.url} failed.*{'timed out' if hangs else 'out of memory'}"):
        sampled(sampler)
    assert asked == ["/update_weights"]
    woken.set()


def test_a_server_that_cannot_begin_is_sent_no_weights(server: StandInServer):
    server.answers["/start_weight_update"] = lambda *_: (500, {"error": "EngineDeadError"})
    refusal(server, DataError, "EngineDeadError")
    assert server.loading.empty()


def test_a_server_that_hangs_is_given_up_after_the_timeout(server: StandInServer):
    woken = threading.Event()
    sampler = VLLMSampler(connect(at(server, timeout=0.3)), CONFIG, small_model(), word_tokenizer(*WORDS))
    server.answers["/v1/completions"] = lambda *_: (200, {"choices": [woken.wait(TIMEOUT_S)]})
    start = time.perf_counter()
    with pytest.raises(DataError, match=rf"{server.url} failed.*timed out"):
        sampled(sampler)
    assert time.perf_counter() - start < TIMEOUT_S / 2
    woken.set()


@pytest.mark.parametrize(
    ("ids", "logprobs"),
    [
        ([3, VOCABULARY, 1], [-1.0] * 3),  # of a larger vocabulary
        ([3, 4], [-1.0] * 2),  # stopped before the end and the limit
        ([], []),
        ([3, 1], [-1.0, float("nan")]),
    ],
)
def test_an_answer_that_cannot_be_learned_from_is_refused(server: StandInServer, ids, logprobs):
    tokens = [f"token_id:{token}" for token in ids]
    said = {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": [None] * len(ids)}
    server.change = lambda choice: choice | {"token_ids": ids, "logprobs": said}
    refusal(server, DataError, "expected ids below 11")
