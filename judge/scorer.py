"""Records to scores: the judge as a user holds it.

Each completion is paired with each of its references, and once with its question for abstention. Pairs are
de-duplicated, sorted by length and batched; what was scored before comes from a cache. A completion equal to
a reference is right, and one without a word is wrong, without asking the encoder.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.util import get_device_name

from judge.backbone import Backbone
from judge.calibrate import Calibration, Combiner, equivalence_inputs
from judge.config import DEFAULT_JUDGE, Engine, SpeedConfig
from judge.coverage import measure
from judge.engine import batch_tokens, cast, open_forward, weights_dtype
from judge.errors import JudgeError
from judge.hub import fetch
from judge.lexical.words import read_words
from judge.lora import ADAPTER_FILE, Host, pass_on, put_on
from judge.model import encode_pairs, first_segment_fits
from judge.pairs import TASKS, Task, abstention_segments, equivalence_segments, support_segments
from judge.records import Coverage, Explain, Record, Score, Verdict
from judge.shortlist import nearest_references
from judge.storage import open_encoder, save_encoder
from judge.verdict import decide

WEIGHTS = Path(__file__).parent / "weights"
JUDGE_FILE = "judge.json"
FORMAT = 1
_LAST_A = re.compile(r"\ba\W*$", re.IGNORECASE)
"""No article, where a text ends with it: vitamin A is not just any vitamin."""
_DEFAULT_SPEED = SpeedConfig()
_RIGHT = Score(equivalence=1.0, abstention=0.0, verdict=Verdict.CORRECT)
_EMPTY = Score(equivalence=0.0, abstention=0.0, verdict=Verdict.WRONG)


class Judge:
    """A trained judge: `Judge.from_pretrained().score(records)`.

    Example:
        >>> judge = Judge.from_pretrained()
        >>> record = Record("Where was Ada Lovelace born?", ("London",), "She was born in London, England.")
        >>> judge.score([record])[0].verdict
        <Verdict.CORRECT: 'correct'>
    """

    def __init__(
        self,
        encoder: CrossEncoder,
        calibration: Calibration,
        backbone: Backbone,
        *,
        speed: SpeedConfig = _DEFAULT_SPEED,
        explain: Explain = Explain.NONE,
        host: Host | None = None,
    ):
        self.backbone = backbone
        self.encoder = encoder
        self.calibration = calibration
        self.speed = speed
        self.references_left_out = 0  # by the shortlist, in all records scored so far
        self.explain = explain
        self._forward = open_forward(encoder, speed) if host is None else pass_on(host, encoder)
        self._cache: dict[tuple[str, str], tuple[float, ...]] = {}  # logits of all tasks

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        backbone: str | None = None,
        device: str | None = None,
        speed: SpeedConfig = _DEFAULT_SPEED,
        max_fpr: float | None = None,
        explain: Explain = Explain.NONE,
        host: Host | None = None,
    ) -> Self:
        """Load a judge.

        Args:
            source: a directory that `candor train-judge` wrote, or a Hub id of one; None or "default" is the
                judge that ships with the package.
            backbone: where to take the encoder from, if not from where the judge says.
            device: cpu, cuda, ...; the best there is by default.
            speed: engine, precision, batches, references read, cheap stage, cache.
            max_fpr: share of wrong held-out answers that may pass for right, in (0, 1); by default the one
                that the judge was trained for.
            explain: what every score carries besides; facts cost many times what a verdict does, and do not
                change it. Questions are asked by `judge.questions.Interviewer`, which takes a judge.
            host: for a judge of adapters, a model in memory that they are put on, in place of `backbone` and
                `device`; it scores in its host's precision, whatever `speed` says of dtype and engine. Two
                threads must not pass through the model at a time.

        Raises:
            JudgeError: no judge is there, it was written by another version, it does not fit its host, or it
                has no threshold for `max_fpr`.
            BackboneError: its encoder cannot be found, or its host has another one.
        """
        directory = find_judge(source)
        description, calibration = _read(directory)
        if max_fpr is not None:
            calibration = calibration.at(max_fpr)
        if host is None:
            encoder, start = open_encoder(directory, description, backbone=backbone, device="cpu")
            chosen = torch.device(device or get_device_name())
            if speed.engine is Engine.TORCH:  # on the CPU, so that the device need not hold float32 as well
                cast(encoder, weights_dtype(speed.dtype, chosen))
            encoder.to(chosen)
        else:
            encoder, start = put_on(host, directory, description), host.backbone
        return cls(encoder, calibration, start, speed=speed, explain=explain, host=host)

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """Score each record, in order.

        Args:
            records: N records; those that differ in nothing but their id are scored once.

        Returns:
            N scores; None where the encoder's logits are not finite, so that nothing can be said.
        """
        distinct = {_content(record): record for record in records}
        scores: dict[tuple[str, tuple[str, ...], str], Score | None] = {
            key: without_encoder(record) if self.speed.cheap_stage else None
            for key, record in distinct.items()
        }
        undecided = [record for key, record in distinct.items() if scores[key] is None]
        for record, score in zip(undecided, self._with_encoder(undecided), strict=True):
            scores[_content(record)] = score
        if self.explain is Explain.FACTS:
            judged = {key: score for key, score in scores.items() if score is not None}
            coverages = self.coverage([distinct[key] for key in judged])
            for (key, score), coverage in zip(judged.items(), coverages, strict=True):
                scores[key] = replace(score, coverage=coverage)
        return [scores[_content(record)] for record in records]

    def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
        """Whether each text says what its claim says.

        Args:
            claims: N claims.
            texts: N texts, one for each claim.

        Returns:
            N probabilities in [0, 1]; NaN where the encoder's logits are not finite.
        """
        pairs = [support_segments(claim=claim, text=text) for claim, text in zip(claims, texts, strict=True)]
        return self._rescaled(Task.SUPPORT, self.calibration.support, pairs)

    def abstention(self, *, questions: Sequence[str], completions: Sequence[str]) -> list[float]:
        """Whether each completion declines to answer its question; arguments and result as for `support`."""
        pairs = [
            abstention_segments(question=question, completion=completion)
            for question, completion in zip(questions, completions, strict=True)
        ]
        return self._rescaled(Task.ABSTENTION, self.calibration.abstention, pairs)

    def contradiction(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        """Whether each text says the opposite of its claim; arguments as for `support`.

        Returns:
            N probabilities as of `support`; None where the judge was never taught to tell.
        """
        if self.calibration.contradiction is None:
            return [None] * len(claims)
        pairs = [support_segments(claim=claim, text=text) for claim, text in zip(claims, texts, strict=True)]
        return list(self._rescaled(Task.CONTRADICTION, self.calibration.contradiction, pairs))

    def equivalence(
        self, *, questions: Sequence[str], references: Sequence[str], completions: Sequence[str]
    ) -> list[float]:
        """Whether each completion gives the answer to its question that its reference gives.

        Args:
            questions: N questions, any of them empty.
            references: N right answers.
            completions: N texts.

        Returns:
            N probabilities as of `support`.
        """
        texts = list(zip(questions, references, completions, strict=True))
        if not texts:
            return []
        logits = self._logits(
            Task.EQUIVALENCE,
            [equivalence_segments(question=q, reference=r, completion=c) for q, r, c in texts],
        )
        inputs = [
            equivalence_inputs(logit, question=q, reference=r, completion=c)
            for logit, (q, r, c) in zip(logits, texts, strict=True)
        ]
        probabilities: list[float] = self.calibration.equivalence.probability(np.array(inputs)).tolist()
        return probabilities

    def fits(self, *, question: str, claim: str) -> bool:
        """Whether a claim, after its question, is read whole."""
        first, _ = equivalence_segments(question=question, reference=claim, completion="")
        return first_segment_fits(self.encoder, first)

    def coverage(self, records: Sequence[Record]) -> list[Coverage | None]:
        """What each completion leaves out of its reference, and what it adds; of several, the best one.

        Of many references, those are tried that `score` reads. A title that sounds like an abstention ("I
        Don't Know") is none where it is the reference.

        Args:
            records: N records.

        Returns:
            N coverages; None where the encoder's logits are not finite.

        Example:
            >>> record = Record("", ("Ada was born in London and died in 1852.",), "Ada was born in London.")
            >>> [fact.text for fact in Judge.from_pretrained().coverage([record])[0].missing]
            ['Ada died in 1852.']
        """
        abstentions = self.abstention(
            questions=[record.prompt for record in records],
            completions=[record.completion for record in records],
        )
        thresholds = self.calibration.thresholds
        nearest = [
            nearest_references(record, self.calibration.equivalence, limit=self.speed.max_references)
            for record in records
        ]
        return measure(
            [replace(record, references=chosen) for record, chosen in zip(records, nearest, strict=True)],
            self,
            abstained=[
                abstention >= thresholds.abstention and without_encoder(record) is None
                for record, abstention in zip(records, abstentions, strict=True)
            ],
            answer_threshold=thresholds.equivalence,
        )

    def _rescaled(self, task: Task, combiner: Combiner, pairs: Sequence[tuple[str, str]]) -> list[float]:
        probabilities: list[float] = combiner.probability(
            np.array(self._logits(task, pairs))[:, None]
        ).tolist()
        return probabilities

    def _with_encoder(self, records: Sequence[Record]) -> list[Score | None]:
        """Scores of distinct records by encoder and combiner."""
        if not records:
            return []
        shortlists = [self._shortlist(record) for record in records]
        pairs = [
            (record, reference)
            for record, references in zip(records, shortlists, strict=True)
            for reference in references
        ]
        self._read(
            [
                equivalence_segments(
                    question=record.prompt, reference=reference, completion=record.completion
                )
                for record, reference in pairs
            ]
            + [
                abstention_segments(question=record.prompt, completion=record.completion)
                for record in records
            ]
        )  # both tasks in one list: fuller batches of like length
        probabilities = iter(
            self.equivalence(
                questions=[record.prompt for record, _ in pairs],
                references=[reference for _, reference in pairs],
                completions=[record.completion for record, _ in pairs],
            )
        )
        abstentions = self.abstention(
            questions=[record.prompt for record in records],
            completions=[record.completion for record in records],
        )
        return [
            self._decide(np.max([next(probabilities) for _ in references]), abstention)
            for references, abstention in zip(shortlists, abstentions, strict=True)
        ]

    def _decide(self, equivalence: float, abstention: float) -> Score | None:
        if not (np.isfinite(equivalence) and np.isfinite(abstention)):
            return None
        verdict = decide(
            equivalence=equivalence, abstention=abstention, thresholds=self.calibration.thresholds
        )
        return Score(equivalence=float(equivalence), abstention=float(abstention), verdict=verdict)

    def clear_cache(self) -> None:
        """Forget what was scored before."""
        self._cache.clear()

    def _shortlist(self, record: Record) -> tuple[str, ...]:
        """The references that the encoder reads."""
        nearest = nearest_references(record, self.calibration.equivalence, limit=self.speed.max_references)
        self.references_left_out += len(record.references) - len(nearest)
        return nearest

    def _logits(self, task: Task, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One logit a pair, from the cache where it is known."""
        read = self._read(pairs)
        return [read[pair][TASKS.index(task)] for pair in pairs]

    def _read(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], tuple[float, ...]]:
        """Logits of all tasks by pair; the encoder reads what the cache does not know."""
        missing = [pair for pair in dict.fromkeys(pairs) if pair not in self._cache]
        if missing and len(self._cache) + len(missing) > self.speed.cache_size:
            self._cache = {pair: self._cache[pair] for pair in set(pairs) - set(missing)}
        logits = encode_pairs(
            self.encoder,
            missing,
            batch_tokens=batch_tokens(self.speed, self.encoder.device),
            forward=self._forward,
        )
        self._cache.update(zip(missing, map(tuple, logits.tolist()), strict=True))
        return self._cache


