import math
import re

import pytest

from judge.errors import DataError
from judge.page.figures import Shares, Table
from judge.records import Record, Score, Verdict
from rl.report import Sample, write_report
from tests.parsed_page import Page, addresses_outside

ATTACK = '<script>alert("x")</script>'
TABLE = Table(
    ("", "known", "unknown", "truthfulness"),
    [
        ("SFT", Shares(0.79, 0.0, 0.21), Shares(0.02, 0.0, 0.98), "-0.19"),
        ("PPO", Shares(0.84, 0.12, 0.04), Shares(0.01, 0.61, 0.38), "+0.21"),
    ],
)
SAMPLES = [
    Sample("SFT", Record("born where?", ("Lima",), "Oslo"), Score(0.1, 0.0, Verdict.WRONG), -1.0, False),
    Sample("PPO", Record("born where?", ("Lima",), "no idea"), Score(0.1, 0.9, Verdict.ABSTAIN), 0.25, False),
    Sample(
        "PPO", Record("a job?", ("baker", "a baker"), "baker"), Score(0.9, 0.0, Verdict.CORRECT), 1.0, True
    ),
    Sample("PPO", Record("a town?", ("Bern",), ""), None),
]


def metrics(update: int) -> dict[str, float]:
    return {
        "judge/correct_rate": 0.25 + 0.1 * update,
        "judge/abstain_rate": 0.25,
        "judge/wrong_rate": 0.5 - 0.1 * update,
        "judge/oracle_agreement": 0.9,
        "objective/scores": -0.25 + 0.2 * update,
        "objective/rlhf_reward": -0.25 + 0.1 * update,
        "objective/kl": 0.5 * update,
        "loss/policy_avg": -0.01,
    }


CURVES = [metrics(update) for update in range(4)]
TITLES = ["Verdicts while training", "Reward of an answer", "KL to the reference", "Judge and oracle agree"]


@pytest.fixture
def write(tmp_path):
    def write_with(**changes) -> str:
        path = tmp_path / "runs" / "report.html"
        given = {"title": "A run", "summary": ["It learned."], "table": TABLE, "curves": CURVES} | changes
        write_report(path, **given)
        return path.read_text(encoding="utf-8")

    return write_with


def test_text_from_outside_is_shown_and_never_run(write):
    record = Record(ATTACK, (ATTACK,), ATTACK)
    hostile = Sample(ATTACK, record, Score(0.0, 0.0, Verdict.WRONG), -1.0, True)
    html = write(
        title=ATTACK,
        summary=[ATTACK],
        table=Table((ATTACK,), [(ATTACK,)]),
        samples=[hostile],
        judged=[(record, None)],
        settings={ATTACK: {ATTACK: ATTACK}},
    )
    page = Page(html)
    assert len(page.all("script")) == 1  # the page's own
    assert "alert" not in html.split("<script>")[1].split("</script>")[0]
    assert page.text.count(ATTACK) >= 14


def test_text_cannot_leave_its_attribute(write):
    html = write(samples=[SAMPLES[0]._replace(stage='" onmouseover="alert(1)')])
    assert not any("onmouseover" in attributes for _, attributes in Page(html).elements)


def test_the_page_needs_no_other_file_and_no_network(write):
    assert addresses_outside(write(samples=SAMPLES)) == []


def test_every_sample_is_there_with_what_it_is_filtered_by(write):
    page = Page(write(samples=SAMPLES))
    keys = [
        (row["data-stage"], row["data-verdict"], row["data-known"])
        for row in page.all("tr")
        if "data-stage" in row
    ]
    assert keys == [
        ("SFT", "wrong", "unknown"), ("PPO", "abstain", "unknown"), ("PPO", "correct", "known"),
        ("PPO", "unscored", ""),
    ]  # fmt: skip
    for text in ("Oslo", "no idea", "a baker", "(empty)", "-1.00", "+0.25", "equivalence 0.90"):
        assert text in page.text
    assert [select["name"] for select in page.all("select")] == ["stage", "verdict", "known"]


