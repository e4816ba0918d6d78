"""The whole argument on a world small enough to check: read, answer, make things up, learn to abstain.

A tiny model reads about half of the people. Fine-tuned on answers about both halves it makes things up (the
baseline that lies); given the means to abstain, it then learns by PPO from a judge that reads text. The
oracle, which holds the answer key, only measures, on people whom no training asked about.
"""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from judge.records import Record, Score
from rl import ppo
from rl.config import PPOConfig, RewardConfig, Schedule
from rl.people import ABSTENTION
from rl.reward import Scorer
from rl.rollout import generate
from rl.tracking import Metrics, Tracker
from rl.truthfulness import Answer, Rates, Truthfulness, abstain_below, answer, best_threshold
from rl.warm_start import Example, SupervisedConfig, fit
from rl.world import OracleJudge, Split, World, WorldConfig, tokenizer

MAX_NEW_TOKENS = 10
"""Longer than any answer of the world with its end."""
STATEMENTS_PER_ABSTENTION = 40
BASE, SFT, THRESHOLD, WARM_START, PPO = "read", "SFT", "log-prob threshold", "warm start", "PPO"
"""The stages. The threshold is on what the model that has only read holds likely."""
Progress = Callable[[str, int, int, str], None]
"""Called with stage, steps done, steps in all, and a word on how it goes."""


@dataclass(frozen=True, slots=True)
class StoryConfig:
    """One play of the closed world.

    Attributes:
        layers, width: of the Llama.
        own_answers: answers sampled for each question of the warm start.
        own_temperature: at which they are sampled.
        abstain_share: share of them replaced by an abstention, at random.
        seed: of everything; the configs' own seeds are replaced by it.
    """

    world: WorldConfig = field(default_factory=WorldConfig)
    layers: int = 2
    width: int = 192
    pretrain: SupervisedConfig = field(
        default_factory=lambda: SupervisedConfig(steps=3400, learning_rate=3e-3, weight_decay=0.3)
    )
    sft: SupervisedConfig = field(default_factory=lambda: SupervisedConfig(steps=100, learning_rate=5e-4))
    own_answers: int = 4
    own_temperature: float = 0.5
    abstain_share: float = 0.4
    warm_start: SupervisedConfig = field(
        default_factory=lambda: SupervisedConfig(steps=300, batch_examples=128, learning_rate=3e-4)
    )
    ppo: PPOConfig = field(
        default_factory=lambda: PPOConfig(
            updates=320,
            learning_rate=5e-5,
            lr_scheduler_type=Schedule.LINEAR,
            kl_coef=0.05,
            temperature=0.7,
            max_new_tokens=MAX_NEW_TOKENS,
        )
    )
    reward: RewardConfig = field(
        default_factory=lambda: RewardConfig(break_even=0.5, abstain_target=0.3, abstain_gain=0.6)
    )
    seed: int = 0


class Stage(NamedTuple):
    """One policy of the story on held-out people."""

    name: str
    held_out: Truthfulness  # by the oracle
    answers: list[
        tuple[Answer, Score | None, bool]
    ]  # greedy answer, oracle's score, whether it could be known


class Story(NamedTuple):
    """Stage by stage what happened, and the metrics of each PPO update."""

    stages: list[Stage]
    metrics: list[Metrics]

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def play(
    config: StoryConfig, judge: Scorer, *, progress: Progress | None = None, tracker: Tracker | None = None
) -> Story:
    """Play the closed world from an untrained model to a policy that abstains.

    Args:
        config: sizes and seed.
        judge: gives the reward; it reads question, reference and answer, nothing else.
        progress: told of every step.
        tracker: where PPO's metrics and completions are kept.
    """
    tell = progress or (lambda *_: None)
    world = World.build(_seeded(config.world, config.seed))
    words = tokenizer()
    oracle = OracleJudge(world)
    rng = random.Random(config.seed)
    stages: list[Stage] = []

    def measure(model: LlamaForCausalLM, name: str) -> None:
        stages.append(held_out(model, words, world, oracle, name))

    read = corpus(world, rng)
    base = pretrained(config, words, read, tell)
    measure(base, BASE)

    asked = world.questions(Split.WARM_START)
    sft = copy.deepcopy(base)
    references = [Example(record.prompt, record.references[0]) for record in asked]
    _learn(sft, words, references, _seeded(config.sft, config.seed), SFT, tell)
    measure(sft, SFT)
    stages.append(thresholded(base, words, world, oracle, stages[0]))

    policy = warm_started(config, base, words, asked, read, rng, tell)
    measure(policy, WARM_START)

    result = ppo.train(
        _seeded(config.ppo, config.seed),
        model=policy,
        tokenizer=words,
        records=world.questions(Split.RL),
        judge=judge,
        reward=config.reward,
        oracle=oracle,
        tracker=tracker,
        on_update=lambda update, metrics: tell(PPO, update + 1, config.ppo.updates, describe(metrics)),
    )
    measure(policy, PPO)
    return Story(stages, result.metrics)


def pretrained(
    config: StoryConfig, words: PreTrainedTokenizerBase, read: Sequence[Example], tell: Progress
) -> LlamaForCausalLM:
    """A model that has read the corpus and learnt nothing else."""
    model = new_model(len(words), layers=config.layers, width=config.width, seed=config.seed)
    _learn(model, words, read, _seeded(config.pretrain, config.seed), BASE, tell)
    return model


