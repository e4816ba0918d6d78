"""How long does an update of PPO take, and how much memory, beside TRL's trainers?

    python -m venv TRL112
    TRL112/bin/pip install torch==2.13.0 trl==1.12.0 transformers==5.23.0
    python benchmarks/ppo_speed.py --trl_ppo_python TRL112/bin/python
    python benchmarks/ppo_speed.py --trl_ppo_python TRL112/bin/python --settings gpu --output gpu.json

TRL's last PPOTrainer (1.12.0) runs in that environment, its other trainers and ours in this one. All train
the same model on the same prompts, in the same precision, with one optimizer step an epoch, in batches of the
same size. Every run is a process of its own, on a CPU on two threads, and the ways take turns;
`ppo_speed_worker.py` says what is timed. Figures are medians and ranges over the turns, ratios are taken
within a turn. The floor is the matrix products alone. Writes results/ppo_speed.json, anew after each turn.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from judge.environment import machine, versions

RESULT = Path(__file__).parent / "results" / "ppo_speed.json"
WORKER = Path(__file__).with_name("ppo_speed_worker.py")
SMALL = {
    "layers": 4, "width": 128, "vocabulary": 303, "episodes": 128, "prompt_tokens": 8, "new_tokens": 8,
    "epochs": 2, "updates": 10,
}  # fmt: skip
LARGE_VOCABULARY = {
    "layers": 4, "width": 256, "vocabulary": 32_000, "episodes": 32, "prompt_tokens": 8, "new_tokens": 64,
    "epochs": 2, "updates": 3,
}  # fmt: skip
QWEN = {
    "family": "qwen2", "layers": 24, "width": 896, "heads": 14, "kv_heads": 2, "intermediate": 4864,
    "vocabulary": 151_936, "episodes": 256, "prompt_tokens": 32, "new_tokens": 128, "epochs": 1,
    "updates": 3, "micro_batch_size": 16, "bf16": True, "device": "cuda",
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "small": SMALL,
    "large vocabulary": LARGE_VOCABULARY,
    "small, bf16": SMALL | {"bf16": True},
    "large vocabulary, bf16": LARGE_VOCABULARY | {"bf16": True},
    "gpu": QWEN,
}
OURS, FLOOR = "ours", "floor"
WAYS = {
    "cpu": (OURS, "trl_ppo", "trl_rloo", FLOOR),
    "cuda": (OURS, "ours_one_base", "ours_judged", "trl_ppo", "trl_grpo", FLOOR),
}
COMPARED = ("update_s", "update_cpu_s", "peak_mb", "peak_above_imports_mb")
PEER_PACKAGES = ("torch", "transformers", "trl")

Run = Mapping[str, Any]
"""What a worker prints."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trl_ppo_python", required=True, help="interpreter of the environment of TRL 1.12.0"
    )
    on_cpu = [name for name, setting in SETTINGS.items() if device_of(setting) == "cpu"]
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=on_cpu)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    trl_ppo_versions = versions_of(arguments.trl_ppo_python)
    turns: dict[str, list[dict[str, Run]]] = {name: [] for name in arguments.settings}
    for repeat in range(arguments.repeats):
        for name in arguments.settings:
            setting = SETTINGS[name]
            turns[name].append(
                {
                    way: start(
                        arguments.trl_ppo_python if way == "trl_ppo" else sys.executable,
                        way, setting, arguments.threads,
                    )
                    for way in WAYS[device_of(setting)]
                }
            )  # fmt: skip
            print(f"turn {repeat + 1}, {name}: {turn_line(turns[name][-1])}", flush=True)
        results = {
            name: {**summary(runs, SETTINGS[name]), "setting": SETTINGS[name]} for name, runs in turns.items()
        }
        content = {
            "command": "python benchmarks/ppo_speed.py --trl_ppo_python TRL112/bin/python"
            + ("" if arguments.settings == on_cpu else f" --settings {shlex.join(arguments.settings)}"),
            "repeats": repeat + 1,
            "versions": versions(),
            "trl_ppo_versions": trl_ppo_versions,
            "machine": machine() | {"threads": arguments.threads, "load": f"{os.getloadavg()[0]:.1f}"},
            "results": results,
        }
        arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    for name, result in results.items():
        print(f"\n{name}", *lines(result), sep="\n")
    print(f"\nresults: {arguments.output}")


