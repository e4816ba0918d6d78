"""`candor demo`: the whole story on a CPU in minutes.

A few dozen real-looking answers go past the default judge; then a closed world is played with that judge as
the only reward, measured by an oracle, told in one table and one HTML page.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from judge.environment import machine, versions
from judge.outputs import make_directory
from judge.page.figures import Shares, Table
from judge.records import Record, Score
from judge.report import table
from judge.scorer import Judge
from rl.closed_world import PPO, SFT, WARM_START, Stage, Story, StoryConfig, play
from rl.config import DemoConfig
from rl.demo_answers import ANSWERS
from rl.report import Sample, write_report
from rl.tracking import FileTracker
from rl.truthfulness import Rates

SHOWN = 12
"""Answers of each stage and half that the report shows."""

logger = logging.getLogger(__name__)


def run(config: DemoConfig) -> Story:
    """Play the demo and write its results to `config.output_dir`."""
    start = time.monotonic()
    output_dir = Path(config.output_dir)
    make_directory(output_dir)
    judge = Judge.from_pretrained(config.judge)
    print("1. The judge reads answers to real questions\n")
    judged = judge_answers(judge)
    print(answers_table(judged))
    print("\n2. A tiny model has read about half of a closed world; the judge's verdict is its only reward\n")
    story_config = StoryConfig(seed=config.seed)
    with FileTracker(output_dir) as tracker, _Bars() as bars:
        story = play(story_config, judge, progress=bars.tell, tracker=tracker)
    minutes = (time.monotonic() - start) / 60
    print(f"\n3. On people that no training asked about, measured by the oracle\n\n{before_after(story)}\n")
    print(f"{summary(story)}\n")
    settings = {"closed world": asdict(story_config), "environment": versions() | machine()}
    result = {"minutes": minutes, "stages": figures(story), "settings": settings}
    (output_dir / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    report = output_dir / "report.html"
    write_report(
        report,
        title="Candor: a closed world",
        summary=[summary(story)],
        table=Table(
            ("policy", "known", "unknown", "truthfulness"),
            [
                (
                    s.name,
                    shares(s.held_out.known),
                    shares(s.held_out.unknown),
                    f"{s.held_out.truthfulness:+.2f}",
                )
                for s in story.stages
            ],
        ),
        curves=story.metrics,
        samples=[sample for name in (SFT, WARM_START, PPO) for sample in samples(story.stage(name))],
        judged=judged,
        settings={
            name: {key: str(value) for key, value in section.items()} for name, section in settings.items()
        },
    )
    print(f"{minutes:.1f} minutes; report: {report}; figures: {output_dir / 'result.json'}")
    return story


def judge_answers(judge: Judge) -> list[tuple[Record, Score | None]]:
    """The default judge on `ANSWERS`."""
    records = [Record(question, references, text) for question, references, text in ANSWERS]
    return list(zip(records, judge.score(records), strict=True))


def answers_table(judged: Sequence[tuple[Record, Score | None]]) -> str:
    """One line an answer."""
    rows = [
        [record.completion or "(empty)", record.references[0], score.verdict, f"{score.equivalence:.2f}"]
        for record, score in judged
        if score is not None
    ]
    return table(["answer", "reference", "verdict", "equivalence"], rows)


def before_after(story: Story) -> str:
    """The table that the demo is about, in percent of questions."""
    header = [
        "",
        "known: right",
        "abstained",
        "made up",
        "unknown: right",
        "abstained",
        "made up",
        "truthfulness",
    ]
    rows = [
        [
            stage.name,
            *(f"{100 * rate:.0f} %" for half in halves(stage) for rate in asdict(half).values()),
            f"{stage.held_out.truthfulness:+.2f}",
        ]
        for stage in story.stages
    ]
    return table(header, rows)


def summary(story: Story) -> str:
    """What happened, in a sentence."""
    before, after = story.stage(SFT).held_out, story.stage(PPO).held_out
    return (
        f"Fine-tuned on answers, it makes up {before.unknown.hallucinated:.0%} of what it cannot know; "
        f"after PPO with the judge's reward {after.unknown.hallucinated:.0%}, and it answers "
        f"{after.known.correct:.0%} of what it knows (before: {before.known.correct:.0%})."
    )


def figures(story: Story) -> dict[str, Any]:
    """Figures by stage."""
    return {stage.name: stage_figures(stage) for stage in story.stages}


def stage_figures(stage: Stage) -> dict[str, Any]:
    """Rates in [0, 1] and truthfulness in [-1, 1] of one policy."""
    return {
        "known": asdict(stage.held_out.known),
        "unknown": asdict(stage.held_out.unknown),
        "truthfulness": stage.held_out.truthfulness,
    }


def halves(stage: Stage) -> tuple[Rates, Rates]:
    """Known, unknown."""
    return stage.held_out.known, stage.held_out.unknown


def shares(rates: Rates) -> Shares:
    """Rates as the report draws them."""
    return Shares(rates.correct, rates.abstained, rates.hallucinated)


def samples(stage: Stage) -> list[Sample]:
    """The first answers of either half, spread over the people."""
    shown = []
    for side in (True, False):
        rows = [(given, score) for given, score, known in stage.answers if known is side]
        shown += [
            Sample(stage.name, given.record, score, known=side)
            for given, score in rows[:: len(rows) // SHOWN]
        ]
    return shown


class _Bars:
    """One progress bar a stage."""

    def __init__(self) -> None:
        self.bars: dict[str, tqdm[Any]] = {}

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self.bars.values():
            bar.close()

    def tell(self, stage: str, done: int, total: int, word: str) -> None:
        """Move the bar of a stage."""
        if stage not in self.bars:
            self.bars[stage] = tqdm(total=total, desc=stage, mininterval=1.0)
        bar = self.bars[stage]
        bar.set_postfix_str(word, refresh=False)
        bar.update(done - bar.n)
