import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny import FunctionJudge

from judge.records import Record, Score, Verdict
from rl import demo
from rl.closed_world import (
    BASE,
    MAX_NEW_TOKENS,
    PPO,
    SFT,
    THRESHOLD,
    WARM_START,
    Story,
    StoryConfig,
    corpus,
    play,
)
from rl.config import PPOConfig
from rl.people import ABSTENTION
from rl.truthfulness import Rates
from rl.warm_start import SupervisedConfig
from rl.world import Split, World, WorldConfig

QUICK = SupervisedConfig(steps=4, warmup_steps=1)
CONFIG = StoryConfig(
    world=WorldConfig(people=40), layers=1, width=16, pretrain=QUICK, sft=QUICK, warm_start=QUICK,
    ppo=PPOConfig(updates=2, episodes=8, max_new_tokens=MAX_NEW_TOKENS),
)  # fmt: skip


def read(record: Record) -> Verdict:
    """A judge that reads words: what a trained one does, without its weights."""
    if record.completion == ABSTENTION:
        return Verdict.ABSTAIN
    return Verdict.CORRECT if record.completion == record.references[0] else Verdict.WRONG


@pytest.fixture(scope="module")
def story() -> Story:
    return play(CONFIG, FunctionJudge(read))


def test_the_stages_come_in_order_and_rates_sum_to_one(story: Story) -> None:
    assert [stage.name for stage in story.stages] == [BASE, SFT, THRESHOLD, WARM_START, PPO]
    for stage in story.stages:
        for rates in (stage.held_out.known, stage.held_out.unknown):
            assert rates.correct + rates.abstained + rates.hallucinated == pytest.approx(1.0)


def test_every_stage_answers_every_question_about_the_held_out_people(story: Story) -> None:
    world = World.build(CONFIG.world)
    asked = [r.prompt for known in (True, False) for r in world.questions(Split.TEST, known=known)]
    for stage in story.stages:
        assert [given.record.prompt for given, _, _ in stage.answers] == asked


def test_the_judge_is_asked_about_people_of_the_rl_split_alone() -> None:
    judge = FunctionJudge(read)
    story = play(CONFIG, judge)
    allowed = {record.prompt for record in World.build(CONFIG.world).questions(Split.RL)}
    assert len(judge.seen) == 2 * 8
    assert {record.prompt for record in judge.seen} <= allowed
    assert all(metrics["judge/oracle_agreement"] <= 1.0 for metrics in story.metrics)


def test_the_same_seed_plays_the_same_story_and_another_one_another(story: Story) -> None:
    again = play(CONFIG, FunctionJudge(read))
    assert [stage.held_out for stage in again.stages] == [stage.held_out for stage in story.stages]
    assert [given for given, _, _ in again.stage(PPO).answers] == [
        given for given, _, _ in story.stage(PPO).answers
    ]


def test_the_corpus_holds_no_answer_about_people_outside_the_first_split() -> None:
    world = World.build(CONFIG.world)
    texts = [example.completion for example in corpus(world, random.Random(0))]
    for split in (Split.WARM_START, Split.RL, Split.TEST):
        for record in world.questions(split):
            assert not any(text.startswith(record.prompt) for text in texts)


def test_progress_is_told_for_every_step_of_every_stage() -> None:
    told: list[tuple[str, int, int]] = []
    play(
        CONFIG, FunctionJudge(read), progress=lambda stage, done, total, _: told.append((stage, done, total))
    )
    expected = [(name, step + 1, 4) for name in (BASE, SFT, WARM_START) for step in range(4)]
    assert told == [*expected, (PPO, 1, 2), (PPO, 2, 2)]


class ReadingJudge(FunctionJudge):
    """Stands in for a trained judge in the demo."""

    def __init__(self) -> None:
        super().__init__(read)

    @classmethod
    def from_pretrained(cls, source: str | None) -> "ReadingJudge":
        return cls()

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        return super().score(records)


def test_the_demo_prints_the_table_and_writes_report_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "Judge", ReadingJudge)
    monkeypatch.setattr(demo, "StoryConfig", lambda seed: CONFIG)
    story = demo.run(demo.DemoConfig(output_dir=str(tmp_path / "demo")))
    printed = capsys.readouterr().out
    for stage in story.stages:
        assert f"\n{stage.name} " in printed
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "report.html", "result.json", "metrics.jsonl", "completions.jsonl",
    }  # fmt: skip


def test_the_table_gives_each_rate_in_percent() -> None:
    assert demo.shares(Rates(0.5, 0.25, 0.25)).by_verdict() == {
        Verdict.CORRECT: 0.5, Verdict.ABSTAIN: 0.25, Verdict.WRONG: 0.25,
    }  # fmt: skip
