"""A text as facts that can be checked one by one: sentences, then clauses and list items.

Each fact stands for itself and keeps the characters that it was taken from. Sentences are found by NLTK's
Punkt with the abbreviations below, so nothing is downloaded; `judge.clauses` takes them apart. Nothing here
knows whether a fact is true.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from judge.clauses import parts_of
from judge.lexical.words import read_words, word_set

_ABBREVIATIONS = word_set(
    """dr mr mrs ms prof sr jr st mt gen col capt lt sgt rev hon gov sen rep pres vs no nos vol pp fig ca
    approx est dept univ inc ltd co corp bros u.s u.k u.n e.g i.e a.m p.m b.c a.d ph.d jan feb mar apr jun jul
    aug sep sept oct nov dec"""
)
_STARTERS = word_set("the he she it they we this that these there in on at his her its their after but i")
"""Words that open a new sentence even after an abbreviation."""
_ITEM_MARK = re.compile(r"\s*(?:[-*•‣–]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+")
_WRAPPED = 60  # characters; a shorter line was not broken to fit a page, so what it says ends with it
_MARKUP = re.compile(r"\*\*|__|`|^\s*#+\s|^[\"'“”\s]+$")
_PLEASANTRIES = word_set(
    """sure of course great good question ok okay certainly absolutely hello hi hope thi help let me know if
    you have other any more thank thanks for asking i think about it so well happy to"""
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement that can be checked, or an answer to the question of its text.

    Attributes:
        text: in words that stand for themselves.
        start, end: the characters of the source that it was taken from.
    """

    text: str
    start: int
    end: int


def read_sentences(text: str) -> list[Fact]:
    """The sentences of a text and the items of its lists, in order; an item opens with what introduced it.

    Questions and pleasantries are left out, unless there is nothing else.

    >>> [sentence.text for sentence in read_sentences("Two causes:\\n- greed\\n- fear of the U.S. Army")]
    ['Two causes: greed', 'Two causes: fear of the U.S. Army']
    """
    sentences = [sentence for sentence in _sentences(text) if read_words(sentence.text).words]
    return [sentence for sentence in sentences if not _is_chatter(sentence.text)] or sentences


def read_facts(text: str, *, fits: Callable[[str], bool] = lambda fact: True) -> list[Fact]:
    """The facts of a text, in order; what is said twice counts once.

    Args:
        text: any text.
        fits: whether a fact is short enough for whoever checks it; one that is not is cut further.

    >>> [fact.text for fact in read_facts("Ann won in 1990; Bob, Cid and Dot lost.")]
    ['Ann won in 1990', 'Bob lost.', 'Cid lost.', 'Dot lost.']
    """
    found: dict[tuple[str, ...], Fact] = {}
    for sentence in read_sentences(text):
        for fact in _facts(text, sentence):
            for piece in _cut(fact, fits):
                found.setdefault(read_words(piece.text).words, piece)
    found.pop((), None)
    return list(found.values())


def _facts(text: str, sentence: Fact) -> Iterator[Fact]:
    """The parts of one sentence."""
    source = text[sentence.start : sentence.end]
    introduction = sentence.text.removesuffix(_clean(source))
    for part in parts_of(source):
        start = sentence.start + part.start
        yield Fact(introduction + _clean(part.text), start, start + part.end - part.start)


def _cut(fact: Fact, fits: Callable[[str], bool]) -> Iterator[Fact]:
    """The fact, in pieces that fit; cut near the middle, at a comma or a space if there is one."""
    if fits(fact.text) or len(fact.text) < 2:
        yield fact
        return
    middle = len(fact.text) // 2
    near = range(middle // 2, middle + middle // 2)
    places = [at for mark in ", " for at in near if fact.text[at] == mark]
    commas = [at for at in places if fact.text[at] == ","]
    at = min(commas or places or [middle - 1], key=lambda place: abs(place - middle)) + 1
    split = min(max(fact.end - (len(fact.text) - at), fact.start), fact.end)
    yield from _cut(replace(fact, text=fact.text[:at].strip(), end=split), fits)
    yield from _cut(replace(fact, text=fact.text[at:].strip(), start=split), fits)


def _sentences(text: str) -> Iterator[Fact]:
    introduction = ""
    for start, end, is_item in _blocks(text):
        sentences = [
            (start + first, start + last) for first, last in _splitter().span_tokenize(text[start:end])
        ]
        if not is_item:
            introduction = ""
        for first, last in sentences:
            said = _clean(text[first:last])
            if said.endswith(":"):
                introduction = f"{said} "
            else:
                yield Fact(introduction + said if is_item else said, first, last)


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Stretches of text that no sentence crosses, and whether each is an item of a list."""
    start, end, is_item, ended = 0, 0, False, True
    for line in re.finditer(r"[^\n]*\n?", text):
        mark = _ITEM_MARK.match(line.group())
        if ended or mark:
            if end > start:
                yield start, end, is_item
            is_item = mark is not None
            start = line.start() + (mark.end() if mark else 0)
        content = line.group().rstrip()
        end = line.start() + len(content) if content else end
        ended = len(content) < _WRAPPED or content.endswith(":")
    if end > start:
        yield start, end, is_item


@cache
def _splitter() -> Any:
    """Punkt, told what it would have learned; imported late, as NLTK takes a second."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS)
    parameters.sent_starters = set(_STARTERS)
    return PunktSentenceTokenizer(parameters)


def _clean(text: str) -> str:
    """Without markup, on one line."""
    return " ".join(_MARKUP.sub("", text).split())


def _is_chatter(sentence: str) -> bool:
    """Whether a sentence claims nothing: it asks, or is polite."""
    return sentence.endswith("?") or _PLEASANTRIES.issuperset(read_words(sentence).words)
