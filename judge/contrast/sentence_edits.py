"""Edits of whole sentences: what a sentence says of whom, how much of it, when, and whether it must.

Word order and small words carry the meaning here, so a judge that only counts shared words fails. Standard
library only.
"""

import re
from random import Random

from judge.contrast.answers import FUNCTION_WORDS, AnsweredQuestion
from judge.contrast.distractors import DistractorPool, Edit

NAME = r"[A-Z][a-zé'-]+(?: [A-Z][a-zé'-]+)*"
SYMMETRIC = re.compile(
    r"\b(and|or|with|between|both|together|marry|marries|married|wed|dating|meets?|met|versus|vs|against|near|equal"
    r"|same|similar|sisters?|brothers?|twins?|cousins?|friends?|alongside|joined|borders?|bordered|parallel|known"
    r"|called|named|nicknamed)\b",
    re.IGNORECASE,
)
"""A sentence with one of these may say the same with its names swapped."""
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
OPENING_WORDS = FUNCTION_WORDS | {
    "then",
    "when",
    "while",
    "after",
    "before",
    "but",
    "if",
    "he",
    "she",
    "they",
}
CLAUSE_WORDS = re.compile(
    r"\b(and|but|or|that|which|who|when|where|while|because|if|as|to|from|until|since|born|in)\b"
)
"""A sentence with one of these may have more than one place for a time to belong."""
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


def moved_time(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "In 1998, X did Y." as "X did Y in 1998.", and back, where one clause leaves one place to belong."""
    text = item.reference.strip()
    front = re.fullmatch(r"(In|On|During|After|Before|Since|Until) ((?:\w+ ){0,2}\d{4}), ([^,;:]+?)\.", text)
    if front and not CLAUSE_WORDS.search(front.group(3)):
        preposition, time, rest = front.groups()
        return f"{rest[:1].upper()}{rest[1:]} {preposition.lower()} {time}."
    back = re.fullmatch(r"([^,;:]+?) (in|since|until) (\d{4})\.", text)
    if back and not CLAUSE_WORDS.search(back.group(1)):
        return f"{back.group(2).capitalize()} {back.group(3)}, {_opened_small(back.group(1))}."
    return None


def tidied(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """The same sentence in lower case, or framed as a claim."""
    text = item.reference.strip()
    frame = rng.choice(("It is true that {}", "Indeed, {}", "As is well known, {}"))
    return rng.choice((text.lower(), f"{text} That is all.", frame.format(_opened_small(text))))


def swapped_conjuncts(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "Bob and Ann left" as "Ann and Bob left"."""
    text = item.reference
    pair = rf"(?:^|\b(?:by|of|in|from|for|to) )({NAME}) and ({NAME})(?=(?! al| de| van| von) [a-z]| ?[.])"
    found = list(re.finditer(pair, text))
    if len(found) != 1 or re.search(r"respectively|former|latter|first|and .* and|,", text):
        return None
    one, other = found[0].groups()
    if len(one.split()) != len(other.split()) or "'s" in one + other or one.lower() in OPENING_WORDS:
        return None
    return text[: found[0].start(1)] + f"{other} and {one}" + text[found[0].end() :]


def swapped_names(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """Two names change places, where neither the words between them nor the sentence are symmetric."""
    text = _opened_small(item.reference)
    found = list(re.finditer(rf"(?<![\w-]){NAME}(?![\w'’-])", text))
    named = sum(len(name.group().split()) for name in found)
    if (
        len(found) != 2
        or named != len(re.findall(r"\b[A-Z]", text))
        or re.search(r"[\"“(]|^[A-Z]\S* [a-z]", text)
    ):
        return None
    first, second = found
    between = text[first.end() : second.start()]
    if first.group() == second.group() or SYMMETRIC.search(text) or not re.search(r"\b[a-z]{4,}\b", between):
        return None
    swapped = text[: first.start()] + second.group() + between + first.group() + text[second.end() :]
    return swapped[:1].upper() + swapped[1:]


def swapped_nouns(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "The dog chases the cat" as "The cat chases the dog"."""
    found = re.fullmatch(
        r"(A|An|The) (man|woman|boy|girl|dog|cat|child|person|lady|baby|bird|horse|monkey|guy|[a-z]+er) "
        r"((?:is |was )?(?:[a-z]+ing|[a-z]+s|[a-z]+ed)(?: [a-z]+)?) (a|an|the) ([a-z]+)( ?\.)?",
        item.reference.strip(),
    )
    if not found or found.group(2) == found.group(5) or SYMMETRIC.search(item.reference):
        return None
    one, noun, verb, two, other, stop = found.groups(default="")
    return f"{two.capitalize()} {other} {verb} {one.lower()} {noun}{stop}"


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


def _opened_small(text: str) -> str:
    """`text` without the capital of its first word, where that word is no name."""
    return text[:1].lower() + text[1:] if text.split(" ")[0].lower() in OPENING_WORDS else text


def _one_word(table: dict[str, tuple[str, ...]], text: str, rng: Random) -> str | None:
    """`text` with a word of `table` changed; None unless exactly one of them stands in it, in lower case."""
    found = [m for m in re.finditer(r"\b[a-z]+\b(?!['’-])", text) if m.group() in table]
    if len(found) != 1 or re.search(r"\b(not|n't|never)\b", text):
        return None
    word = found[0]
    return text[: word.start()] + rng.choice(table[word.group()]) + text[word.end() :]


SENTENCE_PARAPHRASES: dict[str, Edit] = {
    "moved_time": moved_time,
    "tidied": tidied,
    "swapped_conjuncts": swapped_conjuncts,
}
SENTENCE_CONFOUNDS: dict[str, Edit] = {
    "swapped_names": swapped_names,
    "swapped_nouns": swapped_nouns,
    "antonym": antonym,
    "quantifier": quantifier,
    "modality": modality,
    "tense": tense,
    "denial": denial,
    "moved_number": moved_number,
    "other_name_in_sentence": other_name_in_sentence,
}
