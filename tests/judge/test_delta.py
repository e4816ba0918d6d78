import torch

from judge.delta import SCALE_SUFFIX, pack, unpack


def test_a_row_is_rounded_to_a_127th_of_its_largest_difference() -> None:
    base = {"w": torch.zeros(1, 3)}
    packed = pack({"w": torch.tensor([[1.27, -0.635, 0.004]])}, base)
    # scale = 1.27 / 127 = 0.01; -0.635 / 0.01 = -63.5, rounded to even -64; 0.004 / 0.01 rounds to 0
    assert packed["w"].tolist() == [[127, -64, 0]]
    torch.testing.assert_close(unpack(packed, base)["w"], torch.tensor([[1.27, -0.64, 0.0]]))


def test_the_error_is_at_most_half_a_step() -> None:
    generator = torch.Generator().manual_seed(0)
    base = {"w": torch.randn(20, 50, generator=generator)}
    trained = {"w": base["w"] + 0.02 * torch.randn(20, 50, generator=generator)}
    packed = pack(trained, base)
    error = (unpack(packed, base)["w"] - trained["w"]).abs()
    assert (error <= packed["w" + SCALE_SUFFIX] / 2 + 1e-6).all()


def test_untouched_tensors_are_not_stored_and_new_ones_are_stored_whole() -> None:
    base = {"frozen": torch.ones(4, 4), "bias": torch.zeros(4)}
    trained = {"frozen": torch.ones(4, 4), "bias": torch.full((4,), 0.1), "head": torch.full((2, 4), 0.3)}
    packed = pack(trained, base)
    assert set(packed) == {"bias", "head"}
    state = unpack(packed, base)
    assert all(torch.equal(state[name], trained[name]) for name in trained)


def test_a_row_without_difference_beside_one_with_stays_exact() -> None:
    base = {"w": torch.ones(2, 2)}
    state = unpack(pack({"w": torch.tensor([[1.0, 1.0], [2.0, 1.0]])}, base), base)
    assert state["w"].tolist() == [[1.0, 1.0], [2.0, 1.0]]
