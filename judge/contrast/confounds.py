"""Edits that make an answer wrong while it goes on looking right.

Each takes a question with its answer and gives a candidate that a judge must refuse, or None where it cannot.
Numbers and dates are in `quantity_edits`, whole sentences in `sentence_edits`, tricks that carry
no answer at all in `hacks`.
"""

import re
from random import Random

from judge.contrast.amounts import listed
from judge.contrast.answers import (
    AnsweredQuestion,
    Shape,
    content,
    occurs,
    replaced,
    shape,
    whole,
)
from judge.contrast.distractors import DistractorPool, Edit
from judge.contrast.phrasing import hedged, in_chatter, in_frame, in_phrase, in_sentence, preposed

_DENIALS = (
    "It was not {}.", "It isn't {}.", "Not {}.", "Anything but {}.", "The answer is not {}.",
    "It was never {}.", "{} is not the answer.", "Definitely not {}.", "It can't be {}.", "not {}",
    "it was not {}", "{} is wrong.", "It is false that it was {}.", "I doubt that it was {}.",
    "It is anything but {}.", "No, it wasn't {}.",
)  # fmt: skip
_RETRACTIONS = (
    "{0}. No, actually it was {1}.", "It was {0}. Sorry, I meant {1}.", "{0}... no, wait, it's {1}.",
    "I first thought of {0}, but the answer is {1}.", "{0}? No. {1}.",
    "Correction: it is not {0}, it is {1}.", "It was {0}. That is wrong, though: it was {1}.",
    "{0}. On second thoughts, {1}.", "{0}. Sorry, I meant {1}.",
)  # fmt: skip
_COMMITMENTS = (
    "Some say {0}, but it was {1}.", "Not {0}, but {1}.", "It was {1}, not {0}.", "{1} rather than {0}.",
    "Many people say {0}, but it was actually {1}.", "It is often thought to be {0}. In fact it is {1}.",
    "It was not {0}; it was {1}.", "{1} (not {0}).", "It wasn't {0}. It was {1}.",
    "{1}, often confused with {0}.", "Unlike {0}, {1} is the right answer.",
    "Contrary to popular belief it isn't {0}, it's {1}.",
)  # fmt: skip
_EITHER = (
    "either {} or {}",
    "{} or {}",
    "It was {} or {}.",
    "{} / {}",
    "It could be {} or maybe {}.",
    "Perhaps {}, perhaps {}.",
)
_ANY = (
    "{} or {}",
    "It could be {}, or {}.",
    "Possible answers: {}, {}",
    "One of {} or {}.",
    "{}, {}",
    "{}; {}",
)
_FLIPS = {
    "yes": (
        "No",
        "no",
        "No, it isn't.",
        "That is not true.",
        "Nope.",
        "Not at all.",
        "No, that is not the case.",
    ),
    "no": ("Yes", "yes", "Yes, that's true.", "Indeed.", "Yes.", "Certainly.", "Yes, that is the case."),
}


