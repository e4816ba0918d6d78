"""Proximal policy optimisation with a judge's score as the reward: THE loop.

`train` reads top to bottom as the algorithm: rollout, judge, reward, advantages, update, log. The model is
any Hugging Face causal LM, on the device it is on. Sources: Schulman et al. 2017 (arXiv:1707.06347);
Ziegler et al. 2019 (arXiv:1909.08593) for the KL penalty.

B episodes, T response tokens.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import ConfigError, DataError
from judge.records import Record
from rl.advantages import (
    adapted_kl_coef,
    explained_variance,
    gae,
    kl_k1,
    kl_k3,
    token_rewards,
    whiten,
)
from rl.checkpoint import Checkpoints
from rl.config import KLEstimator, PPOConfig, RewardConfig
from rl.decoding import Compiled, check_compiler
from rl.engine import Engine
from rl.importance import importance_weights, sampling_metrics
from rl.losses import is_clipped, policy_loss, sampled_entropy, value_loss
from rl.phases import Clock, beside
from rl.policy import Episodes, Policy, layers_of
from rl.probe import Probe
from rl.processes import Processes
from rl.reward import Scorer, rewards_of, table_for
from rl.rollout import Sampler, encode_prompts, gathered, sample, special_tokens
from rl.state import TrainState, initial_state, is_sharded, next_records, set_learning_rate
from rl.tracking import Metrics, Tracker, agreement, completion_rows, verdict_metrics


class Evaluation(NamedTuple):
    """What policy and reference say of a rollout. All [B, T] float32, 0 on padding."""

    logprobs: Tensor  # nats, of the policy that sampled
    values: Tensor
    ref_logprobs: Tensor  # nats


class Experience(NamedTuple):
    """Judged episodes, ready to learn from. All but `episodes` are [B, T] float32, 0 on padding."""

    episodes: Episodes
    old_logprobs: Tensor  # nats, of the policy that sampled
    old_values: Tensor
    advantages: Tensor
    returns: Tensor
    weights: Tensor  # of each token in what the policy learns; 1 where the policy itself sampled it

    def rows(self, index: Tensor) -> "Experience":
        """Some episodes, without the columns in which none of them has a token."""
        episodes = self.episodes.rows(index)
        length = episodes.response_mask.shape[1]
        return Experience(episodes, *(x[index, :length] for x in self[1:]))


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The trained policy (its model is the one given, changed in place) and the metrics of each update.

    `engine.whole` and `engine.state_dict` are for a model that no process holds all of.
    """

    policy: Policy
    metrics: list[Metrics]
    engine: Engine


def train(
    config: PPOConfig,
    *,
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    judge: Scorer,
    reward: RewardConfig | None = None,
    probe: Probe | None = None,
    oracle: Scorer | None = None,
    tracker: Tracker | None = None,
    before_update: Callable[[int], Metrics] | None = None,
    on_update: Callable[[int, Metrics], bool | None] | None = None,
    checkpoints: Checkpoints | None = None,
    sampler: Sampler | None = None,
) -> TrainResult:
    """Teach `model` to earn the reward.

    Args:
        config: the run.
        model: a causal LM on its device; trained in place, or its adapters alone if it has any.
        tokenizer: the model's own.
        records: prompts and references to draw from; their completions are ignored.
        judge: scores what the policy says.
        reward: what a verdict is worth.
        probe: what was known of each question, by which abstaining pays less or more.
        oracle: scores the same completions, only to measure how far the judge agrees with it.
        tracker: where metrics and completions are kept.
        before_update: called before each update with its number, from 0; the metrics that it returns are
            logged with it. It must leave alone what is trained and what is drawn from.
        on_update: called after each update with its number and its metrics; True ends the run.
        checkpoints: where the run goes on from, and keeps what it needs to go on; `model` is still the one
            that it began with.
        sampler: what answers for the policy; by default the policy itself.

    Raises:
        ConfigError, DataError: before the first update, if the run could not go through; DataError later,
            if a checkpoint cannot be written or another sampler fails.
    """
    reward = reward or RewardConfig()
    check_sampling(config, elsewhere=sampler is not None)
    check(config, model, tokenizer, records)
    state = initial_state(config, model)
    processes = state.processes
    sampler = sampler or partial(
        sample, state.policy.model, tokenizer, max_new_tokens=config.max_new_tokens,
        temperature=config.temperature, chat_template=config.chat_template, bf16=config.bf16,
        decoder=Compiled(state.policy.model) if config.torch_compile else None,
    )  # fmt: skip
    if checkpoints is not None:
        checkpoints.begin(state, config.updates)
    stopped = False
    while state.update < config.updates and not stopped:
        clock = Clock()
        asked = next_records(state, records, config.episodes)
        own_share = asked[processes.share(len(asked))]
        with state.engine.whole():
            metrics = before_update(state.update) if before_update is not None else {}
            with clock.phase("rollout"):
                rollout = sampler([record.asked for record in own_share], generator=state.sampling)
        own_answers = with_completions(own_share, rollout.completions)
        rollout = gathered(rollout, processes)
        answered = with_completions(asked, rollout.completions)
        judging = clock.timed("judge", partial(judge.score, own_answers))
        alone = state.policy.shares_base
        with beside(judging, state.policy.device, alone=alone) as judged, clock.phase("evaluate"):
            evaluation = evaluate(state, config, rollout.episodes)
        scores = processes.gathered(judged.result())
        table = table_for(scores, state.update, reward)
        correct_rates = None if probe is None else probe.rates(asked)
        rewards = rewards_of(scores, rollout.truncated, table, reward, correct_rates)
        metrics |= verdict_metrics(scores) | {
            "reward/break_even": table.break_even,
            "objective/kl_coef": state.kl_coef,
            "rollout/truncated_rate": sum(rollout.truncated) / len(asked),
        }
        scored = {row: value for row, value in enumerate(rewards) if value is not None}
        if scored:
            with clock.phase("update"):
                experience, objective = experience_of(
                    state, config, rollout.episodes, evaluation, scored, rollout.logprobs
                )
                metrics["optimizer/learning_rate"] = set_learning_rate(state)
                metrics |= objective | improve(state, config, experience)
            if config.kl_target is not None:
                state.kl_coef = adapted_kl_coef(
                    state.kl_coef, objective["objective/kl"], config.kl_target, len(scored), config.kl_horizon
                )
        if oracle is not None:
            metrics["judge/oracle_agreement"] = agreement(scores, processes.spread(oracle.score, answered))
        metrics |= clock.seconds
        if tracker is not None:
            tracker.log(state.update, metrics, completion_rows(answered, scores, rewards))
        if on_update is not None:
            stopped = bool(on_update(state.update, metrics))
        state.history.append(metrics)
        state.update += 1
        ended = stopped or state.update == config.updates
        if checkpoints is not None and (ended or state.update % checkpoints.every == 0):
            checkpoints.save(state)
    return TrainResult(state.policy, state.history, state.engine)


