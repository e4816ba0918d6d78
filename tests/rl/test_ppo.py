import dataclasses
import hashlib
import math
import random
from collections.abc import Iterable
from functools import partial
from itertools import chain

import peft
import pytest
import torch
from test_decoding import Counted
from tiny import FunctionJudge, bigram_llama, score_of, tiny_llama, word_tokenizer

from judge.errors import ConfigError, DataError
from judge.records import Record, Verdict
from judge.scorer import Judge
from rl import ppo
from rl.checkpoint import Checkpoints, settings_of
from rl.config import PPOConfig, RewardConfig
from rl.decoding import Compiled
from rl.policy import Episodes, FrozenCopy
from rl.rollout import sample
from rl.state import initial_state
from rl.tracking import FileTracker

# peft 0.21 asks transformers 5.23 for it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

WORDS = ("A", "B", "C", "idk", "q", "r", "s", "t")
QUESTIONS = [Record(question, ("A",), id=question) for question in ("q", "q r", "q r s", "t")]
TRL_METRICS = {
    "objective/kl", "objective/entropy", "objective/scores", "objective/rlhf_reward", "policy/approxkl_avg",
    "policy/clipfrac_avg", "loss/policy_avg", "loss/value_avg", "val/ratio",
}  # fmt: skip


def verdict(record: Record) -> Verdict:
    if record.completion == "idk":
        return Verdict.ABSTAIN
    return Verdict.CORRECT if record.completion in record.references else Verdict.WRONG


def small_model(seed: int = 0):
    return tiny_llama(3 + len(WORDS), seed=seed)


def run(config: PPOConfig, *, model=None, judge=None, records=QUESTIONS, tokenizer=None, **rest):
    return ppo.train(
        config, model=model or small_model(), tokenizer=tokenizer or word_tokenizer(*WORDS),
        records=records, judge=judge or FunctionJudge(verdict), **rest,
    )  # fmt: skip


def config_of(**settings) -> PPOConfig:
    defaults = {"updates": 2, "episodes": 16, "max_new_tokens": 4, "learning_rate": 1e-3}
    return PPOConfig(**(defaults | settings))


