"""Question, answer and references out of what frameworks pass: text, chat messages or a rendered template."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
"""A turn of a chat: `role`, and `content` as text or as parts of which some are text."""
Text = str | Sequence[Message]

_MARKER = re.compile(r"<\|[^<>|]*\|>|</?s>|<[be]os>|<(?:start|end)_of_turn>|\[/?INST\]")
"""What chat templates put around turns: ChatML, Llama, Gemma, Mistral."""
_ROLE = re.compile(r"(?:system|user|assistant|model)(?:\n|$)")
"""What they write at the head of a turn."""


def question_of(prompt: Text) -> str:
    """The prompt as the judge reads it: of a chat, what the user said last."""
    return prompt if isinstance(prompt, str) else _last_said(prompt, "user")


def answer_of(completion: Text) -> str:
    """The completion as the judge reads it: of a chat, what the assistant said last."""
    return completion if isinstance(completion, str) else _last_said(completion, "assistant")


def references_of(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """The right answers in a data set's cell, text or a list; none where there is nothing but blanks."""
    texts = [] if value is None else [value] if isinstance(value, str) else list(value)
    return tuple(text for text in texts if text.strip())


def rendered_question(prompt: str) -> str:
    """What the user said last in a prompt that a chat template has rendered; a plain prompt as it stands.

    >>> rendered_question("<|im_start|>user\\nWhere?<|im_end|>\\n<|im_start|>assistant\\n")
    'Where?'
    """
    if not _MARKER.search(prompt):
        return prompt
    turns = [_ROLE.sub("", turn.strip(), count=1).strip() for turn in _MARKER.split(prompt)]
    return next((turn for turn in reversed(turns) if turn), "")


def rendered_answer(completion: str) -> str:
    """A completion without the special tokens that it was decoded with."""
    return _MARKER.sub("", completion).strip()


def _last_said(messages: Sequence[Message], role: str) -> str:
    """The content of the last message of a role; empty where there is none."""
    said = [message["content"] for message in messages if message["role"] == role]
    return _plain(said[-1]) if said else ""


def _plain(content: str | Iterable[Mapping[str, str]] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if part["type"] == "text")
