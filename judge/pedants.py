"""PEDANTS (Li et al. 2024, arXiv:2402.11161), in an environment of its own.

qa-metrics pins an old scikit-learn, for pickled classifiers that it fetches from GitHub; so it is asked in
another interpreter, pairs and scores as JSON lines.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from judge.errors import JudgeError
from judge.pairwise import Measure, Pair

_WORKER = Path(__file__).with_name("pedants_worker.py")


def pedants(python: str) -> Measure:
    """The probability that PEDANTS gives a pair.

    Args:
        python: interpreter of an environment with qa-metrics.

    Raises:
        JudgeError: PEDANTS cannot be loaded there.
    """
    _run(python, "")

    def measure(pairs: Sequence[Pair]) -> list[float]:
        lines = "".join(json.dumps(pair._asdict()) + "\n" for pair in pairs)
        scores = [float(line) for line in _run(python, lines).splitlines()]
        if len(scores) != len(pairs):
            raise JudgeError(f"expected {len(pairs)} scores of PEDANTS in {python}, got {len(scores)}")
        return scores

    return measure


def _run(python: str, text: str) -> str:
    """What the worker prints for `text`; -I keeps this project's modules out of its way."""
    try:
        done = subprocess.run(
            [python, "-I", str(_WORKER)], input=text, capture_output=True, encoding="utf-8", check=False
        )
    except OSError as error:
        raise JudgeError(f"expected a Python interpreter at {python}: {error.strerror}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise JudgeError(
            f"PEDANTS failed in {python}: {last[0]}; pip install qa-metrics regex nltk tqdm "
            "there and let it fetch its classifiers from GitHub, or compare released outputs by --scores"
        )
    return done.stdout
