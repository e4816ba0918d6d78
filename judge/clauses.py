"""A sentence taken apart: its clauses, and the items that it lists, each as a statement of its own.

Done by form, without a parser, and only where the form is plain: a sentence left whole is checked as one
fact, while one cut wrongly makes facts that nobody stated. So what hangs on a condition, on who said it, or
on an "or" stays in one piece. English alone; in other languages only semicolons and bare lists are cut.
"""

import re
from typing import NamedTuple

_AUXILIARIES = "am|is|are|was|were|has|have|had|does|do|did|will|would|can|could|may|might|must|shall|should"
_PASTS = (
    "ate|became|began|bought|broke|brought|built|came|chose|cut|drew|drove|fell|fled|flew|fought|found|gave|got"
    "|grew|held|hit|kept|knew|led|left|lost|made|meant|met|paid|put|ran|rose|sang|sat|saw|sent|set|shot|sold"
    "|spent|spoke|stood|swam|taught|told|took|went|won|wore|wrote"
)
_NO_VERBS = "need|seed|speed|breed|bed|red|shed|hundred|sacred|naked|indeed"
_FINITE = rf"(?:{_AUXILIARIES}|{_PASTS}|(?!(?:{_NO_VERBS})\b)[a-z]+ed)\b"
_ADVERB = r"(?:(?:also|later|then|eventually|finally|soon|never|still|now|[a-z]+ly)\s)?"
_DETERMINERS = "the|a|an|his|her|its|their|our|my|this|that|these|those"
_PREPOSITIONS = "of|in|on|at|with|from|by|for|to|as|into|through|about|against|under|over|during|near"
_CAPITAL = r"[A-Z\u00c0-\u00de](?:[\w'’&-]|\.(?=\S))*"
_SUBJECT = (
    rf"(?:(?:he|she|it)\s{_ADVERB}(?:{_FINITE}|[a-z]{{2,}}s\b)"
    rf"|(?:(?:they|we|i|you|there|this|that)|(?:{_DETERMINERS})(?:\s[\w'’-]+){{1,3}}?|{_CAPITAL}(?:\s{_CAPITAL}){{0,3}})"
    rf"\s{_ADVERB}{_FINITE})"
)
_JOINT = re.compile(
    rf"\s*;\s*|,?\s(?:and|but|while|whereas)\s(?=(?i:the|a|an|his|her|its|their|{_SUBJECT}))(?={_SUBJECT})"
    rf"|,?\s(?:and|but)\s(?={_ADVERB}{_FINITE})"
)
"""Where one clause ends and the next begins."""
_NO_SUBJECT = re.compile(rf"{_ADVERB}(?P<verb>{_FINITE})")
_FIRST_VERB = re.compile(rf"(?:^|,\s)(?P<subject>[^,]+?)\s{_ADVERB}(?P<verb>{_FINITE})")
_PARTICIPLE = re.compile(rf"{_ADVERB}[a-z]+ed(?=\s(?:{_PREPOSITIONS})\b|\W*$)")
_BE = frozenset({"is", "are", "was", "were"})
_ACTIVE = frozenset(
    """died moved lived worked served played returned studied graduated married emigrated settled retired
    resigned turned travelled traveled joined remained received earned started continued helped
    entered""".split()
)
"""Verbs in -ed that take no "was" over from the clause before: was born in Lima and died in Oslo."""
_HELD_TOGETHER = re.compile(
    r"\b(?:if|unless|whether|neither|nor|or|either|both|between|among|not only|said|says|claim(?:s|ed)"
    r"|alleged|believe[sd]?|thought|thinks|denie[sd]|argue[sd]|according to|report(?:s|ed)"
    r"|suggest(?:s|ed)?)\b",
    re.IGNORECASE,
)
"""Words on which the parts of a sentence hang together: cut apart, they would say something else."""

