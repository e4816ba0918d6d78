"""Questions in the usual form, written by a sequence-to-sequence model of Hugging Face, named by the user.

The parts that can be asked for are found by `judge.spans`; the model is shown each in its sentence and writes
the question. What it writes is kept only if it asks and does not give its answer away; whether it is a good
question is found out by `judge.questions`, which puts it to the text itself.
"""

from collections.abc import Sequence
from string import Formatter
from textwrap import shorten
from typing import Self

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from judge.config import QUESTION_TEMPLATE
from judge.errors import ConfigError, JudgeError
from judge.hub import connected, look_for
from judge.model import length_batches, quiet_loading
from judge.questions import Question
from judge.spans import Span, find_spans

_HIGHLIGHT = "<hl>"
_LONGEST_FACT, _LONGEST_QUESTION = 512, 64  # tokens


class QuestionGenerator:
    """A question generator: `QuestionGenerator.from_pretrained(name).ask(facts)`.

    Args:
        model: a sequence-to-sequence model.
        tokenizer: its tokenizer.
        template: what the model is shown, with {fact}, {answer} or {highlighted} (the fact with `<hl>` on
            either side of the answer) in it.
        batch_tokens: tokens a batch, padding included.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        template: str = QUESTION_TEMPLATE,
        batch_tokens: int = 4096,
    ):
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.template = template
        self.batch_tokens = batch_tokens

    @classmethod
    def from_pretrained(
        cls,
        source: str,
        *,
        template: str = QUESTION_TEMPLATE,
        device: str | None = None,
        batch_tokens: int = 4096,
    ) -> Self:
        """Load a generator.

        Args:
            source: a directory or Hub id of a sequence-to-sequence model with safetensors weights.
            template: as above.
            device: cpu, cuda, ...; the best there is by default.
            batch_tokens: tokens a batch, padding included.

        Raises:
            JudgeError: there is none, or its weights are not safetensors.
            ConfigError: the template shows neither the answer nor where it stands.
        """
        check_template(template)
        try:
            look_for(source)
            with quiet_loading(), connected():
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    source, use_safetensors=True, trust_remote_code=False
                )
                tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise JudgeError(
                "expected a sequence-to-sequence model (directory or Hub id, safetensors) that writes "
                f"questions, got {source!r}: {shorten(str(error), 200)}"
            ) from error
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return cls(model, tokenizer, template=template, batch_tokens=batch_tokens)

    def ask(self, facts: Sequence[str]) -> list[list[Question]]:
        """The questions of each fact, in the order in which their answers stand there."""
        parts = [(index, fact, span) for index, fact in enumerate(facts) for span in find_spans(fact)]
        questions: list[list[Question]] = [[] for _ in facts]
        for (index, fact, span), text in zip(parts, self._write(parts), strict=True):
            question = Question(text, fact[span.start : span.end], span.kind)
            if question.asks:
                questions[index].append(question)
        return questions

    @torch.inference_mode()
    def _write(self, parts: Sequence[tuple[int, str, Span]]) -> list[str]:
        shown = [show(self.template, fact, span) for _, fact, span in parts]
        if not shown:
            return []
        encodings = self.tokenizer(shown, truncation=True, max_length=_LONGEST_FACT)
        written = [""] * len(shown)
        for batch in length_batches([len(ids) for ids in encodings["input_ids"]], self.batch_tokens):
            inputs = {name: [values[i] for i in batch] for name, values in encodings.items()}
            output = self.model.generate(
                **self.tokenizer.pad(inputs, return_tensors="pt").to(self.model.device),
                max_new_tokens=_LONGEST_QUESTION,
                do_sample=False,
            )
            texts = self.tokenizer.batch_decode(output, skip_special_tokens=True)
            for index, text in zip(batch, texts, strict=True):
                written[index] = text.strip()
        return written


def show(template: str, fact: str, span: Span) -> str:
    """What the model reads.

    >>> show(QUESTION_TEMPLATE, "Ada was born in London.", Span(16, 22, find_spans("Lima")[0].kind))
    'generate question: Ada was born in <hl> London <hl>.'
    """
    answer = fact[span.start : span.end]
    highlighted = f"{fact[: span.start]}{_HIGHLIGHT} {answer} {_HIGHLIGHT}{fact[span.end :]}"
    return template.format(fact=fact, answer=answer, highlighted=highlighted)


def check_template(template: str) -> None:
    """Refuse a template that does not say what is asked for.

    Raises:
        ConfigError: it names other fields, or neither {answer} nor {highlighted}.
    """
    fields = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    if not fields <= {"fact", "answer", "highlighted"} or not fields & {"answer", "highlighted"}:
        raise ConfigError(
            "expected {answer} or {highlighted}, and {fact} if need be, in question_template, "
            f"got {template!r}"
        )
