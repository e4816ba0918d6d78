"""Runs PEDANTS in an environment that has qa-metrics: a list of pairs as JSON in, their scores as JSON out.

Started by `judge.pedants` in that environment's interpreter, so it imports nothing of this project.
"""

import contextlib
import json
import sys


def main() -> None:
    """Read pairs from standard input, write scores to standard output; what qa-metrics prints goes aside."""
    with contextlib.redirect_stdout(sys.stderr):
        from qa_metrics.pedant import PEDANT

        model = PEDANT()
        pairs = map(json.loads, sys.stdin)
        scores = [
            float(model.get_score(pair["reference"], pair["completion"], pair["question"])) for pair in pairs
        ]
    for score in scores:
        print(json.dumps(score))


if __name__ == "__main__":
    main()
