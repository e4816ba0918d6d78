import subprocess
import sys

import pytest

from judge.lexical.units import BARE, Measure, unit_at


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("km", Measure("meter", 1000.0)),
        ("km h", Measure("meter / second", 1 / 3.6)),
        ("mile per hour", Measure("meter / second", 0.44704)),
        ("square km", Measure("meter ** 2", 1e6)),
        ("cubic inche", Measure("meter ** 3", 0.0254**3)),
        ("percent", Measure("dimensionless", 0.01)),
        ("kelvin", Measure("kelvin")),
        ("degree c", Measure("kelvin", 1.0, 273.15)),
        ("degree fahrenheit", Measure("kelvin", 5 / 9, 459.67 * 5 / 9)),
        ("in", Measure("meter", 0.0254)),
        ("in tall", Measure("meter", 0.0254)),
        ("us dollar", Measure("dollar")),
    ],
)
def test_units_come_to_their_base_units(words: str, expected: Measure) -> None:
    [measure], _ = unit_at(words.split(), 0)
    assert measure.dimension == expected.dimension
    assert (measure.scale, measure.offset) == pytest.approx((expected.scale, expected.offset))


@pytest.mark.parametrize("words", ["", "in total", "a side", "dog", "square dance", "c smith"])
def test_other_words_measure_nothing(words: str) -> None:
    assert unit_at(words.split(), 0) == ((BARE,), 0)


def test_a_time_takes_no_rate() -> None:
    [measure], end = unit_at("hour per week".split(), 0)
    assert (measure.dimension, end) == ("second", 1)


def test_pint_is_imported_for_a_unit_and_not_before() -> None:
    script = (
        "import sys; from judge.lexical.features import lexical_features as f; f('', 'Ann, 7', 'Ann, 8');"
        "assert not {'pint', 'dateutil'} & set(sys.modules); f('', '7 km', '8'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
