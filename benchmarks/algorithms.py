"""PPO beside TRL's RLOO and GRPO, from one start, under one judge, one reward and one learning rate.

    python benchmarks/algorithms.py [--seeds 2 3 4]

The closed world of `candor demo` once a seed: a model reads, learns to abstain now and then, and is trained
three times, by each algorithm of `candor train-rl`. All get as many completions an update, as many optimizer
steps on them, the same clip, KL coefficient and temperature; RLOO and GRPO ask an eighth of the questions
eight times each. Writes to results/algorithms.json, by algorithm: reward, KL and verdicts of every update,
and what the policy says about people whom no training asked about. A seed that is there already under the
same settings is not trained again.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from typing import Any

from judge.cli import fingerprint
from judge.environment import machine, versions
from judge.scorer import Judge, find_judge
from rl import ppo, trl_training
from rl.closed_world import StoryConfig, corpus, held_out, pretrained, warm_started
from rl.config import Algorithm, PPOConfig
from rl.demo import stage_figures
from rl.pretrained import load_model, save_model
from rl.tracking import Metrics
from rl.world import OracleJudge, Split, World, tokenizer

RESULT = Path(__file__).parent / "results" / "algorithms.json"
SEEDS = (2, 3, 4)
CURVES = {
    "objective/scores": "reward",
    "objective/kl": "kl",
    "judge/correct_rate": "correct",
    "judge/abstain_rate": "abstain",
    "judge/wrong_rate": "wrong",
}
"""Metrics of an update, and what they are called in the result file."""
LAST = 10
"""Updates at the end of which the means are compared."""
START = "warm start"
UPDATES = 80
STORY = replace(StoryConfig(), ppo=replace(StoryConfig().ppo, updates=UPDATES))
"""The world, the model and the reward of `candor demo`, and a quarter of its updates."""

Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    settings = json.loads(json.dumps(asdict(STORY))) | {"judge_sha256": fingerprint(find_judge(None))}
    found = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    runs: dict[str, Any] = found["runs"] if found.get("settings") == settings else {}
    judge = Judge.from_pretrained()
    for seed in arguments.seeds:
        if str(seed) not in runs:
            runs[str(seed)] = compare(seed, judge)
            write(arguments.output, settings, runs)
        for name, run in runs[str(seed)].items():
            print(f"seed {seed}, {name}: {described(run)}", flush=True)


def compare(seed: int, judge: Judge) -> dict[str, Run]:
    """Where all start, and what each algorithm makes of it."""
    story = replace(STORY, seed=seed)
    world = World.build(replace(story.world, seed=seed))
    words, oracle, rng = tokenizer(), OracleJudge(world), random.Random(seed)
    read = corpus(world, rng)
    base = pretrained(story, words, read, ignore)
    start = warm_started(story, base, words, world.questions(Split.WARM_START), read, rng, ignore)
    runs: dict[str, Run] = {START: {"held_out": stage_figures(held_out(start, words, world, oracle, START))}}
    config = replace(story.ppo, seed=seed)
    with tempfile.TemporaryDirectory() as directory:
        save_model(start, words, Path(directory))  # TRL loads its reference from there
        for algorithm in Algorithm:
            model, _ = load_model(directory)
            model.eval()
            given = {
                "model": model, "tokenizer": words, "records": world.questions(Split.RL), "judge": judge,
                "reward": story.reward,
            }  # fmt: skip
            judge.clear_cache()
            began = time.process_time()
            metrics = train(algorithm, config, Path(directory), given)
            runs[algorithm.value] = {
                "held_out": stage_figures(held_out(model, words, world, oracle, algorithm.value)),
                "cpu_s": time.process_time() - began,
                "curves": {name: [row[metric] for row in metrics] for metric, name in CURVES.items()},
            }
    return runs


def train(algorithm: Algorithm, config: PPOConfig, directory: Path, given: dict[str, Any]) -> list[Metrics]:
    """The metrics of each update."""
    if algorithm == Algorithm.PPO:
        return ppo.train(config, **given).metrics
    return trl_training.train(algorithm, config, trl_training.DEFAULT_GENERATIONS, directory, **given)


def ignore(stage: str, done: int, total: int, word: str) -> None:
    """Nobody is told of the steps before."""


def described(run: Run) -> str:
    """One run in a line."""
    known, unknown = run["held_out"]["known"], run["held_out"]["unknown"]
    line = (
        f"known right {known['correct']:.0%}, unknown made up {unknown['hallucinated']:.0%}, "
        f"truthfulness {run['held_out']['truthfulness']:+.3f}"
    )
    if "curves" not in run:
        return line
    reward, kl = (mean(run["curves"][name][-LAST:]) for name in ("reward", "kl"))
    return f"{line}; at last reward {reward:+.3f}, KL {kl:.2f}; {run['cpu_s']:.0f} CPU-s"


def write(path: Path, settings: dict[str, Any], runs: dict[str, dict[str, Run]]) -> None:
    """The result file as far as it goes; a curve is summed up by its last updates."""
    names = list(next(iter(runs.values())))
    content = {
        "command": "python benchmarks/algorithms.py",
        "settings": settings,
        "versions": versions(),
        "machine": machine(),
        "summary": {name: summary([run[name] for run in runs.values()]) for name in names},
        "runs": runs,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def summary(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Mean and range over the seeds."""
    columns = {
        "known_correct": [run["held_out"]["known"]["correct"] for run in runs],
        "unknown_hallucinated": [run["held_out"]["unknown"]["hallucinated"] for run in runs],
        "truthfulness": [run["held_out"]["truthfulness"] for run in runs],
    }
    if "curves" in runs[0]:
        columns["cpu_s"] = [run["cpu_s"] for run in runs]
        for name in CURVES.values():
            columns[f"last_{name}"] = [mean(run["curves"][name][-LAST:]) for run in runs]
    return {
        name: {"mean": mean(values), "low": min(values), "high": max(values)}
        for name, values in columns.items()
    }


if __name__ == "__main__":
    main()