def test_what_nobody_knows_to_be_known_is_not_filtered_by_it(write):
    page = Page(write(samples=[sample._replace(known=None) for sample in SAMPLES]))
    assert [select["name"] for select in page.all("select")] == ["stage", "verdict"]


def test_where_no_answer_earned_a_reward_there_is_no_column_for_it(write):
    heads = [
        "Reward" in Page(write(samples=samples, curves=[])).text
        for samples in (SAMPLES, [sample._replace(reward=None) for sample in SAMPLES])
    ]
    assert heads == [True, False]


def test_answers_from_elsewhere_stand_in_a_section_of_their_own(write):
    page = Page(write(judged=[(Record("Who?", ("Ada",), "Ada L."), Score(0.75, 0.125, Verdict.CORRECT))]))
    assert "What the judge makes of other answers" in page.text
    assert "Ada L." in page.text
    assert "equivalence 0.75" in page.text


def test_the_table_and_its_sentence_come_first(write):
    text = Page(write(samples=SAMPLES, settings={"PPO": {"updates": 4}})).text
    order = ["It learned.", "Before and after", "Curves", "Sample answers", "Settings"]
    assert sorted(order, key=text.index) == order


def test_shares_are_drawn_as_wide_as_they_are_and_written_beside(write):
    html = write(table=Table(("",), [(Shares(0.75, 0.0, 0.25),)]), curves=[])
    page = Page(html)
    bar = [span["class"] + " " + span["style"] for span in page.all("span") if "style" in span]
    assert bar == ["correct flex-grow: 0.75", "wrong flex-grow: 0.25"]
    assert [f"{share}\N{NO-BREAK SPACE}%" in page.text for share in (75, 0, 25)] == [True] * 3


def test_the_verdicts_of_each_update_are_stacked_in_their_colours(write):
    html = write()
    assert html.count("<svg") == 5  # four for the outcome, and the policy's loss
    assert all(title in html for title in TITLES)
    areas = re.findall(r'style="fill: (var\(--\w+\))"', html.split("<svg")[1])
    assert areas == ["var(--correct)", "var(--abstain)", "var(--wrong)"]
    assert "25\N{NO-BREAK SPACE}% → 55\N{NO-BREAK SPACE}%" in Page(html).text


def test_held_out_questions_have_a_chart_of_verdicts_and_one_of_both_scorers(write):
    measured = {f"eval/{verdict}_rate": 1 / 3 for verdict in Verdict} | {"eval/second_correct_rate": 0.25}
    html = write(curves=[measured, {}, measured | {"update": 20}])
    assert html.count("<svg") == 2
    assert "Held-out questions" in html
    assert "Held-out: right by judge and second scorer" in html
    assert "25\N{NO-BREAK SPACE}% → 25\N{NO-BREAK SPACE}%" in Page(html).text


def test_without_updates_it_says_that_there_is_nothing_to_draw(write):
    html = write(curves=[])
    assert "<svg" not in html
    assert "nothing to draw" in html
    assert "No answer was kept." in html


def test_an_update_without_scores_is_a_gap(write):
    unscored = dict.fromkeys(CURVES[0], math.nan) | {"objective/kl": None}
    assert write(curves=[unscored] * 3).count("<svg") == 0
    html = write(curves=[*CURVES, unscored])
    assert "nan" not in html.split("<main>")[1]


def test_a_single_update_can_be_drawn(write):
    assert write(curves=CURVES[:1]).count("<svg") == 5


def test_an_update_is_drawn_under_its_own_number():
    from rl.curves import training_verdicts

    (resumed,) = training_verdicts([row | {"update": 700 + number} for number, row in enumerate(CURVES)])
    assert ">700</text>" in resumed.svg
    assert ">0</text>" not in resumed.svg


def test_the_same_run_gives_the_same_bytes(write):
    assert write(samples=SAMPLES) == write(samples=SAMPLES)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another place"):
        write_report(tmp_path / "file" / "r.html", title="", summary=[], table=TABLE, curves=[])
