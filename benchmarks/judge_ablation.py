"""What do lexical features and contrastive pairs bring the judge, and what do 8-bit weights cost it?

    python benchmarks/judge_ablation.py --data_dir DATA --work_dir WORK [--steps 600] [--seeds 0]

Trains two encoders by one recipe, with and without rows made by edits, for as many steps; calibrates each
twice, on its logit alone and with lexical features beside it; packs the one with both into 8-bit differences.
Writes results/judge_ablation.json: agreement with people on DATA/test and the share of the audit's cases that
are right, with bootstrap intervals, and what each judge gains over another on the same rows. A judge reads
every reference and decides nothing by rule here, so that the five differ in what is named alone.
"""

import argparse
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judge.agreement import Answers, Estimate, agreement, answers_of, gain
from judge.audit.findings import examine
from judge.audit.suite import GROUPS, load_cases
from judge.backbone import WEIGHTS_FILE, find_backbone
from judge.batch import file_digest, score_all
from judge.calibrate import EQUIVALENCE_INPUTS, fit_calibration
from judge.card import CONFIG_FILE
from judge.config import Dtype, SpeedConfig, TrainJudgeConfig
from judge.environment import machine, versions
from judge.evaluation import plain
from judge.flags import read_flags
from judge.labels import LabelColumns, read_labelled
from judge.mixture import read_split
from judge.model import encode_pairs
from judge.pairs import TrainingRow
from judge.ranking import ranking_by_source
from judge.scorer import JUDGE_FILE, WEIGHTS, Judge, save_judge
from judge.storage import DELTA_FILE
from judge.train import train

RESULT = Path(__file__).parent / "results" / "judge_ablation.json"
RECIPE = WEIGHTS / "recipe.yaml"
STEPS = 600
TESTS = {
    "pairs.evouna_nq.public_half.jsonl.gz": ("auroc", "balanced_accuracy", "false_positive_rate", "ece"),
    "pairs.paws_wiki.test_half.jsonl.gz": ("auroc",),
}
"""Files of DATA/test, and what is measured on each."""
EVERYTHING = SpeedConfig(max_references=10**9, cheap_stage=False, cache_size=10**6)
ALONE, FEATURES, CONTRAST, BOTH, PACKED = "encoder", "features", "contrast", "both", "both_8bit"
OVER = {FEATURES: ALONE, CONTRAST: ALONE, BOTH: ALONE, PACKED: BOTH}
"""The judge that each is compared with."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that every judge was asked about.

    Attributes:
        y: (N,) labels.
        groups: N names; rows of one are drawn together.
        answers: by judge.
        metrics: of `agreement`, the ones that matter here.
    """

    y: Array
    groups: Sequence[str]
    answers: Mapping[str, Answers]
    metrics: Sequence[str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument(
        "--work_dir", type=Path, required=True, help="for the trained judges; a finished one is used again"
    )
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="settings of candor train-judge")
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="of each training; 600 take a quarter of an hour on a core"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=(0,))
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    (recipe,) = read_flags(
        parser.prog, "", ["--config", str(arguments.recipe), "--output_dir", ""], TrainJudgeConfig
    )
    files = [arguments.data_dir / "test" / name for name in TESTS]
    settings = replace(
        recipe, data_dir=str(arguments.data_dir), max_steps=arguments.steps, start_from=None, as_delta=False
    )  # a judge gone on from has seen rows made by edits
    runs = {}
    for seed in arguments.seeds:
        work_dir = arguments.work_dir / f"{arguments.steps}_steps_seed_{seed}"
        print(f"seed {seed}", flush=True)
        runs[str(seed)] = ablate(replace(settings, seed=seed), work_dir, files, arguments.resamples)
        content = {
            "command": "python benchmarks/judge_ablation.py --data_dir DATA --work_dir WORK",
            "recipe": asdict(recipe),
            "steps": arguments.steps,
            "data_sha256": {path.name: file_digest(path) for path in files},
            "versions": versions(),
            "machine": machine(),
            "runs": runs,
        }
        arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    print(f"results: {arguments.output}")


