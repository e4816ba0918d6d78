"""The encoder in 8 bits by OpenVINO: fast on CPUs without AMX, at some cost in verdicts.

Weights and activations are quantised by NNCF (SmoothQuant, arXiv:2211.10438), whose scales are measured on
fixed made-up texts; so a judge is quantised alike wherever and whatever it scores. Takes a minute.
"""

import random
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from torch import Tensor, nn

from judge.contrast.abstentions import abstention_pairs
from judge.contrast.equivalences import equivalence_pairs
from judge.contrast.made_up import made_up_questions
from judge.errors import ConfigError
from judge.model import length_batches
from judge.pairs import abstention_segments, equivalence_segments

try:
    import nncf
    import openvino
except ImportError as error:
    raise ConfigError(
        "the engine openvino-int8 needs openvino and nncf, which are missing; "
        "pip install 'candor-rl[openvino]', or use the engine torch"
    ) from error

CALIBRATION_TEXTS = 200
"""Pairs of each of equivalence and abstention whose activations are measured."""
_BATCH_TOKENS = 1024


class _Logits(nn.Module):
    """The network with the positional inputs and the one output that tracing takes."""

    def __init__(self, network: nn.Module, names: tuple[str, ...]):
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(**dict(zip(self.names, inputs, strict=True))).logits
        return logits


class OpenVinoForward:
    """A pass of the quantised encoder: `judge.engine.Forward`."""

    def __init__(self, model: CrossEncoder):
        if model.device.type != "cpu":
            raise ConfigError(f"the engine openvino-int8 runs on the CPU, the judge is on {model.device}")
        batches = _calibration_batches(model)
        self._names = tuple(batches[0])
        quantised = nncf.quantize(
            _converted(model, self._names, batches[0]),
            nncf.Dataset(batches, self._inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(batches),
        )
        threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self._request = openvino.Core().compile_model(quantised, "CPU", threads).create_infer_request()

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Logits of a padded batch, as `judge.engine.Forward` says."""
        return torch.from_numpy(self._request.infer(self._inputs(features))[0]).float()

    def _inputs(self, features: Mapping[str, Tensor]) -> list[Any]:
        return [features[name].numpy() for name in self._names]


def _converted(model: CrossEncoder, names: tuple[str, ...], example: Mapping[str, Tensor]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every branch on a shape
        return openvino.convert_model(
            _Logits(model.model.eval(), names), example_input=tuple(example[name] for name in names)
        )


def _calibration_batches(model: CrossEncoder) -> list[Mapping[str, Tensor]]:
    """Padded batches of made-up pairs, right and wrong, answered and declined."""
    asked = [
        (question.question, question.names, question.group)
        for question in made_up_questions(seed=0, size=CALIBRATION_TEXTS)
    ]
    compared = list(equivalence_pairs(asked, (), seed=0, cap=CALIBRATION_TEXTS // 20))
    pairs = [
        equivalence_segments(question=p.question, reference=p.reference, completion=p.candidate)
        for p in random.Random(0).sample(compared, min(len(compared), CALIBRATION_TEXTS))
    ] + [
        abstention_segments(question=p.question, completion=p.text)
        for p in abstention_pairs(asked, seed=0, size=CALIBRATION_TEXTS)
    ]
    first, second = map(list, zip(*pairs, strict=True))
    encodings = model.tokenizer(first, second, truncation="only_second", max_length=model.max_seq_length)
    return [
        model.tokenizer.pad(
            {name: [values[i] for i in batch] for name, values in encodings.items()}, return_tensors="pt"
        )
        for batch in length_batches([len(ids) for ids in encodings["input_ids"]], _BATCH_TOKENS)
    ]