def check(
    config: PPOConfig,
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
) -> None:
    """Refuse a run that could not go through."""
    if not records:
        raise DataError("no records to train on; expected at least one prompt with a reference")
    if config.episodes < Processes.joined().count:
        raise ConfigError(
            f"expected at least an episode for each process, got episodes={config.episodes} for "
            f"{Processes.joined().count} processes"
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError("every parameter of the model is frozen; unfreeze it or add trainable adapters")
    if config.gradient_checkpointing:
        layers_of(model)
    if config.torch_compile:
        if is_sharded():
            raise ConfigError(
                "torch_compile needs weights that stay where they are, shards are gathered anew; turn it off"
            )
        Compiled(model)
        check_compiler(model.device)
    special_tokens(model, tokenizer)
    encode_prompts(
        tokenizer, [record.asked for record in records], model=model,
        max_new_tokens=config.max_new_tokens, chat_template=config.chat_template,
    )  # fmt: skip


def check_sampling(config: PPOConfig, *, elsewhere: bool) -> None:
    """Refuse a compiled step that nobody would ask.

    Args:
        elsewhere: whether another sampler answers for the policy.
    """
    if config.torch_compile and elsewhere:
        raise ConfigError(
            "torch_compile is for sampling in this process, got another sampler, such as use_vllm; leave one "
            "out"
        )


def with_completions(records: Sequence[Record], completions: Sequence[str]) -> list[Record]:
    """The same records, answered."""
    return [replace(record, completion=text) for record, text in zip(records, completions, strict=True)]


@torch.no_grad()
def evaluate(state: TrainState, config: PPOConfig, episodes: Episodes) -> Evaluation:
    """Log-probs by policy and reference, and values; each process passes through its share."""
    mask = episodes.response_mask
    found = torch.zeros(3, *mask.shape, device=mask.device)
    for rows, counts in _own_pieces(episodes, config.micro_batch_size, state.processes):
        piece = episodes.rows(rows)
        outputs = torch.stack([*state.policy(piece), state.reference.logprobs(piece)])
        found[:, rows, : outputs.shape[2]] = outputs * counts
    return Evaluation(*state.processes.summed(found))


@torch.no_grad()
def experience_of(
    state: TrainState,
    config: PPOConfig,
    episodes: Episodes,
    evaluation: Evaluation,
    rewards: Mapping[int, float],
    sampled_logprobs: Tensor | None = None,
) -> tuple[Experience, Metrics]:
    """KL penalty, advantages, returns and weights of judged episodes.

    Args:
        episodes: of the whole rollout.
        evaluation: of the same.
        rewards: what the reward table gave, by row of the rollout; rows without are left out.
        sampled_logprobs: [B, T] nats, of what sampled the rollout if that was not the policy.
    """
    rows = torch.tensor(list(rewards))
    episodes = episodes.rows(rows)
    mask = episodes.response_mask
    logprobs, values, ref_logprobs = (x[rows, : mask.shape[1]] for x in evaluation)
    scores = torch.tensor(list(rewards.values()), device=mask.device)
    kl = (kl_k3 if config.kl_estimator == KLEstimator.K3 else kl_k1)(logprobs, ref_logprobs)
    shaped = token_rewards(scores, kl, mask, state.kl_coef)
    advantages = gae(shaped, values, mask, config.gamma, config.gae_lambda)
    returns = advantages + values
    metrics = {
        "objective/kl": kl.sum(1).mean(),
        "objective/entropy": -logprobs.sum(1).mean(),
        "objective/scores": scores.mean(),
        "objective/rlhf_reward": shaped.sum(1).mean(),
        "objective/non_score_reward": (shaped.sum(1) - scores).mean(),
        "rollout/response_tokens": mask.sum(1).float().mean(),
        "val/explained_variance": explained_variance(values, returns, mask),
    }
    if config.whiten_advantages:
        advantages = whiten(advantages, mask)
    weights = mask.float()
    if sampled_logprobs is not None:
        sampled_logprobs = sampled_logprobs[rows, : mask.shape[1]]
        if config.vllm_importance_sampling_correction:
            weights *= importance_weights(
                logprobs, sampled_logprobs, config.vllm_importance_sampling_clip_max
            )
        metrics |= sampling_metrics(logprobs, sampled_logprobs, weights, mask)
    experience = Experience(episodes, logprobs, values, advantages, returns, weights)
    return experience, {name: float(value) for name, value in metrics.items()}


def improve(state: TrainState, config: PPOConfig, experience: Experience) -> Metrics:
    """`epochs` passes of `minibatches` optimizer steps each; metrics are means over the steps."""
    episodes = len(experience.old_logprobs)
    steps: list[dict[str, Tensor]] = []
    for _ in range(config.epochs):
        order = torch.randperm(episodes, generator=state.shuffling)
        # Fewer episodes than minibatches leave some empty: judge failures can do that.
        for rows in order.tensor_split(min(config.minibatches, episodes)):
            steps.append(step(state, config, experience.rows(rows)))
    columns = {name: torch.stack([each[name] for each in steps]) for name in steps[0]}
    skipped = columns.pop("optimizer/skipped").sum()
    metrics = {name: float(column.mean()) for name, column in columns.items()}
    return metrics | {
        "optimizer/steps": len(steps) - float(skipped),
        "optimizer/skipped_steps": float(skipped),
    }


def step(state: TrainState, config: PPOConfig, minibatch: Experience) -> dict[str, Tensor]:
    """One optimizer step on the token-weighted loss of a minibatch; skipped if its gradient is not finite.

    Each process takes its share of the minibatch; the sum of their gradients is that of the whole.
    """
    state.engine.zero_grad()
    tokens = minibatch.episodes.response_mask.sum()
    sums: list[Tensor] = []
    for rows, counts in _own_pieces(minibatch.episodes, config.micro_batch_size, state.processes):
        piece = minibatch.rows(rows)
        mask, weights = piece.episodes.response_mask * counts, piece.weights * counts
        logprobs, values = state.engine.forward(piece.episodes)
        ratios = logprobs, piece.old_logprobs, piece.advantages, config.clip_range, config.dual_clip
        # Means over what the policy would say are weighed; values are fitted to what was returned.
        policy = (policy_loss(*ratios) * weights).sum() / tokens
        value = value_loss(values, piece.old_values, piece.returns, config.value_clip_range)
        value = (value * mask).sum() / tokens
        entropy = (sampled_entropy(logprobs, piece.old_logprobs) * weights).sum() / tokens
        state.engine.backward(policy + config.value_coef * value - config.entropy_coef * entropy)
        with torch.no_grad():
            log_ratio = logprobs - piece.old_logprobs
            watched = torch.stack([is_clipped(*ratios), 0.5 * log_ratio.square(), log_ratio.exp()])
            watched = (watched * mask).sum((1, 2)) / tokens
            sums.append(torch.stack([policy, value, entropy, *watched]))
    norm = state.engine.step()
    names = (
        "loss/policy_avg", "loss/value_avg", "policy/entropy_avg", "policy/clipfrac_avg",
        "policy/approxkl_avg", "val/ratio",
    )  # fmt: skip
    metrics = dict(zip(names, state.processes.summed(torch.stack(sums).sum(0)), strict=True))
    return metrics | {"optimizer/grad_norm": norm, "optimizer/skipped": (~norm.isfinite()).float()}


def _own_pieces(
    episodes: Episodes, size: int | None, processes: Processes
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each forward pass of this process [n] rows, and [n, 1] that is 1 where they count, 0 elsewhere.

    Those of like length go together. All processes make as many passes, which sharded weights need.
    """
    rows, counts = processes.even_share(len(episodes.tokens))
    if size is not None:
        order = episodes.attention_mask.sum(1).cpu()[rows].argsort(stable=True)
        rows, counts = rows[order], counts[order]
    counts = counts.unsqueeze(1).to(episodes.tokens.device)
    size = size or len(rows)
    return zip(torch.split(rows, size), torch.split(counts, size), strict=True)
