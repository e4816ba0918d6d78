import json

import numpy as np
import pytest

from judge.calibrate import Combiner, fit_combiner, threshold_at_fpr
from judge.errors import JudgeError


def test_a_linear_combiner_by_hand() -> None:
    combiner = Combiner(
        names=("a", "b"),
        mean=(1.0, 0.0),
        deviation=(2.0, 1.0),
        weights=(((0.5,), (-1.0,)),),
        biases=((0.25,),),
    )
    # x = (3, 0.5): standard (1, 0.5); 0.5 * 1 - 1 * 0.5 + 0.25 = 0.25; sigmoid(0.25) = 0.5621765
    np.testing.assert_allclose(combiner.probability(np.array([[3.0, 0.5]])), [0.5621765], atol=1e-7)


def test_a_hidden_layer_by_hand() -> None:
    combiner = Combiner(
        names=("a",), mean=(0.0,), deviation=(1.0,),
        weights=(((1.0, -1.0),), ((2.0,), (1.0,))), biases=((0.0, 0.0), (0.0,)),
    )  # fmt: skip
    # x = 1: hidden tanh(1), tanh(-1) = +-0.7615942; 2 * 0.7615942 - 0.7615942 = 0.7615942; sigmoid 0.6816997
    np.testing.assert_allclose(combiner.probability(np.array([[1.0]])), [0.6816997], atol=1e-7)


@pytest.mark.parametrize("hidden", [0, 4])
def test_fitted_probabilities_are_the_frequencies(hidden: int) -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-2 * logit))).astype(float)
    inputs = np.stack([logit, np.ones(4000)], axis=1)  # a constant input must not divide by zero
    combiner = fit_combiner(("logit", "one"), inputs, labels, hidden=hidden, penalty=1e-5, seed=0)
    p = combiner.probability(inputs)
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (p >= low) & (p < low + 0.25)
        assert abs(p[inside].mean() - labels[inside].mean()) < 0.05


def test_a_combiner_survives_json_to_the_last_digit() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(200, 3))
    combiner = fit_combiner(
        tuple("abc"), inputs, (inputs[:, 0] > 0).astype(float), hidden=2, penalty=1e-3, seed=0
    )
    again = Combiner.from_json(json.loads(json.dumps(combiner.to_json())), expected_names="abc")
    assert again == combiner


def test_a_combiner_over_other_inputs_is_refused() -> None:
    combiner = Combiner(("a",), (0.0,), (1.0,), (((1.0,),),), ((0.0,),))
    with pytest.raises(JudgeError, match=r"expected a combiner over \['b'\], this judge's is over"):
        Combiner.from_json(combiner.to_json(), expected_names=["b"])


def test_the_threshold_is_the_lowest_that_keeps_the_false_positive_rate() -> None:
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.55, 0.6, 0.7, 0.9])
    y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    # of five wrong answers one may pass at 0.2: that is 0.6, so all from 0.55 up, but not the 0.4, pass
    assert threshold_at_fpr(p, y, max_fpr=0.2) == 0.55
    assert threshold_at_fpr(p, y, max_fpr=0.1) == 0.7


def test_no_threshold_is_above_one_even_if_nothing_passes() -> None:
    assert threshold_at_fpr(np.array([0.9, 0.8]), np.array([0.0, 1.0]), max_fpr=0.01) == 1.0
