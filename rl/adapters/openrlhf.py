"""The judge as OpenRLHF's `reward_func`: its remote URL is this file, or one of your own that calls it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from judge.data import references_of
from judge.errors import DataError
from judge.records import Record, Verdict
from rl.adapters.messages import rendered_answer, rendered_question
from rl.adapters.micro_batches import open_batches, paid


def reward_func(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[str],
    *,
    judge: str | None = None,
    max_fpr: float | None = None,
    reward: Mapping[str, Any] | None = None,
    unscored: float | None = None,
    **_: object,
) -> dict[str, Any]:
    """Rewards of N completions; of each, `scores` says whether it is right, for OpenRLHF's filtering.

    Args:
        queries: N prompts, each with its completion after it, special tokens included.
        prompts: N prompts, as a chat template has rendered them, if there is one.
        labels: N right answers; one that opens with `[` is a JSON list of which any may match.
        judge, max_fpr, reward, unscored: as for `rl.adapters.verl.compute_score`.

    Returns:
        `rewards` [N], `scores` [N] in [0, 1], and `extra_logs`: by verdict, 1 where it was given, [N].

    Raises:
        DataError: a label is not text, or a query does not hold its prompt.
        JudgeError: a completion cannot be judged.
    """
    batches = open_batches(judge, max_fpr)
    futures = [batches.submit(_record(*row)) for row in zip(queries, prompts, labels, strict=True)]
    scores = [future.result() for future in futures]
    given = {
        verdict.value: torch.tensor(
            [float(score is not None and score.verdict is verdict) for score in scores]
        )
        for verdict in Verdict
    }
    return {
        "rewards": torch.tensor([paid(score, reward, unscored) for score in scores]),
        "scores": given[Verdict.CORRECT.value],
        "extra_logs": given,
    }


def _record(query: str, prompt: str, label: str) -> Record:
    # Decoding may put a token for the beginning of the text before the prompt.
    _, found, completion = query.partition(prompt)
    if not found:
        raise DataError(f"expected the prompt {prompt[:60]!r} in its query, got {query[:60]!r}")
    references = references_of(label, "label", csv_cell=True)
    return Record(rendered_question(prompt), references, rendered_answer(completion))
