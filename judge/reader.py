"""Answers read out of a text: the words of it that answer a question, or that there are none.

The reader that ships is the judge's own encoder with low-rank differences and a span output, trained by
`candor train-reader`; any extractive question-answering model of Hugging Face can stand in for it. A text
past the window is read in overlapping chunks and the best span counts.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, Protocol, Self

import torch
from peft import PeftModel
from torch import Tensor
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from judge.backbone import find_backbone
from judge.errors import JudgeError
from judge.hub import connected, look_for
from judge.model import (
    CHUNK_OVERLAP,
    fast_bfloat16,
    length_batches,
    max_positions,
    quiet_adapters,
    quiet_loading,
    surely_fits,
)

READER_FILE = "reader.json"
WEIGHTS = Path(__file__).parent / "weights" / "reader"
_WIDEST_WINDOW = 512  # tokens; what is longer is read in chunks, however much the model could take
_LONGEST_ANSWER = 32  # tokens
_TEXT, _NEITHER = 1, -1  # the part of a pair that a token belongs to; the question is 0
_QUESTION_SHARE = 0.75  # of the window

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found.

    Attributes:
        span: the words of the text that answer best.
        margin: by how many logits they beat no answer.
    """

    span: str
    margin: float

    @property
    def answer(self) -> str | None:
        """The span where it beats no answer, else None: the text does not say."""
        return self.span if self.margin > 0 else None


class Reader(Protocol):
    """Whatever answers questions from texts."""

    def read(self, *, questions: Sequence[str], texts: Sequence[str]) -> list[Reading]:
        """One reading a question, from the text beside it."""
        ...


class ExtractiveReader:
    """A span-extraction model: `ExtractiveReader.from_pretrained().read(questions=..., texts=...)`.

    Args:
        model: gives a start and an end logit a token; no answer is the first token, as in SQuAD 2.0.
        tokenizer: a fast one, which knows where in the text a token stands.
        max_tokens: window of question and text together.
        no_answer_margin: by how much the best span must beat no answer.
        batch_tokens: tokens a batch, padding included.

    Example:
        >>> reader = ExtractiveReader.from_pretrained()
        >>> reader.read(questions=["____ wrote Emma."], texts=["Emma was written by Jane Austen."])[0].answer
        'Jane Austen'
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int,
        no_answer_margin: float = 0.0,
        batch_tokens: int = 4096,
    ):
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.no_answer_margin = no_answer_margin
        self.batch_tokens = batch_tokens

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, *, device: str | None = None, batch_tokens: int = 4096
    ) -> Self:
        """Load a reader.

        Args:
            source: what `candor train-reader` wrote, or a directory or Hub id of any extractive
                question-answering model with safetensors weights; the reader that ships by default.
            device: cpu, cuda, ...; the best there is by default.
            batch_tokens: tokens a batch, padding included.

        Raises:
            JudgeError: there is no such reader.
            BackboneError: the encoder that it stands on cannot be found.
        """
        directory = WEIGHTS if source is None else Path(source)
        if (directory / READER_FILE).is_file():
            content = json.loads((directory / READER_FILE).read_text())
            start = find_backbone(
                content["backbone"]["source"], expected_sha256=content["backbone"]["sha256"]
            )
            model, tokenizer = open_qa_model(str(start.directory), fresh_output=True)
            with quiet_adapters():
                model = PeftModel.from_pretrained(model, directory).merge_and_unload()
            settings = {name: content[name] for name in ("max_tokens", "no_answer_margin")}
        else:
            model, tokenizer = open_qa_model(str(directory if directory.is_dir() else source))
            window = min(tokenizer.model_max_length, max_positions(model.config), _WIDEST_WINDOW)
            settings = {"max_tokens": int(window)}
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return cls(model, tokenizer, batch_tokens=batch_tokens, **settings)

    @torch.inference_mode()
    def read(self, *, questions: Sequence[str], texts: Sequence[str]) -> list[Reading]:
        """Answer each question from the text beside it.

        Args:
            questions: N questions, in the usual form or with a blank; past three quarters of the window a
                question is cut, with a warning.
            texts: N texts of any length.

        Returns:
            N readings, in order.
        """
        best = [Reading("", -math.inf)] * len(questions)
        if not questions:
            return best
        encodings = chunk_pairs(self.tokenizer, questions, texts, max_tokens=self.max_tokens)
        for batch in length_batches([len(ids) for ids in encodings["input_ids"]], self.batch_tokens):
            for chunk, (start, end, margin) in zip(batch, self._best_spans(encodings, batch), strict=True):
                owner = encodings["owner"][chunk]
                if margin <= best[owner].margin:
                    continue
                offsets = encodings["offset_mapping"][chunk]
                best[owner] = Reading(texts[owner][offsets[start][0] : offsets[end][1]], margin)
        return best

    def _best_spans(
        self, encodings: dict[str, Any], batch: Sequence[int]
    ) -> Iterator[tuple[int, int, float]]:
        """First token, last token and margin of the best span of each chunk."""
        inputs = {
            name: [encodings[name][chunk] for chunk in batch]
            for name in self.tokenizer.model_input_names
            if name in encodings
        }
        features = self.tokenizer.pad(inputs, return_tensors="pt").to(self.model.device)
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=fast_bfloat16(self.model.device)):
            output = self.model(**features)
        start, end = output.start_logits.float().cpu(), output.end_logits.float().cpu()
        readable = torch.zeros(start.shape, dtype=torch.bool)
        for row, chunk in enumerate(batch):
            segments = encodings["segment"][chunk]
            readable[row, : len(segments)] = torch.tensor(segments) == _TEXT
        first, last, score = best_spans(start, end, readable)
        margins = score - (start[:, 0] + end[:, 0]) - self.no_answer_margin
        return zip(first.tolist(), last.tolist(), margins.tolist(), strict=True)


def best_spans(start: Tensor, end: Tensor, readable: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The span of highest start + end logit in each row, of at most `_LONGEST_ANSWER` tokens.

    Args:
        start: (B, T) logits.
        end: (B, T) logits.
        readable: (B, T) 1 on the tokens of the text.

    Returns:
        First token, last token and score, (B,) each; the score is -inf where no token is readable.
    """
    outside = torch.where(readable, 0.0, -torch.inf)
    scores = (start + outside).unsqueeze(2) + (end + outside).unsqueeze(1)  # (B, T, T)
    allowed = torch.ones(scores.shape[1:], dtype=torch.bool).triu().tril(_LONGEST_ANSWER - 1)
    best, index = scores.masked_fill(~allowed, -torch.inf).flatten(1).max(dim=1)
    return index // scores.shape[2], index % scores.shape[2], best