def fresh_experience(config: PPOConfig, model=None) -> tuple[ppo.TrainState, ppo.Experience, ppo.Metrics]:
    """A judged rollout of unequal lengths, ready to learn from, with a value head that says something."""
    state = ppo.initial_state(config, model or small_model())
    torch.nn.init.normal_(state.policy.value_head.weight, generator=torch.Generator().manual_seed(1))
    prompts = [record.prompt for record in QUESTIONS] * (config.episodes // 4)
    rollout = sample(
        state.policy.model, word_tokenizer(*WORDS), prompts, max_new_tokens=config.max_new_tokens,
        temperature=config.temperature, generator=state.sampling,
    )  # fmt: skip
    assert len(set(rollout.episodes.response_mask.sum(1).tolist())) > 1
    rewards = [random.Random(0).uniform(-1, 1) + row % 3 for row in range(len(prompts))]
    evaluation = ppo.evaluate(state, config, rollout.episodes)
    rewarded = dict(enumerate(rewards))
    return state, *ppo.experience_of(state, config, rollout.episodes, evaluation, rewarded)


def digest(module: torch.nn.Module) -> str:
    joined = b"".join(value.numpy().tobytes() for value in module.state_dict().values())
    return hashlib.sha256(joined).hexdigest()


# The numbers of one update


def test_the_first_minibatch_of_a_rollout_has_ratio_one_and_nothing_clipped():
    for temperature in (1.0, 0.5):
        state, experience, _ = fresh_experience(config_of(temperature=temperature))
        minibatch = experience.rows(torch.tensor([3, 0, 9, 6]))  # another shape than the rollout's
        new = state.policy(minibatch.episodes)
        ratio = (new.logprobs - minibatch.old_logprobs).exp()
        assert (ratio - 1.0).abs().max() < 1e-6
        metrics = ppo.step(state, config_of(temperature=temperature), minibatch)
        assert metrics["val/ratio"].item() == pytest.approx(1.0, abs=1e-6)
        assert metrics["policy/clipfrac_avg"].item() == 0.0
        assert metrics["policy/approxkl_avg"].item() < 1e-12


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("adapters", [False, True])
def test_at_the_first_update_kl_is_exactly_zero_and_the_reward_is_the_score(adapters, bf16):
    model = small_model()
    if adapters:
        model = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    first, second = run(config_of(kl_coef=10.0, bf16=bf16), model=model).metrics
    assert first["objective/kl"] == 0.0
    assert first["objective/rlhf_reward"] == first["objective/scores"]
    assert second["objective/kl"] != 0.0
    expected = second["objective/scores"] - 10.0 * second["objective/kl"]
    assert second["objective/rlhf_reward"] == pytest.approx(expected, abs=1e-4)


def test_bf16_trains_weights_and_moments_in_float32_from_the_same_ratio_of_one():
    config = config_of(bf16=True, epochs=1, minibatches=1)
    state, experience, _ = fresh_experience(config)
    before = digest(state.policy)
    metrics = ppo.improve(state, config, experience)
    assert metrics["val/ratio"] == pytest.approx(1.0, abs=0.01)  # rows may be summed in another order
    assert metrics["policy/clipfrac_avg"] == 0.0
    assert digest(state.policy) != before
    moments = [each for moments in state.engine.adam.state.values() for each in moments.values()]
    assert {tensor.dtype for tensor in (*state.policy.parameters(), *moments)} == {torch.float32}


def test_gradient_checkpointing_changes_no_number():
    plain, checkpointed = (
        run(config_of(gradient_checkpointing=on, micro_batch_size=3)) for on in (False, True)
    )
    assert digest(plain.policy) == digest(checkpointed.policy)


def test_a_model_that_cannot_run_its_layers_again_is_refused_before_anything_is_asked():
    judge = FunctionJudge(verdict)
    model = bigram_llama([[1.0] * 11] * 11)  # which has no layers
    with pytest.raises(ConfigError, match="turn gradient_checkpointing off"):
        run(config_of(gradient_checkpointing=True), model=model, judge=judge)
    assert judge.seen == []


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_sampling_is_compiled_once_and_leads_to_the_same_policy(gradient_checkpointing, monkeypatch):
    backend, devices = Counted(), []
    monkeypatch.setattr(ppo, "Compiled", partial(Compiled, backend=backend))
    monkeypatch.setattr(ppo, "check_compiler", devices.append)
    config = config_of(
        updates=2, episodes=4, minibatches=1, epochs=1, gradient_checkpointing=gradient_checkpointing
    )
    plain = run(config)
    assert (backend.graphs, devices) == (0, [])
    compiled = run(dataclasses.replace(config, torch_compile=True))
    assert (backend.graphs, devices) == (1, [torch.device("cpu")])
    assert digest(plain.policy) == digest(compiled.policy)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning")
def test_on_a_gpu_a_stopped_run_goes_on_with_the_default_judge_in_bf16_and_compiled(tmp_path, monkeypatch):
    judge, states, streams = Judge.from_pretrained(device="cuda"), [], []

    class Watched:
        def score(self, records):
            streams.append(torch.cuda.current_stream())
            return judge.score(records)

    def watched_state(*given):
        states.append(initial_state(*given))
        return states[-1]

    monkeypatch.setattr(ppo, "initial_state", watched_state)
    config = config_of(bf16=True, torch_compile=True)

    def go(name: str, **rest) -> ppo.TrainResult:
        model = small_model().to("cuda")
        settings = settings_of(config, RewardConfig(), QUESTIONS, model)
        checkpoints = Checkpoints(tmp_path / name, settings, every=1, keep=1)
        return run(config, model=model, judge=Watched(), checkpoints=checkpoints, **rest)

    whole = go("whole")
    first = go("stopped", on_update=lambda update, metrics: True)
    rest = go("stopped")
    assert [len(result.metrics) for result in (whole, first, rest)] == [2, 1, 2]
    assert rest.metrics[0] == first.metrics[0]
    assert first.metrics[0]["objective/kl"] == pytest.approx(0.0, abs=1e-3)
    assert len(streams) == 4
    assert torch.cuda.default_stream() not in streams  # the judge has its own, beside the evaluation
    steps = config.updates * config.epochs * config.minibatches
    for state in (states[0], states[2]):
        counts = [moments["step"] for moments in state.engine.adam.state.values()]
        assert {(count.device.type, count.item()) for count in counts} == {("cuda", steps)}
        assert all(parameter.isfinite().all() for parameter in state.policy.parameters())
    # Four tokens are fewer than lie between two looks, so each rollout draws equally often.
    assert torch.equal(states[0].sampling.get_state(), states[2].sampling.get_state())
    assert torch.equal(states[0].shuffling.get_state(), states[2].shuffling.get_state())


@pytest.mark.parametrize("fast", [True, False])
def test_bf16_is_warned_of_where_it_is_slow(fast, monkeypatch, caplog):
    monkeypatch.setattr("rl.state.fast_bfloat16", lambda device: fast)
    run(config_of(bf16=True, updates=1))
    assert len(caplog.records) == (0 if fast else 1)
    assert fast or "bf16 is slower than float32" in caplog.text


def test_the_penalty_is_by_the_estimator_that_was_chosen():
    # The first two rollouts and the step between them are the same: at the first update either KL is 0.
    by_k1, by_k3 = (
        run(config_of(kl_coef=10.0, kl_estimator=estimator)).metrics[1] for estimator in ("k1", "k3")
    )
    assert by_k1["objective/scores"] == by_k3["objective/scores"]
    assert by_k3["objective/kl"] > 0.0
    assert by_k3["objective/kl"] != by_k1["objective/kl"]
    penalty = by_k3["objective/scores"] - by_k3["objective/rlhf_reward"]
    assert penalty == pytest.approx(10.0 * by_k3["objective/kl"], abs=1e-4)


def test_returns_are_unwhitened_advantages_plus_old_values():
    config = config_of(episodes=8)
    whitened = fresh_experience(config)[1]
    plain = fresh_experience(dataclasses.replace(config, whiten_advantages=False))[1]
    torch.testing.assert_close(plain.returns, plain.advantages + plain.old_values)
    torch.testing.assert_close(whitened.returns, plain.returns)
    assert not torch.allclose(whitened.advantages, plain.advantages)


def test_advantages_are_whitened_over_the_whole_rollout_not_a_minibatch():
    _, experience, _ = fresh_experience(config_of())
    real = experience.advantages[experience.episodes.response_mask.bool()]
    assert real.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert real.var(correction=0).item() == pytest.approx(1.0, abs=1e-4)
    half = experience.rows(torch.arange(8))
    assert abs(half.advantages[half.episodes.response_mask.bool()].mean().item()) > 1e-3


def gradients(state: ppo.TrainState) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in state.policy.parameters()]