def _content(record: Record) -> tuple[str, tuple[str, ...], str]:
    return record.prompt, record.references, record.completion


def without_encoder(record: Record) -> Score | None:
    """The score of a completion that needs no reading: equal to a reference, or without a single word."""
    given = read_words(record.completion).words
    if not given:
        return _EMPTY
    ends_in_a = bool(_LAST_A.search(record.completion))
    if any(
        given == read_words(reference).words and ends_in_a == bool(_LAST_A.search(reference))
        for reference in record.references
    ):
        return _RIGHT
    return None


def find_judge(source: str | Path | None) -> Path:
    """The directory of a judge: the shipped one (None or "default"), a path, or a download from the Hub.

    Raises:
        JudgeError: there is no judge at `source`.
    """
    advice = (
        "pass the output_dir of `candor train-judge` with --judge, or leave --judge out for the default judge"
    )
    directory = WEIGHTS if source in (None, DEFAULT_JUDGE) else Path(str(source))
    if not directory.is_dir():
        try:
            directory = fetch(str(source))
        except FileNotFoundError as error:
            raise JudgeError(
                f"expected a judge, by directory or Hub id, got {str(source)!r}: {error}; {advice}"
            ) from error
    if not (directory / JUDGE_FILE).is_file():
        raise JudgeError(f"expected {JUDGE_FILE} in {directory}, which a judge directory holds; {advice}")
    return directory


