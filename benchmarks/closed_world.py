"""Does the judge's reward teach a policy to abstain where it does not know, and to answer where it does?

    python benchmarks/closed_world.py [--seeds 2 3 4]

Plays the closed world of `candor demo` once a seed; writes rates by stage, their mean and range over the
seeds to results/closed_world.json. A seed that is there already under the same settings is not played again.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from judge.cli import fingerprint
from judge.environment import machine, versions
from judge.scorer import Judge, find_judge
from rl.closed_world import Story, StoryConfig, play
from rl.demo import figures

RESULT = Path(__file__).parent / "results" / "closed_world.json"
SEEDS = (2, 3, 4)
"""Settings were chosen on seeds 0 and 1, which are other worlds."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    settings = json.loads(json.dumps(asdict(StoryConfig()))) | {"judge_sha256": fingerprint(find_judge(None))}
    found = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    runs: dict[str, Any] = found["runs"] if found.get("settings") == settings else {}
    for seed in arguments.seeds:
        if str(seed) not in runs:
            story = play(StoryConfig(seed=seed), Judge.from_pretrained())
            runs[str(seed)] = {"stages": figures(story), "judge_oracle_agreement": agreement(story)}
            write(arguments.output, settings, runs)
        stages = runs[str(seed)]["stages"]
        print(
            f"seed {seed}: "
            + ", ".join(f"{name} {stage['truthfulness']:+.3f}" for name, stage in stages.items())
        )


def agreement(story: Story) -> dict[str, float]:
    """Judge against oracle on what PPO sampled: over all updates, and in the last tenth of them."""
    rates = [metrics["judge/oracle_agreement"] for metrics in story.metrics]
    return {"mean": mean(rates), "last": mean(rates[-max(1, len(rates) // 10) :])}


def write(path: Path, settings: dict[str, Any], runs: dict[str, Any]) -> None:
    """The result file as far as it goes."""
    leaves = [dict(numbers(run)) for run in runs.values()]
    summary = {
        name: {
            "mean": mean(run[name] for run in leaves),
            "low": min(run[name] for run in leaves),
            "high": max(run[name] for run in leaves),
        }
        for name in leaves[0]
    }
    content = {
        "command": "python benchmarks/closed_world.py",
        "settings": settings,
        "versions": versions(),
        "machine": machine(),
        "summary": summary,
        "runs": runs,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def numbers(tree: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested dictionaries under its dotted name."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from numbers(value, f"{name}.{key}" if name else key)
    else:
        yield name, tree


if __name__ == "__main__":
    main()
