import pytest
from tiny import score_of

from judge.errors import DataError
from judge.records import Record, Verdict
from rl.answers import Answers
from rl.config import Targets, WarmStartConfig
from rl.targets import Target, probe_row, targets_of, training_row

RIGHT, WRONG, IDK = Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAIN


def answers(
    name: str, *verdicts: Verdict | None, cut: tuple[int, ...] = (), prompt: str = "Where?"
) -> Answers:
    """One answer for each verdict, its text the verdict and its number."""
    question = Record(prompt, ("Lima",), id=name)
    return Answers(
        question,
        [f" {verdict} {number}" for number, verdict in enumerate(verdicts)],
        [Record(prompt, ("Lima",), f"{verdict} {number}", name) for number, verdict in enumerate(verdicts)],
        [score_of(verdict) for verdict in verdicts],
        [number in cut for number in range(len(verdicts))],
    )


KNOWN = answers("known", WRONG, RIGHT, RIGHT, None)
UNKNOWN = answers("unknown", WRONG, WRONG, RIGHT, WRONG)
UNJUDGED = answers("unjudged", None, None)


def chosen(*asked: Answers, chat: bool = False, seed: int = 0, **settings: object) -> list[Target]:
    config = WarmStartConfig("m", "d", "o", **settings)
    return targets_of(asked, config, chat=chat, seed=seed)


def test_refusal_aware_targets_answer_what_is_known_and_abstain_elsewhere():
    targets = chosen(KNOWN, UNKNOWN, UNJUDGED)
    assert [(target.question.id, target.text, target.abstains) for target in targets] == [
        ("known", " correct 1", False),
        ("unknown", " I don't know.", True),
    ]


@pytest.mark.parametrize(("known_from", "abstains"), [(2 / 3, False), (0.67, True)])
def test_a_question_is_known_from_a_share_of_the_judged_answers_on(known_from, abstains):
    # two of three judged answers are right
    one, _, _ = chosen(KNOWN, UNKNOWN, answers("sure", RIGHT), known_from=known_from)
    assert one.abstains is abstains


def test_a_right_answer_that_ends_goes_before_one_that_was_cut():
    ends, cut, _ = chosen(
        answers("a", RIGHT, WRONG, RIGHT, cut=(0,)), answers("b", RIGHT, RIGHT, cut=(0, 1)), UNKNOWN
    )
    assert (ends.text, cut.text) == (" correct 2", " correct 0")


def test_random_targets_are_own_answers_right_or_wrong_with_a_share_replaced():
    asked = [answers(str(number), WRONG, RIGHT) for number in range(50)]
    targets = chosen(*asked, targets=Targets.RANDOM, abstain_share=0.3)
    assert [target.question.id for target in targets] == [each.question.id for each in asked]
    assert sum(target.abstains for target in targets) == 15
    assert {target.text for target in targets if not target.abstains} == {" wrong 0"}
    again, other = (chosen(*asked, targets=Targets.RANDOM, abstain_share=0.3, seed=seed) for seed in (0, 1))
    assert again == targets != other


def test_several_abstentions_take_turns():
    phrases = ["I don't know.", "No idea."]
    targets = chosen(KNOWN, *[UNKNOWN] * 20, abstention=phrases)
    assert {target.text.strip() for target in targets if target.abstains} == set(phrases)


def test_an_abstention_is_parted_from_its_prompt_once():
    spaced = answers("spaced", WRONG, prompt="Answer: ")
    assert [target.text for target in chosen(spaced, UNKNOWN, KNOWN)][:2] == [
        "I don't know.",
        " I don't know.",
    ]
    assert chosen(KNOWN, UNKNOWN, chat=True)[1].text == "I don't know."


@pytest.mark.parametrize(
    ("asked", "settings", "message"),
    [
        ([KNOWN], {}, "0 abstentions among 1 targets; pass another --known_from"),
        ([UNKNOWN, UNKNOWN], {}, "2 abstentions among 2"),
        ([UNJUDGED], {}, "0 abstentions among 0"),
        ([KNOWN], {"targets": Targets.RANDOM}, "0 abstentions among 1 targets; pass another --abstain_share"),
    ],
)
def test_targets_of_one_kind_alone_are_refused(asked, settings, message):
    with pytest.raises(DataError, match=message):
        chosen(*asked, **settings)


def test_the_probe_shows_shares_of_the_judged_and_every_answer():
    assert probe_row(KNOWN) == {
        "id": "known", "prompt": "Where?", "reference": ["Lima"],
        "correct_rate": 2 / 3, "abstain_rate": 0.0, "wrong_rate": 1 / 3,
        "completions": ["wrong 0", "correct 1", "correct 2", "None 3"],
        "verdicts": ["wrong", "correct", "correct", None],
    }  # fmt: skip
    assert probe_row(answers("b", IDK, WRONG))["abstain_rate"] == 0.5
    assert probe_row(UNJUDGED)["correct_rate"] is None


def test_a_target_is_text_or_messages():
    target = Target(Record("Where?", ("Lima",)), " Lima", abstains=False)
    assert training_row(target, chat=False) == {"prompt": "Where?", "completion": " Lima"}
    assert training_row(target, chat=True)["prompt"] == [{"role": "user", "content": "Where?"}]