def open_qa_model(
    source: str, *, fresh_output: bool = False, attention: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A question-answering model and its tokenizer. Special tokens typed into a text are read as text.

    Args:
        source: a directory or a Hub id.
        fresh_output: whether the model may be a bare encoder, which is given an untrained span output.
        attention: transformers' name of the implementation; its own choice by default.

    Raises:
        JudgeError: there is none, its weights are not safetensors, or its tokenizer does not know offsets.
    """
    try:
        look_for(source)
        with quiet_loading(), connected():
            model, loading = AutoModelForQuestionAnswering.from_pretrained(
                source,
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation=attention,
                output_loading_info=True,
            )
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise JudgeError(
            "expected an extractive question-answering model (directory or Hub id, safetensors), "
            f"got {source!r}: {shorten(str(error), 200)}"
        ) from error
    if loading["missing_keys"] and not fresh_output:
        raise JudgeError(
            f"expected a model that was trained to answer questions, {source!r} lacks "
            f"{shorten(', '.join(sorted(loading['missing_keys'])), 100)}; name another, or train one with "
            "`candor train-reader`"
        )
    if not tokenizer.is_fast:
        raise JudgeError(f"expected a fast tokenizer, which knows offsets, in {source!r}; convert it to one")
    tokenizer.split_special_tokens = True
    tokenizer.padding_side = "right"
    return model, tokenizer


def chunk_pairs(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[str], texts: Sequence[str], *, max_tokens: int
) -> dict[str, Any]:
    """Every chunk of every pair of question and text.

    Returns:
        By name, a list with an entry a chunk: the model's inputs; `segment`, for each token 0 in the
        question, 1 in the text and -1 in neither; `offset_mapping`; `owner`, the index of its pair.
    """
    longest = int(max_tokens * _QUESTION_SHARE)
    encodings = tokenizer(
        [_cut(tokenizer, question, longest) for question in questions],
        list(texts),
        truncation="only_second",
        max_length=max_tokens,
        stride=min(CHUNK_OVERLAP, max_tokens // 8),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    owner = encodings.pop("overflow_to_sample_mapping")
    segment = [
        [_NEITHER if part is None else part for part in encodings.sequence_ids(chunk)]
        for chunk in range(len(owner))
    ]
    return dict(encodings) | {"owner": owner, "segment": segment}


def _cut(tokenizer: PreTrainedTokenizerBase, question: str, longest: int) -> str:
    """A question of at most `longest` tokens."""
    if surely_fits(question, longest):
        return question
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(offsets) <= longest:
        return question
    logger.warning("a question was cut to %d tokens: %.60s...", longest, question)
    return question[: offsets[longest - 1][1]]
