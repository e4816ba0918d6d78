import logging

from tiny import score_of

from judge.records import Record, Verdict
from rl.extremes import Extremes, extremes, extremes_table
from rl.tracking import Row, completion_rows


def rows_of(*rewards: float | None, completion: str = "") -> list[Row]:
    """A completion for each reward, with a text of its own unless one is given."""
    records = [Record("q", ("A", "B"), completion or f"text {number}") for number in range(len(rewards))]
    return completion_rows(records, [score_of(Verdict.CORRECT)] * len(rewards), rewards)


def rewards_of(rows: list[Row]) -> list[object]:
    return [row["reward"] for row in rows]


def test_the_best_and_the_worst_are_shown_from_best_to_worst():
    assert rewards_of(extremes(rows_of(3, 1, 9, 5, 7, 2), shown=2)) == [9, 7, 2, 1]


def test_of_few_completions_each_is_shown_once():
    assert rewards_of(extremes(rows_of(1, 3, 2), shown=2)) == [3, 2, 1]


def test_what_was_not_judged_and_what_was_said_before_is_left_out():
    assert rewards_of(extremes(rows_of(1, None, 2))) == [2, 1]
    assert len(extremes(rows_of(1, 1, 1, completion="the same"))) == 1


def test_text_from_outside_cannot_steer_the_terminal():
    row = rows_of(1.0, completion="a\x1b[2J\nb\u202ec\x9bd")[0]
    shown = extremes_table([row])
    assert r"a\x1b[2J\nb\u202ec\x9bd" in shown
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert len(shown.splitlines()) == 2


def test_a_table_is_as_wide_as_a_terminal_whatever_was_said():
    record = Record("q" * 500, ("r" * 500, "s"), "\x00" * 500)
    rows = completion_rows([record], [score_of(Verdict.WRONG)], [-1.0])
    assert max(map(len, extremes_table(rows).splitlines())) < 120


def test_a_table_is_logged_every_so_many_updates_and_none_for_nothing(caplog):
    tracker = Extremes(every=3)
    with caplog.at_level(logging.INFO, "rl"):
        for update in range(7):
            tracker.log(update, {}, rows_of(0.5) if update < 6 else rows_of(None))
    assert [record.message[:8] for record in caplog.records] == ["update 0", "update 3"]
    assert "text 0" in caplog.text
    assert "+0.50" in caplog.text