def test_a_minibatch_cut_in_pieces_of_unequal_length_has_the_gradient_of_the_whole():
    config = config_of(episodes=8, max_grad_norm=1e9)
    metrics, grads = [], []
    for size in (None, 1, 3):
        state, experience, _ = fresh_experience(config)
        metrics.append(ppo.step(state, dataclasses.replace(config, micro_batch_size=size), experience))
        grads.append(gradients(state))
    for pieces in (1, 2):
        for whole, cut in zip(grads[0], grads[pieces], strict=True):
            torch.testing.assert_close(cut, whole, atol=1e-6, rtol=1e-4)
        for name, value in metrics[0].items():
            assert metrics[pieces][name].item() == pytest.approx(value.item(), abs=1e-5), name


def test_the_loss_weighs_every_token_alike():
    state, experience, _ = fresh_experience(config_of(episodes=8))
    loss = ppo.step(state, config_of(episodes=8), experience)["loss/policy_avg"]
    # At ratio 1 the loss of a token is minus its advantage.
    real = experience.episodes.response_mask.bool()
    assert loss.item() == pytest.approx(-experience.advantages[real].mean().item(), abs=1e-5)


def test_pieces_change_neither_logprobs_nor_advantages_of_a_rollout():
    whole = fresh_experience(config_of(episodes=8))[1]
    pieces = fresh_experience(config_of(episodes=8, micro_batch_size=3))[1]
    for one, other in zip(whole[1:], pieces[1:], strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)


