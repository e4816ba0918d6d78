import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from tiny import FunctionJudge, score_of

from judge.errors import ConfigError, JudgeError
from judge.records import Record, Score, Verdict
from judge.scorer import Judge
from rl.adapters.micro_batches import MicroBatches, open_batches, open_judge, paid


def record(answer: str) -> Record:
    return Record("Where?", ("Lima",), answer)


class SlowJudge(FunctionJudge):
    """Right where the completion is the reference; its first batch waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(lambda r: Verdict.CORRECT if r.completion in r.references else Verdict.WRONG)
        self.batches: list[int] = []
        self.reading, self.go_on = Event(), Event()

    def score(self, records):
        self.batches.append(len(records))
        self.reading.set()
        assert self.go_on.wait(timeout=10)
        return super().score(records)


def test_what_gathers_while_the_judge_reads_is_judged_at_once():
    judge = SlowJudge()
    batches = MicroBatches(judge)
    first = batches.submit(record("Lima"))
    assert judge.reading.wait(timeout=10)
    later = [batches.submit(record(answer)) for answer in ("Lima", "Quito", "Lima")]
    judge.go_on.set()
    verdicts = [future.result(timeout=10).verdict for future in (first, *later)]
    assert verdicts == [Verdict.CORRECT, Verdict.CORRECT, Verdict.WRONG, Verdict.CORRECT]
    assert judge.batches == [1, 3]


def test_no_batch_is_larger_than_it_may_be():
    judge = SlowJudge()
    batches = MicroBatches(judge, batch_records=2)
    futures = [batches.submit(record("Lima"))]
    assert judge.reading.wait(timeout=10)
    futures += [batches.submit(record("Lima")) for _ in range(5)]
    judge.go_on.set()
    assert all(future.result(timeout=10) for future in futures)
    assert judge.batches == [1, 2, 2, 1]


def test_each_of_many_threads_gets_the_score_of_its_own_record():
    judge = FunctionJudge(lambda r: Verdict.CORRECT if r.completion == "Lima" else Verdict.WRONG)
    batches = MicroBatches(judge)
    answers = ["Lima", "Quito"] * 100
    with ThreadPoolExecutor(8) as threads:
        scores = list(threads.map(lambda answer: batches.submit(record(answer)).result(), answers))
    assert [score.verdict is Verdict.CORRECT for score in scores] == [answer == "Lima" for answer in answers]


def test_coroutines_wait_for_it_too():
    batches = MicroBatches(FunctionJudge(lambda r: None))

    async def ask() -> list[Score | None]:
        return await asyncio.gather(*(asyncio.wrap_future(batches.submit(record("Lima"))) for _ in range(3)))

    assert asyncio.run(ask()) == [None, None, None]


def test_an_error_reaches_all_who_wait_and_the_next_batch_is_judged():
    class Judge(SlowJudge):
        def score(self, records):
            scores = super().score(records)
            if len(self.batches) == 2:
                raise JudgeError("out of memory")
            return scores

    judge = Judge()
    batches = MicroBatches(judge)
    first = batches.submit(record("Lima"))
    assert judge.reading.wait(timeout=10)
    failing = [batches.submit(record("Lima")) for _ in range(2)]
    judge.go_on.set()
    assert first.result(timeout=10)
    for future in failing:
        with pytest.raises(JudgeError, match="out of memory"):
            future.result(timeout=10)
    assert batches.submit(record("Lima")).result(timeout=10)


def test_one_that_gives_up_waiting_leaves_the_others_their_scores():
    judge = SlowJudge()
    batches = MicroBatches(judge)
    first = batches.submit(record("Lima"))
    assert judge.reading.wait(timeout=10)
    gone, later = (batches.submit(record("Lima")) for _ in range(2))
    assert gone.cancel()
    judge.go_on.set()
    assert first.result(timeout=10)
    assert later.result(timeout=10)
    assert judge.batches == [1, 1]


def test_a_process_loads_a_judge_once(tiny_judge):
    assert open_judge(str(tiny_judge)) is open_judge(str(tiny_judge))
    assert open_batches(str(tiny_judge)) is open_batches(str(tiny_judge))


def test_threads_that_ask_at_once_share_one_judge(monkeypatch):
    loaded = []

    def load(source, *, max_fpr):
        time.sleep(0.05)
        loaded.append(source)
        return FunctionJudge(lambda r: None)

    monkeypatch.setattr(Judge, "from_pretrained", load)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(open_batches, ["asked for at once"] * 4))
    assert loaded == ["asked for at once"]
    assert len(set(found)) == 1


# wrong -1, correct 1: abstaining is worth -1 + 2 t*
@pytest.mark.parametrize(
    ("verdict", "reward", "worth"),
    [
        (Verdict.CORRECT, None, 1.0),
        (Verdict.ABSTAIN, {"break_even": 0.75}, 0.5),
        (Verdict.WRONG, {"reward_wrong": -3.0}, -3.0),
    ],
)
def test_a_verdict_is_paid_by_the_settings(verdict, reward, worth):
    assert paid(score_of(verdict), reward, None) == worth


def test_a_soft_reward_is_paid_by_probability():
    # correct 0.9 * 0.8 = 0.72 at 1, wrong 0.9 * 0.2 = 0.18 at -1, abstain 0.1 at 0
    assert paid(Score(0.8, 0.1, Verdict.CORRECT), {"reward_mode": "soft"}, None) == pytest.approx(0.54)


def test_what_was_not_judged_is_an_error_unless_its_reward_is_set():
    with pytest.raises(JudgeError, match="set `unscored`"):
        paid(None, None, None)
    assert paid(None, None, -0.25) == -0.25


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ({"breakeven": 0.5}, "breakeven"),
        ({"break_even": 2.0}, "must be in"),
        ({"break_even_start": 0.1, "ramp_updates": 5}, "break_even_start is for training"),
        ({"missing_eos_penalty": 1.0}, "missing_eos_penalty is for training"),
    ],
)
def test_settings_that_mean_nothing_here_are_refused(reward, message):
    with pytest.raises(ConfigError, match=message):
        paid(score_of(Verdict.CORRECT), reward, None)
