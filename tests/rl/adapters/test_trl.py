import math
import pickle
from types import SimpleNamespace

import pytest
from tiny import FunctionJudge, score_of

from judge.errors import ConfigError, DataError
from judge.records import Verdict
from rl.adapters.trl import JudgeReward
from rl.config import RewardConfig
from rl.processes import Processes

EOS = 1


def verdict_of(record):
    verdicts = {"Lima": Verdict.CORRECT, "I do not know": Verdict.ABSTAIN, "?": None}
    return verdicts.get(record.completion, Verdict.WRONG)


def ask(reward: JudgeReward, answers: list[str], **columns) -> list[float | None]:
    """As TRL's trainers do: all by keyword, every column of the data set among them."""
    columns = {"reference": ["Lima"] * len(answers), "id": ["peru"] * len(answers)} | columns
    return reward(
        prompts=["Capital of Peru?"] * len(answers),
        completions=answers,
        **{"completion_ids": [[5, EOS]] * len(answers), "trainer_state": SimpleNamespace(global_step=0)}
        | columns,
    )


def test_each_completion_is_paid_by_its_verdict_and_none_that_cannot_be_judged():
    reward = JudgeReward(FunctionJudge(verdict_of), RewardConfig(break_even=0.75))
    assert ask(reward, ["Lima", "Quito", "I do not know", "?"]) == [1.0, -1.0, 0.5, None]


def test_a_row_without_a_right_answer_is_left_out_and_the_rest_stay_in_place():
    judge = FunctionJudge(verdict_of)
    references = [None, "Lima", "", ["Lima", "Callao"]]
    rewards = ask(JudgeReward(judge), ["Lima", "Quito", "Lima", "Lima"], reference=references)
    assert rewards == [None, -1.0, None, 1.0]
    assert [record.references for record in judge.seen] == [("Lima",), ("Lima", "Callao")]


def test_chat_messages_are_read_as_question_and_answer():
    judge = FunctionJudge(verdict_of)
    rewards = JudgeReward(judge)(
        prompts=[
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of Peru?"}]
        ],
        completions=[[{"role": "assistant", "content": "Lima"}]],
        reference=["Lima"],
    )
    assert rewards == [1.0]
    assert (judge.seen[0].prompt, judge.seen[0].completion) == ("Capital of Peru?", "Lima")


def test_the_rates_the_break_even_confidence_and_the_verdicts_are_logged():
    metrics, extra = {}, {}
    reward = JudgeReward(FunctionJudge(verdict_of))
    answers = ["Lima", "Quito", "I do not know", "Lima", "?"]
    ask(reward, answers, log_metric=metrics.__setitem__, log_extra=extra.__setitem__)
    assert metrics.pop("time/judge_s") >= 0.0
    assert metrics == {
        "judge/correct_rate": 0.5, "judge/abstain_rate": 0.25, "judge/wrong_rate": 0.25,
        "judge/unscored": 1.0,
        "reward/break_even": 0.5,
    }  # fmt: skip
    assert extra == {"verdict": ["correct", "wrong", "abstain", "correct", None]}


def test_rates_and_a_steered_t_star_are_those_of_the_answers_of_all_processes(monkeypatch):
    # Another process has two abstentions, so 3 of 4 abstain: t* is 0.5 - 0.4 (3/4 - 1/4) = 0.3
    others = [score_of(Verdict.ABSTAIN)] * 2
    monkeypatch.setattr(Processes, "gathered", lambda self, share: [*share, *others])
    metrics = {}
    reward = JudgeReward(FunctionJudge(verdict_of), RewardConfig(abstain_target=0.25, abstain_gain=0.4))
    paid = ask(reward, ["Lima", "I do not know"], log_metric=metrics.__setitem__)
    assert metrics["judge/abstain_rate"] == 0.75
    assert metrics["reward/break_even"] == pytest.approx(0.3)
    assert paid == [1.0, pytest.approx(2 * 0.3 - 1)]


def test_rates_of_nothing_are_not_numbers():
    metrics = {}
    ask(JudgeReward(FunctionJudge(verdict_of)), ["?"], log_metric=metrics.__setitem__)
    assert math.isnan(metrics["judge/correct_rate"])
    assert metrics["judge/unscored"] == 1.0


@pytest.mark.parametrize(("step", "worth"), [(0, -1.0), (3, -1.0), (4, 0.0), (8, 1.0), (100, 1.0)])
def test_a_ramp_counts_rollouts_not_optimizer_steps(step, worth):
    # t* from 0 to 1 over two updates of four steps each; abstaining is worth -1 + 2 t*
    ramp = RewardConfig(break_even=1.0, break_even_start=0.0, ramp_updates=2)
    reward = JudgeReward(FunctionJudge(verdict_of), ramp, steps_per_update=4)
    assert ask(reward, ["I do not know"], trainer_state=SimpleNamespace(global_step=step)) == [worth]


def test_a_completion_without_an_end_pays_the_penalty():
    penalty = RewardConfig(missing_eos_penalty=0.25)
    reward = JudgeReward(FunctionJudge(verdict_of), penalty, eos_token_ids=[EOS, 2])
    answers = ["Lima"] * 4
    assert ask(reward, answers, completion_ids=[[5, EOS], [5, 2], [5, 6], []]) == [1.0, 1.0, 0.75, 0.75]


def test_a_penalty_without_knowing_the_ends_is_refused():
    with pytest.raises(ConfigError, match="needs eos_token_ids"):
        JudgeReward(FunctionJudge(verdict_of), RewardConfig(missing_eos_penalty=0.25))


def test_a_data_set_without_references_is_refused_by_name():
    reward = JudgeReward(FunctionJudge(verdict_of), reference_column="gold")
    with pytest.raises(DataError, match=r"column 'gold' not in the data set \(has: reference, id\)"):
        ask(reward, ["Lima"])


def test_references_may_stand_in_any_column():
    assert ask(JudgeReward(FunctionJudge(verdict_of), reference_column="gold"), ["Lima"], gold=["Lima"]) == [
        1.0
    ]


def test_it_pickles_and_loads_its_judge_when_first_called(tiny_judge):
    reward = pickle.loads(pickle.dumps(JudgeReward(str(tiny_judge))))
    assert ask(reward, ["lima it is", "quito"], reference=["lima", "lima"]) == [1.0, -1.0]


def test_who_observes_sees_what_was_judged():
    seen = []
    reward = JudgeReward(FunctionJudge(verdict_of), observe=lambda *batch: seen.append(batch))
    ask(reward, ["Lima", "?"])
    ((records, scores, rewards),) = seen
    assert [record.id for record in records] == ["peru", "peru"]
    assert [score and score.verdict for score in scores] == [Verdict.CORRECT, None]
    assert rewards == [1.0, None]
