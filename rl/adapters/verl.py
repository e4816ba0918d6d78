"""The judge as verl's `custom_reward_function`, which verl calls sample by sample from many threads."""

from collections.abc import Iterable, Mapping
from typing import Any

from judge.errors import DataError
from judge.records import Record, Verdict
from rl.adapters.messages import question_of, references_of
from rl.adapters.micro_batches import open_batches, paid


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | Iterable[str],
    extra_info: Mapping[str, Any] | None = None,
    *,
    judge: str | None = None,
    max_fpr: float | None = None,
    reward: Mapping[str, Any] | None = None,
    unscored: float | None = None,
    **_: object,
) -> dict[str, float]:
    """The reward of one completion as `score`; its verdict beside it, which verl logs.

    Args:
        data_source: ignored.
        solution_str: the completion.
        ground_truth: the right answer, or several of which any may match.
        extra_info: `question`, if it is there, is what the judge reads as the question: text or messages.
        judge, max_fpr, reward, unscored: settings, from `custom_reward_function.reward_kwargs`: directory or
            Hub id, as for `Judge.from_pretrained`, fields of `RewardConfig` by name, and the reward of what
            cannot be judged (unset: an error).

    Raises:
        DataError: there is no right answer.
        JudgeError: the completion cannot be judged.

    Example:
        >>> compute_score("nq", "In Lima.", "Lima", {"question": "Where?"})["score"]
        1.0
    """
    references = references_of(ground_truth)
    if not references:
        raise DataError(f"expected a right answer in ground_truth, got {ground_truth!r}")
    question = question_of((extra_info or {}).get("question", ""))
    score = open_batches(judge, max_fpr).submit(Record(question, references, solution_str)).result()
    return {
        "score": paid(score, reward, unscored),
        "acc": float(score is not None and score.verdict is Verdict.CORRECT),  # verl's name for it
        "abstain": float(score is not None and score.verdict is Verdict.ABSTAIN),
        "wrong": float(score is not None and score.verdict is Verdict.WRONG),
        "unscored": float(score is None),
    }
