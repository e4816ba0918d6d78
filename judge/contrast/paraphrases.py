"""Edits that keep an answer right: other names, other spellings, other words around it.

Each takes a question with its answer and gives a candidate that means the same, or None where it cannot.
Numbers and dates are in `quantity_edits`, whole sentences in `sentence_edits`.
"""

import re
from random import Random

from judge.contrast.aliases import same_thing
from judge.contrast.amounts import listed
from judge.contrast.answers import (
    AnsweredQuestion,
    Shape,
    occurs,
    plain,
    replaced,
    shape,
    unaccented,
)
from judge.contrast.distractors import DistractorPool, Edit
from judge.contrast.phrasing import hedged, in_chatter, in_frame, in_phrase, in_sentence, preposed

ASKS_FOR_SEVERAL = re.compile(
    r"\b(two|three|four|five|both|all|colou?rs|countries|cities|states|languages|ingredients|elements|parts"
    r"|members|founders|brothers|sisters|parents|main|names of|types of|kinds of|who were|which people)\b"
)
_DONE_BY_A_PERSON = (
    "was|played|plays|wrote|directed|invented|discovered|painted|voiced|founded|hosts|hosted|presented|composed"
    "|designed"
)
_DENIALS = (
    "Not {1}, but {0}.", "It was not {1}; it was {0}.", "It was {0}, not {1}.", "{0} rather than {1}.",
    "Many people say {1}, but it was actually {0}.", "It is often thought to be {1}. In fact it is {0}.",
    "{0} (not {1}).", "Contrary to popular belief it isn't {1}, it's {0}.", "It wasn't {1}. It was {0}.",
    "Some say {1}, but it was {0}.", "Unlike {1}, {0} is the right answer.",
)  # fmt: skip
_CORRECTIONS = (
    "{1}... no, wait, it's {0}.", "{1}. Sorry, I meant {0}.",
    "I first thought of {1}, but the answer is {0}.", "{1}? No. {0}.",
    "Correction: it is not {1}, it is {0}.", "It was {1}. That is wrong, though: it was {0}.",
)  # fmt: skip
_YES_NO = {
    "yes": (
        "Yes.", "yes, it is true", "Correct, yes.", "That's right.", "Yes, that is the case.", "Indeed.",
        "Certainly.",
    ),
    "no": (
        "No.", "no, it is not", "No, that is not the case.", "That's not right, no.", "Not at all.",
        "Nope.", "It isn't so.",
    ),
}  # fmt: skip


def unchanged(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference itself."""
    return item.reference


def passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The natural right answer."""
    return item.passage or None


def _other_name(item: AnsweredQuestion, rng: Random) -> str | None:
    names = [name for name in item.names[1:] if name != item.reference and same_thing(name, item.reference)]
    return rng.choice(names) if names else None


def alias(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another name, alone."""
    return _other_name(item, rng)


def alias_in_phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another name, in a set phrase."""
    name = _other_name(item, rng)
    return in_phrase(name, rng) if name else None


def alias_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The natural right answer with the reference replaced by another name."""
    name = _other_name(item, rng) if occurs(item.reference, item.passage) else None
    singular = name is not None and plain(name).rstrip("s") != plain(item.reference).rstrip("s")
    accented = name is not None and plain(name) == plain(item.reference)
    return replaced(item.reference, name, item.passage) if name and (singular or accented) else None


def phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference in a set phrase."""
    return in_phrase(item.reference, rng)


def sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The question as a statement that holds the reference."""
    return in_sentence(item.question, item.reference)


def in_place(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "in Lima" for "Lima"."""
    return preposed(item.question, item.reference, rng)


def chatter(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference among pleasantries."""
    return in_chatter(item.reference, rng)


def hedge(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One answer, said with doubt: judged as if said without."""
    return hedged(item.reference, rng)


def framed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference marked up, or in a sentence of another language."""
    return in_frame(item.reference, rng)


def surface(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Case, articles and punctuation."""
    text = item.reference
    other_article = (
        text[4:] if text.startswith("The ") else f"the {text}" if shape(text) is Shape.NAME else text
    )
    return rng.choice(
        (text.lower(), text.upper(), f'"{text}"', f"  {text} .", f"({text})", f"{text}!", other_article)
    )


def without_diacritics(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Cézanne" as "Cezanne"."""
    bare = unaccented(item.reference)
    return bare if bare != item.reference else None


def typo(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One slip of the fingers inside a long word; never in a number."""
    text = item.reference
    spots = [found.start() for found in re.finditer(r"(?<=[a-z]{3})[a-z](?=[a-z]{2})", text)]
    if not spots or re.search(r"\d", text) or len(text) < 8:
        return None
    at = rng.choice(spots)
    before, here, after = text[:at], text[at], text[at + 1 :]
    return rng.choice((before + after, before + here + here + after, before + after[0] + here + after[1:]))


def surname(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The surname alone, where the question asks for a person and names nobody of that name."""
    parts = item.reference.split()
    person = len(parts) == 2 and all(re.fullmatch(r"[A-Z][a-zé]{2,}[A-Za-z]*", part) for part in parts)
    asks_who = re.match(
        rf"who ({_DONE_BY_A_PERSON})\b(?!.*\b(band|group|character|team)\b)", item.question.lower()
    )
    if (
        not person
        or not asks_who
        or occurs(parts[1], item.question)
        or parts[0] in {"The", "King", "Queen", "Saint"}
    ):
        return None
    return rng.choice((parts[1], in_phrase(parts[1], rng)))


def contrastive_negation(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Not Y, but X": the wrong one is denied, the right one said."""
    other = pool.draw(item, rng)
    return rng.choice(_DENIALS).format(item.reference, other) if other else None


def corrected(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A slip taken back before the right answer."""
    other = pool.draw(item, rng)
    return rng.choice(_CORRECTIONS).format(item.reference, other) if other else None


def reordered_list(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The members of a list in another order, where several were asked for."""
    members = listed(item.reference)
    if not members or not ASKS_FOR_SEVERAL.search(item.question.lower()):
        return None
    order = members[:]
    while order == members:
        rng.shuffle(order)
    together = ", ".join(order[:-1]) + " and " + order[-1]
    return rng.choice((", ".join(order), together, " & ".join(order), in_phrase(together, rng)))


def yes_no_by_statement(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Yes" as "That's right"."""
    ways = _YES_NO.get(item.reference.strip(" .").lower())
    return rng.choice(ways) if ways else None


PARAPHRASES: dict[str, Edit] = {
    "unchanged": unchanged,
    "passage": passage,
    "alias": alias,
    "alias_in_phrase": alias_in_phrase,
    "alias_in_passage": alias_in_passage,
    "phrase": phrase,
    "sentence": sentence,
    "in_place": in_place,
    "chatter": chatter,
    "hedge": hedge,
    "framed": framed,
    "surface": surface,
    "without_diacritics": without_diacritics,
    "typo": typo,
    "surname": surname,
    "contrastive_negation": contrastive_negation,
    "corrected": corrected,
    "reordered_list": reordered_list,
    "yes_no_by_statement": yes_no_by_statement,
}
