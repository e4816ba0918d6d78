"""Edits of word order: the same words say something else, or the same thing.

Two names, years, adjectives or nouns that change places change who did what; a moved time, a turned list and
a passive do not. A judge that only counts shared words cannot tell these apart (PAWS, Zhang et al. 2019).
A sentence may come with a paraphrase: then it is the paraphrase that is edited. Standard library only.
"""

import re
from collections.abc import Callable, Mapping
from random import Random

from judge.contrast.answers import FUNCTION_WORDS, MONTHS, AnsweredQuestion
from judge.contrast.distractors import DistractorPool, Edit

CAPITALISED = r"[A-ZÀ-Þ][\w’'-]*[\w’]"
NAME = rf"{CAPITALISED}(?: (?:(?:of|de|von|van) )?{CAPITALISED})*"
OPENING_WORDS = FUNCTION_WORDS | frozenset(
    """then when while after before but if he she they there these those some many most all both each one two
    during since until although though however also we you who what which where here such other another not
    members written directed according let only born""".split()
)
"""Words that open a sentence with a capital and are no names."""
SYMMETRIC = re.compile(
    r"\b(between|both|together|married|marries|wed|dating|meets?|met|versus|vs|against|near|equals?|same|similar"
    r"|sisters?|brothers?|twins?|cousins?|friends?|alongside|borders?|bordered|parallel|known|called|named"
    r"|nicknamed|respectively|like|including|with)\b",
    re.IGNORECASE,
)
"""Between two names, one of these may let them change places with nothing changed."""
TELLING_WORD = re.compile(r"\b[a-z]{4,}\b")
ADJECTIVE = (
    r"(?:[a-z]{2,}(?:al|ic|ous|ive|ful|ish|ary|ern|less)|old|new|first|second|third|last|small|large|big|red"
    r"|blue|green|black|white|young|long|short|high|low|early|late)"
)
TIME = rf"(?:(?:the )?(?:early |late |mid-?)?\d{{4}}s?|(?:{'|'.join(MONTHS)}),? \d{{4}}|the \w+ century)"
PAST_TENSES = {
    "written": "wrote", "built": "built", "won": "won", "made": "made", "led": "led", "sung": "sang",
    "drawn": "drew", "taken": "took", "given": "gave", "beaten": "beat", "held": "held", "bought": "bought",
    "sold": "sold", "found": "found", "chosen": "chose", "driven": "drove", "taught": "taught",
}  # fmt: skip
_REORDERED_TOO = (
    0.4  # share of swaps that come with a harmless change, so that the size of a change says nothing
)


def _exchange(text: str, pattern: str, rng: Random) -> str | None:
    """Two different spans of a pattern change places, where words between them make them play two parts."""
    found = [m for m in re.finditer(pattern, text) if m.group().split()[0].lower() not in OPENING_WORDS]
    pairs = [
        (one, other)
        for at, one in enumerate(found)
        for other in found[at + 1 :]
        if one.group() != other.group() and _play_two_parts(text[one.end() : other.start()])
    ]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    between = text[one.end() : other.start()]
    return text[: one.start()] + other.group() + between + one.group() + text[other.end() :]


def _play_two_parts(between: str) -> bool:
    return TELLING_WORD.search(between) is not None and not SYMMETRIC.search(between)


