from pathlib import Path

import pytest

from judge.journal import Journal
from judge.records import Answered, CheckedQuestion, Questioning, Score, Verdict

FIRST = [Score(0.1 + 0.2, 1e-17, Verdict.CORRECT), None]
SECOND = [Score(0.0, 1.0, Verdict.ABSTAIN)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "out.journal"
    with Journal(path, "job") as journal:
        journal.append(FIRST)
        journal.append(SECOND)
    return path


def finished(path: Path, key: str = "job") -> list:
    with Journal(path, key) as journal:
        return list(iter(journal.next_finished, None))


def test_a_new_journal_has_nothing_finished(tmp_path):
    assert finished(tmp_path / "new.journal") == []


def test_scores_come_back_exactly_as_they_were(path):
    assert finished(path) == [FIRST, SECOND]


def test_what_was_asked_comes_back_with_its_score(tmp_path):
    asked = CheckedQuestion("____ wrote Emma.", "name", "Austen", None, None, Answered.UNANSWERED)
    score = Score(0.1, 0.2, Verdict.WRONG, questioning=Questioning("Austen wrote Emma.", (asked,), ()))
    with Journal(tmp_path / "qa.journal", "job") as journal:
        journal.append([score])
    assert finished(tmp_path / "qa.journal") == [[score]]


def test_a_journal_goes_on_after_what_it_holds(path):
    with Journal(path, "job") as journal:
        journal.next_finished()
        journal.next_finished()
        assert journal.next_finished() is None
        journal.append(FIRST)
        assert journal.next_finished() is None  # what this run judged is not handed back to it
    assert finished(path) == [FIRST, SECOND, FIRST]


def test_the_journal_of_another_job_is_started_over(path):
    assert finished(path, "other job") == []
    assert finished(path, "job") == []


@pytest.mark.parametrize("cut", [1, 2, 10])
def test_a_chunk_cut_off_by_the_end_of_the_run_is_judged_again(path, cut: int):
    path.write_bytes(path.read_bytes()[:-cut])
    assert finished(path) == [FIRST]
    with Journal(path, "job") as journal:
        journal.append(SECOND)
    assert finished(path) == [FIRST, SECOND]


def test_a_key_cut_off_starts_over(path):
    path.write_bytes(b"jo")
    assert finished(path) == []


def test_a_finished_job_leaves_no_journal(path):
    with Journal(path, "job") as journal:
        pass
    journal.delete()
    assert not path.exists()
