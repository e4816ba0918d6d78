import pytest

from judge.lexical.dates import dates_spoken, days_first


@pytest.mark.parametrize(
    ("figures", "spoken"),
    [
        ("1989-11-09", "9 november 1989"),
        ("1989/11/09", "9 november 1989"),
        ("25.12.1991", "25 december 1991"),
        ("12/25/1991", "25 december 1991"),
        ("5-5-2005", "5 may 2005"),
        ("11/9/1989", "9/11 1989"),  # either
        ("31/2/2001", "31/2/2001"),  # no day
        ("version 1.2.34", "version 1.2.34"),
        ("192.168.1.1", "192.168.1.1"),
        ("24/7", "24/7"),
    ],
)
def test_dates_in_figures_are_spoken(figures: str, spoken: str) -> None:
    assert dates_spoken(figures) == spoken


@pytest.mark.parametrize(
    "date",
    ["july 4 1776", "4 july 1776", "4 jul 1776", "4 of july 1776", "jul . 4 , 1776", "july the 4 , 1776"],
)
def test_days_stand_before_months_written_in_full(date: str) -> None:
    assert [word for word in days_first(date.split()) if word != ","] == ["4", "july", "1776"]


def test_a_month_name_without_a_number_is_left_as_it_is() -> None:
    words = ["it", "may", "rain", "in", "mar", "del", "plata"]
    assert days_first(words) == words
