from collections.abc import Sequence
from pathlib import Path

import pytest

from judge import judges
from judge.config import EvalJudgeConfig
from judge.errors import JudgeError
from judge.judges import Entrant, ReadScores, hear, own_judges, rivals
from judge.labels import Labelled
from judge.pairwise import PairJudge
from judge.records import Record, Score, Verdict

RECORDS = [Record("who?", ("bob", "rob"), "it was bob", id="1"), Record("who?", ("ann",), "bob", id="2")]


def constant(value: float):
    return lambda *_: lambda pairs: [value] * len(pairs)


def test_every_rival_that_is_named_takes_part_strings_first(monkeypatch: pytest.MonkeyPatch):
    for name in ("cosine", "cross_encoder", "pedants"):
        monkeypatch.setattr(judges, name, constant(0.7))
    config = EvalJudgeConfig(
        data="", embedding=["hub/mini", "/models/other"], cross_encoder=["hub/nli"], pedants_python="python",
        scores=["theirs=column"],
    )  # fmt: skip
    rows = [Labelled(record, 1.0, scores={"column": 0.2}) for record in RECORDS]
    found = {entrant.name: entrant for entrant in rivals(config, rows)}
    strings = ["exact match", "contains", "token F1", "ROUGE-L"]
    assert list(found) == [*strings, "cosine mini", "cosine other", "nli", "PEDANTS", "theirs"]
    assert {name for name, entrant in found.items() if entrant.calibrated} == {"nli", "PEDANTS", "theirs"}
    for name in ("cosine mini", "nli", "PEDANTS"):
        assert found[name].scorer.score(RECORDS) == [Score(0.7, 0.0, Verdict.CORRECT)] * 2
    assert found["theirs"].scorer.score(RECORDS) == [Score(0.2, 0.0, Verdict.WRONG)] * 2


def test_a_judge_of_this_project_goes_by_its_own_threshold_and_its_name_if_there_are_more(tiny_judge: Path):
    (alone,) = own_judges([str(tiny_judge)], max_fpr=None)
    assert (alone.name, alone.threshold, alone.calibrated) == ("judge", 0.5, True)
    assert alone.directory == tiny_judge
    two = own_judges([str(tiny_judge)] * 2, max_fpr=None)
    assert [entrant.name for entrant in two] == [f"judge {tiny_judge}"] * 2


def test_a_rate_that_a_judge_has_no_threshold_for_is_refused(tiny_judge: Path):
    with pytest.raises(JudgeError, match="expected operating points"):
        own_judges([str(tiny_judge)], max_fpr=0.02)


def test_scores_that_were_read_are_right_from_a_half_on():
    scores = ReadScores({"1": 0.5, "2": None}).score(RECORDS)
    assert scores == [Score(0.5, 0.0, Verdict.CORRECT), None]


def test_speed_counts_a_pair_for_each_reference(monkeypatch: pytest.MonkeyPatch):
    clock = iter([10.0, 12.0])
    monkeypatch.setattr(judges.time, "perf_counter", lambda: next(clock))
    outcome = hear(Entrant("x", PairJudge(constant(0.7)()), 0.5, calibrated=False), RECORDS)
    assert outcome.pairs_per_s == pytest.approx(3 / 2)


def test_a_judge_is_given_as_many_records_at_a_time_as_it_takes():
    sizes = []

    class Counting:
        def score(self, records: Sequence[Record]) -> list[Score | None]:
            sizes.append(len(records))
            return [Score(1.0, 0.0, Verdict.CORRECT)] * len(records)

    hear(Entrant("x", Counting(), 0.5, calibrated=False, chunk_rows=2), RECORDS * 2)
    assert sizes == [2, 2]
