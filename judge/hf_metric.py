"""The judge as a metric of Hugging Face `evaluate`: the numbers of `candor score`, without the network.

metric = evaluate.load("judge/hf_metric.py")  # or judge.hf_metric.JudgeMetric()
metric.compute(predictions=["in Lima"], references=["Lima"], questions=["Where?"])
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import evaluate  # not its Metric by name: `evaluate.load` takes the first metric among the names of this file
from datasets import Features, Value
from datasets import Sequence as ListOf

from judge.records import Record, Verdict
from judge.scorer import Judge

_DESCRIPTION = (
    "A trained judge of answers: correct, abstaining or wrong, given right answers and the question."
)
_INPUTS = """
Args:
    predictions: N texts to judge.
    references: N right answers; each a text, or a list of texts of which any may match.
    questions: N questions; none by default.
    per_row: also return what the judge says of each row.

Returns:
    correct_rate, abstain_rate, wrong_rate and equivalence (a mean), over the rows that could be judged, NaN
    where there are none; unscored, the number of the others. With per_row also verdicts, equivalences and
    abstentions: N values each, None where a row could not be judged.
"""


class JudgeMetric(evaluate.Metric):
    """`evaluate.Metric` over `judge.scorer.Judge`.

    Args:
        judge: directory or Hub id; the judge that ships by default.
        max_fpr: as for `Judge.from_pretrained`.
        settings: of `evaluate.Metric`.
    """

    def __init__(self, judge: str | None = None, max_fpr: float | None = None, **settings: Any):
        super().__init__(**settings)
        self.judge = Judge.from_pretrained(judge, max_fpr=max_fpr)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS,
            features=Features(
                {
                    "predictions": Value("string"),
                    "references": ListOf(Value("string")),
                    "questions": Value("string"),
                }
            ),
        )

    def compute(
        self,
        *,
        predictions: Sequence[str] | None = None,
        references: Sequence[str | Sequence[str]] | None = None,
        questions: Sequence[str] | None = None,
        **settings: Any,
    ) -> dict[str, Any] | None:
        """Judge what is given, and what was added before."""
        result: dict[str, Any] | None = super().compute(
            predictions=predictions, references=references, questions=questions, **settings
        )
        return result

    def add_batch(
        self,
        *,
        predictions: Sequence[str],
        references: Sequence[str | Sequence[str]],
        questions: Sequence[str] | None = None,
    ) -> None:
        """Add rows to judge."""
        lists = [[row] if isinstance(row, str) else list(row) for row in references]
        asked = [""] * len(predictions) if questions is None else questions
        super().add_batch(predictions=predictions, references=lists, questions=asked)

    def add(self, *, prediction: str, reference: str | Sequence[str], question: str = "") -> None:
        """Add one row to judge."""
        self.add_batch(predictions=[prediction], references=[reference], questions=[question])

    def _compute(
        self,
        *,
        predictions: Sequence[str],
        references: Sequence[Sequence[str]],
        questions: Sequence[str],
        per_row: bool = False,
    ) -> dict[str, Any]:
        rows = zip(questions, references, predictions, strict=True)
        scores = self.judge.score([Record(question, tuple(right), text) for question, right, text in rows])
        judged = [score for score in scores if score is not None]
        counts = Counter(score.verdict for score in judged)
        share = 1 / len(judged) if judged else math.nan
        result: dict[str, Any] = {f"{verdict}_rate": counts[verdict] * share for verdict in Verdict}
        result["equivalence"] = sum(score.equivalence for score in judged) * share
        result["unscored"] = len(scores) - len(judged)
        if per_row:
            result["verdicts"] = [None if score is None else score.verdict.value for score in scores]
            result["equivalences"] = [None if score is None else score.equivalence for score in scores]
            result["abstentions"] = [None if score is None else score.abstention for score in scores]
        return result
