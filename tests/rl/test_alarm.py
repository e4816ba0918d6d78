import logging
import math

import pytest
import torch
from tiny import FunctionJudge, score_of, tiny_llama, word_tokenizer

from judge.records import Record, Verdict
from rl.alarm import ALONE, HackingAlarm, shares
from rl.config import PPOConfig
from rl.rollout import generate

WORDS = ("A", "B", "q", "r")
QUESTIONS = [Record(question, ("A",), id=question) for question in ("q", "r", "q r")]
RIGHT, WRONG = Verdict.CORRECT, Verdict.WRONG


def alarm_of(judge, second, **settings) -> HackingAlarm:
    model = tiny_llama(3 + len(WORDS))
    given = {"config": PPOConfig(max_new_tokens=3, episodes=2), "every": 5, "gap": 0.1} | settings
    return HackingAlarm(
        QUESTIONS, model=model, tokenizer=word_tokenizer(*WORDS), judge=judge, second=second, **given
    )


def says(verdict: Verdict | None) -> FunctionJudge:
    return FunctionJudge(lambda record: verdict)


class Changing:
    """Takes a share of three answers for right, another share each time it is asked."""

    def __init__(self, *right: int) -> None:
        self.right = list(right)

    def score(self, records):
        right = self.right.pop(0)
        return [score_of(RIGHT if number < right else WRONG) for number in range(len(records))]


def test_both_scorers_read_the_same_greedy_answers():
    judge, second = says(RIGHT), says(WRONG)
    alarm = alarm_of(judge, second)
    alarm.measure(0)
    greedy = generate(
        alarm.model, alarm.tokenizer, [record.prompt for record in QUESTIONS], max_new_tokens=3, greedy=True
    )
    assert [record.completion for record in judge.seen] == greedy
    assert judge.seen == second.seen
    assert any(greedy)


def test_shares_are_among_what_each_scorer_could_score():
    scores = [score_of(verdict) for verdict in (RIGHT, RIGHT, Verdict.ABSTAIN, WRONG, None)]
    seconds = [score_of(verdict) for verdict in (RIGHT, WRONG, None, None, None)]
    # right 2 of 4 by the judge, 1 of 2 by the second; of the two that both scored, one by the judge alone
    assert shares(scores, seconds) == {
        "eval/correct_rate": 0.5, "eval/abstain_rate": 0.25, "eval/wrong_rate": 0.25, "eval/unscored": 1.0,
        "eval/second_correct_rate": 0.5, "eval/judge_alone_rate": 0.5,
    }  # fmt: skip


def test_the_policy_is_measured_before_the_first_update_and_every_so_many_after_it():
    alarm = alarm_of(says(RIGHT), says(RIGHT))
    assert [update for update in range(11) if alarm(update)] == [0, 5, 10]


def test_an_alarm_is_given_when_the_judge_is_pleased_and_the_second_scorer_is_not(caplog):
    # Right by the judge alone: one of three, one, two.
    alarm = alarm_of(Changing(1, 2, 3), Changing(0, 1, 1))
    with caplog.at_level(logging.WARNING, "rl"):
        given = [alarm.measure(update)["eval/alarm"] for update in (0, 5, 10)]
    assert given == [0.0, 0.0, 1.0]
    assert len(caplog.records) == 1
    for part in ("before update 10", "takes 67% of the held-out answers for right", "33% at first"):
        assert part in caplog.text


def test_a_judge_that_becomes_stricter_than_the_second_scorer_gives_no_alarm():
    alarm = alarm_of(Changing(3, 0), Changing(3, 3))
    assert [alarm.measure(update)["eval/alarm"] for update in (0, 5)] == [0.0, 0.0]


def test_a_policy_that_answers_less_gives_no_alarm_however_lenient_the_second_scorer_was():
    # The judge falls from one to none, the second from three to none: they meet, and nothing is hidden.
    alarm = alarm_of(Changing(1, 0), Changing(3, 0))
    assert [alarm.measure(update)["eval/alarm"] for update in (0, 5)] == [0.0, 0.0]


def test_a_run_that_goes_on_is_held_against_its_own_beginning():
    history = [{"judge/abstain_rate": 0.0}, *({ALONE: rate} for rate in (math.nan, 0.0, 0.9))]
    assert alarm_of(Changing(1), Changing(0), history=history).measure(10)["eval/alarm"] == 1.0
    assert alarm_of(Changing(1), Changing(0)).measure(10)["eval/alarm"] == 0.0


def test_answers_that_nobody_can_score_give_no_alarm_and_are_no_beginning():
    alarm = alarm_of(says(None), says(None))
    metrics = alarm.measure(0)
    assert math.isnan(metrics[ALONE])
    assert metrics["eval/alarm"] == 0.0
    alarm.judge, alarm.second = Changing(3), Changing(0)
    assert alarm.measure(5)["eval/alarm"] == 0.0


@pytest.mark.parametrize("chat", [False, True])
def test_measuring_draws_nothing_and_changes_nothing(chat):
    alarm = alarm_of(
        says(RIGHT), says(RIGHT), config=PPOConfig(max_new_tokens=3, episodes=2, chat_template=chat)
    )
    alarm.tokenizer.chat_template = "q {{ messages[0]['content'] }}"
    weights = {name: value.clone() for name, value in alarm.model.state_dict().items()}
    drawn = torch.get_rng_state()
    first = alarm.measure(0)
    assert {name: value for name, value in alarm.measure(0).items() if "time" not in name} == {
        name: value for name, value in first.items() if "time" not in name
    }
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(weights[name], value) for name, value in alarm.model.state_dict().items())