def _read(directory: Path) -> tuple[dict[str, Any], Calibration]:
    """What `save_judge` wrote of the encoder, and the calibration."""
    path = directory / JUDGE_FILE
    try:
        content = json.loads(path.read_text())
        if content.get("format") != FORMAT:
            raise JudgeError(
                f"expected judge format {FORMAT} in {directory}, found {content.get('format')!r}; train the "
                "judge again by `candor train-judge`"
            )
        return content["encoder"], Calibration.from_json(content["calibration"])
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise JudgeError(
            f"cannot read {path} as what `candor train-judge` writes: {type(error).__name__} {error}; "
            "is it whole?"
        ) from error


def base_of(directory: Path) -> str | None:
    """SHA-256 of the base whose adapters a judge is; None where it has weights of its own.

    Raises:
        JudgeError: the judge cannot be read.
    """
    description, _ = _read(directory)
    adapters = description["weights"] == ADAPTER_FILE
    return str(description["backbone"]["sha256"]) if adapters else None


def save_judge(
    model: CrossEncoder,
    calibration: Calibration,
    directory: Path,
    *,
    backbone: Backbone,
    seed: int,
    as_delta: bool,
) -> None:
    """Write what `Judge.from_pretrained` reads; arguments as for `judge.storage.save_encoder`."""
    directory.mkdir(parents=True, exist_ok=True)
    encoder = save_encoder(model, directory, backbone, seed=seed, as_delta=as_delta)
    content = {"format": FORMAT, "encoder": encoder, "calibration": calibration.to_json()}
    (directory / JUDGE_FILE).write_text(json.dumps(content, indent=1) + "\n")
