import sys

import pytest

from benchmarks.ppo_speed import COMPARED, FLOOR, OURS, SETTINGS, WAYS, lines, start, summary
from benchmarks.ppo_speed_worker import Setting, Stopwatch, floor, ours, ours_judged, ours_one_base, trl_grpo

TINY = {
    "layers": 1, "width": 16, "vocabulary": 20, "episodes": 4, "prompt_tokens": 3, "new_tokens": 2,
    "epochs": 1, "updates": 2,
}  # fmt: skip
PEERS = ("trl_ppo", "trl_rloo")


def turn(ours_s: float, peer_s: float) -> dict:
    """Memory: ours 600 MB, theirs 1000."""
    run, phases = dict.fromkeys(COMPARED, 1000.0), {"rollout": ours_s / 2, "update": ours_s / 4}
    peers = {peer: run | {"update_s": peer_s} for peer in PEERS}
    own = run | {"update_s": ours_s, "peak_mb": 600.0, "phases_s": phases}
    return peers | {OURS: own, FLOOR: {"phases_s": {"rollout": 0.25, "update": 0.25}}}


def test_ratios_are_taken_within_a_turn_as_the_machine_changes_between_them():
    # 3 / 1, 8 / 2 and 10 / 5: the median of the ratios is 3, where the ratio of the medians is 8 / 2
    result = summary([turn(1.0, 3.0), turn(2.0, 8.0), turn(5.0, 10.0)], TINY)
    for peer in PEERS:
        against = result["ours_against"][peer]
        assert against["times_as_fast_s"] == {"min": 2.0, "median": 3.0, "max": 4.0}
        assert against["share_of_peak_mb"]["median"] == 0.6
    assert result["phases"]["rollout"]["times_floor"] == {"min": 2.0, "median": 4.0, "max": 10.0}
    assert any("times_as_fast_s 3.000 (2.000-4.000)" in line for line in lines(result))


def test_a_worker_times_the_updates_after_the_first_by_phase():
    watch = Stopwatch()
    phases = ours(Setting(**TINY), watch)["phases_s"]
    assert len(watch.ends) == 1 + TINY["updates"]
    assert watch.result()["update_s"] >= sum(phases.values()) > 0
    assert floor(Setting(**TINY), Stopwatch())["phases_s"].keys() == phases.keys() - {"judge"}


@pytest.mark.parametrize("way", [ours_one_base, ours_judged, trl_grpo])
def test_every_way_of_the_setting_for_a_gpu_runs_in_small_on_a_cpu(way):
    shape = {"family": "qwen2", "heads": 4, "kv_heads": 2, "intermediate": 24, "micro_batch_size": 2}
    assert shape.keys() < SETTINGS["gpu"].keys()
    assert way.__name__ in WAYS["cuda"]
    watch = Stopwatch()
    way(Setting(**TINY | shape), watch)
    assert len(watch.ends) == 1 + TINY["updates"]


def test_a_worker_that_fails_says_what_it_said():
    with pytest.raises(SystemExit, match="KeyError: 'verl'"):
        start(sys.executable, "verl", TINY, threads=1)
