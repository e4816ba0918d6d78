"""An audit as plain text for a terminal, and as JSON."""

from dataclasses import asdict
from typing import Any

from judge.audit.findings import Finding, Tally, tally, total, weakest
from judge.audit.outcome import Audit
from judge.audit.properties import Property, said
from judge.report import table

_LENGTH = 160  # characters of a text in a terminal
_BREACHES = 3


def describe_audit(audit: Audit, *, weakest_shown: int) -> str:
    """Every category under its group, the cases that the judge was surest of wrongly, and the properties."""
    shown = weakest(audit.findings)[:weakest_shown]
    parts = [_categories(audit)]
    if shown:
        parts.append("\n".join(["weakest cases:", *map(_case, shown)]))
    held = [[found.name, f"{found.tried:,}", f"{found.holds:,}"] for found in audit.properties]
    parts.append(table(["property", "tried", "holds"], held))
    parts += [_breaches(found) for found in audit.properties if found.breaches]
    return "\n\n".join(parts)


def _categories(audit: Audit) -> str:
    rows = []
    for group, tallied in tally(audit.findings, lambda case: case.group).items():
        own = [finding for finding in audit.findings if finding.case.group == group]
        categories = tally(own, lambda case: case.category)
        rows.append([group.upper(), *_cells(tallied)])
        rows += [[f"  {category}", *_cells(tallied)] for category, tallied in categories.items()]
    rows.append(["ALL", *_cells(total(audit.findings))])
    return table(["category", "cases", "right", "pass"], rows)


def _cells(tallied: Tally) -> list[str]:
    return [f"{tallied.cases:,}", f"{tallied.right:,}", f"{100 * tallied.rate:.0f} %"]


def _case(finding: Finding) -> str:
    case, record = finding.case, finding.case.record
    lines = [
        f"  {case.category}: expected {case.verdict}, said {said(finding.score)}",
        f"    question: {_shown(record.prompt)}",
        f"    reference: {_shown(' | '.join(record.references))}",
        f"    completion: {_shown(record.completion)}",
    ]
    return "\n".join(lines)


def _breaches(found: Property) -> str:
    return "\n".join([f"breaches of: {found.name}", *(f"  {text}" for text in found.breaches[:_BREACHES])])


def _shown(text: str) -> str:
    """On one line, as a terminal can show it."""
    return ascii(text)[1:-1][:_LENGTH]


def to_json(audit: Audit) -> dict[str, Any]:
    """Tallies by group and category, every case that is not right, and the properties with all breaches."""
    findings = audit.findings
    return {
        "all": _rates(total(findings)),
        "groups": {name: _rates(found) for name, found in tally(findings, lambda case: case.group).items()},
        "categories": {
            name: _rates(found) for name, found in tally(findings, lambda case: case.category).items()
        },
        "failures": [asdict(finding) for finding in weakest(findings)],
        "properties": [asdict(found) for found in audit.properties],
    }


def _rates(tallied: Tally) -> dict[str, float]:
    return asdict(tallied) | {"rate": tallied.rate}
