"""Edits that make an answer wrong while it goes on looking right.

Each edit takes a question with its answer and gives a candidate that a judge must refuse, or None where it does
not apply. `CONFOUNDS` names them all; tricks that carry no answer at all are in `judge.hacks`. Standard library only.
"""

import re
from dataclasses import replace
from decimal import Decimal
from random import Random

from judge.answers import AnsweredQuestion, DistractorPool, Shape, occurs, shape, words
from judge.paraphrases import Edit, replaced
from judge.phrasing import hedged, in_phrase, in_sentence
from judge.quantities import MONTHS, Date, in_words, listed, read_date, read_number, read_quantity


def distractor(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The answer of another question of the same kind, alone."""
    return pool.draw(item, rng)


def distractor_in_phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same, in a set phrase or with a hedge."""
    other = pool.draw(item, rng)
    return rng.choice((in_phrase, in_phrase, hedged))(other, rng) if other else None


def distractor_in_sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same, in the sentence that the question makes."""
    other = pool.draw(item, rng)
    return in_sentence(item.question, other) if other else None


def distractor_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A natural right answer with the reference replaced throughout: sound words, wrong fact."""
    other = pool.draw(item, rng)
    if other is None or any(occurs(name, item.passage) for name in _separate_names(item)):
        return None
    return replaced(item.reference, other, item.passage)


def _separate_names(item: AnsweredQuestion) -> list[str]:
    """Names that would still be there after the reference is gone."""
    return [name for name in item.names if not occurs(name, item.reference) and len(name) > 1]


def near_number(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A number close by, with the same unit, in digits or words."""
    wrong = _nearby(item.reference, rng)
    return rng.choice((wrong, in_phrase(wrong, rng), hedged(wrong, rng))) if wrong else None


def near_number_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A natural right answer with its number moved."""
    wrong = _nearby(item.reference, rng)
    if wrong is None or any(occurs(name, item.passage) for name in _separate_names(item)):
        return None
    return replaced(item.reference, wrong, item.passage)


def _nearby(text: str, rng: Random) -> str | None:
    number = read_number(text)
    if number is not None and not text.strip()[0].isdigit():
        return in_words(max(0, int(number) + rng.choice((-1, 1, 2, 3))) if number else rng.randint(1, 3))
    quantity = read_quantity(text)
    if quantity is None or quantity.value <= 0:
        return None
    if shape(text) is Shape.YEAR:
        return str(int(quantity.value) + rng.choice((-10, -3, -2, -1, 1, 2, 3, 5, 10, 100)))
    steps = [Decimal(1), Decimal(2), Decimal(-1)] if quantity.value < 20 else [quantity.value * f for f in map(Decimal, ("0.1", "-0.1", "0.25", "-0.3", "1"))]
    moved = quantity.value + rng.choice(steps)
    moved = moved.to_integral_value() if quantity.value == int(quantity.value) else round(moved, 2)
    return str(replace(quantity, value=moved)) if moved not in {quantity.value, 0} else None


def other_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A day, a month or a year off."""
    date = read_date(item.reference)
    if date is None:
        return None
    off = rng.choice(
        (
            replace(date, day=date.day + 1 if date.day < 28 else date.day - 1),
            replace(date, day=rng.choice([d for d in range(1, 29) if d != date.day])),
            replace(date, month=date.month % len(MONTHS) + 1, day=min(date.day, 28)),
            replace(date, year=date.year + rng.choice((-1, 1, 10, -10))),
        )
    )
    said = rng.choice(off.ways())
    return rng.choice((said, in_phrase(said, rng)))


def coarser_date(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Less of the date than was asked for."""
    date = read_date(item.reference)
    if date is None or not re.search(r"\b(date|day)\b", item.question.lower()):
        return None
    return rng.choice((f"{date.year}", f"{MONTHS[date.month - 1]}", f"in {date.year}", f"It was in {MONTHS[date.month - 1]} {date.year}."))


def date_outside_year(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A full date in another year than the right one."""
    if shape(item.reference) is not Shape.YEAR:
        return None
    year = int(words(item.reference)[-1]) + rng.choice((-20, -7, -2, -1, 1, 2, 4, 11))
    return in_phrase(rng.choice(Date(year, rng.randint(1, 12), rng.randint(1, 28)).ways()), rng)


def unit_swap(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Equal digits, another unit."""
    quantity = read_quantity(item.reference)
    other = quantity.other_unit(rng) if quantity else None
    return rng.choice((str(other), in_phrase(str(other), rng))) if other else None


def wrong_conversion(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another unit and an amount that does not fit it."""
    quantity = read_quantity(item.reference)
    other = quantity.converted(rng) if quantity else None
    if other is None:
        return None
    return str(replace(other, value=other.value * Decimal(rng.choice(("0.5", "0.7", "1.3", "1.5", "2", "10")))).rounded(4))


def sign(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The number with the other sign."""
    quantity = read_quantity(item.reference)
    if quantity is None or quantity.value == 0 or shape(item.reference) is Shape.YEAR or not item.reference[0] in "-0123456789":
        return None
    return item.reference[1:] if item.reference.startswith("-") else rng.choice(("-", "minus ")) + item.reference


def magnitude_slip(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Ten, a thousand or a million times too much, or too little."""
    quantity = read_quantity(item.reference)
    if quantity is None or quantity.value <= 0 or shape(item.reference) is Shape.YEAR:
        return None
    if rng.random() < 0.4 and not re.search("illion|thousand", item.reference):
        return quantity.say(re.findall(r"[\d,.]+", item.reference)[0].rstrip(".") + rng.choice((" million", " thousand", " billion")))
    return str(replace(quantity, value=quantity.value * rng.choice((10, 100, 1000))))


def number_inside(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right digits inside a longer number: 19 in 1999."""
    number = read_number(item.reference)
    if number is None or not item.reference.strip().isdigit():
        return None
    digits = item.reference.strip()
    extra = str(rng.randint(1, 99))
    longer = rng.choice((digits + extra, extra + digits))
    return rng.choice((longer, in_phrase(longer, rng)))


def negated(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right answer, denied."""
    pattern = rng.choice(
        ("It was not {}.", "It isn't {}.", "Not {}.", "Anything but {}.", "The answer is not {}.", "It was never {}.",
         "{} is not the answer.", "Definitely not {}.", "It can't be {}.", "not {}", "it was not {}", "{} is wrong.",
         "Everyone except {}." if item.question.lower().startswith("who") else "It is false that it was {}.")
    )  # fmt: skip
    return pattern.format(item.reference)


def negated_sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The sentence of the question and its right answer, denied."""
    said = in_sentence(item.question, item.reference)
    if said is None:
        return None
    denied, count = re.subn(r" (is|was|are|were) (?!not )", r" \1 not ", said, count=1)
    return denied if count else f"It is not true that {said[:1].lower() + said[1:] if not said.startswith(item.reference) else said}"


def contradicted(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Right at first, then taken back."""
    other = pool.draw(item, rng)
    if other is None:
        return None
    pattern = rng.choice(
        ("{0}. No, actually it was {1}.", "It was {0}. Sorry, I meant {1}.", "{0}... wait, no, it's {1}.",
         "I first thought of {0}, but the answer is {1}.", "{0}? No. {1}.", "Correction: it is not {0}, it is {1}.",
         "It was {0}. That is wrong, though: it was {1}.", "{0}. On second thoughts, {1}.")
    )  # fmt: skip
    return pattern.format(item.reference, other)


def other_committed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right answer is mentioned, another is given."""
    other = pool.draw(item, rng)
    if other is None:
        return None
    pattern = rng.choice(
        ("Some say {0}, but it was {1}.", "Not {0}, but {1}.", "It was {1}, not {0}.", "{1} rather than {0}.",
         "Many people think it is {0}. In fact it is {1}.", "It was not {0}; it was {1}.", "{1} (not {0}).",
         "It wasn't {0}. It was {1}.", "Unlike {0}, {1} is the right answer.", "{1}, who is often confused with {0}."
         if item.question.lower().startswith("who") else "{1}, which is often confused with {0}.")
    )  # fmt: skip
    return pattern.format(item.reference, other)


def candidates_listed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Several answers, the right one among them."""
    others = list(dict.fromkeys(filter(None, (pool.draw(item, rng) for _ in range(rng.randint(1, 5))))))
    if not others:
        return None
    options = [*others, item.reference]
    rng.shuffle(options)
    if len(options) == 2:
        pattern = rng.choice(("either {} or {}", "{} or {}", "It was {} or {}.", "{} / {}", "It could be {} or maybe {}.", "Perhaps {}, perhaps {}."))
        return pattern.format(*options)
    first, last = ", ".join(options[:-1]), options[-1]
    pattern = rng.choice(("{} or {}", "It could be {}, or {}.", "Possible answers: {}, {}", "One of {} or {}.", "{}, {}"))
    return pattern.format(first, last)


def partial_list(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Some members of a list."""
    members = listed(item.reference)
    if len(members) < 2:
        return None
    kept = rng.sample(members, rng.randint(1, len(members) - 1))
    return rng.choice((" and ".join(kept), in_phrase(" and ".join(kept), rng)))


def list_with_stranger(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A list with one member swapped for a wrong one."""
    members, other = listed(item.reference), pool.draw(item, rng)
    strangers = listed(other) if other else []
    if len(members) < 2 or not strangers:
        return None
    kept = [*rng.sample(members, len(members) - 1), rng.choice(strangers)]
    return ", ".join(kept[:-1]) + " and " + kept[-1]


def yes_no_flip(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Yes for no."""
    bare = item.reference.strip(" .").lower()
    flips = {"yes": ("No", "no", "No, it isn't.", "That is not true.", "Nope."), "no": ("Yes", "yes", "Yes, that's true.", "Indeed it is.", "Yes.")}
    return rng.choice(flips[bare]) if bare in flips else None


def other_first_name(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another person of the same surname."""
    parts, other = item.reference.split(), pool.draw(item, rng)
    if len(parts) != 2 or not item.question.lower().startswith("who") or shape(item.reference) is not Shape.NAME:
        return None
    if other is None or len(other.split()) != 2 or other.split()[0][0] == parts[0][0] or "The" in other + parts[0]:
        return None
    wrong = f"{other.split()[0]} {parts[1]}"
    return rng.choice((wrong, in_phrase(wrong, rng)))


def inside_word(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference as a part of some longer word."""
    name = item.reference
    if not re.fullmatch(r"[A-Za-z]{3,9}", name):
        return None
    return rng.choice(("{}opoulos", "{}borough", "{}ington", "Mc{}", "Anti{}ism", "{}grove")).format(name)


CONFOUNDS: dict[str, Edit] = {
    "distractor": distractor,
    "distractor_in_phrase": distractor_in_phrase,
    "distractor_in_sentence": distractor_in_sentence,
    "distractor_in_passage": distractor_in_passage,
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
    "negated": negated,
    "negated_sentence": negated_sentence,
    "contradicted": contradicted,
    "other_committed": other_committed,
    "candidates_listed": candidates_listed,
    "partial_list": partial_list,
    "list_with_stranger": list_with_stranger,
    "yes_no_flip": yes_no_flip,
    "other_first_name": other_first_name,
    "inside_word": inside_word,
}
