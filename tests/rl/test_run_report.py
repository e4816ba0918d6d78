import json
from pathlib import Path

import pytest
from tiny import score_of

from judge.page.figures import Shares
from judge.records import Record, Verdict
from rl.run_report import BEST, FIRST, LAST, before_and_after, samples_of, write_run_report
from rl.tracking import FileTracker, Row, completion_rows
from tests.parsed_page import Page, addresses_outside

RIGHT, WRONG = Verdict.CORRECT, Verdict.WRONG


def metrics_of(update: int, right: float, group: str = "judge") -> dict[str, float]:
    own = {f"{group}/correct_rate": right, f"{group}/abstain_rate": 0.25, f"{group}/wrong_rate": 0.75 - right}
    return own | {"objective/scores": right - 0.5, "objective/kl": 0.5 * update, "policy/clipfrac_avg": 0.1}


def rows_of(update: int, *rewards: float | None) -> list[Row]:
    records = [Record(f"question {n}", ("A", "B"), f"answer {n}") for n in range(len(rewards))]
    scores = [None if reward is None else score_of(RIGHT if reward > 0 else WRONG) for reward in rewards]
    return [row | {"update": update} for row in completion_rows(records, scores, rewards)]


def stage(samples, name: str) -> list[tuple[str, float]]:
    return [(sample.record.completion, sample.reward) for sample in samples if sample.stage == name]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run of three updates leaves, measured on held-out questions before and after them."""
    with FileTracker(tmp_path) as tracker:
        for update in range(3):
            held_out = {"eval/second_correct_rate": 0.25} | metrics_of(0, 0.5, "eval") if not update else {}
            metrics = held_out | metrics_of(update, 0.25 + 0.125 * update)
            tracker.log(update, metrics, rows_of(update, 1.0, -1.0, None))
        tracker.log(3, {f"eval/{verdict}_rate": 1.0 * (verdict is RIGHT) for verdict in Verdict}, [])
    (tmp_path / "config.yaml").write_text("break_even: 0.25\n")
    (tmp_path / "environment.json").write_text(json.dumps({"torch": "2.13"}))
    return tmp_path


def page_of(run: Path) -> str:
    settings = {"settings": run / "config.yaml", "environment": run / "environment.json"}
    write_run_report(run, run / "report.html", description="It learned.\nmodel: here", settings=settings)
    return (run / "report.html").read_text(encoding="utf-8")


def test_the_page_shows_curves_answers_and_settings_and_needs_nothing_else(run):
    html = page_of(run)
    page = Page(html)
    for shown in (
        "It learned.", "Verdicts while training", "Held-out questions", "Reward of an answer",
        "KL to the reference", "Share of clipped tokens", "answer 0", "break_even", "2.13", BEST,
    ):  # fmt: skip
        assert shown in page.text, shown
    assert addresses_outside(html) == []


def test_text_of_a_policy_is_shown_and_never_run(run):
    attack = "</td><script>alert(1)</script>"
    row = json.dumps(rows_of(2, 1.0)[0] | {"completion": attack})
    (run / "completions.jsonl").write_text(row + "\n")
    html = page_of(run)
    assert attack not in html
    assert attack in Page(html).text


def test_a_run_without_an_answer_that_was_judged_has_a_page(run):
    (run / "completions.jsonl").write_text("")
    (run / "metrics.jsonl").write_text(json.dumps({"update": 0, "judge/correct_rate": None}) + "\n")
    assert "No answer was kept." in page_of(run)


def test_first_and_last_update_stand_beside_what_was_held_out():
    rows = [metrics_of(0, 0.25) | metrics_of(0, 0.5, "eval"), {"judge/correct_rate": None}]
    rows += [metrics_of(2, 0.75), metrics_of(3, 0.0, "eval")]
    del rows[3]["objective/kl"]
    assert before_and_after(rows).rows == [
        (FIRST, Shares(0.25, 0.25, 0.5), "0.00", "0.00"),
        (LAST, Shares(0.75, 0.25, 0.0), "0.25", "1.00"),
        ("held out, before", Shares(0.5, 0.25, 0.25), "", ""),
        ("held out, after", Shares(0.0, 0.25, 0.75), "", ""),
    ]


def test_the_samples_are_the_highest_rewards_of_the_run_and_both_ends_of_its_ends():
    rows = rows_of(0, 0.5, -1.0, None) + rows_of(1, -0.5, 2.0) + rows_of(2, 0.25, 1.0, -2.0)
    samples = samples_of(rows)
    assert stage(samples, FIRST) == [("answer 0", 0.5), ("answer 1", -1.0)]
    assert stage(samples, LAST) == [("answer 1", 1.0), ("answer 0", 0.25), ("answer 2", -2.0)]
    # What was said more than once in the same words is shown as it was paid for last.
    assert stage(samples, BEST) == stage(samples, LAST)


def test_of_equal_rewards_the_latest_are_shown():
    rows = [row | {"completion": f"{row['completion']} in {u}"} for u in range(30) for row in rows_of(u, 1.0)]
    shown = [text for text, _ in stage(samples_of(rows), BEST)]
    assert shown == [f"answer 0 in {update}" for update in range(29, 9, -1)]
