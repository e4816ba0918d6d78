"""How well does the judge agree with people, on test sets it was never tuned on?

    python benchmarks/judge_accuracy.py --data_dir DATA [--judge JUDGE]

Reads the labelled test files under DATA/test, judges every row once, writes results/judge_accuracy.json:
every metric with its bootstrap interval, string matching beside the judge on the same rows.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from judge.agreement import Answers, agreement
from judge.batch import file_digest
from judge.cli import fingerprint
from judge.environment import machine, versions
from judge.evaluation import compare
from judge.judges import Entrant, string_judges
from judge.labels import LabelColumns, read_labelled
from judge.scorer import Judge, find_judge
from judge.tables import Row, read_rows

RESULT = Path(__file__).parent / "results" / "judge_accuracy.json"
PAIRS = (
    "evouna_nq.public_half",
    "semeval13_beetle.test_unseen_answers", "semeval13_beetle.test_unseen_questions",
    "semeval13_scientsbank.test_unseen_answers", "semeval13_scientsbank.test_unseen_questions",
    "semeval13_scientsbank.test_unseen_domains",
    "saf_en.test_unseen_answers", "saf_en.test_unseen_questions",
    "paws_wiki.test_half", "stsb.test",
)  # fmt: skip
COVERAGE = ("realsumm_scu.test", "snli.test", "fool_me_twice.test", "fever_symmetric.test", "scitail.test")
ABSTENTION = ("truthfulqa_abstain.dev", "do_not_answer.all")
LONG_WORDS = 6
"""An answer of more words than these is long; string matching is at its weakest there."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--judge", help="judge directory or Hub id; the one that ships by default")
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()
    directory = find_judge(arguments.judge)
    judge = Judge.from_pretrained(directory)
    tests = arguments.data_dir / "test"
    results: dict[str, Any] = {}
    for name in PAIRS:
        path = tests / f"pairs.{name}.jsonl.gz"
        results |= measure_pairs(judge, name, path, arguments.resamples)
    for name in COVERAGE:
        results[name] = measure_support(judge, tests / f"coverage.{name}.jsonl.gz", arguments.resamples)
    for name in ABSTENTION:
        results[name] = measure_abstention(judge, tests / f"abstain.{name}.jsonl.gz", arguments.resamples)
    arguments.output.write_text(
        json.dumps(
            {
                "command": "python benchmarks/judge_accuracy.py --data_dir DATA",
                "judge_sha256": fingerprint(directory),
                "data_sha256": {path.name: file_digest(path) for path in sorted(tests.glob("*.gz"))},
                "versions": versions(),
                "machine": machine(),
                "results": results,
            },
            indent=1,
        )
        + "\n"
    )
    print(f"results: {arguments.output}")


def measure_pairs(judge: Judge, name: str, path: Path, resamples: int) -> dict[str, Any]:
    """Judge and string matching; EVOUNA also on its long answers alone."""
    rows, _ = read_labelled(path, LabelColumns(), None)
    parts = {name: rows}
    if name.startswith("evouna"):
        long = [row for row in rows if len(row.record.completion.split()) > LONG_WORDS]
        parts[f"{name}.long"] = long
    threshold = judge.calibration.thresholds.equivalence
    entrants = [Entrant("judge", judge, threshold, calibrated=True), *string_judges()]
    results = {}
    for part, chosen in parts.items():
        comparison = compare(entrants, chosen, resamples=resamples)
        if len(comparison.rows) < len(chosen):
            raise SystemExit(f"{part}: the judge left rows unscored")
        results[part] = {"rows": len(chosen)} | {
            system: {metric: asdict(estimate) for metric, estimate in metrics.items()}
            for system, metrics in comparison.systems.items()
        }
        report(part, results[part])
    return results


def measure_support(judge: Judge, path: Path, resamples: int) -> dict[str, Any]:
    """Support of `text_a` by `text_b`."""
    rows = [row.values for row in read_rows(path) if isinstance(row, Row)]
    p = judge.support(claims=[row["text_a"] for row in rows], texts=[row["text_b"] for row in rows])
    return measure(path, rows, p, [str(row.get("group") or "") for row in rows], resamples)


def measure_abstention(judge: Judge, path: Path, resamples: int) -> dict[str, Any]:
    """Whether `text` declines to answer `question`."""
    rows = [row.values for row in read_rows(path) if isinstance(row, Row)]
    p = judge.abstention(
        questions=[row["question"] for row in rows], completions=[row["text"] for row in rows]
    )
    return measure(path, rows, p, [str(row.get("group") or row["question"]) for row in rows], resamples)


def measure(
    path: Path, rows: Sequence[dict[str, Any]], p: Sequence[float], groups: Sequence[str], resamples: int
) -> dict[str, Any]:
    """Probabilities against binary labels, decided at 0.5."""
    probabilities = np.array(p)
    answers = Answers(p=probabilities, d=(probabilities >= 0.5).astype(float), calibrated=True)
    estimates = agreement(
        np.array([float(row["label"]) for row in rows]), answers, groups, resamples=resamples
    )
    result = {
        "rows": len(rows),
        "judge": {metric: asdict(estimate) for metric, estimate in estimates.items()},
    }
    report(path.name, result)
    return result


def report(name: str, result: dict[str, Any]) -> None:
    figures = ", ".join(f"{metric} {estimate['value']:.3f}" for metric, estimate in result["judge"].items())
    print(f"{name} ({result['rows']} rows): {figures}", flush=True)


if __name__ == "__main__":
    main()