def _swap(pattern: str) -> Edit:
    """An edit that exchanges two spans of `pattern`."""

    def edit(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
        text = opened_small(_told(item, rng))
        swapped = _exchange(text, pattern, rng)
        if swapped is None:
            return None
        swapped = swapped[:1].upper() + swapped[1:]
        return _reordered(swapped, rng) or swapped if rng.random() < _REORDERED_TOO else swapped

    return edit


def _reordering(change: Callable[[str, Random], str | None]) -> Edit:
    """An edit that keeps the meaning."""

    def edit(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
        return change(_told(item, rng), rng)

    return edit


def _told(item: AnsweredQuestion, rng: Random) -> str:
    """The sentence, or its paraphrase where it has one."""
    return (item.passage or item.reference).strip()


def _reordered(text: str, rng: Random) -> str | None:
    """`text` with one harmless change of order; None where there is none to make."""
    ways = [way for change in CHANGES.values() if (way := change(text, rng)) is not None and way != text]
    return rng.choice(ways) if ways else None


def moved_time(text: str, rng: Random) -> str | None:
    """ "In 1998, X did Y." as "X did Y in 1998.", and back, where one clause leaves one place to belong."""
    front = re.fullmatch(rf"(In|On|During|After|Before|Since|Until) ({TIME}) ?, ([^;:.\d]+?)( ?\.)", text)
    if front and not _JOINED.search(front.group(3)):
        preposition, time, rest, stop = front.groups()
        return f"{rest[:1].upper()}{rest[1:]} {preposition.lower()} {time}{stop}"
    back = re.fullmatch(rf"([^;:.\d]+?) (in|since|until|during) ({TIME})( ?\.)", text)
    if back and not _JOINED.search(back.group(1)) and not re.match(r"\w+ed\b", text):
        rest, preposition, time, stop = back.groups()
        comma = " ," if stop.startswith(" ") else ","
        return f"{preposition.capitalize()} {time}{comma} {opened_small(rest)}{stop}"
    return None


def swapped_conjuncts(text: str, rng: Random) -> str | None:
    """ "Bob and Ann left" as "Ann and Bob left", "red , blue and green" as "green , red and blue"."""
    if _ORDER_TOLD.search(text):
        return None
    found = list(_CONJUNCTS.finditer(text))
    if not found:
        return None
    spot = rng.choice(found)
    members = re.split(r" ?, | (?:and|or) ", spot.group())
    if len({bool(re.match(r"[A-Z]", member)) for member in members}) > 1 or set(members) & OPENING_WORDS:
        return None
    joints = re.findall(r" ?, | (?:and|or) ", spot.group())
    turned = members[::-1] if len(members) == 2 else rng.sample(members, len(members))
    joined = turned[0] + "".join(joint + member for joint, member in zip(joints, turned[1:], strict=True))
    return text[: spot.start()] + joined + text[spot.end() :]


def turned_passive(text: str, rng: Random) -> str | None:
    """ "X was founded by Y." as "Y founded X."."""
    found = _PASSIVE.fullmatch(text)
    if not found or _JOINED.search(f"{found.group(1)} {found.group(3)}") or _PRONOUN.match(text):
        return None
    done_to, participle, doer, stop = found.groups()
    verb = PAST_TENSES.get(participle, participle if participle.endswith("ed") else "")
    if not verb:
        return None
    return f"{doer[:1].upper()}{doer[1:]} {verb} {opened_small(done_to)}{stop}"


def turned_copula(text: str, rng: Random) -> str | None:
    """ "X is the capital of Y." as "The capital of Y is X."."""
    found = re.fullmatch(rf"({NAME}) (is|was) (the [^,;:.]+?)( ?\.)", text)
    if not found or _JOINED.search(found.group(3)) or found.group(1).lower() in OPENING_WORDS:
        return None
    name, verb, role, stop = found.groups()
    return f"{role[:1].upper()}{role[1:]} {verb} {name}{stop}"


def swapped_passive(item: AnsweredQuestion, pool: DistractorPool, rng: Random) -> str | None:
    """ "X was founded by Y." as "X founded Y."."""
    text = _told(item, rng)
    found = _PASSIVE.fullmatch(text)
    if not found or SYMMETRIC.search(text):
        return None
    done_to, participle, doer, stop = found.groups()
    verb = PAST_TENSES.get(participle, participle if participle.endswith("ed") else "")
    return f"{done_to} {verb} {doer}{stop}" if verb else None


def opened_small(text: str) -> str:
    """`text` without the capital of its first word, where that word is no name."""
    return text[:1].lower() + text[1:] if text.split(" ")[0].lower() in OPENING_WORDS else text


_AFTER_ARTICLE = "|".join(rf"(?<=\b{article} )" for article in ("[Tt]he", "[Aa]", "his", "her", "its"))
_AFTER_NOUN = "of|in|is|was|were|and|to|from|for|at|on|by|that|who|[a-z]+(?:ing|ed|es)"
_JOINED = re.compile(
    r"\b(and|but|or|that|which|who|when|where|while|because|if|as|until|since|before|after)\b"
)
"""A sentence with one of these may have more than one place for a time to belong."""
_ORDER_TOLD = re.compile(
    r"\b(respectively|former|latter|first|second|then|later|between|followed|ranked)\b", re.I
)
_MEMBER = rf"(?:{NAME}|[a-z]{{3,}})"
_CONJUNCTS = re.compile(
    rf"(?<=\bby )(?:{NAME} ?, )*{NAME} (?:and|or) {NAME}(?= ?[.,])"
    rf"|(?<=\b(?:of|in) )(?:{_MEMBER} ?, )*{_MEMBER} (?:and|or) {_MEMBER}(?= ?[.,])"
    rf"|(?<=\b(?:for|are) )(?:{_MEMBER} ?, )*{_MEMBER} (?:and|or) {_MEMBER}(?= ?[.,])"
    rf"|(?<=\b(?:with|from|were) )(?:{_MEMBER} ?, )*{_MEMBER} (?:and|or) {_MEMBER}(?= ?[.,])"
    rf"|^{NAME} and {NAME}(?= (?:are|were|have)\b)"
)
_PASSIVE = re.compile(
    r"([A-Z][^,;:.\d]*?) (?:was|were) (?!un)(\w+) by "
    rf"({NAME}|(?:a|an|the|his|her)(?: [a-z]+)+(?: {NAME})?)( ?\.)"
)
_PRONOUN = re.compile(r"(?:He|She|It|They|This|That|These|Those|There|Who|Which)\b")

CHANGES: Mapping[str, Callable[[str, Random], str | None]] = {
    "moved_time": moved_time,
    "swapped_conjuncts": swapped_conjuncts,
    "turned_passive": turned_passive,
    "turned_copula": turned_copula,
}
REORDERINGS: dict[str, Edit] = {kind: _reordering(change) for kind, change in CHANGES.items()}
SWAPS: dict[str, Edit] = {
    "swapped_names": _swap(rf"(?<![\w-])(?!(?:{'|'.join(MONTHS)})\b){NAME}(?![\w’'-])"),
    "swapped_years": _swap(r"(?<![\d,.-])[12]\d{3}(?![\d-])(?!s)"),
    "swapped_modifiers": _swap(rf"\b{ADJECTIVE}(?= [a-z]{{3,}}\b)"),
    "swapped_nouns": _swap(rf"(?:{_AFTER_ARTICLE})[a-z]{{3,}}(?= (?:{_AFTER_NOUN})\b| ?[.,])"),
    "swapped_passive": swapped_passive,
}
