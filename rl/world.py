"""A closed world of people, half of whom a tiny language model has read about, and what it has read.

What is known is known exactly and what is unknown cannot be guessed: known and unknown names are drawn from
the same pools, so an unknown name is made of familiar words. An oracle that holds the answer key measures
every judge; it is never the reward. Builds the world and its tokenizer; trains nothing.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from judge.errors import ConfigError
from judge.records import Record, Score, Verdict
from rl.people import ABSTENTION, ATTRIBUTES, FIRST_NAMES, LAST_NAMES

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"


class Split(StrEnum):
    """Groups of people who share nobody. Each is half known and half unknown, but the first is all known."""

    PRETRAIN = "pretrain"
    WARM_START = "warm_start"
    RL = "rl"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """Size and seed of a world.

    Attributes:
        people: how many, half of them known.
        pretrain_share: share of the known whose questions and answers are in the corpus, in (0, 1).
        warm_start_share: share of the rest of each half that the supervised start asks about.
        rl_share: share of the rest of each half that RL asks about; what remains is the test.
        seed: draws names, facts and splits.
    """

    people: int = 1600
    pretrain_share: float = 0.07
    warm_start_share: float = 0.06
    rl_share: float = 0.79
    seed: int = 0

    def __post_init__(self) -> None:
        names = len(FIRST_NAMES) * len(LAST_NAMES)
        if not 16 <= self.people <= names:
            raise ConfigError(f"people must be in [16, {names}] (the names there are), came {self.people}")
        if self.warm_start_share + self.rl_share >= 1.0:
            raise ConfigError(
                "warm_start_share + rl_share must leave people to test on, "
                f"came {self.warm_start_share} + {self.rl_share}"
            )


@dataclass(frozen=True, slots=True)
class Person:
    """A name, whether the corpus tells of it, and the value of each attribute by attribute name."""

    name: str
    known: bool
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """People by split, and the answer key: for each prompt every completion that is right."""

    splits: Mapping[Split, tuple[Person, ...]]
    answer_key: Mapping[str, tuple[str, ...]]

    @classmethod
    def build(cls, config: WorldConfig) -> "World":
        """Draw the people of `config` and deal them into splits."""
        rng = random.Random(config.seed)
        names = rng.sample([" ".join(parts) for parts in product(FIRST_NAMES, LAST_NAMES)], config.people)
        half = config.people // 2
        known, unknown = (
            [_person(name, known, rng) for name in chosen]
            for known, chosen in ((True, names[:half]), (False, names[half:]))
        )
        readers = round(config.pretrain_share * len(known))
        pretrain, known = known[:readers], known[readers:]
        splits: dict[Split, tuple[Person, ...]] = {Split.PRETRAIN: tuple(pretrain)}
        cuts_known, cuts_unknown = (_deal(group, config) for group in (known, unknown))
        for split in (Split.WARM_START, Split.RL, Split.TEST):
            splits[split] = (*cuts_known[split], *cuts_unknown[split])
        everyone = [person for people in splits.values() for person in people]
        return cls(splits, {prompt: right for person in everyone for prompt, right in _answer_key(person)})

    def questions(self, split: Split, *, known: bool | None = None) -> list[Record]:
        """Every question about every person of a split, or only about its known or unknown people."""
        return [
            Record(question.format(name=person.name), (person.facts[attribute.name],))
            for person in self.splits[split]
            if known is None or person.known is known
            for attribute in ATTRIBUTES
            for question in attribute.questions
        ]

    def statements(self) -> list[str]:
        """Every statement about every known person: what the corpus tells."""
        return [
            statement.format(name=person.name, value=person.facts[attribute.name])
            for people in self.splits.values()
            for person in people
            if person.known
            for attribute in ATTRIBUTES
            for statement in attribute.statements
        ]


def _person(name: str, known: bool, rng: random.Random) -> Person:
    return Person(name, known, {attribute.name: rng.choice(attribute.values) for attribute in ATTRIBUTES})


def _deal(people: Sequence[Person], config: WorldConfig) -> dict[Split, Sequence[Person]]:
    first = round(config.warm_start_share * len(people))
    second = first + round(config.rl_share * len(people))
    return {Split.WARM_START: people[:first], Split.RL: people[first:second], Split.TEST: people[second:]}


def _answer_key(person: Person) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (
            question.format(name=person.name),
            tuple(
                answer.format(name=person.name, value=person.facts[attribute.name])
                for answer in attribute.answers
            ),
        )
        for attribute in ATTRIBUTES
        for question in attribute.questions
    ]


@dataclass(frozen=True, slots=True)
class OracleJudge:
    """A judge that holds the answer key of a world. It measures; it is never the reward."""

    world: World

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """Exact scores in the order of `records`; None for a prompt that is not of this world."""
        return [self._score(record) for record in records]

    def _score(self, record: Record) -> Score | None:
        right = self.world.answer_key.get(record.prompt)
        if right is None:
            return None
        completion = record.completion.strip()
        if completion == ABSTENTION:
            return Score(equivalence=0.0, abstention=1.0, verdict=Verdict.ABSTAIN)
        if completion in right:
            return Score(equivalence=1.0, abstention=0.0, verdict=Verdict.CORRECT)
        return Score(equivalence=0.0, abstention=0.0, verdict=Verdict.WRONG)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word: every word that any world can say, the same whatever its seed."""
    sentences = [
        sentence
        for attribute in ATTRIBUTES
        for sentence in (*attribute.values, *attribute.statements, *attribute.questions, *attribute.answers)
    ]
    text = " ".join((*FIRST_NAMES, *LAST_NAMES, *sentences, ABSTENTION))
    words = sorted({word for word in text.split() if not word.startswith("{")})
    model = WordLevel(
        {word: index for index, word in enumerate((PAD, EOS, UNKNOWN, *words))}, unk_token=UNKNOWN
    )
    words_to_tokens = Tokenizer(model)
    words_to_tokens.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words_to_tokens,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
