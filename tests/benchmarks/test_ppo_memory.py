import pytest
from ppo_speed_worker import Setting, model_of

from benchmarks.ppo_memory import LORA_RANK, OWN_SHARES, WAYS, lines, measure, shares, write_judge

TINY = Setting(
    layers=1, width=16, vocabulary=20, episodes=8, prompt_tokens=3, new_tokens=2, epochs=1, updates=1
)
BYTES = 4 / 2**20  # of a float32, in MB


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict:
    directory = tmp_path_factory.mktemp("judge")
    write_judge(TINY, directory)
    return {way: measure(way, TINY, directory) for way in WAYS}


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
    outputs = 4 * TINY.width
    for way, own, more in (
        ("one_base_judge", "one_base", adapters + outputs),
        ("one_base_own_judge", "one_base", backbone + outputs),
        ("separate_own_judge", "separate", backbone + outputs),
    ):
        held[way] = (held[own][0] + more, held[own][1])
    for way, (parameters, trained) in held.items():
        assert ways[way]["parameters_mb"] == pytest.approx(parameters * BYTES)
        assert ways[way]["gradients_mb"] == pytest.approx(trained * BYTES)
        # two moments a weight; Adam counts its steps for each tensor besides
        assert ways[way]["optimizer_mb"] == pytest.approx(2 * trained * BYTES, abs=40 * BYTES)


def test_shares_are_of_what_each_other_way_takes():
    own, other = ({"held_mb": held, "peak_above_imports_mb": peak} for held, peak in ((2, 30), (8, 40)))
    found = shares({way: own if way in OWN_SHARES else other for way in WAYS})
    share = {"held_mb": 0.25, "peak_above_imports_mb": 0.75}
    assert found["one_base"] == {"whole_policy": share, "separate": share}
    assert found["one_base_judge"] == {"one_base_own_judge": share, "separate_own_judge": share}
    assert list(lines({"separate": other})) == ["separate: held_mb 8, peak_above_imports_mb 40"]