def device_of(setting: Mapping[str, Any]) -> str:
    return str(setting.get("device", "cpu"))


def start(python: str, way: str, setting: Mapping[str, Any], threads: int) -> Run:
    """Run one way in a process of its own.

    Raises:
        SystemExit: it failed; what it said last is in the message.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    command = [python, "-I", str(WORKER), way, json.dumps(setting)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{way} failed in {python}:\n{done.stderr[-2000:]}")
    run: Run = json.loads(done.stdout)
    return run


def summary(turns: Sequence[Mapping[str, Run]], setting: Mapping[str, Any]) -> dict[str, Any]:
    """Each way's figures, ours as times those of each other, and our phases beside their floor."""
    ways = [way for way in turns[0] if way != FLOOR]
    others = [way for way in ways if way != OURS]
    phases = turns[0][OURS]["phases_s"]
    tokens = setting["episodes"] * setting["new_tokens"]
    return {
        "ways": {
            way: {name: spread([turn[way][name] for turn in turns]) for name in COMPARED} for way in ways
        },
        # Time: how many times as fast. Memory: how much of theirs.
        "ours_against": {
            peer: {
                **{
                    f"times_as_fast_{clock}": spread(
                        [turn[peer][f"update_{clock}"] / turn[OURS][f"update_{clock}"] for turn in turns]
                    )
                    for clock in ("s", "cpu_s")
                },
                **{
                    f"share_of_{name}": spread([turn[OURS][name] / turn[peer][name] for turn in turns])
                    for name in ("peak_mb", "peak_above_imports_mb")
                },
            }
            for peer in others
        },
        "phases_share": {
            way: {phase: spread([share_of(phase, turn[way]) for turn in turns]) for phase in phases}
            for way in ways
            if "phases_s" in turns[0][way]
        },
        "phases": {
            phase: {
                "ours_s": spread([turn[OURS]["phases_s"][phase] for turn in turns]),
                "ours_response_tokens_per_s": spread(
                    [tokens / turn[OURS]["phases_s"][phase] for turn in turns]
                ),
                "floor_s": spread([turn[FLOOR]["phases_s"][phase] for turn in turns]),
                "times_floor": spread(
                    [turn[OURS]["phases_s"][phase] / turn[FLOOR]["phases_s"][phase] for turn in turns]
                ),
            }
            for phase in turns[0][FLOOR]["phases_s"]
        },
    }


def share_of(phase: str, run: Run) -> float:
    """How much of an update a phase takes; phases may overlap."""
    return float(run["phases_s"][phase] / run["update_s"])


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"min": min(values), "median": median(values), "max": max(values)}


def versions_of(python: str) -> dict[str, str]:
    """Versions of what counts in another environment."""
    code = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    command = [python, "-I", "-c", code, *PEER_PACKAGES]
    found: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def turn_line(turn: Mapping[str, Run]) -> str:
    return ", ".join(
        f"{way} {turn[way]['update_s']:.3f} s, {turn[way]['update_cpu_s']:.3f} CPU-s, "
        f"{turn[way]['peak_mb']:.0f} MB"
        for way in turn
        if way != FLOOR
    )


def lines(result: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    """The comparison and the phases of one setting, a line each."""
    for part in ("ours_against", "phases"):
        for name, figures in result[part].items():
            shown = ", ".join(
                f"{figure} {value['median']:.3f} ({value['min']:.3f}-{value['max']:.3f})"
                for figure, value in figures.items()
            )
            yield f"{name}: {shown}"


if __name__ == "__main__":
    main()
