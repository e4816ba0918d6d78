"""Published encoders as judges: embedding cosine, and cross-encoders that score a pair of texts.

Any directory or Hub id; safetensors weights alone, no remote code. What is longer than an encoder's
window is cut, as its authors do.
"""

from collections.abc import Sequence
from typing import Any

from sentence_transformers import CrossEncoder, SentenceTransformer
from torch import nn

from judge.backbone import find_backbone
from judge.errors import JudgeError
from judge.model import quiet_loading
from judge.pairwise import Measure, Pair

ENTAILMENT = "entailment"
"""The label that a natural-language-inference model gives what follows from its premise."""


def cosine(source: str, *, device: str | None = None) -> Measure:
    """Cosine of the embeddings of completion and reference; the question is not read.

    Args:
        source: directory or Hub id of an encoder.
        device: cpu, cuda, ...; the best there is by default.

    Raises:
        BackboneError: there is no such encoder.
    """
    with quiet_loading():
        model = SentenceTransformer(**_source(source), device=device)

    def measure(pairs: Sequence[Pair]) -> list[float]:
        texts = list(dict.fromkeys(text for pair in pairs for text in (pair.reference, pair.completion)))
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        vector_of = dict(zip(texts, vectors, strict=True))
        return [float(vector_of[pair.reference] @ vector_of[pair.completion]) for pair in pairs]

    return measure


def cross_encoder(source: str, *, device: str | None = None) -> Measure:
    """A cross-encoder's probability that completion and reference agree.

    One logit is similarity: its sigmoid, of reference and completion alone (Risch et al. 2021,
    arXiv:2108.06130). Several are classes: the softmax of entailment, with question and completion as the
    premise, question and reference as the hypothesis.

    Args:
        source: directory or Hub id of a model with a sequence-classification head.
        device: cpu, cuda, ...; the best there is by default.

    Raises:
        BackboneError: there is no such model.
        JudgeError: it has several classes, and none of them is entailment.
    """
    with quiet_loading():
        model = CrossEncoder(**_source(source), device=device)
    if model.num_labels == 1:
        return lambda pairs: _predict(
            model, [(pair.reference, pair.completion) for pair in pairs], 0, activation_fn=nn.Sigmoid()
        )
    entailment = entailment_index(model.config.id2label, source)
    return lambda pairs: _predict(
        model, [_premise_and_hypothesis(pair) for pair in pairs], entailment, apply_softmax=True
    )


def entailment_index(id2label: dict[int, str], source: str) -> int:
    """Which class is entailment.

    Raises:
        JudgeError: none of them, or more than one.
    """
    found = [index for index, label in id2label.items() if label.lower() == ENTAILMENT]
    if len(found) != 1:
        raise JudgeError(
            f"expected a cross-encoder with one logit, or one of whose classes is {ENTAILMENT!r}, {source} "
            f"has {', '.join(id2label.values())}; name the classes in id2label of its config.json"
        )
    return found[0]


def _source(source: str) -> dict[str, Any]:
    return {
        "model_name_or_path": str(find_backbone(source).directory),
        "trust_remote_code": False,
        "local_files_only": True,
        "model_kwargs": {"use_safetensors": True},
    }


def _premise_and_hypothesis(pair: Pair) -> tuple[str, str]:
    return f"{pair.question} {pair.completion}".strip(), f"{pair.question} {pair.reference}".strip()


def _predict(
    model: CrossEncoder, texts: Sequence[tuple[str, str]], column: int, **settings: Any
) -> list[float]:
    """One column of the outputs (N, classes)."""
    outputs = model.predict(texts, show_progress_bar=False, **settings).reshape(len(texts), -1)
    values: list[float] = outputs[:, column].tolist()
    return values