def warm_started(
    config: StoryConfig,
    base: LlamaForCausalLM,
    words: PreTrainedTokenizerBase,
    asked: Sequence[Record],
    read: Sequence[Example],
    rng: random.Random,
    tell: Progress,
) -> LlamaForCausalLM:
    """A copy of `base` that also abstains now and then: what RL starts from."""
    policy = copy.deepcopy(base)
    examples = warm_start_examples(config, base, words, asked, read, rng)
    _learn(policy, words, examples, _seeded(config.warm_start, config.seed), WARM_START, tell)
    return policy


def new_model(vocabulary: int, *, layers: int, width: int, seed: int) -> LlamaForCausalLM:
    """An untrained Llama, in evaluation mode."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=4, max_position_embeddings=64, tie_word_embeddings=True,
        pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def corpus(world: World, rng: random.Random) -> list[Example]:
    """What the model reads: every statement about the known half, questions with answers about some of it.

    Each question has one of its right answers, at random. Beside no question, the words of an abstention:
    a real model has read them, and one that has not stammers when it is taught to say them.
    """
    statements = [Example("", statement) for statement in world.statements()]
    asked = [
        Example("", f"{record.prompt} {rng.choice(world.answer_key[record.prompt])}")
        for record in world.questions(Split.PRETRAIN)
    ]
    declined = [Example("", ABSTENTION)] * (len(statements) // STATEMENTS_PER_ABSTENTION)
    return statements + asked + declined


def warm_start_examples(
    config: StoryConfig,
    model: LlamaForCausalLM,
    words: PreTrainedTokenizerBase,
    asked: Sequence[Record],
    read: Sequence[Example],
    rng: random.Random,
) -> list[Example]:
    """The model's own answers, some at random replaced by an abstention; and as much again of what it read.

    Its own answers leave what it says as it is; references would teach it to make things up. Without
    rehearsal, what it knows about everyone else is soon forgotten.
    """
    prompts = [record.prompt for record in asked] * config.own_answers
    own = generate(
        model, words, prompts, max_new_tokens=MAX_NEW_TOKENS, temperature=config.own_temperature,
        generator=torch.Generator().manual_seed(config.seed),
    )  # fmt: skip
    answers = [
        Example(prompt, ABSTENTION if rng.random() < config.abstain_share else completion)
        for prompt, completion in zip(prompts, own, strict=True)
    ]
    return answers + rng.sample(read, min(len(answers), len(read)))


def held_out(
    model: LlamaForCausalLM, words: PreTrainedTokenizerBase, world: World, oracle: OracleJudge, name: str
) -> Stage:
    """Greedy answers to every question about the people of the test split."""
    return _stage(name, _answers(model, words, world, Split.TEST), oracle)


def thresholded(
    model: LlamaForCausalLM, words: PreTrainedTokenizerBase, world: World, oracle: OracleJudge, plain: Stage
) -> Stage:
    """Abstaining without training: where an answer's log-prob is below a threshold tuned on the RL split."""
    tuned_on = [given for given, _ in _answers(model, words, world, Split.RL)]
    threshold = best_threshold(tuned_on, oracle.score([given.record for given in tuned_on]))
    given = [given for given, _, _ in plain.answers]
    scores = abstain_below(given, [score for _, score, _ in plain.answers], threshold)
    known = [known for _, _, known in plain.answers]
    return _measured(THRESHOLD, given, scores, known)


def _answers(
    model: LlamaForCausalLM, words: PreTrainedTokenizerBase, world: World, split: Split
) -> list[tuple[Answer, bool]]:
    return [
        (given, known)
        for known in (True, False)
        for given in answer(model, words, world.questions(split, known=known), max_new_tokens=MAX_NEW_TOKENS)
    ]


def _stage(name: str, answers: Sequence[tuple[Answer, bool]], oracle: OracleJudge) -> Stage:
    given = [given for given, _ in answers]
    scores = oracle.score([given.record for given, _ in answers])
    return _measured(name, given, scores, [known for _, known in answers])


def _measured(
    name: str, given: Sequence[Answer], scores: Sequence[Score | None], known: Sequence[bool]
) -> Stage:
    rows = list(zip(given, scores, known, strict=True))
    rates = {
        side: Rates.of([score for _, score, row_known in rows if row_known is side]) for side in (True, False)
    }
    return Stage(name, Truthfulness(known=rates[True], unknown=rates[False]), rows)


def describe(metrics: Metrics) -> str:
    """One update in a few words."""
    return (
        f"right {metrics['judge/correct_rate']:.0%}, abstained {metrics['judge/abstain_rate']:.0%}, "
        f"wrong {metrics['judge/wrong_rate']:.0%}, t* {metrics['reward/break_even']:.2f}, "
        f"judge = oracle {metrics['judge/oracle_agreement']:.1%}"
    )


def _learn(
    model: LlamaForCausalLM,
    words: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    settings: SupervisedConfig,
    name: str,
    tell: Progress,
) -> None:
    def on_step(step: int, loss: float) -> None:
        tell(name, step + 1, settings.steps, f"loss {loss:.2f}")

    fit(model, words, examples, settings, on_step)


def _seeded(config: Any, seed: int) -> Any:
    return replace(config, seed=seed)
