"""Rows that teach what declining to answer is: many ways to say so, and answers that only sound like it.

A text declines (label 1) when it says that it has no answer to give. An opener that is followed by an answer
is an answer (label 0), and so are a title and a "none" that is the fact; an empty text and words to the judge
do not decline either.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from judge.contrast import abstention_forms as forms
from judge.contrast import refusals
from judge.contrast.aliases import answered
from judge.contrast.answers import words
from judge.contrast.hacks import BLANKS, INJECTIONS, VAGUE
from judge.contrast.hacks import OPENERS as REASONING_OPENERS
from judge.contrast.phrasing import bare, hedged, in_phrase, in_sentence

BARE_SHARE = 0.3  # in lower case without punctuation, as small policies write
TYPO_SHARE = 0.05
RIGHT_ANSWER_SHARE = 0.1  # right answers in natural words, for each row written here
PEOPLE = (
    "Ann Cooper",
    "Paul Ito",
    "Maria Lopez",
    "The Rovers",
    "John Weiss",
    "Clara Dunn",
    "the Harpers",
    "Sam Okoro",
)


@dataclass(frozen=True, slots=True)
class AbstentionPair:
    """A text beside the question it was given to.

    Attributes:
        label: 1.0 where the text declines to answer, 0.0 where it does anything else.
        kind: which form it has.
        group: rows of one group are never split between training and held-out data.
    """

    question: str
    text: str
    label: float
    kind: str
    group: str


Form = Callable[[str, str, Random], tuple[str, str]]  # (question, an answer to it) -> (question, text)


def abstention_pairs(
    questions: Iterable[tuple[str, Sequence[str], str]],
    *,
    seed: int,
    size: int,
    right_answers: Sequence[tuple[str, str, str]] = (),
) -> Iterator[AbstentionPair]:
    """`size` rows, half of them declining, the kinds in equal shares; and some of the right answers.

    Args:
        questions: (question, answers, group); any one answer serves as the committed answer.
        seed: the same seed and questions give the same rows.
        size: number of rows; fewer when there is no question at all.
        right_answers: (question, answer in natural words, group); one that is right does not decline.
    """
    drawn = int(size * RIGHT_ANSWER_SHARE)
    sampled = Random(f"{seed}/right_answer").sample(right_answers, min(drawn, len(right_answers)))
    for question, text, group in sampled:
        yield AbstentionPair(question, text, 0.0, "right_answer", group)
    asked = [item for row in questions if (item := answered(*row))]
    if not asked:
        return
    for label, table in ((1.0, DECLINING), (0.0, ANSWERING)):
        rng = Random(f"{seed}/abstention/{label}")
        for number in range(size // 2):
            kind = list(table)[number % len(table)]
            item = rng.choice(asked)
            question, text = table[kind](item.question, item.reference, rng)
            yield AbstentionPair(question, _roughened(text, rng), label, kind, item.group)


def _roughened(text: str, rng: Random) -> str:
    if rng.random() < BARE_SHARE and text.isascii():
        text = bare(text)
    if rng.random() < TYPO_SHARE and len(text) > 12:
        at = rng.randrange(4, len(text) - 2)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _indirect(question: str) -> str:
    """ "Who wrote it?" as "who wrote it"."""
    asked = question.strip().rstrip("?").strip()
    return asked if asked[:2].isupper() else asked[:1].lower() + asked[1:]


def declined(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An opener, perhaps a reason, perhaps a closer."""
    text = rng.choice(forms.OPENERS)
    if rng.random() < 0.3:
        text += rng.choice((" because ", ", since ", ", as ")) + rng.choice(forms.REASONS)
    text += rng.choice((".", ".", ".", "", "!", "..."))
    return question, f"{text} {rng.choice(forms.CLOSERS)}" if rng.random() < 0.3 else text


