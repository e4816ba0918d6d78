"""From a text to questions whose answers it gives."""

from dataclasses import dataclass

from judge.spans import Kind, Span, content_words, find_spans

BLANK = "____"
"""Stands where the answer was."""
_LEAST_CONTEXT = 2  # content words beside the blank; with fewer, a question asks for anything at all


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the answer that its text gives.

    Attributes:
        text: a sentence with `BLANK` in it, or a question in the usual form.
        answer: words of the text that it was made from.
        kind: of the answer.
    """

    text: str
    answer: str
    kind: Kind


def cloze(sentence: str, span: Span) -> Question:
    """The sentence with a part of it blanked."""
    text = sentence[: span.start] + BLANK + sentence[span.end :]
    return Question(text, sentence[span.start : span.end], span.kind)


def cloze_questions(sentence: str) -> list[Question]:
    """A question for each part that can be asked for, where enough of the sentence is left to ask with.

    >>> [question.text for question in cloze_questions("Jane Austen wrote Emma.")]
    ['____ wrote Emma.', 'Jane Austen wrote ____.']
    """
    questions = [cloze(sentence, span) for span in find_spans(sentence)]
    return [question for question in questions if len(content_words(question.text)) >= _LEAST_CONTEXT]