def test_gradients_are_clipped_and_the_norm_before_it_is_logged():
    config = config_of(max_grad_norm=1e-3)
    state, experience, _ = fresh_experience(config)
    logged = ppo.step(state, config, experience)["optimizer/grad_norm"].item()
    clipped = torch.cat([gradient.flatten() for gradient in gradients(state)]).norm().item()
    assert logged > 0.01
    assert clipped == pytest.approx(1e-3, rel=1e-3)


def test_a_step_whose_gradient_is_not_finite_is_skipped_and_counted():
    config = config_of(epochs=1, minibatches=4)
    state, experience, _ = fresh_experience(config)
    experience.advantages[0, 0] = math.nan  # spoils the one minibatch of four that holds episode 0
    metrics = ppo.improve(state, config, experience)
    assert metrics["optimizer/skipped_steps"] == 1.0
    assert metrics["optimizer/steps"] == 3.0
    assert all(parameter.isfinite().all() for parameter in state.policy.parameters())


def test_a_skipped_step_changes_no_weight():
    config = config_of()
    state, experience, _ = fresh_experience(config)
    experience.returns.fill_(math.inf)
    before = digest(state.policy)
    ppo.step(state, config, experience)
    assert digest(state.policy) == before


@pytest.mark.parametrize(("epochs", "minibatches"), [(1, 1), (3, 2), (2, 5)])
def test_optimizer_steps_are_updates_times_epochs_times_minibatches(epochs, minibatches, monkeypatch):
    steps = []
    real_step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: steps.append(1) or real_step(self))
    result = run(config_of(updates=3, epochs=epochs, minibatches=minibatches))
    assert len(steps) == 3 * epochs * minibatches
    assert [metrics["optimizer/steps"] for metrics in result.metrics] == [epochs * minibatches] * 3


def test_the_optimizer_steps_at_the_rate_of_its_schedule(monkeypatch):
    rates = []
    real_step = torch.optim.Adam.step

    def step(self):
        rates.append(self.param_groups[0]["lr"])
        return real_step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    for schedule, expected in {
        "constant": [1e-3] * 4,
        "linear": [1e-3, 0.75e-3, 0.5e-3, 0.25e-3],
        "cosine": [1e-3, 0.8535534e-3, 0.5e-3, 0.1464466e-3],  # (1 + cos(pi u / 4)) / 2
    }.items():
        rates.clear()
        run(config_of(updates=4, epochs=1, minibatches=1, lr_scheduler_type=schedule))
        assert rates == pytest.approx(expected)


