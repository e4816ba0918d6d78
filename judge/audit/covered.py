"""What holds for the facts that a judge says are covered: monotone in what is left out and what is added."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from judge.audit.properties import Property, shortened_accounts, shown
from judge.audit.suite import load_cases, read_content
from judge.records import Coverage, Record, Verdict

Cover = Callable[[Sequence[Record]], Sequence[Coverage | None]]
"""N records to N coverages, as `judge.scorer.Judge.coverage`."""
Share = Callable[[Coverage], float | None]

INCOMPLETE = ("partial list", "half of the answer")
"""Categories whose wrong texts leave out a part of the reference."""
PADDED = ("list with a wrong extra", "many candidates", "right plus a false fact")
"""Categories whose wrong texts add what the reference does not say."""


def check_coverage(cover: Cover) -> list[Property]:
    """Try every property of coverage on a judge."""
    whole, shortened = shortened_accounts()
    padded = [
        replace(record, completion=f"{record.completion} {fact}")
        for record in whole
        for fact in read_content("properties")["false_facts"]
    ]
    unpadded = [record for record in whole for _ in read_content("properties")["false_facts"]]
    return [
        _never_raised("leaving out a fact never raises recall", recall, cover, whole, shortened),
        _never_raised("a false fact never raises precision", precision, cover, unpadded, padded),
        _below_one("what is left out lowers recall", recall, cover, INCOMPLETE),
        _below_one("what is added lowers precision", precision, cover, PADDED),
    ]


def recall(coverage: Coverage) -> float | None:
    """Of the reference's facts."""
    return coverage.recall


def precision(coverage: Coverage) -> float | None:
    """Of the completion's facts."""
    return coverage.precision


def _never_raised(
    name: str, share: Share, cover: Cover, before: Sequence[Record], after: Sequence[Record]
) -> Property:
    breaches = []
    for record, was, coverage in zip(after, cover(before), cover(after), strict=True):
        old, new = _share(share, was), _share(share, coverage)
        if old is None or new is None or new > old:
            breaches.append(f"{shown(record)}: {_said(old)} -> {_said(new)}")
    return Property(name, len(after), tuple(breaches))


def _below_one(name: str, share: Share, cover: Cover, categories: Sequence[str]) -> Property:
    records = [
        case.record for case in load_cases() if case.category in categories and case.verdict is Verdict.WRONG
    ]
    shares = [_share(share, coverage) for coverage in cover(records)]
    breaches = [
        f"{shown(record)}: {_said(found)}"
        for record, found in zip(records, shares, strict=True)
        if found is None or found >= 1.0
    ]
    return Property(name, len(records), tuple(breaches))


def _share(share: Share, coverage: Coverage | None) -> float | None:
    return None if coverage is None else share(coverage)


def _said(share: float | None) -> str:
    return "nothing" if share is None else f"{share:.3f}"
