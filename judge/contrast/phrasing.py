"""How an answer is said: bare, in a set phrase, or in a sentence made of the question.

Says nothing about right or wrong: the same phrasings carry right answers and wrong ones, so that a phrasing
never gives a label away.
"""

import re
from random import Random

from judge.contrast.answers import Shape, shape

PHRASES = (
    "The answer is {}.", "The correct answer is {}.", "It was {}.", "It is {}.", "It's {}.",
    "That would be {}.", "{}, I think.", "I believe it's {}.", "Answer: {}", "**{}**", "{}.",
    "The answer to this question is {}.", "As far as I know, it was {}.",
    "The answer you are looking for is {}.", "{} is the answer.", "Sure! The answer is {}.",
    "My answer: {}", "Final answer: {}", "Good question! It is {}.", "So the answer is {}.", "A: {}",
    "i think it is {}", "the answer is {}",
)  # fmt: skip
HEDGES = (
    "I think it was {}.", "It is probably {}.", "It might be {}.", "If I remember correctly, it was {}.",
    "I'm fairly sure it's {}.", "Most likely {}.",
    "I'm not completely certain, but I believe the answer is {}.",
    "I could be wrong, but I think it is {}.", "Possibly {}.", "It seems to be {}.", "Probably {}",
    "My best guess is {}.",
)  # fmt: skip
BEFORE = (
    "Sure, I can help with that. ", "Great question! ", "Let me think. ", "Of course! ",
    "Thanks for asking. ", "", "Let's think step by step. ",
    "Thought process: let me recall what is known. ", "Solution: ", "Okay. ", "",
    "Reasoning: the question can be answered from general knowledge.\n",
)  # fmt: skip
AFTER = (
    " Let me know if you have other questions!", " I hope this helps.", " This is widely documented.", "",
    " Is there anything else you would like to know?", " You can read more about it in any encyclopedia.",
    " It is a popular quiz question.", " Many people find this surprising.", " I learned it at school.",
)  # fmt: skip

_VERBS = (
    "won|wrote|became|plays?|stars|sang|sings|has won|built|led|lost|hosts?|lies|borders|flows|contains"
    "|produces|voices?|owns|makes?|made|took|held|holds|fought"
)
_PARTICIPLES = (
    r"\w+ed|born|built|held|found|set|made|written|known|won|sung|shot|located|responsible|in|on|at|the|a|an"
)

MARKUP = (
    "**{}**", "<b>{}</b>", "\\boxed{{{}}}", "`{}`", "## Answer\n{}", "<answer>{}</answer>", "* {}", "_{}_",
    "1. {}", "Answer: **{}**", '{{"answer": "{}"}}', "<p>{}</p>", "| {} |",
    "The final answer is $\\text{{{}}}$.",
)  # fmt: skip
ABROAD = (
    "Es ist {}.", "Ich glaube, es war {}.", "Die Antwort lautet {}.", "Das war {}, soweit ich weiß.",
    "C'est {}.", "Je crois que c'était {}.", "La réponse est {}.", "Es {}.", "Creo que fue {}.",
    "La respuesta correcta es {}.", "È {}.", "Penso che sia {}.", "É {}.", "Acho que foi {}.", "Het is {}.",
    "Det är {}.", "To jest {}.", "Это {}.", "Я думаю, что это {}.", "答案是{}。", "我觉得是{}。", "{}です。",
    "{}だと思います。", "정답은 {}입니다.", "{} olduğunu düşünüyorum.", "الجواب هو {}.",
)  # fmt: skip
"""Sentences of other languages that give an answer."""


def in_phrase(answer: str, rng: Random) -> str:
    """`answer` in a set phrase."""
    return rng.choice(PHRASES).format(answer)


def hedged(answer: str, rng: Random) -> str:
    """`answer` said with doubt, and still said."""
    return rng.choice(HEDGES).format(answer)


def in_chatter(answer: str, rng: Random) -> str:
    """`answer` in a phrase among the pleasantries of an assistant."""
    return rng.choice(BEFORE) + in_phrase(answer, rng) + rng.choice(AFTER)


def preposed(question: str, answer: str, rng: Random) -> str | None:
    """ "in Lima", "in 1998": the short way to say where or when; None where "in" would not fit."""
    fits = shape(answer) in {Shape.YEAR, Shape.NAME} and not re.match(
        r"(in|on|at|the) ", answer, re.IGNORECASE
    )
    asks = re.match(
        r"(where|when|in (?:which|what) (?:city|country|town|state|year))\b", question, re.IGNORECASE
    )
    return rng.choice(("in {}", "In {}.", "It was in {}.")).format(answer) if fits and asks else None


def in_sentence(question: str, answer: str) -> str | None:
    """The question turned into a statement that holds `answer`; None where no simple rule applies."""
    asked = question.strip().rstrip("?").strip()
    if len(asked.split()) < 3 or "," in asked:
        return None
    return _subject(asked, answer) or _definition(asked, answer) or _time_or_place(asked, answer)


def _subject(asked: str, answer: str) -> str | None:
    """ "who wrote X" as "A wrote X."; "which actor played X" as "A played X." """
    found = re.fullmatch(
        rf"(?:who|(?:what|which) (?!(?:is|was|are|were|has|had|have|does|do|did)\b)\w+(?: \w+)?) "
        rf"((?:(?:is|was|are|were) (?:{_PARTICIPLES})|{_VERBS}|\w+ed) .+)",
        asked,
        re.IGNORECASE,
    )
    if not found or _strands(found.group(1)):
        return None
    return f"{_capital(answer)} {found.group(1)}."


def _definition(asked: str, answer: str) -> str | None:
    """ "what is the capital of X" as "The capital of X is A." """
    found = re.fullmatch(r"(?:what|which) (is|was|are|were) ((?:the|a) .+)", asked, re.IGNORECASE)
    if not found or _strands(found.group(2)):
        return None
    return f"{_capital(found.group(2))} {found.group(1).lower()} {answer}."


def _time_or_place(asked: str, answer: str) -> str | None:
    """ "when was X built" as "X was built in A.", for years and names of places."""
    found = re.fullmatch(
        r"(when|where|in (?:what|which) (?:year|city|country)) was (.+) "
        r"(\w+ed|born|built|held|found|set|made|written)",
        asked,
        re.IGNORECASE,
    )
    if not found or shape(answer) not in {Shape.YEAR, Shape.NAME} or answer.lower().startswith("in "):
        return None
    return f"{_capital(found.group(2))} was {found.group(3)} in {answer}."


def _strands(clause: str) -> bool:
    """Whether `clause` ends in a word that waits for another, or holds a second question."""
    return bool(
        re.search(
            r"\b(of|in|on|at|to|for|by|with|from|called|named|as|did|do|does|between|into|about)$",
            clause,
            re.I,
        )
        or re.search(r"\b(did|do|does|which|what|who|i|you|we|and when|and where) ", clause, re.I)
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def bare(text: str) -> str:
    """`text` in lower case without the punctuation that carries no meaning."""
    kept = re.sub(r"[^\w\s'/%$£€+.-]|\.(?!\d)|(?<!\w)'|'(?!\w)", "", text.lower().replace(" & ", " and "))
    return re.sub(r"\s+", " ", kept).strip()


def in_frame(answer: str, rng: Random) -> str:
    """`answer` marked up, or in a sentence of another language."""
    return rng.choice(MARKUP + ABROAD).format(answer)