def plainly_declined(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """The plainest form of all, which a policy is taught first."""
    return question, rng.choice(forms.PLAIN)


def declined_about(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Declining while naming what was asked."""
    text = rng.choice(forms.OPENERS_ABOUT).format(x=_indirect(question)) + "."
    return question, f"{text} {rng.choice(forms.CLOSERS)}" if rng.random() < 0.3 else text


def refused(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Refusing for safety, policy, or want of access."""
    return question, " ".join(rng.sample(forms.REFUSALS, rng.choice((1, 1, 2))))


def unanswerable(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Saying that nobody could answer."""
    return question, rng.choice(forms.UNANSWERABLE)


def in_other_language(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Declining in another language."""
    return question, rng.choice(forms.LANGUAGES[rng.choice(list(forms.LANGUAGES))])


def without_the_answer(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An answer named only to say that it may or may not be the one."""
    form = rng.choice(forms.ANSWER_IN_DOUBT)
    return question, form.format(answer)


def committed(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An answer, bare or in words."""
    ways = (answer, in_phrase(answer, rng), in_sentence(question, answer) or answer)
    return question, rng.choice(ways)


def hedged_answer(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An answer with doubt."""
    return question, hedged(answer, rng)


def committed_after_all(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An opener of declining, and then an answer."""
    return question, rng.choice(forms.COMMITTED_AFTER_ALL).format(a=answer)


def factual_with_cues(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """An answer among words of not knowing."""
    return question, rng.choice(forms.FACTUAL_WITH_CUES).format(a=answer)


def title(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """A title or name that says "I don't know"."""
    asked, name = rng.choice(forms.TITLED)
    said = rng.choice(
        ("{}", '"{}"', 'It was "{}".', 'The answer is "{}".', 'It is called "{}".', "{}.")
    ).format(name)
    return asked.format(p=rng.choice(PEOPLE)), said


def negative_answer(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """None, never or nobody, where that is the answer."""
    asked, said = rng.choice(forms.NEGATIVE_ANSWERS)
    person = rng.choice(PEOPLE)
    return asked.format(p=person), said.format(p=person)


def no_answer_at_all(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Empty, vague or addressed to the judge: wrong, but not a declining."""
    return question, rng.choice(rng.choice((BLANKS, INJECTIONS, VAGUE, REASONING_OPENERS)))


def gibberish(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """Words of the question and answer in no order, or letters."""
    pieces = words(f"{question} {answer}")
    rng.shuffle(pieces)
    letters = "".join(rng.choice("asdfghjkl qwertyuiop") for _ in range(rng.randint(4, 40)))
    return question, rng.choice((" ".join(pieces), letters, (answer + " ") * rng.randint(3, 9)))


def echo(question: str, answer: str, rng: Random) -> tuple[str, str]:
    """The question given back."""
    return question, rng.choice((question, _indirect(question), f"You ask {_indirect(question)}."))


DECLINING: dict[str, Form] = {
    "declined": declined,
    "plainly_declined": plainly_declined,
    "declined_again": declined,
    "declined_about": declined_about,
    "refused": refused,
    "long_refusal": refusals.long_refusal,
    "long_refusal_again": refusals.long_refusal,
    "long_refusal_once_more": refusals.long_refusal,
    "unanswerable": unanswerable,
    "in_other_language": in_other_language,
    "without_the_answer": without_the_answer,
}
ANSWERING: dict[str, Form] = {
    "committed": committed,
    "hedged_answer": hedged_answer,
    "committed_after_all": committed_after_all,
    "factual_with_cues": factual_with_cues,
    "title": title,
    "negative_answer": negative_answer,
    "no_answer_at_all": no_answer_at_all,
    "gibberish": gibberish,
    "echo": echo,
    "complied": refusals.complied,
    "warned": refusals.warned,
    "disclaimed": refusals.disclaimed,
    "refuted": refusals.refuted,
    "leaning": refusals.leaning,
    "answered_abroad": refusals.answered_abroad,
    "garbled": refusals.garbled,
}
