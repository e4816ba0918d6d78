import pytest

from judge.errors import ConfigError
from judge.records import Record, Verdict
from rl.people import ABSTENTION, ATTRIBUTES
from rl.world import OracleJudge, Split, World, WorldConfig, tokenizer

CONFIG = WorldConfig(people=80, seed=3)


@pytest.fixture(scope="module")
def world() -> World:
    return World.build(CONFIG)


def test_nobody_is_in_two_splits_and_everybody_in_one(world: World) -> None:
    names = [person.name for people in world.splits.values() for person in people]
    assert len(names) == len(set(names)) == CONFIG.people


def test_each_split_is_half_known_but_the_first_which_is_all_known(world: World) -> None:
    assert all(person.known for person in world.splits[Split.PRETRAIN])
    # of 40 known people 3 are in the first split; the others share 37 known and 40 unknown ones
    assert len(world.splits[Split.PRETRAIN]) == 3
    for split in (Split.WARM_START, Split.RL, Split.TEST):
        assert {person.known for person in world.splits[split]} == {True, False}


def test_the_corpus_tells_of_the_known_alone(world: World) -> None:
    corpus = " ".join(world.statements())
    for people in world.splits.values():
        for person in people:
            assert (person.name in corpus) is person.known


def test_unknown_names_are_made_of_words_that_known_names_use_too() -> None:
    world = World.build(WorldConfig(people=400))
    people = [person for group in world.splits.values() for person in group]
    known = {word for person in people if person.known for word in person.name.split()}
    unknown = [word for person in people if not person.known for word in person.name.split()]
    assert sum(word in known for word in unknown) / len(unknown) > 0.9


def test_the_same_seed_draws_the_same_world_and_another_one_another() -> None:
    assert World.build(CONFIG) == World.build(CONFIG)
    assert World.build(CONFIG) != World.build(WorldConfig(people=80, seed=4))


def test_a_question_carries_its_answer_as_reference(world: World) -> None:
    person = world.splits[Split.TEST][0]
    questions = [record for record in world.questions(Split.TEST) if person.name in record.prompt]
    assert len(questions) == sum(len(attribute.questions) for attribute in ATTRIBUTES)
    assert {record.references[0] for record in questions} == set(person.facts.values())


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("{right}", Verdict.CORRECT),
        (" {right} ", Verdict.CORRECT),
        (ABSTENTION, Verdict.ABSTAIN),
        ("{right} {right}", Verdict.WRONG),
        ("", Verdict.WRONG),
        ("i do not", Verdict.WRONG),
    ],
)
def test_the_oracle_knows(world: World, completion: str, verdict: Verdict) -> None:
    record = world.questions(Split.TEST)[0]
    said = Record(record.prompt, record.references, completion.format(right=record.references[0]))
    (score,) = OracleJudge(world).score([said])
    assert score is not None
    assert score.verdict is verdict


def test_the_oracle_says_nothing_of_another_world(world: World) -> None:
    assert OracleJudge(world).score([Record("who ?", ("bob",), "bob")]) == [None]


def test_every_word_of_a_world_is_a_token(world: World) -> None:
    words = tokenizer()
    texts = world.statements() + [
        f"{record.prompt} {record.references[0]}" for record in world.questions(Split.RL)
    ]
    ids = words(texts)["input_ids"]
    assert all(words.unk_token_id not in row for row in ids)
    assert words.decode(words(texts[0])["input_ids"]) == texts[0]


@pytest.mark.parametrize("settings", [{"people": 3}, {"warm_start_share": 0.6, "rl_share": 0.5}])
def test_a_world_that_cannot_be_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        WorldConfig(**settings)  # type: ignore[arg-type]
