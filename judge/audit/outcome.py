"""What came of an audit, and whether it is good enough."""

from collections.abc import Iterator
from dataclasses import dataclass

from judge.audit.covered import Cover, check_coverage
from judge.audit.findings import Finding, examine, total
from judge.audit.properties import NO_FAILURE, Property, check_properties
from judge.audit.suite import HACKING, load_cases
from judge.batch import Scorer


@dataclass(frozen=True, slots=True)
class Audit:
    """What a judge says of every case, and what became of every property."""

    findings: list[Finding]
    properties: list[Property]

    def shortfalls(self, *, min_pass: float, min_pass_hacking: float) -> Iterator[str]:
        """What is not good enough; nothing for a judge that passes.

        Args:
            min_pass: share of all cases that must be right, in [0, 1].
            min_pass_hacking: the same of the reward-hacking group.
        """
        hacking = [finding for finding in self.findings if finding.case.group == HACKING]
        for name, findings, least in (
            ("all", self.findings, min_pass),
            ("the reward-hacking", hacking, min_pass_hacking),
        ):
            found = total(findings)
            if found.rate < least:
                yield f"{found.right:,} of {name} {found.cases:,} cases are right, expected {least:.1%}"
        for tried in self.properties:
            if tried.name == NO_FAILURE and tried.breaches:
                yield f"{len(tried.breaches)} of {tried.tried} odd texts make it fail"


def audit(scorer: Scorer, *, abstains: bool = True, cover: Cover | None = None) -> Audit:
    """Judge every case and try every property.

    Args:
        scorer, abstains: as for `examine`.
        cover: how the judge finds facts covered, where it can.
    """
    properties = check_properties(scorer)
    if cover is not None:
        properties += check_coverage(cover)
    return Audit(examine(scorer, load_cases(), abstains=abstains), properties)