def ablate(config: TrainJudgeConfig, work_dir: Path, files: Sequence[Path], resamples: int) -> dict[str, Any]:
    """Train the judges of one seed, or find them, and measure them."""
    natural = replace(config, contrast_per_kind=0, word_order_per_kind=0, abstention_rows=0)
    judges: dict[str, Judge] = {}
    for (bare, full), settings in (((ALONE, FEATURES), natural), ((CONTRAST, BOTH), config)):
        settings = replace(settings, output_dir=str(work_dir / full))
        judges[full] = Judge.from_pretrained(trained(settings), speed=EVERYTHING)
        held_out = read_split(settings, keep_rejected=False).held_out
        judges[bare] = without_features(judges[full], held_out, settings)
    packed = work_dir / PACKED
    exact = Judge.from_pretrained(work_dir / BOTH, speed=SpeedConfig(dtype=Dtype.FLOAT32))
    save_judge(
        exact.encoder, exact.calibration, packed,
        backbone=find_backbone(config.backbone), seed=config.seed, as_delta=True,
    )  # fmt: skip
    judges[PACKED] = Judge.from_pretrained(packed, speed=EVERYTHING)
    parts = {path.name: asked(judges, path) for path in files} | audited(judges)
    weights = {BOTH: work_dir / BOTH / WEIGHTS_FILE, PACKED: packed / DELTA_FILE}
    return {
        "parts": {name: measured(name, part, resamples) for name, part in parts.items()},
        "8_bit": {
            "megabytes": {name: path.stat().st_size / 1e6 for name, path in weights.items()},
            "held_out_ranking": {name: ranking(judges[name], held_out) for name in weights},
            "same_verdict": {path.name: same_verdict(parts[path.name], resamples) for path in files},
        },
    }


def trained(config: TrainJudgeConfig) -> Path:
    """The judge of these settings, trained unless it is there already."""
    directory = Path(config.output_dir)
    if (directory / JUDGE_FILE).is_file() and json.loads((directory / CONFIG_FILE).read_text()) == asdict(
        config
    ):
        return directory
    return train(config)


def without_features(judge: Judge, held_out: Sequence[TrainingRow], config: TrainJudgeConfig) -> Judge:
    """The same judge, calibrated on its logits alone; the two share what they have read."""
    logits = encode_pairs(judge.encoder, [row.segments() for row in held_out]).numpy().astype(np.float64)
    bare = copy.copy(judge)
    bare.calibration, _ = fit_calibration(
        held_out,
        logits,
        hidden=config.combiner_hidden,
        penalty=config.combiner_penalty,
        max_fpr=config.max_fpr,
        seed=config.seed,
        inputs=EQUIVALENCE_INPUTS[:1],
    )
    return bare


def asked(judges: Mapping[str, Judge], path: Path) -> Part:
    """What every judge says of a labelled file."""
    rows, _ = read_labelled(path, LabelColumns(), None)
    answers = {}
    for name, judge in judges.items():
        scores = score_all(judge, [row.record for row in rows], name=name)
        known = [score for score in scores if score is not None]
        if len(known) < len(rows):
            raise SystemExit(f"{path.name}: {name} left {len(rows) - len(known)} rows unscored")
        answers[name] = answers_of(known, calibrated=True)
    return Part(np.array([row.label for row in rows]), [row.group for row in rows], answers, TESTS[path.name])


def audited(judges: Mapping[str, Judge]) -> dict[str, Part]:
    """Whether every judge is right on the audit's cases, by group; a category's cases are drawn together."""
    cases = load_cases()
    groups = np.array([case.group for case in cases])
    categories = np.array([case.category for case in cases])
    right = {
        name: np.array([float(finding.right) for finding in examine(judge, cases)])
        for name, judge in judges.items()
    }
    return {
        f"audit {group}": Part(
            y=np.ones(int(inside.sum())),
            groups=categories[inside].tolist(),
            answers={name: Answers(d[inside], d[inside], calibrated=False) for name, d in right.items()},
            metrics=("accuracy",),
        )
        for group in GROUPS
        if (inside := groups == group).any()
    }


def measured(name: str, part: Part, resamples: int) -> dict[str, Any]:
    """Every judge's metrics, and how far they are above those of the judge it is compared with."""
    judges = {
        judge: chosen(agreement(part.y, answers, part.groups, resamples=resamples), part)
        for judge, answers in part.answers.items()
    }
    for judge, estimates in judges.items():
        figures = ", ".join(f"{metric} {estimate['value']:.3f}" for metric, estimate in estimates.items())
        print(f"{name}, {judge}: {figures}", flush=True)
    gains = {
        f"{judge} over {other}": chosen(
            gain(part.y, part.answers[judge], part.answers[other], part.groups, resamples=resamples), part
        )
        for judge, other in OVER.items()
    }
    return {"rows": len(part.y), "judges": judges, "gains": gains}


def chosen(estimates: Mapping[str, Estimate], part: Part) -> dict[str, dict[str, float | None]]:
    return {metric: estimate for metric, estimate in plain(estimates).items() if metric in part.metrics}


def ranking(judge: Judge, rows: Sequence[TrainingRow]) -> dict[str, float]:
    """AUROC by source, Spearman where labels are graded."""
    return ranking_by_source(rows, encode_pairs(judge.encoder, [row.segments() for row in rows]).numpy())


def same_verdict(part: Part, resamples: int) -> dict[str, float | None]:
    """Share of rows that the packed judge calls right where the whole one does, and not where it does not."""
    estimates = agreement(part.answers[BOTH].d, part.answers[PACKED], part.groups, resamples=resamples)
    return plain(estimates)["accuracy"]


if __name__ == "__main__":
    main()
