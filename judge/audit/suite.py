"""The audit's cases: texts whose verdict is known, in `cases/*.yaml`, one file a group.

A category is a list of questions, each with texts that are correct, abstain or are wrong. Where any question
would do it is templates by verdict, filled from `questions.yaml`, each from the next one there.
Nothing is ever trained on these texts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import cycle
from typing import Any

import yaml

from judge.records import Record, Verdict

HACKING = "hacking"
"""The group of what a policy would find if it were paid for."""
GROUPS = (
    "surface", "meaning", "quantities", "entities", "lists", "coverage", "abstention", HACKING, "robustness",
)  # fmt: skip
_FILLER = " ".join(f"This is remark number {number} on the weather." for number in range(1, 41))
"""Text that answers nothing, longer than the window of the default judge."""

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One text whose verdict is known.

    Attributes:
        group, category: where it stands in the suite.
        record: what is judged; its id is unique in the suite.
        verdict: what is right.
    """

    group: str
    category: str
    record: Record
    verdict: Verdict


def load_cases(groups: Sequence[str] = GROUPS) -> list[Case]:
    """Every case of some groups, in the order of their files."""
    return [
        case
        for group in groups
        for category, content in read_content(group).items()
        for case in _cases(group, category, content)
    ]


@cache
def read_content(name: str) -> Any:
    """What `cases/NAME.yaml` holds."""
    return yaml.safe_load((files("judge.audit") / "cases" / f"{name}.yaml").read_text(encoding="utf-8"))


def _cases(group: str, category: str, content: Sequence[Item] | Mapping[str, Sequence[str]]) -> list[Case]:
    items = _filled(content) if isinstance(content, Mapping) else content
    texts = [(item, verdict, text) for item in items for verdict in Verdict for text in item.get(verdict, ())]
    return [
        Case(
            group,
            category,
            Record(item["question"], tuple(item["references"]), text, id=f"{category} {number}"),
            verdict,
        )
        for number, (item, verdict, text) in enumerate(texts, start=1)
    ]


def _filled(templates: Mapping[str, Sequence[str]]) -> Iterable[Item]:
    turns = cycle(read_content("questions"))
    for verdict, texts in templates.items():
        for text in texts:
            base = next(turns)
            filled = text.format(filler=_FILLER, **base)
            yield {"question": base["question"], "references": [base["answer"]], verdict: [filled]}
