"""Edits that keep an answer right: other names, other spellings, other units, other words around it.

Each edit takes a question with its answer and gives a candidate that means the same, or None where it does not
apply. `PARAPHRASES` names them all. Standard library only.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from random import Random

from judge.answers import (
    AnsweredQuestion,
    DistractorPool,
    Shape,
    occurs,
    same_thing,
    shape,
    unaccented,
    whole,
    words,
)
from judge.phrasing import hedged, in_phrase, in_sentence
from judge.quantities import Date, Quantity, in_words, listed, read_date, read_number, read_quantity

Edit = Callable[[AnsweredQuestion, DistractorPool, Random], str | None]

DONE_BY_A_PERSON = (
    "was|played|plays|wrote|directed|invented|discovered|painted|voiced|founded|hosts|hosted|presented|composed|designed"
)
ASKS_FOR_SEVERAL = re.compile(
    r"\b(two|three|four|five|both|colou?rs|countries|ingredients|states|members|names of|types of|kinds of|cities|languages"
    r"|who were|which people|brothers|sisters|parents|main|founders|parts|elements)\b"
)


def unchanged(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference itself."""
    return item.reference


def passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The natural right answer."""
    return item.passage or None


def other_name(item: AnsweredQuestion, rng: Random) -> str | None:
    """Another name of the answer; None where the list gives none that is surely the same."""
    names = [name for name in item.names[1:] if name != item.reference and same_thing(name, item.reference)]
    return rng.choice(names) if names else None


def alias(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another name, alone."""
    return other_name(item, rng)


def alias_in_phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another name, in a set phrase."""
    name = other_name(item, rng)
    return in_phrase(name, rng) if name else None


def alias_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The natural right answer with the reference replaced by another name."""
    name = other_name(item, rng)
    return replaced(item.reference, name, item.passage) if name else None


def replaced(old: str, new: str, text: str) -> str | None:
    """`text` with every `old` made `new`, as whole words; None where `old` is not in it."""
    if not occurs(old, text):
        return None
    return re.sub(whole(old), lambda found: new, text, flags=re.IGNORECASE)


def phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference in a set phrase."""
    return in_phrase(item.reference, rng)


def sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The question as a statement that holds the reference."""
    return in_sentence(item.question, item.reference)


