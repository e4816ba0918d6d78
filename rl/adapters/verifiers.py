"""The judge as reward functions of a verifiers `Rubric`, which awaits them rollout by rollout."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from judge.errors import DataError
from judge.records import Record, Score, Verdict
from rl.adapters.messages import Text, answer_of, question_of, references_of
from rl.adapters.micro_batches import MicroBatches, open_batches, paid
from rl.reward import Scorer

RubricFunction = Callable[..., Awaitable[float]]


def rubric_functions(
    judge: Scorer | str | None = None,
    *,
    max_fpr: float | None = None,
    reward: Mapping[str, Any] | None = None,
    unscored: float | None = None,
) -> list[RubricFunction]:
    """`judge_reward`, then `correct`, `abstain` and `wrong`: 1 where that is the verdict, to log at weight 0.

    Args:
        judge: a scorer, or the directory or Hub id of a judge; the one that ships by default.
        max_fpr, reward, unscored: as for `rl.adapters.verl.compute_score`.

    Example:
        >>> rubric = vf.Rubric(funcs=rubric_functions(), weights=[1, 0, 0, 0])  # doctest: +SKIP
    """
    batches = open_batches(judge, max_fpr) if judge is None or isinstance(judge, str) else MicroBatches(judge)

    async def score(completion: Text, answer: str | Iterable[str], prompt: Text) -> Score | None:
        references = references_of(answer)
        if not references:
            raise DataError(f"expected a right answer in `answer`, got {answer!r}")
        record = Record(question_of(prompt), references, answer_of(completion))
        return await asyncio.wrap_future(batches.submit(record))

    async def judge_reward(
        completion: Text, answer: str | Iterable[str], prompt: Text = "", **_: object
    ) -> float:
        return paid(await score(completion, answer, prompt), reward, unscored)

    def indicator(verdict: Verdict) -> RubricFunction:
        async def given(
            completion: Text, answer: str | Iterable[str], prompt: Text = "", **_: object
        ) -> float:
            found = await score(completion, answer, prompt)
            return float(found is not None and found.verdict is verdict)

        given.__name__ = verdict.value  # verifiers logs a function under its name
        return given

    return [judge_reward, *map(indicator, Verdict)]
