"""Which references of many the encoder reads: those that come nearest to the completion by rule.

A question from a quiz may have dozens of right answers, aliases and spellings of a few. The combiner, told
nothing by the encoder, ranks them by lexical features, at a twentieth of the cost of reading a pair.
"""

import numpy as np

from judge.calibrate import Combiner, equivalence_inputs
from judge.lexical.words import read_words
from judge.records import Record

_NO_LOGIT = 0.0


def nearest_references(record: Record, combiner: Combiner, *, limit: int) -> tuple[str, ...]:
    """At most `limit` references; of those with the same words, one.

    Args:
        record: what is judged; all its references are kept if there are no more than `limit`.
        combiner: of equivalence.
        limit: at least 1.

    Returns:
        The references that the encoder reads; their set does not depend on the order they came in.
    """
    if len(record.references) <= limit:
        return record.references
    by_words = {read_words(reference).words: reference for reference in sorted(set(record.references))}
    distinct = sorted(by_words.values())
    if len(distinct) > limit:
        inputs = [
            equivalence_inputs(
                _NO_LOGIT, question=record.prompt, reference=reference, completion=record.completion
            )
            for reference in distinct
        ]
        ranks = np.argsort(-combiner.probability(np.array(inputs)), kind="stable")
        distinct = [distinct[rank] for rank in ranks[:limit]]
    return tuple(distinct)