def distractor(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The answer of another question of the same kind, alone."""
    return pool.draw(item, rng)


def distractor_in_phrase(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same, in a set phrase, with a hedge, or among pleasantries."""
    other = pool.draw(item, rng)
    return rng.choice((in_phrase, hedged, in_chatter))(other, rng) if other else None


def distractor_in_sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same, in the sentence that the question makes."""
    other = pool.draw(item, rng)
    return in_sentence(item.question, other) if other else None


def distractor_in_place(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "in Oslo" for "Lima"."""
    other = pool.draw(item, rng)
    return preposed(item.question, other, rng) if other else None


def distractor_in_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A natural right answer with the reference replaced throughout: sound words, wrong fact."""
    other = pool.draw(item, rng) if item.passage else None
    changed = replaced(item.reference, other, item.passage) if other else None
    return changed if changed and not _still_right(item, changed) else None


def cut_passage(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A natural right answer, broken off before it comes to the answer."""
    found = re.search(whole(item.reference), item.passage, re.IGNORECASE)
    before = item.passage[: found.start()].strip() if found else ""
    return before if len(before.split()) >= 3 and not _still_right(item, before) else None


def _still_right(item: AnsweredQuestion, text: str) -> bool:
    """Whether a word of any name of the answer that the question does not give is still in `text`."""
    telling = set().union(*map(content, item.names)) - content(item.question)
    return not telling or bool(telling & content(text))


def negated(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right answer, denied."""
    return rng.choice(_DENIALS).format(item.reference)


def negated_sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The sentence of the question and its right answer, denied."""
    said = in_sentence(item.question, item.reference)
    if said is None:
        return None
    denied, count = re.subn(r" (is|was|are|were) (?!not )", r" \1 not ", said, count=1)
    return (
        denied
        if count
        else rng.choice(("It is not true that ", "It is false that ", "Nobody believes that ")) + said
    )


def contradicted(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Right at first, then taken back."""
    other = pool.draw(item, rng)
    return rng.choice(_RETRACTIONS).format(item.reference, other) if other else None


def other_committed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The right answer is mentioned, another is given."""
    other = pool.draw(item, rng)
    return rng.choice(_COMMITMENTS).format(item.reference, other) if other else None


def candidates_listed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Several answers to choose from, the right one among them."""
    others = filter(None, (pool.draw(item, rng) for _ in range(rng.randint(1, 5))))
    options = [*dict.fromkeys(others), item.reference]
    if len(options) == 1:
        return None
    rng.shuffle(options)
    return rng.choice(_EITHER if len(options) == 2 else _ANY).format(", ".join(options[:-1]), options[-1])


def partial_list(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Some members of a list."""
    members = listed(item.reference)
    if not members or " and " not in item.reference or item.question.lower().startswith("where"):
        return None
    kept = " and ".join(rng.sample(members, rng.randint(1, len(members) - 1)))
    return rng.choice((kept, in_phrase(kept, rng)))


def list_with_stranger(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A list with one member swapped for a wrong one."""
    members = listed(item.reference)
    other = pool.draw(item, rng) if members else None
    strangers = listed(other) if other else []
    if not strangers:
        return None
    kept = [*rng.sample(members, len(members) - 1), rng.choice(strangers)]
    return ", ".join(kept[:-1]) + " and " + kept[-1]


def yes_no_flip(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Yes for no."""
    ways = _FLIPS.get(item.reference.strip(" .").lower())
    return rng.choice(ways) if ways else None


def other_first_name(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another person of the same surname."""
    parts, other = item.reference.split(), pool.draw(item, rng)
    if (
        len(parts) != 2
        or not item.question.lower().startswith("who")
        or shape(item.reference) is not Shape.NAME
    ):
        return None
    if (
        other is None
        or len(other.split()) != 2
        or other[0] == parts[0][0]
        or "The" in {parts[0], other.split()[0]}
    ):
        return None
    wrong = f"{other.split()[0]} {parts[1]}"
    return rng.choice((wrong, in_phrase(wrong, rng)))


def inside_word(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The reference as a part of some longer word."""
    if not re.fullmatch(r"[A-Za-z]{3,9}", item.reference) or occurs("prefix", item.question):
        return None
    longer = rng.choice(("{}opoulos", "{}borough", "{}ington", "Mc{}", "Anti{}ism", "{}grove", "{}hausen"))
    return longer.format(item.reference)


def distractor_framed(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Another answer marked up, or in a sentence of another language."""
    other = pool.draw(item, rng)
    return in_frame(other, rng) if other else None


CONFOUNDS: dict[str, Edit] = {
    "distractor_framed": distractor_framed,
    "distractor": distractor,
    "distractor_in_phrase": distractor_in_phrase,
    "distractor_in_sentence": distractor_in_sentence,
    "distractor_in_place": distractor_in_place,
    "distractor_in_passage": distractor_in_passage,
    "cut_passage": cut_passage,
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
