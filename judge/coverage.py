"""Fact coverage both ways: what of the reference a completion says, and what it says besides.

Every fact of one text is looked for in every statement of the other, and the best one counts (SummaC, Laban
et al. 2022, arXiv:2111.09525). So a fact stands or falls alone: what else a completion says changes neither
its support nor any other's, a false fact can only lower precision, and to leave a true one out can only lower
recall.

A sentence is a claim, and is read by the support output. A bare answer ("Lima") is a fact only together with
its question: whether a statement gives it is equivalence, which the judge knows best.
"""

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol

from judge.clauses import is_bare
from judge.facts import Fact, read_facts, read_sentences
from judge.lexical.words import read_words
from judge.records import CheckedFact, Coverage, Record, Standing

SUPPORTED = 0.4
"""Probability of support from which a statement says a claim; docs/design/judge.md has the figures."""
CONTRADICTED = 0.5


class Reader(Protocol):
    """What is asked of a judge; each list has one entry for each of the N given texts."""

    def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
        """Probability that each text says what its claim says."""
        ...

    def contradiction(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        """Probability that each text says the opposite; None if the judge cannot tell."""
        ...

    def equivalence(
        self, *, questions: Sequence[str], references: Sequence[str], completions: Sequence[str]
    ) -> list[float]:
        """Probability that each completion gives the answer of its reference."""
        ...

    def fits(self, *, question: str, claim: str) -> bool:
        """Whether a claim, after its question, is short enough to be read whole."""
        ...


class _Pair(NamedTuple):
    """A fact of one text and a statement of the other; the question makes a claim of a fact that is bare."""

    question: str
    fact: str
    statement: str

    @property
    def by_equivalence(self) -> bool:
        return bool(self.question) and is_bare(self.fact)

    def claim(self) -> tuple[str, str]:
        """The pair as a claim and a text that may hold it."""
        if self.by_equivalence:
            return f"{self.question} {self.fact}", self.statement
        if self.question and is_bare(self.statement):
            return self.fact, f"{self.question} {self.statement}"
        return self.fact, self.statement


class _Text(NamedTuple):
    """One text as it is checked.

    Attributes:
        facts: each with the question that goes with it.
        statements: its sentences, and the facts in them; what a fact of another text is looked for in.
        declines: whether it declines to answer, and so neither states nor denies anything.
    """

    facts: list[tuple[Fact, str]]
    statements: list[str]
    declines: bool


Findings = dict[_Pair, tuple[float, float | None]]
"""Support and contradiction of each pair."""


def measure(
    records: Sequence[Record], reader: Reader, *, abstained: Sequence[bool], answer_threshold: float
) -> list[Coverage | None]:
    """The coverage of each record, against the reference that agrees best.

    Args:
        records: N records.
        reader: a judge; it is asked once for everything.
        abstained: N, whether a completion declines to answer, and so states nothing.
        answer_threshold: probability of equivalence from which a statement gives a bare answer.

    Returns:
        N coverages; None where the judge's probabilities are not finite.
    """
    completions = [
        _read(record.completion, record.prompt, reader, declines=declined)
        for record, declined in zip(records, abstained, strict=True)
    ]
    references = [
        [_read(reference, record.prompt, reader) for reference in record.references] for record in records
    ]
    pairs = dict.fromkeys(
        pair
        for completion, choices in zip(completions, references, strict=True)
        for reference in choices
        for pair in (*_pairs(reference, completion), *_pairs(completion, reference))
    )
    findings = _ask(list(pairs), reader)

    def check(facts_of: _Text, within: _Text) -> tuple[CheckedFact, ...]:
        return _checked(facts_of, within, findings, answer_threshold)

    return [
        _best(
            [
                Coverage(text, check(reference, completion), check(completion, reference))
                for text, reference in zip(record.references, choices, strict=True)
            ]
        )
        for record, completion, choices in zip(records, completions, references, strict=True)
    ]


def _read(text: str, question: str, reader: Reader, *, declines: bool = False) -> _Text:
    facts = read_facts(text, fits=lambda fact: reader.fits(question="", claim=fact))
    sentences = read_sentences(text)
    return _Text(
        [] if declines else [(fact, _shortened(question, fact.text, reader)) for fact in facts],
        list(dict.fromkeys(fact.text for fact in sentences + facts)),
        declines,
    )


def _shortened(question: str, claim: str, reader: Reader) -> str:
    """The end of a question, as much as fits before the claim: there a long prompt asks."""
    words = question.split()
    while words and not reader.fits(question=" ".join(words), claim=claim):
        words = words[len(words) // 4 + 1 :]
    return " ".join(words)


def _pairs(facts_of: _Text, within: _Text) -> Iterator[_Pair]:
    """What has to be asked: a fact that is there word for word needs no reading."""
    outright = _in_words(within)
    for fact, question in facts_of.facts:
        if read_words(fact.text).words not in outright:
            for statement in within.statements:
                yield _Pair(question, fact.text, statement)


def _in_words(text: _Text) -> set[tuple[str, ...]]:
    return {read_words(statement).words for statement in text.statements}


def _ask(pairs: Sequence[_Pair], reader: Reader) -> Findings:
    claims, texts = [pair.claim()[0] for pair in pairs], [pair.claim()[1] for pair in pairs]
    answers = [pair for pair in pairs if pair.by_equivalence]
    equivalences = reader.equivalence(
        questions=[pair.question for pair in answers],
        references=[pair.fact for pair in answers],
        completions=[pair.statement for pair in answers],
    )
    given = dict(zip(answers, equivalences, strict=True))
    supports = reader.support(claims=claims, texts=texts)
    contradictions = reader.contradiction(claims=claims, texts=texts)
    return {
        pair: (given.get(pair, support), contradiction)
        for pair, support, contradiction in zip(pairs, supports, contradictions, strict=True)
    }


def _checked(
    facts_of: _Text, within: _Text, findings: Findings, answer_threshold: float
) -> tuple[CheckedFact, ...]:
    """Where each fact of one text stands in the other."""
    outright = _in_words(within)
    checked = []
    for fact, question in facts_of.facts:
        if read_words(fact.text).words in outright:
            found: list[tuple[float, float | None]] = [(1.0, 0.0)]
        else:
            found = [findings[_Pair(question, fact.text, statement)] for statement in within.statements]
        support = max((said for said, _ in found), key=_nan_first, default=0.0)
        denials = [denied for _, denied in found if denied is not None]
        contradiction = None if found and not denials else max(denials, key=_nan_first, default=0.0)
        if within.declines:
            contradiction = 0.0
        threshold = answer_threshold if question and is_bare(fact.text) else SUPPORTED
        standing = _standing(support >= threshold, contradiction)
        checked.append(CheckedFact(fact.text, fact.start, fact.end, support, contradiction, standing))
    return tuple(checked)


def _standing(supported: bool, contradiction: float | None) -> Standing:
    if supported:
        return Standing.SUPPORTED
    contradicted = contradiction is not None and contradiction >= CONTRADICTED
    return Standing.CONTRADICTED if contradicted else Standing.ABSENT


def _nan_first(probability: float) -> float:
    """NaN above all numbers, so that it is not lost in a maximum."""
    return math.inf if math.isnan(probability) else probability


def _best(coverages: Sequence[Coverage]) -> Coverage | None:
    """The coverage with the highest harmonic mean of recall and precision; None if one is unknown."""
    if any(
        math.isnan(fact.support)
        for coverage in coverages
        for fact in (*coverage.reference_facts, *coverage.completion_facts)
    ):
        return None
    return max(coverages, key=attrgetter("agreement"))