_NAME = (
    rf"(?:[Tt]he\s)?(?:{_CAPITAL}|\d[\d,.]*(?<![,.]))"
    rf"(?:\s(?:(?:of|de|la|van|von|der|the)\s){{0,2}}(?:{_CAPITAL}|\d+))*"
)
_OTHER = "and|or|but|who|which|that|when|where|not|he|she|it|they|we|i|you|there|this"
_WORD = rf"(?!(?:{_FINITE}|(?:{_PREPOSITIONS}|{_OTHER})\b))[a-z][\w'’-]*"
_PHRASE = rf"(?:(?:{_DETERMINERS})\s)?{_WORD}(?:\s{_WORD}){{0,2}}"
_BEFORE_PHRASE = rf"(?:\b(?:{_FINITE}|(?:{_PREPOSITIONS}|[a-z]+ing|includes?|like)\b)|:)\s"
_LIST = re.compile(
    rf"(?:(?<![\w'’.&-])(?P<name>{_NAME})|{_BEFORE_PHRASE}(?P<phrase>{_PHRASE}))"
    rf"(?:,\s(?:{_NAME}|{_PHRASE}))+,?\s(?:and|&)\s(?:{_NAME}|{_PHRASE})(?![\w'’-])"
)
"""A, B and C: names and numbers wherever they stand, other words only after what must come before a list."""
_ITEM = re.compile(rf"(?:{_NAME}|{_PHRASE})\W*")
_BETWEEN_ITEMS = re.compile(r"\s*(?:,\s*(?:and|&)\s|,(?!\d)|[;/\n]|\s(?:and|&)\s)\s*")
_PLURAL = re.compile(r"^\s(were|are|have)\b")
_SINGULAR = {"were": "was", "are": "is", "have": "has"}
_LONGEST_BARE = 10  # words of an answer that is no sentence
_LONGEST_READ = 600  # characters of a sentence that is taken apart; what is longer is no prose


class Part(NamedTuple):
    """A statement, and the characters of its sentence that it adds to the others."""

    text: str
    start: int
    end: int


def is_bare(text: str) -> bool:
    """Whether a text is an answer rather than a statement: a few words without a verb.

    >>> is_bare("London, England"), is_bare("She was born in London.")
    (True, False)
    """
    return len(text.split()) <= _LONGEST_BARE and not re.search(rf"\b{_FINITE}", text)


def parts_of(sentence: str) -> list[Part]:
    """The clauses of a sentence and the items that they list; the sentence alone where it is in one piece.

    >>> [part.text for part in parts_of("Ada was born in London and died in Marylebone.")]
    ['Ada was born in London', 'Ada died in Marylebone.']
    >>> [part.text for part in parts_of("Ann, Bob and Cid were there.")]
    ['Ann was there.', 'Bob was there.', 'Cid was there.']
    """
    if len(sentence) > _LONGEST_READ or _HELD_TOGETHER.search(sentence):
        return [Part(sentence, 0, len(sentence))]
    return [item for clause in _clauses(sentence) for item in _items(clause)]


def _clauses(sentence: str) -> list[Part]:
    """Each with the subject that it shares with the one before; those that lack one for good stay joined."""
    clauses: list[Part] = []
    start = 0
    for joint in [*_JOINT.finditer(sentence), None]:
        end = len(sentence) if joint is None else joint.start()
        text = sentence[start:end]
        taken_over = _taken_over(clauses[-1].text, text) if clauses else ""
        if taken_over is None:
            before = clauses.pop()
            text, start = before.text + sentence[before.end : end], before.start
        elif taken_over:
            text = f"{taken_over} {text}"
        clauses.append(Part(text, start, end))
        start = end if joint is None else joint.end()
    return clauses


def _taken_over(before: str, clause: str) -> str | None:
    """What a clause takes over from the one before to stand for itself; None where that cannot be told."""
    own, first = _NO_SUBJECT.match(clause), _FIRST_VERB.search(before)
    if first is None:  # a list: the verb is yet to come
        return None
    if own is None:
        return ""
    passive = first["verb"] in _BE and own["verb"] not in _ACTIVE and _PARTICIPLE.match(clause)
    if passive and len(before[first.end() :].split()) < 2:  # was founded and led by
        return None
    return f"{first['subject']} {first['verb']}" if passive else first["subject"]


def _items(clause: Part) -> list[Part]:
    """One statement for each item of the clause's first list, with what stands before and after the list."""
    found = _LIST.search(clause.text)
    if found:
        start, end = found.start("name") if found["name"] else found.start("phrase"), found.end()
    else:
        start, end = 0, len(clause.text)
    edges = _edges(clause.text, start, end)
    if not found and not (len(edges) > 2 and all(_ITEM.fullmatch(clause.text, *edge) for edge in edges)):
        return [clause]
    before, after = clause.text[:start], clause.text[end:]
    if not before:
        after = _PLURAL.sub(lambda plural: f" {_SINGULAR[plural[1]]}", after)
    place = clause.end - len(clause.text)  # of the text's first character, had it stood there from the start
    return [
        Part(before + clause.text[first:last] + after, max(place + first, clause.start), place + last)
        for first, last in edges
    ]


def _edges(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where each item of a list begins and ends."""
    edges = []
    for between in _BETWEEN_ITEMS.finditer(text, start, end):
        edges.append((start, between.start()))
        start = between.end()
    return [(first, last) for first, last in [*edges, (start, end)] if last > first]
