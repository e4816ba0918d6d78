import math

import pytest

from judge.features import FEATURE_NAMES, lexical_features

SIGNED = {"polarity_agreement", "length_ratio"}
HOSTILE = [
    "",
    " ",
    "?!…",
    "🎉" * 50,
    "\x00\x1b[0m\u202e",
    "a" * 100_000,
    "word, " * 20_000,
    "1" * 100_000,
    "the",
]


@pytest.mark.parametrize("completion", HOSTILE)
@pytest.mark.parametrize("reference", ["Paris", "", "19"])
def test_any_text_gives_every_feature_in_order_and_in_range(reference: str, completion: str) -> None:
    row = lexical_features("Where is it?", reference, completion)
    assert tuple(row) == FEATURE_NAMES
    for name, value in row.items():
        assert math.isfinite(value), name
        assert (-1.0 if name in SIGNED else 0.0) <= value <= 1.0, name
