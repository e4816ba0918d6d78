"""Lists of other names for one answer, as question sets carry them: which entries are surely the same thing.

Redirect lists hold misspellings and fuller names beside pages that are only related, so what cannot be shown
to be the same is left out.
"""

import re
from collections import Counter
from collections.abc import Sequence

from judge.contrast.answers import FUNCTION_WORDS, AnsweredQuestion, plain

LONGEST_ANSWER = 8  # words; longer references are texts, and a swap of the whole is no minimal edit

JUNK = re.compile(
    r"disambiguation|filmography|discography|bibliography|in popular culture|'s |\d{4}:|[\[\]{}|:/\\]"
    r"|^(list|history|geography|demographics|economy|politics|wildlife|etymology|culture|education|sport|health"
    r"|subdivisions|names?|template|iso|portal|early life|personal life) ",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """`text` with the spaces of tokenized sources taken out: "July 16 , 2017" becomes "July 16, 2017"."""
    text = re.sub(r"``|''|\"\"+", '"', text)
    text = re.sub(
        r" ([,.;:!?%)]|'(?:s|m|re|ve|ll|d)\b|n ?'t\b)", lambda found: found.group(1).replace(" ", ""), text
    )
    return re.sub(r"(?<=\w) -+ (?=\w)", "-", text.replace("( ", "(")).strip(' "')


def unfolded(names: Sequence[str]) -> list[str]:
    """`names`, with a list that was written as one string taken apart."""
    if len(names) == 1 and names[0].startswith("['"):
        return [part.strip(" '\"") for part in re.split(r"'?, '|', '?", names[0].strip("[]"))]
    return list(names)


def is_clean(name: str) -> bool:
    """Whether `name` reads like an answer and not like a page title, an emoji or a list."""
    return (
        0 < len(name) <= 60
        and not JUNK.search(name)
        and name.isprintable()
        and bool(re.search(r"[A-Za-z0-9]", name))
    )


def same_thing(name: str, other: str) -> bool:
    """Whether two listed names of one answer surely mean the same: by spelling, initials, or a fuller name.

    Redirect lists hold much that is only related ("Blood oxygen" under "Blood"), so most pairs are refused.
    """
    a, b = plain(name), plain(other)
    if not a or not b or re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return False
    if a.replace(" ", "") == b.replace(" ", "") or _initials(name, b) or _initials(other, a):
        return True
    return _spelling(a, b) or _fuller_name(name, other) or _fuller_name(other, name)


def _initials(short: str, long: str) -> bool:
    letters = short.replace(".", "").replace(" ", "")
    spelled = "".join(word[0] for word in long.split() if word not in FUNCTION_WORDS)
    return len(letters) >= 3 and letters.isupper() and letters.lower() == spelled


def _spelling(a: str, b: str) -> bool:
    """One letter added, dropped or changed inside a word of five letters or more (misspellings, plurals)."""
    if min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[start + 1 :] == b[start:] or a[start:] == b[start + 1 :] or a[start + 1 :] == b[start + 1 :]


def _fuller_name(name: str, fuller: str) -> bool:
    """A person's first and last name, with a middle name or a title between or before them."""
    short, long = name.split(), fuller.split()
    capitalised = all(word[0].isupper() for word in short + long)
    return (
        capitalised
        and len(short) == 2
        and 3 <= len(long) <= 4
        and "," not in fuller
        and plain(short[-1]) == plain(long[-1])
        and plain(short[0]) in {plain(long[0]), plain(long[1])}
    )


def canonical(names: Sequence[str]) -> str | None:
    """The name of a redirect list that most others spell or contain; None where the list does not agree."""
    clean = [name for name in dict.fromkeys(names) if is_clean(name)]
    if len(clean) < 2:
        return clean[0] if clean else None
    votes = Counter(run for name in clean for run in _runs(plain(name).split()))
    best = max(votes[plain(name)] for name in clean)
    if best < 2 and len(clean) > 2:
        return None
    winners = [name for name in clean if votes[plain(name)] == best]
    return max(
        winners, key=lambda name: (name[:1].isupper() and not name.isupper(), name.istitle(), -len(name))
    )


def _runs(parts: Sequence[str]) -> set[str]:
    """Every run of one word or more of `parts`."""
    return {" ".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}


def answered(question: str, names: Sequence[str], group: str) -> AnsweredQuestion | None:
    """A question of a question set, its names cleaned; None where no short name stands for the answer."""
    clean = [name for name in dict.fromkeys(map(tidy, unfolded(names))) if is_clean(name)]
    reference = canonical(clean)
    if reference is None or len(reference.split()) > LONGEST_ANSWER:
        return None
    return AnsweredQuestion(
        tidy(question), (reference, *(name for name in clean if name != reference)), group
    )
