import pytest

from judge.lexical.numbers import Quantity, agreement, read_quantities
from judge.lexical.words import read_words


def quantity(text: str) -> Quantity:
    [found] = read_quantities(read_words(text).words)
    return found


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("7", "seven", 1.0),
        ("100", "100 m", 1.0),
        ("90%", "0.9", 1.0),
        ("2 weeks", "14 days", 1.0),
        ("6 feet", "1.83 m", 1.0),  # 1.8288
        ("50 pounds", "22.7 kg", 1.0),  # 22.68
        ("3.14", "3.14159", 0.5),
        ("8,800", "8848", 0.5),  # 8848 in hundreds
        ("1.2 million", "1,234,567", 0.5),
        ("1912", "1913", 0.0),
        ("1900", "1910", 0.0),  # a year is exact whatever it ends in
        ("7", "8", 0.0),
        ("5", "-5", 0.0),
        ("5 km", "5 miles", 0.0),
        ("5 kg", "5 km", 0.0),
        ("3 million", "3 billion", 0.0),
    ],
)
def test_quantities_agree_across_units_and_rounding(one: str, other: str, expected: float) -> None:
    assert agreement(quantity(one), quantity(other)) == expected
    assert agreement(quantity(other), quantity(one)) == expected


def test_a_very_long_run_of_digits_is_no_number() -> None:
    assert read_quantities(["1" * 1000]) == ()
