import pytest

from judge.lexical.numbers import Quantity, agreement, compare_quantities, read_quantities
from judge.lexical.words import read_words


def quantity(text: str) -> Quantity:
    [found] = read_quantities(read_words(text).words)
    return found


SAME = [
    ("7", "seven"),
    ("100", "100 m"),
    ("2 weeks", "14 days"),
    ("6 feet", "1.83 m"),  # 1.8288
    ("50 pounds", "22.7 kg"),  # 22.68
    ("60 mph", "96.6 km/h"),
    ("20 m/s", "72 kilometres per hour"),
    ("5 km²", "500 hectares"),
    ("1 cubic metre", "1,000 litres"),
    ("5 gallons", "22.7 litres"),  # imperial ones
    ("1 GB", "1024 MB"),
    ("1 GB", "1000 MB"),
    ("1 second", "1000 ms"),
    ("5 ft 10 in", "178 cm"),  # 70 inches are 177.8 cm
    ("6'2\"", "188 cm"),
    ("1 hour and 30 minutes", "1.5 h"),
    ("0 degrees Celsius", "32 °F"),
    ("0 °C", "273.15 K"),
    ("100 °F", "38 °C"),  # 37.8
    ("-40 °C", "minus 40 degrees Fahrenheit"),
    ("32 degrees", "0 °C"),  # which degrees is not said
    ("90%", "0.9"),
    ("50%", "half"),
    ("a quarter", "25 per cent"),
    ("a quarter", "one out of four"),
    ("1/3", "33%"),
    ("two in three", "66.7%"),
    ("$45k", "45,000 dollars"),
    ("$3.5 billion", "3,500 million dollars"),
    ("half a million", "500,000"),
    ("two and a half million", "2,500,000"),
    ("half a dozen", "6"),
    ("-3.2%", "fell by 3.2%"),
    ("fell by 3.2%", "3.2%"),
    ("4 July", "July 4th"),
    ("44 BC", "44 BCE"),
]
ROUNDED = [
    ("3.14", "3.14159"),
    ("1064.18", "1064.2"),
    ("8,800", "8848"),  # in hundreds
    ("1.2 million", "1,234,567"),
]
APART = [
    ("1912", "1913"),
    ("1900", "1910"),  # a year is exact whatever it ends in
    ("7", "8"),
    ("8", "1.8"),
    ("5", "-5"),
    ("5 km", "5 miles"),
    ("5 kg", "5 km"),
    ("1 km", "1000"),  # 1000 of what?
    ("£5", "$5"),
    ("3 million", "3 billion"),
    ("$3.5 billion", "$3.5 million"),
    ("0 degrees Celsius", "0 degrees Fahrenheit"),
    ("20 °C", "69 °F"),  # 20.6
    ("three quarters", "a quarter"),
    ("3.2%", "-3.2%"),
    ("26 January", "27 January"),
    ("4 July", "4"),
    ("44 BC", "44 AD"),
]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(*pair, value) for pairs, value in ((SAME, 1.0), (ROUNDED, 0.5), (APART, 0.0)) for pair in pairs],
)
def test_quantities_agree_across_units_forms_and_rounding(one: str, other: str, expected: float) -> None:
    assert agreement(quantity(one), quantity(other)) == expected
    assert agreement(quantity(other), quantity(one)) == expected


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("9 November 1989", "9.11.1989", (1, 1)),
        ("9 November 1989", "1989-11-09", (1, 1)),
        ("9 November 1989", "11/9/1989", (1, 1)),
        ("11 September 1989", "11/9/1989", (1, 1)),
        ("11/9/1989", "09/11/1989", (1, 1)),
        ("3 January 2001", "01/03/2001", (1, 1)),
        ("4 July 1776", "In 1776, on the 4th of July", (1, 1)),
        ("26 January 1990", "27 January 1990", (0, 1)),
        ("9 November 1989", "9 November 1990", (1, 0)),
        ("25 December 2001", "12/24/2001", (0, 1)),
        ("November 1989", "9 November 1989", (1, 1)),
        ("9 November 1989", "November 1989", (0.5, 1)),
        ("9 November 1989", "December 1989", (0, 1)),
        ("9 November 1989", "1989", (0, 1)),
    ],
)
def test_a_date_agrees_by_its_day_and_its_year(
    wanted: str, offered: str, expected: tuple[float, ...]
) -> None:
    assert compare_quantities(read_words(wanted), read_words(offered)).agreements == expected


@pytest.mark.parametrize("text", ["won 3 in a row", "5 a side", "1950 F. Scott", "won 4 in total"])
def test_a_word_that_is_seldom_a_unit_is_none_inside_a_sentence(text: str) -> None:
    assert [reading.measure.dimension for reading in quantity(text).readings] == [""]


def test_a_quantity_that_agrees_is_restated_as_the_reference_says_it_and_clauses_keep_their_ends() -> None:
    given = compare_quantities(read_words("2 weeks"), read_words("He said: fourteen days. Not more.")).given
    assert given.words == ("he", "said", "2", "week", "not", "more")
    assert given.joined == " he said 2 week not more "
    assert given.clause_ends == (4, 6)


def test_a_figure_with_and_without_its_unit_is_left_as_it_is() -> None:
    assert compare_quantities(read_words("100 m"), read_words("100")).given.words == ("100",)


def test_words_of_a_quantity_that_conflicts_are_not_there_and_those_of_another_are() -> None:
    compared = compare_quantities(read_words("5 km"), read_words("5 miles, then 8 km to York"))
    assert compared.present == {"then", "to", "york"}
    assert compared.known == frozenset()
    assert compare_quantities(read_words("5 km"), read_words("5 km, then 8 km")).present == {
        "5",
        "km",
        "then",
    }


def test_a_very_long_run_of_digits_is_no_number() -> None:
    assert read_quantities(["1" * 1000]) == ()


def test_of_two_long_tables_the_first_quantities_are_compared_so_that_time_is_bounded() -> None:
    table = [f"{row}.5 x" for row in range(3000)]
    comparison = compare_quantities(read_words(" ".join(table[:600])), read_words(" ".join(table)))
    assert comparison.agreements == (1,) * 256
    assert comparison.strays == ()
    answer = compare_quantities(read_words("7.5"), read_words(" ".join(reversed(table))))
    assert (answer.agreements, len(answer.strays)) == ((1,), 2999)
