"""What holds for every text, whatever the judge makes of it: tried on many, and each breach told.

The reward that a score is worth is taken at the levels 1, 0 and -1 of correct, abstain and wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from judge.audit.suite import load_cases, read_content
from judge.batch import Scorer
from judge.records import Record, Score, Verdict

SAME = 0.1
"""By how much a probability may move when nothing was said that could change it."""
RISE = 0.05
"""By how much a reward may rise: less than any verdict would change it."""
SURE = 0.9
"""Equivalence from which a text counts as the same as itself."""
NO_FAILURE = "no text makes it fail"
SHOWN = 80  # characters of a text in a breach


@dataclass(frozen=True, slots=True)
class Property:
    """What became of a property.

    Attributes:
        name: what holds.
        tried: texts that it was tried on.
        breaches: what was seen where it does not hold.
    """

    name: str
    tried: int
    breaches: tuple[str, ...]

    @property
    def holds(self) -> int:
        """Texts on which it holds."""
        return self.tried - len(self.breaches)


def check_properties(scorer: Scorer) -> list[Property]:
    """Try every property on a judge."""
    return [check(scorer) for check in CHECKS]


def self_match(scorer: Scorer) -> Property:
    """A reference is its own answer."""
    cases = load_cases()
    references = {(case.record.prompt, text) for case in cases for text in case.record.references}
    records = [Record(prompt, (text,), text) for prompt, text in sorted(references)]
    breaches = [
        f"{shown(record)}: {said(score)}"
        for record, score in zip(records, scorer.score(records), strict=True)
        if score is None or score.equivalence < SURE
    ]
    return Property("a reference matches itself", len(records), tuple(breaches))


def reference_order(scorer: Scorer) -> Property:
    """A further reference may stand before or after the first."""
    records = [
        replace(record, references=(*record.references, other["answer"]))
        for other in read_content("questions")
        for record in _answers()
        if other["question"] != record.prompt
    ]
    reversed_ = [replace(record, references=record.references[::-1]) for record in records]
    return _unchanged("the order of references changes nothing", scorer, records, reversed_)


def whitespace(scorer: Scorer) -> Property:
    """Blanks and new lines around and between words say nothing."""
    records = _answers("It is {text}.")
    spaced = [
        replace(record, completion=f"\n  {record.completion.replace(' ', '  ')}\t\n") for record in records
    ]
    return _unchanged("whitespace changes nothing", scorer, records, spaced)


def answer_prefix(scorer: Scorer) -> Property:
    """An answer may say that it is one."""
    return _unchanged(
        '"The answer is ..." changes nothing', scorer, _answers(), _answers("The answer is {text}.")
    )


def false_fact(scorer: Scorer) -> Property:
    """A false fact beside an answer, right or wrong, is never worth anything."""
    records = [
        record for record in _answers("It is {text}.") for _ in read_content("properties")["false_facts"]
    ]
    facts = read_content("properties")["false_facts"] * len(_answers())
    padded = [
        replace(record, completion=f"{record.completion} {fact}")
        for record, fact in zip(records, facts, strict=True)
    ]
    return _never_raised("a false fact never raises the reward", scorer, records, padded)


def left_out_fact(scorer: Scorer) -> Property:
    """An account with a fact left out is never worth more than the whole."""
    whole, shortened = shortened_accounts()
    return _never_raised("leaving out a fact never raises the reward", scorer, whole, shortened)


def any_text(scorer: Scorer) -> Property:
    """No text makes a judge fail, as a completion, a reference or a question."""
    records = [
        record
        for text in odd_texts().values()
        for record in (
            Record("Which river?", ("the Elbe",), text),
            Record("Which river?", (text,), "the Elbe"),
            Record(text, ("the Elbe",), "the Oder"),
        )
    ]
    breaches = [f"{shown(record)}: {fault}" for record in records if (fault := _fault(scorer, record))]
    return Property(NO_FAILURE, len(records), tuple(breaches))


def odd_texts() -> dict[str, str]:
    """Texts that break programs, by what is odd about them."""
    return {
        "empty": "",
        "blank": " \t\n\u2003\u200b",
        "control characters": "".join(map(chr, range(32))) + "\x7f\x85",
        "emoji storm": "🧨🪅🫠👩‍👩‍👧‍👦🇧🇷" * 400,
        "emoji apart": "🪅 🫠 " * 1000,
        "stacked accents": "e" + "\u0301" * 2000,
        "an unpaired surrogate": "\ud83d",
        "right to left": "\u202eאיזה נהר זה\u202c",
        "Amharic": "ይህ ወንዝ ምን ይባላል?",
        "Khmer": "តើទន្លេនេះឈ្មោះអ្វី?",
        "cuneiform": "𒀀𒇉𒁇𒄘𒃼",
        "private use": "\ue000\uf8ff\U000f0000",
        "a long word": "river" * 20_000,
        "many words": "the river " * 10_000,
        "many brackets": "(" * 1000 + ")" * 1000,
        "special tokens": "[CLS] [SEP] [MASK] [PAD] <s> </s> <|endoftext|>" * 20,
        "markup": "<script>alert(1)</script>{{7*7}}%s%n${x}",
    }


CHECKS: Sequence[Callable[[Scorer], Property]] = (
    self_match, reference_order, whitespace, answer_prefix, false_fact, left_out_fact, any_text,
)  # fmt: skip


def reward(score: Score) -> float:
    """What a score is worth, in [-1, 1]."""
    p = score.probabilities()
    return p[Verdict.CORRECT] - p[Verdict.WRONG]


def shortened_accounts() -> tuple[list[Record], list[Record]]:
    """Accounts that tell every fact of their reference in another order, and each with one fact left out."""
    whole, shortened = [], []
    for account in read_content("properties")["accounts"]:
        first, *others = account["facts"]
        record = Record(account["question"], (" ".join(account["facts"]),), " ".join([*others, first]))
        for left_out in account["facts"]:
            rest = [fact for fact in [*others, first] if fact != left_out]
            whole.append(record)
            shortened.append(replace(record, completion=" ".join(rest)))
    return whole, shortened


def _answers(template: str = "{text}") -> list[Record]:
    """Every question answered rightly and wrongly."""
    return [
        Record(base["question"], (base["answer"],), template.format(text=base[kind]))
        for base in read_content("questions")
        for kind in ("answer", "distractor")
    ]


def _unchanged(name: str, scorer: Scorer, before: Sequence[Record], after: Sequence[Record]) -> Property:
    breaches = [
        f"{shown(new)}: {said(was)} -> {said(score)}"
        for new, was, score in _both(scorer, before, after)
        if was is None
        or score is None
        or was.verdict is not score.verdict
        or abs(was.equivalence - score.equivalence) > SAME
    ]
    return Property(name, len(after), tuple(breaches))


def _never_raised(name: str, scorer: Scorer, before: Sequence[Record], after: Sequence[Record]) -> Property:
    breaches = [
        f"{shown(new)}: {said(was)} -> {said(score)}"
        for new, was, score in _both(scorer, before, after)
        if was is None or score is None or reward(score) > reward(was) + RISE
    ]
    return Property(name, len(after), tuple(breaches))


def _both(
    scorer: Scorer, before: Sequence[Record], after: Sequence[Record]
) -> Iterator[tuple[Record, Score | None, Score | None]]:
    return zip(after, scorer.score(before), scorer.score(after), strict=True)


def _fault(scorer: Scorer, record: Record) -> str | None:
    """What is wrong with a judge's answer to one record; a score of None is none."""
    try:
        (score,) = scorer.score([record])
    except Exception as error:  # noqa: BLE001 whatever a judge fails by is what is looked for
        return f"{type(error).__name__}: {error}"[:SHOWN]
    if score is not None and not all(0.0 <= p <= 1.0 for p in (score.equivalence, score.abstention)):
        return f"not in [0, 1]: {said(score)}"
    return None


def said(score: Score | None) -> str:
    """A score in words."""
    if score is None:
        return "no score"
    return f"{score.verdict} (equivalence {score.equivalence:.3f}, abstention {score.abstention:.3f})"


def shown(record: Record) -> str:
    """A record on one line, as a terminal can show it."""
    texts = (record.prompt, " | ".join(record.references), record.completion)
    return " / ".join(ascii(text[:SHOWN])[1:-1] for text in texts)