def hedge(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One answer, said with doubt: judged as if said without."""
    return hedged(item.reference, rng)


def surface(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Case, articles and punctuation."""
    text = item.reference
    change = rng.choice(
        (str.lower, str.upper, lambda t: f'"{t}"', lambda t: f"  {t} .", lambda t: f"({t})", lambda t: f"{t}!")
    )
    if shape(text) is Shape.NAME and rng.random() < 0.2 and " " in text:
        return text.removeprefix("The ") if text.startswith("The ") else f"the {text}"
    return change(text)


def without_diacritics(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Cézanne" as "Cezanne"."""
    bare = unaccented(item.reference)
    return bare if bare != item.reference else None


def typo(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One slip of the fingers inside a long word; never in a number."""
    spots = [m.start() for m in re.finditer(r"(?<=[a-z]{3})[a-z](?=[a-z]{2})", item.reference)]
    if not spots or re.search(r"\d", item.reference) or len(item.reference) < 8:
        return None
    at = rng.choice(spots)
    before, here, after = item.reference[:at], item.reference[at], item.reference[at + 1 :]
    return rng.choice((before + after, before + here + here + after, before + after[0] + here + after[1:]))


def number_words(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "27" as "twenty-seven", and back."""
    number = read_number(item.reference)
    if number is None or number != int(number) or not 0 <= number < 1_000_000 or shape(item.reference) is Shape.YEAR:
        return None
    digits = item.reference.strip()[0].isdigit()
    said = in_words(int(number)) if digits else f"{int(number):,}"
    return said if rng.random() < 0.6 else in_phrase(said, rng)


def magnitude(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "1,200,000" as "1.2 million", and back."""
    quantity = read_quantity(item.reference)
    if quantity is None or abs(quantity.value) < 1_000_000 or quantity.value != int(quantity.value):
        return None
    name, size = ("billion", 10**9) if abs(quantity.value) >= 10**9 else ("million", 10**6)
    short = quantity.value / size
    if "illion" in item.reference:
        return quantity.say(f"{int(quantity.value):,}")
    return quantity.say(f"{float(short):g} {name}") if short * 100 == int(short * 100) else None


def unit_conversion(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same quantity in another unit, to three significant figures."""
    quantity = read_quantity(item.reference)
    other = quantity.converted(rng) if quantity else None
    return in_phrase(str(other), rng) if other and rng.random() < 0.5 else (str(other) if other else None)


def percent_as_fraction(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "25%" as "one quarter", "1/4" or "0.25"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:%|per ?cent)", item.reference.strip())
    if not found:
        return None
    fraction = Fraction(found.group(1)) / 100
    spoken = {Fraction(1, 2): "half", Fraction(1, 4): "a quarter", Fraction(3, 4): "three quarters"}
    ways = [f"{float(fraction):g}", f"{found.group(1)} percent", f"{found.group(1)} per cent", f"{found.group(1)}%"]
    if fraction.denominator <= 20:
        ways.append(f"{fraction.numerator}/{fraction.denominator}")
    if fraction in spoken:
        ways.append(spoken[fraction])
    return rng.choice([way for way in ways if way != item.reference])


def date_format(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same day written another way."""
    date = read_date(item.reference)
    if date is None:
        return None
    said = rng.choice([way for way in date.ways() if way != item.reference])
    return said if rng.random() < 0.5 else in_phrase(said, rng)


def finer_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A day in the year that was asked for."""
    if shape(item.reference) is not Shape.YEAR or not item.question:
        return None
    day = Date(int(words(item.reference)[-1]), rng.randint(1, 12), rng.randint(1, 28))
    return rng.choice(("It was on {}.", "{}", "on {}")).format(rng.choice(day.ways()[:4]))


def rounded(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "6,695 km" as "about 6,700 km": the last significant figure of four or more, with the word that says so."""
    quantity = read_quantity(item.reference)
    if quantity is None or shape(item.reference) is Shape.YEAR or not quantity.unit:
        return None
    figures = len(re.sub(r"\D", "", item.reference).strip("0"))
    if figures < 4 or quantity.value != int(quantity.value):
        return None
    return rng.choice(("about ", "roughly ", "approximately ", "nearly ")) + str(quantity.rounded(figures - 1))


def surname(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The surname alone, where the question asks who and names nobody of that name."""
    parts = item.reference.split()
    person = len(parts) == 2 and all(re.fullmatch(r"[A-Z][a-zé'-]{2,}[A-Za-z]*", part) for part in parts)
    asks_who = re.match(rf"who ({DONE_BY_A_PERSON})\b(?!.*\b(band|group|character|team)\b)", item.question.lower())
    if not person or not asks_who or occurs(parts[1], item.question) or parts[0] in {"The", "King", "Queen", "Saint"}:
        return None
    return parts[1] if rng.random() < 0.5 else in_phrase(parts[1], rng)


def contrastive_negation(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Not Y, but X": the wrong one is denied, the right one said."""
    other = pool.draw(item, rng)
    if other is None:
        return None
    pattern = rng.choice(
        (
            "Not {1}, but {0}.", "It was not {1}; it was {0}.", "It was {0}, not {1}.", "{0} rather than {1}.",
            "Many people say {1}, but it was actually {0}.", "It is often thought to be {1}. In fact it is {0}.",
            "{0} (not {1}).", "Contrary to popular belief it isn't {1}, it's {0}.", "It wasn't {1}. It was {0}.",
        )
    )  # fmt: skip
    return pattern.format(item.reference, other)


def corrected(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A slip taken back before the right answer."""
    other = pool.draw(item, rng)
    if other is None:
        return None
    pattern = rng.choice(
        ("{1}... no, wait, it's {0}.", "{1}. Sorry, I meant {0}.", "I first thought of {1}, but the answer is {0}.",
         "{1}? No. {0}.", "Correction: it is not {1}, it is {0}.")
    )  # fmt: skip
    return pattern.format(item.reference, other)


def reordered_list(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The members of a list in another order."""
    members = listed(item.reference)
    if len(members) < 2 or not ASKS_FOR_SEVERAL.search(item.question.lower()):
        return None
    order = members[:]
    while order == members:
        rng.shuffle(order)
    return rng.choice((", ".join(order), ", ".join(order[:-1]) + " and " + order[-1], " & ".join(order)))


def yes_no_by_statement(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Yes" as "That's right", "No" as "It is not the case"."""
    bare = item.reference.strip(" .").lower()
    if bare not in {"yes", "no"}:
        return None
    ways = {"yes": ("Yes.", "yes, it is true", "Correct, yes.", "That's right.", "Yes, that is the case.", "Absolutely.", "Indeed."),
            "no": ("No.", "no, it is not", "No, that is not the case.", "That's not right, no.", "Absolutely not.", "Nope.")}  # fmt: skip
    return rng.choice(ways[bare])


def numbered_reasoning(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A reasoning opener that is followed by the answer."""
    opener = rng.choice(("Let's think step by step. ", "Thought process: let me recall. ", "Solution: ", "Reasoning: this is well known.\n"))
    return opener + in_phrase(item.reference, rng)


PARAPHRASES: dict[str, Edit] = {
    "unchanged": unchanged,
    "passage": passage,
    "alias": alias,
    "alias_in_phrase": alias_in_phrase,
    "alias_in_passage": alias_in_passage,
    "phrase": phrase,
    "sentence": sentence,
    "hedge": hedge,
    "surface": surface,
    "without_diacritics": without_diacritics,
    "typo": typo,
    "number_words": number_words,
    "magnitude": magnitude,
    "unit_conversion": unit_conversion,
    "percent_as_fraction": percent_as_fraction,
    "date_format": date_format,
    "finer_date": finer_date,
    "rounded": rounded,
    "surname": surname,
    "contrastive_negation": contrastive_negation,
    "corrected": corrected,
    "reordered_list": reordered_list,
    "yes_no_by_statement": yes_no_by_statement,
    "numbered_reasoning": numbered_reasoning,
}