def test_every_epoch_sees_each_episode_once_in_an_order_of_its_own(monkeypatch):
    config = config_of(epochs=3, minibatches=4)
    state, experience, _ = fresh_experience(config)
    seen, real_rows = [], ppo.Experience.rows

    def rows(self, index):
        if len(self.old_logprobs) == config.episodes:
            seen.append(index.tolist())
        return real_rows(self, index)

    monkeypatch.setattr(ppo.Experience, "rows", rows)
    ppo.improve(state, config, experience)
    orders = [list(chain(*seen[epoch * 4 : epoch * 4 + 4])) for epoch in range(3)]
    assert [len(minibatch) for minibatch in seen] == [4] * 12
    assert all(sorted(order) == list(range(16)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_adam_has_the_epsilon_of_the_paper_and_gamma_is_one():
    assert ppo.initial_state(config_of(), small_model()).engine.adam.defaults["eps"] == 1e-5
    assert PPOConfig().gamma == 1.0


def test_metrics_have_the_names_that_trl_users_know():
    metrics = run(config_of(updates=1)).metrics[0]
    assert metrics.keys() >= TRL_METRICS | {
        "judge/correct_rate", "judge/abstain_rate", "judge/wrong_rate", "judge/unscored",
        "time/rollout_s", "time/judge_s", "time/evaluate_s", "time/update_s", "val/explained_variance",
    }  # fmt: skip
    assert sum(metrics[f"judge/{name}_rate"] for name in Verdict) == pytest.approx(1.0)
    assert all(type(value) is float for value in metrics.values())


def test_objectives_are_sums_over_real_tokens_and_means_over_episodes():
    state, experience, metrics = fresh_experience(config_of(episodes=4))
    real = experience.episodes.response_mask.bool()
    entropy = sum(-row[mask].sum() for row, mask in zip(experience.old_logprobs, real, strict=True)) / 4
    assert metrics["objective/entropy"] == pytest.approx(entropy.item(), abs=1e-5)
    assert metrics["rollout/response_tokens"] == real.sum().item() / 4
    assert metrics["objective/kl"] == 0.0
    assert state.kl_coef == 0.05


def test_an_adaptive_beta_follows_the_measured_kl():
    # KL is 0 at first, below any target: beta (1 - .2 * 16 / 100) = .968 beta
    first, second = run(config_of(kl_coef=0.1, kl_target=5.0, kl_horizon=100)).metrics
    assert first["objective/kl_coef"] == 0.1
    assert second["objective/kl_coef"] == pytest.approx(0.0968)
    fixed = run(config_of(kl_coef=0.1)).metrics
    assert [metrics["objective/kl_coef"] for metrics in fixed] == [0.1, 0.1]


def test_a_rewarded_entropy_opens_a_policy_that_is_sure_of_itself():
    # .6 on one token, .04 on each of ten: .6 ln(1 / .6) + .4 ln 25 = 1.59 nats; at most ln 11 = 2.40
    sure = [0.04] * 4 + [0.6] + [0.04] * 6
    config = config_of(
        updates=8, episodes=64, max_new_tokens=1, learning_rate=1e-2, kl_coef=0.0, entropy_coef=1.0
    )
    paid_alike = FunctionJudge(lambda record: Verdict.CORRECT)
    metrics = run(config, model=bigram_llama([sure] * 11), judge=paid_alike).metrics
    assert metrics[0]["objective/entropy"] < 1.9
    assert metrics[-1]["objective/entropy"] > 2.1


def test_the_reward_is_the_score_and_what_is_not_score():
    for metrics in run(config_of(updates=3, kl_coef=1.0)).metrics:
        parts = metrics["objective/scores"] + metrics["objective/non_score_reward"]
        assert metrics["objective/rlhf_reward"] == pytest.approx(parts, abs=1e-5)


def test_what_is_measured_before_an_update_is_logged_with_it_and_changes_nothing_of_what_is_learned():
    asked = []

    def measure(update: int) -> dict[str, float]:
        asked.append(update)
        return {"eval/updates": float(update)}

    measured, plain = run(config_of(), before_update=measure), run(config_of())
    assert asked == [metrics["eval/updates"] for metrics in measured.metrics] == [0, 1]
    assert digest(measured.policy) == digest(plain.policy)


def test_who_watches_the_updates_can_end_the_run():
    result = run(config_of(updates=5), on_update=lambda update, _: update == 1)
    assert len(result.metrics) == 2


# What is trained, and what is not


def test_training_changes_the_policy_and_leaves_the_reference_alone(monkeypatch):
    references = []
    real = FrozenCopy.__init__
    monkeypatch.setattr(
        FrozenCopy, "__init__", lambda self, *args: real(self, *args) or references.append(self)
    )
    model = small_model()
    before = digest(model)
    result = run(config_of(), model=model)
    assert [digest(reference.policy.model) for reference in references] == [before]
    assert digest(model) != before
    assert result.policy.model is model
    assert result.policy.value_head.weight.abs().max() > 0


def test_a_judge_made_of_weights_is_left_as_it_was():
    class LengthJudge(torch.nn.Linear):
        def score(self, records):
            lengths = torch.tensor([[float(len(record.completion))] for record in records])
            return [score_of(Verdict.CORRECT if x > 0 else Verdict.WRONG) for x in self(lengths)]

    judge = LengthJudge(1, 1)
    before = digest(judge)
    run(config_of(), judge=judge)
    assert digest(judge) == before
    assert judge.weight.grad is None


def test_with_adapters_the_base_stays_and_the_adapters_move():
    model = peft.get_peft_model(small_model(), peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(config_of(), model=model)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)


def test_dropout_stays_off_for_a_model_handed_over_in_training_mode():
    assert not run(config_of(), model=small_model().train()).policy.model.training


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    once, again, other = (run(config_of(seed=seed)) for seed in (0, 0, 1))
    assert digest(once.policy) == digest(again.policy) != digest(other.policy)


def test_the_global_random_state_does_not_matter():
    torch.manual_seed(5)
    once = run(config_of(), model=small_model())
    model = small_model()
    torch.manual_seed(6)
    assert digest(once.policy) == digest(run(config_of(), model=model).policy)


# The judge


def test_the_judge_reads_the_completion_beside_its_own_prompt_and_references():
    records = [Record(record.prompt, (f"answer to {record.prompt}",), "stale") for record in QUESTIONS]
    judge = FunctionJudge(verdict)
    run(config_of(updates=1), judge=judge, records=records)
    assert len(judge.seen) == 16
    assert all(record.references == (f"answer to {record.prompt}",) for record in judge.seen)
    assert all("<" not in record.completion and record.completion != "stale" for record in judge.seen)


def test_in_a_chat_the_judge_reads_the_prompt_without_the_template():
    tokenizer, judge = word_tokenizer(*WORDS), FunctionJudge(verdict)
    tokenizer.chat_template = "s {{ messages[0]['content'] }} t"
    run(config_of(updates=1, chat_template=True), judge=judge, tokenizer=tokenizer)
    assert {record.prompt for record in judge.seen} == {record.prompt for record in QUESTIONS}


def test_every_record_is_asked_equally_often():
    judge = FunctionJudge(verdict)
    run(config_of(updates=3, episodes=6), judge=judge, records=QUESTIONS[:3])
    asked = [record.id for record in judge.seen]
    assert {asked.count(record.id) for record in QUESTIONS[:3]} == {6}
    assert asked[:3] != asked[3:6] or asked[3:6] != asked[6:9]  # not in one fixed order


def test_what_the_judge_cannot_score_is_left_out_and_counted(tmp_path):
    def fails_on_t(record):
        return None if record.prompt == "t" else verdict(record)

    with FileTracker(tmp_path) as tracker:
        result = run(config_of(updates=1), judge=FunctionJudge(fails_on_t), tracker=tracker)
    assert result.metrics[0]["judge/unscored"] == 4.0
    rows = (tmp_path / "completions.jsonl").read_text().splitlines()
    assert len(rows) == 16
    assert sum('"reward": null' in row for row in rows) == 4


def test_an_unscored_sample_weighs_nothing():
    # Judge failures on "t" in one run; a run that is never asked "t" in the other.
    state, whole, _ = fresh_experience(config_of(episodes=8))
    kept = [row for row in range(8) if row % 4 != 3]

    def learnt_from(episodes: Episodes, rows: Iterable[int]) -> ppo.Experience:
        evaluation = ppo.evaluate(state, config_of(), episodes)
        rewards = {row: float(number) for number, row in enumerate(rows)}
        return ppo.experience_of(state, config_of(), episodes, evaluation, rewards)[0]

    alone = learnt_from(whole.episodes.rows(torch.tensor(kept)), range(len(kept)))
    torch.testing.assert_close(learnt_from(whole.episodes, kept), alone)


def test_pieces_hold_episodes_of_like_length():
    _, experience, _ = fresh_experience(config_of())
    episodes = experience.episodes
    pieces = [rows for rows, _ in ppo._own_pieces(episodes, 4, ppo.Processes())]
    lengths = episodes.attention_mask.sum(1)
    ordered = torch.cat([lengths[rows] for rows in pieces])
    assert ordered.tolist() == sorted(lengths.tolist())
    assert lengths.tolist() != ordered.tolist()
    assert sum(episodes.rows(rows).tokens.numel() for rows in pieces) < episodes.tokens.numel()


def test_an_update_that_nothing_was_scored_in_is_skipped():
    model = small_model()
    before = digest(model)
    metrics = run(config_of(), model=model, judge=FunctionJudge(lambda _: None)).metrics
    assert digest(model) == before
    assert [update["judge/unscored"] for update in metrics] == [16.0, 16.0]
    assert all(math.isnan(update["judge/correct_rate"]) for update in metrics)
    assert "objective/kl" not in metrics[0]


def test_fewer_scored_episodes_than_minibatches_still_train():
    judged = iter(range(100))
    judge = FunctionJudge(lambda record: verdict(record) if next(judged) == 0 else None)
    metrics = run(config_of(updates=1, minibatches=4, epochs=2), judge=judge).metrics[0]
    assert metrics["judge/unscored"] == 15.0
    assert metrics["optimizer/steps"] == 2.0


def test_an_oracle_only_measures():
    def contrary(record):
        return Verdict.WRONG if record.prompt == "t" else verdict(record)

    agreeing = FunctionJudge(verdict)
    without, same, other = (
        run(config_of(), oracle=oracle) for oracle in (None, agreeing, FunctionJudge(lambda _: None))
    )
    assert same.metrics[0]["judge/oracle_agreement"] == 1.0
    assert math.isnan(other.metrics[0]["judge/oracle_agreement"])
    assert digest(without.policy) == digest(same.policy) == digest(other.policy)
    always_abstains = FunctionJudge(lambda _: Verdict.ABSTAIN)
    apart = run(config_of(updates=1), oracle=always_abstains).metrics[0]
    assert apart["judge/oracle_agreement"] == apart["judge/abstain_rate"]


def test_a_ramp_is_followed_and_logged():
    reward = RewardConfig(break_even=0.6, break_even_start=0.2, ramp_updates=2)
    metrics = run(config_of(updates=4), reward=reward).metrics
    assert [update["reward/break_even"] for update in metrics] == pytest.approx([0.2, 0.4, 0.6, 0.6])


def test_the_penalty_for_a_missing_end_is_taken_off_truncated_completions_alone():
    judge, penalty = FunctionJudge(lambda _: Verdict.CORRECT), RewardConfig(missing_eos_penalty=2.0)
    metrics = run(config_of(updates=1), judge=judge, reward=penalty).metrics[0]
    assert 0.0 < metrics["rollout/truncated_rate"] < 1.0
    expected = 1.0 - 2.0 * metrics["rollout/truncated_rate"]
    assert metrics["objective/scores"] == pytest.approx(expected)


def test_each_update_is_reported_as_it_ends():
    reported = []
    result = run(config_of(updates=3), on_update=lambda update, metrics: reported.append((update, metrics)))
    assert reported == list(enumerate(result.metrics))


# What it learns


def bandit(**settings) -> PPOConfig:
    defaults = {
        "updates": 15, "episodes": 64, "max_new_tokens": 1, "learning_rate": 3e-3, "kl_coef": 0.0,
    }  # fmt: skip
    return PPOConfig(**(defaults | settings))


def test_a_bandit_learns_the_arm_that_is_right():
    metrics = run(bandit()).metrics
    assert metrics[0]["judge/correct_rate"] < 0.4
    assert metrics[-1]["judge/correct_rate"] > 0.9


def arms_model():
    """Says A, B and idk with .3 each after anything; the remaining eight words share a tenth."""
    arms = {3: 0.3, 4: 0.3, 6: 0.3}
    return bigram_llama([[arms.get(v, 0.1 / 8) for v in range(11)]] * 11)


def test_true_labels_teach_the_right_arm_and_shuffled_ones_nothing():
    def share_of_a(judge):
        config = bandit(updates=20, episodes=128, learning_rate=2e-3)
        run(config, model=arms_model(), judge=judge, records=QUESTIONS[:1])
        return sum(record.completion == "A" for record in judge.seen[-128:]) / 128

    labels = random.Random(0)
    shuffled = [
        share_of_a(FunctionJudge(lambda _: labels.choice([Verdict.CORRECT, Verdict.WRONG]))) for _ in range(4)
    ]
    assert share_of_a(FunctionJudge(verdict)) > 0.9
    assert sum(shuffled) / 4 == pytest.approx(0.3, abs=0.15)


@pytest.mark.parametrize("break_even", [0.3, 0.5, 0.7])
def test_a_ternary_bandit_abstains_exactly_below_the_break_even(break_even):
    # The answer to each question is A with its own chance; otherwise no arm is right.
    chances = {"q": 0.2, "r": 0.4, "s": 0.6, "t": 0.8}
    records = [
        Record(question, ("A",) if draw < 10 * chance else ("none of the arms",))
        for question, chance in chances.items()
        for draw in range(10)
    ]
    model, tokenizer = arms_model(), word_tokenizer(*WORDS)
    config = bandit(updates=40, episodes=120, learning_rate=1e-2)
    run(config, model=model, records=records, reward=RewardConfig(break_even=break_even))
    said = sample(model, tokenizer, list(chances), max_new_tokens=1, greedy=True).completions
    assert said == ["idk" if chance < break_even else "A" for chance in chances.values()]


def test_it_runs_where_the_tokenizer_pads_with_its_end():
    metrics = run(bandit(updates=10, max_new_tokens=2), tokenizer=word_tokenizer(*WORDS, pad=None)).metrics
    assert metrics[-1]["judge/correct_rate"] > metrics[0]["judge/correct_rate"] + 0.2


# What is refused


def test_a_run_without_records_is_refused():
    with pytest.raises(DataError, match="no records"):
        run(config_of(), records=[])


def test_a_compiled_step_is_refused_where_another_samples():
    judge = FunctionJudge(verdict)
    with pytest.raises(ConfigError, match="torch_compile is for sampling in this process, got another"):
        run(config_of(torch_compile=True), judge=judge, sampler=partial(sample, small_model()))
    assert judge.seen == []


def test_a_frozen_model_is_refused():
    with pytest.raises(ConfigError, match="frozen"):
        run(config_of(), model=small_model().requires_grad_(False))


def test_a_prompt_too_long_for_the_window_is_refused_before_the_first_update():
    judge = FunctionJudge(verdict)
    with pytest.raises(DataError, match="window of 64"):
        run(config_of(), judge=judge, records=[*QUESTIONS, Record("q " * 64, ("A",))])
    assert judge.seen == []


def test_a_prompt_that_its_template_makes_too_long_is_refused():
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = "s {{ messages[0]['content'] }} t"
    records = [Record("q " * 59, ("A",))]  # 59 + 4 new tokens are within the window of 64, 61 + 4 are not
    ppo.check(config_of(), small_model(), tokenizer, records)
    with pytest.raises(DataError, match="61 tokens"):
        ppo.check(config_of(chat_template=True), small_model(), tokenizer, records)


def test_a_tokenizer_and_model_without_an_end_are_refused():
    model = small_model()
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    with pytest.raises(ConfigError, match="EOS"):
        run(config_of(), model=model, tokenizer=word_tokenizer(*WORDS, eos=None))


@pytest.mark.parametrize(
    "setting",
    [
        {"updates": 0}, {"episodes": 0}, {"epochs": 0}, {"minibatches": 0}, {"minibatches": 17},
        {"micro_batch_size": 0}, {"max_new_tokens": 0}, {"temperature": 0.0}, {"top_k": 10}, {"top_p": 0.9},
        {"lr_scheduler_type": "steep"},
        {"learning_rate": 0.0}, {"learning_rate": math.nan}, {"adam_eps": 0.0}, {"max_grad_norm": 0.0},
        {"gamma": 0.0}, {"gamma": 1.1}, {"gae_lambda": -0.1}, {"gae_lambda": 1.1}, {"clip_range": 0.0},
        {"value_clip_range": 0.0}, {"value_coef": -0.1}, {"kl_coef": -0.1}, {"kl_target": 0.0},
        {"kl_horizon": 0}, {"entropy_coef": -0.1}, {"dual_clip": 1.0}, {"kl_estimator": "k2"},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        config_of(**setting)
