import pytest
from ppo_speed_worker import Setting, model_of

from benchmarks.ppo_memory import LORA_RANK, WAYS, lines, measure, shares

TINY = Setting(
    layers=1, width=16, vocabulary=20, episodes=8, prompt_tokens=3, new_tokens=2, epochs=1, updates=1
)
BYTES = 4 / 2**20  # of a float32, in MB


@pytest.fixture(scope="module")
def ways() -> dict:
    return {way: measure(way, TINY) for way in WAYS}


def test_a_model_is_held_as_often_as_each_way_keeps_it(ways):
    model = model_of(TINY)
    whole, backbone = model.num_parameters(), model.model.num_parameters()
    head = TINY.width + 1  # weight and bias, of the value
    # in + out of each linear layer: four of 16 -> 16, two of 16 -> 64, one of 64 -> 16
    adapters = LORA_RANK * (4 * 32 + 3 * 80)
    held = {
        "one_base": (whole + adapters + head, adapters + head),
        "whole_policy": (2 * whole + head, whole + head),
        "separate": (2 * whole + backbone + head, whole + backbone + head),
    }
    for way, (parameters, trained) in held.items():
        assert ways[way]["parameters_mb"] == pytest.approx(parameters * BYTES)
        assert ways[way]["gradients_mb"] == pytest.approx(trained * BYTES)
        # two moments a weight; Adam counts its steps for each tensor besides
        assert ways[way]["optimizer_mb"] == pytest.approx(2 * trained * BYTES, abs=40 * BYTES)


def test_shares_are_of_what_each_other_way_takes():
    own, other = ({"held_mb": held, "peak_above_imports_mb": peak} for held, peak in ((2, 30), (8, 40)))
    found = shares({"one_base": own, "separate": other})
    assert found == {"separate": {"held_mb": 0.25, "peak_above_imports_mb": 0.75}}
    assert list(lines({"separate": other})) == ["separate: held_mb 8, peak_above_imports_mb 40"]
