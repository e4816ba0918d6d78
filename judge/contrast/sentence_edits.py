"""Edits of whole sentences: what a sentence says of whom, how much of it, when, and whether it must.

Small words carry the meaning here, so a judge that only counts shared words fails; for the order of words see
`word_order`. Standard library only.
"""

import re
from random import Random

from judge.contrast.answers import AnsweredQuestion
from judge.contrast.distractors import DistractorPool, Edit
from judge.contrast.word_order import opened_small

NAME = r"[A-Z][a-zé'-]+(?: [A-Z][a-zé'-]+)*"
OPPOSITES = (
    ("increased", "decreased"), ("increases", "decreases"), ("higher", "lower"), ("larger", "smaller"),
    ("before", "after"), ("northern", "southern"), ("eastern", "western"), ("north", "south"),
    ("east", "west"), ("won", "lost"), ("accepted", "rejected"), ("allowed", "prohibited"),
    ("largest", "smallest"), ("rich", "poor"), ("oldest", "youngest"), ("highest", "lowest"),
    ("best", "worst"), ("always", "never"), ("male", "female"), ("man", "woman"), ("men", "women"),
    ("boy", "girl"), ("young", "old"), ("hot", "cold"), ("open", "closed"), ("inside", "outside"),
    ("above", "below"), ("public", "private"), ("bought", "sold"), ("arrived", "left"),
    ("positive", "negative"), ("father", "mother"), ("son", "daughter"), ("uncle", "aunt"),
    ("husband", "wife"), ("king", "queen"), ("black", "white"), ("upstream", "downstream"),
    ("strong", "weak"), ("safe", "dangerous"), ("easy", "difficult"), ("loud", "quiet"), ("wet", "dry"),
    ("heavy", "light"), ("legal", "illegal"), ("early", "late"), ("true", "false"), ("small", "large"),
    ("big", "little"), ("asleep", "awake"), ("empty", "full"), ("agreed", "disagreed"),
    ("likes", "dislikes"),
)  # fmt: skip
ANTONYMS: dict[str, tuple[str, ...]] = {a: (b,) for pair in OPPOSITES for a, b in (pair, pair[::-1])}
QUANTIFIERS: dict[str, tuple[str, ...]] = {
    "all": ("some", "few", "no"), "every": ("no",), "most": ("few", "none of the"), "many": ("no", "few"),
    "some": ("all", "no"), "always": ("sometimes", "rarely"), "only": ("also",), "both": ("neither of the",),
    "several": ("no",), "each": ("no",), "often": ("rarely",), "usually": ("never",),
    "nobody": ("everybody",), "everyone": ("no one",), "none": ("all",),
}  # fmt: skip
MODALITIES: dict[str, tuple[str, ...]] = {
    "must": ("may", "need not"), "may": ("must",), "can": ("cannot",), "will": ("may", "will not"),
    "should": ("should not",), "would": ("would not",), "might": ("will",),
}  # fmt: skip
TENSES: dict[str, tuple[str, ...]] = {
    "is": ("was once", "will be"), "was": ("will be",), "are": ("were once", "will be"), "were": ("will be",),
    "has": ("no longer has",), "will": ("used to",),
}  # fmt: skip
STRANGERS = (
    "Helsinki",
    "Margaret Hill",
    "Peter Novak",
    "Osaka",
    "Brazil",
    "Nina Ortega",
    "Lagos",
    "Henry Clarke",
)


def tidied(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same sentence in lower case, or framed as a claim."""
    text = item.reference.strip()
    frame = rng.choice(("It is true that {}", "Indeed, {}", "As is well known, {}"))
    return rng.choice((text.lower(), f"{text} That is all.", frame.format(opened_small(text))))


def antonym(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One word made its opposite."""
    return _one_word(ANTONYMS, item.reference, rng)


def quantifier(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """All made some, most made few."""
    return _one_word(QUANTIFIERS, item.reference, rng)


def modality(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Must made may, will made will not."""
    return _one_word(MODALITIES, item.reference, rng)


def tense(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """What is made what was, or will be."""
    return _one_word(TENSES, item.reference, rng)


def denial(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The only verb of being or ability in the sentence, denied."""
    verbs = re.findall(r"\b(?:is|was|are|were|will|can)\b", item.reference)
    if len(verbs) != 1 or re.search(r"\b(not|never|no|n't|nothing|nobody|none|without)\b", item.reference):
        return None
    return re.sub(rf"\b{verbs[0]}\b", f"{verbs[0]} {rng.choice(('not', 'not', 'never'))}", item.reference)


def moved_number(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """One number of the sentence changed."""
    found = list(re.finditer(r"(?<![\d,.])\d+(?![\d,.]*\d)", item.reference))
    if not found:
        return None
    spot = rng.choice(found)
    moved = int(spot.group()) + rng.choice((1, 2, 3, 10, 7))
    return item.reference[: spot.start()] + str(moved) + item.reference[spot.end() :]


def other_name_in_sentence(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """A name inside the sentence replaced by one from nowhere."""
    found = re.findall(rf"(?<=[a-z] )({NAME})(?= [a-z]| ?[.,])", item.reference)
    if not found:
        return None
    old = rng.choice(found)
    new = rng.choice(STRANGERS)
    return item.reference.replace(old, new) if old not in new else None


def _one_word(table: dict[str, tuple[str, ...]], text: str, rng: Random) -> str | None:
    """`text` with a word of `table` changed; None unless exactly one of them stands in it, in lower case."""
    found = [m for m in re.finditer(r"\b[a-z]+\b(?!['’-])", text) if m.group() in table]
    if len(found) != 1 or re.search(r"\b(not|n't|never)\b", text):
        return None
    word = found[0]
    return text[: word.start()] + rng.choice(table[word.group()]) + text[word.end() :]


SENTENCE_PARAPHRASES: dict[str, Edit] = {"tidied": tidied}
SENTENCE_CONFOUNDS: dict[str, Edit] = {
    "antonym": antonym,
    "quantifier": quantifier,
    "modality": modality,
    "tense": tense,
    "denial": denial,
    "moved_number": moved_number,
    "other_name_in_sentence": other_name_in_sentence,
}
