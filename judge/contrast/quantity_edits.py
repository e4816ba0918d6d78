"""Edits of answers that are numbers, amounts and dates: the same value written otherwise, or another value.

Small encoders read digits badly, so each way to say the same stands beside a way to be just wrong.
"""

import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random

from judge.contrast.amounts import MAGNITUDES, Amount, Date, in_words, read_amount, read_date, read_number
from judge.contrast.answers import MONTHS, AnsweredQuestion, Shape, replaced, shape, words
from judge.contrast.distractors import DistractorPool, Edit
from judge.contrast.phrasing import hedged, in_phrase

SPOKEN_FRACTIONS = {Fraction(1, 2): "half", Fraction(1, 4): "a quarter", Fraction(3, 4): "three quarters"}
CURRENCY_WORDS = {"$": "dollars", "£": "pounds", "€": "euros"}


def _said(text: str, rng: Random) -> str:
    """`text` alone or in a phrase."""
    return rng.choice((text, in_phrase(text, rng), hedged(text, rng)))


def number_words(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "27" as "twenty-seven", and back."""
    number = read_number(item.reference)
    if (
        number is None
        or number != int(number)
        or not 0 <= number < 1_000_000
        or shape(item.reference) is Shape.YEAR
    ):
        return None
    digits = item.reference.strip()[0].isdigit()
    return _said(in_words(int(number)) if digits else f"{int(number):,}", rng)


def magnitude(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "1,200,000" as "1.2 million", and back."""
    amount = read_amount(item.reference)
    if amount is None or abs(amount.value) < 1_000_000 or amount.value != int(amount.value):
        return None
    if "illion" in item.reference:
        return _said(amount.say(f"{int(amount.value):,}"), rng)
    name = "billion" if abs(amount.value) >= MAGNITUDES["billion"] else "million"
    short = amount.value / MAGNITUDES[name]
    return (
        _said(amount.say(f"{short.normalize():f} {name}"), rng) if short * 100 == int(short * 100) else None
    )


def unit_conversion(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same amount in another unit."""
    amount = read_amount(item.reference)
    other = amount.converted(rng) if amount else None
    return _said(str(other), rng) if other else None


def unit_spelling(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "300 km" as "300 kilometres", "$5" as "5 dollars"."""
    amount = read_amount(item.reference)
    if amount is None:
        return None
    if amount.currency and item.reference.startswith(amount.currency):
        return f"{item.reference.lstrip(amount.currency)} {CURRENCY_WORDS[amount.currency]}"
    other = amount.respelled()
    return _said(str(other), rng) if other else None


def percent_as_fraction(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "25%" as "a quarter", "1/4" or "25 percent"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:%|per ?cent)", item.reference.strip())
    if not found:
        return None
    fraction = Fraction(found.group(1)) / 100
    ways = [f"{found.group(1)} percent", f"{found.group(1)} per cent", f"{found.group(1)}%"]
    if fraction.denominator <= 20 and fraction < 1:
        ways.append(f"{fraction.numerator}/{fraction.denominator}")
    if fraction in SPOKEN_FRACTIONS:
        ways.extend((SPOKEN_FRACTIONS[fraction], SPOKEN_FRACTIONS[fraction]))
    return rng.choice([way for way in ways if way != item.reference])


def date_format(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same day written another way."""
    date = read_date(item.reference)
    return _said(rng.choice([way for way in date.ways() if way != item.reference]), rng) if date else None


def finer_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A day in the year that was asked for."""
    if shape(item.reference) is not Shape.YEAR or not re.search(r"\b(when|year)\b", item.question.lower()):
        return None
    day = Date(int(words(item.reference)[-1]), rng.randint(1, 12), rng.randint(1, 28))
    return rng.choice(("It was on {}.", "{}", "on {}")).format(rng.choice(day.ways()))


def rounded(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "6,695 km" as "about 6,700 km": the last of four significant figures or more, and the word for it."""
    amount = read_amount(item.reference)
    if amount is None or not (amount.unit or amount.currency) or amount.value != int(amount.value):
        return None
    figures = len(str(abs(int(amount.value))).rstrip("0"))
    if figures < 4:
        return None
    return rng.choice(("about ", "roughly ", "approximately ", "around ")) + str(amount.rounded(figures - 1))


def near_number(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A number close by, with the same unit, in digits or words."""
    wrong = _nearby(item.reference, rng)
    return _said(wrong, rng) if wrong else None


def near_number_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A natural right answer with its number moved."""
    wrong = _nearby(item.reference, rng)
    return replaced(item.reference, wrong, item.passage) if wrong else None


def _nearby(text: str, rng: Random) -> str | None:
    number, amount = read_number(text), read_amount(text)
    if number is not None and not text.strip()[0].isdigit():
        return (
            in_words(max(0, int(number) + rng.choice((-1, 1, 2, 3))))
            if number
            else in_words(rng.randint(1, 3))
        )
    if amount is None or amount.value <= 0:
        return None
    if shape(text) is Shape.YEAR:
        return str(int(amount.value) + rng.choice((-10, -3, -2, -1, 1, 2, 3, 5, 10, 100)))
    steps = ("1", "2", "-1") if amount.value < 20 else ("0.1", "-0.1", "0.25", "-0.3", "1")
    moved = amount.value + Decimal(rng.choice(steps)) * (1 if amount.value < 20 else amount.value)
    moved = moved.to_integral_value() if amount.value == int(amount.value) else round(moved, 2)
    return str(replace(amount, value=moved)) if moved not in {amount.value, 0} else None


def other_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A day, a month or a year off."""
    date = read_date(item.reference)
    if date is None:
        return None
    off = rng.choice(
        (
            replace(date, day=date.day + 1 if date.day < 28 else date.day - 1),
            replace(date, day=rng.choice([day for day in range(1, 29) if day != date.day])),
            replace(date, month=date.month % len(MONTHS) + 1, day=min(date.day, 28)),
            replace(date, year=date.year + rng.choice((-1, 1, 10, -10))),
        )
    )
    return _said(rng.choice(off.ways()), rng)


def coarser_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Less of the date than was asked for."""
    date = read_date(item.reference)
    if date is None or not re.search(r"\b(date|day)\b", item.question.lower()):
        return None
    month = MONTHS[date.month - 1]
    return rng.choice((f"{date.year}", month, f"in {date.year}", f"It was in {month} {date.year}."))


def date_outside_year(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A full date in another year than the right one."""
    if shape(item.reference) is not Shape.YEAR:
        return None
    year = int(words(item.reference)[-1]) + rng.choice((-20, -7, -2, -1, 1, 2, 4, 11))
    return _said(rng.choice(Date(year, rng.randint(1, 12), rng.randint(1, 28)).ways()), rng)


def unit_swap(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Equal digits, another unit."""
    amount = read_amount(item.reference)
    other = amount.other_unit(rng) if amount else None
    return _said(str(other), rng) if other else None


def wrong_conversion(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another unit, and an amount that does not fit it."""
    amount = read_amount(item.reference)
    other = amount.converted(rng) if amount else None
    if other is None:
        return None
    factor = Decimal(rng.choice(("0.5", "0.7", "1.3", "1.5", "2", "10")))
    return _said(str(replace(other, value=other.value * factor).rounded(4)), rng)


def sign(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The number with the other sign."""
    amount = read_amount(item.reference)
    signed = re.match(r"-?\d", item.reference)
    if amount is None or amount.value == 0 or not signed or shape(item.reference) is Shape.YEAR:
        return None
    return item.reference[1:] if amount.value < 0 else rng.choice(("-", "minus ")) + item.reference


def magnitude_slip(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Ten, a thousand or a million times too much."""
    amount = read_amount(item.reference)
    if amount is None or amount.value <= 0 or amount.unit == "%" or shape(item.reference) is Shape.YEAR:
        return None
    by_word = not any(name in item.reference for name in MAGNITUDES) and rng.random() < 0.4
    if by_word:
        figure = str(Amount(amount.value))
        return _said(amount.say(f"{figure} {rng.choice(('thousand', 'million', 'billion'))}"), rng)
    return _said(str(replace(amount, value=amount.value * rng.choice((10, 100, 1000)))), rng)


def number_inside(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right digits inside a longer number: 19 in 1999."""
    digits = item.reference.strip()
    if not digits.isdigit() or int(digits) == 0:
        return None
    extra = str(rng.randint(1, 99))
    return _said(rng.choice((digits + extra, extra + digits)), rng)


QUANTITY_PARAPHRASES: dict[str, Edit] = {
    "number_words": number_words,
    "magnitude": magnitude,
    "unit_conversion": unit_conversion,
    "unit_spelling": unit_spelling,
    "percent_as_fraction": percent_as_fraction,
    "date_format": date_format,
    "finer_date": finer_date,
    "rounded": rounded,
}
QUANTITY_CONFOUNDS: dict[str, Edit] = {
    "near_number": near_number,
    "near_number_in_passage": near_number_in_passage,
    "other_date": other_date,
    "coarser_date": coarser_date,
    "date_outside_year": date_outside_year,
    "unit_swap": unit_swap,
    "wrong_conversion": wrong_conversion,
    "sign": sign,
    "magnitude_slip": magnitude_slip,
    "number_inside": number_inside,
}
