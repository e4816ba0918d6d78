import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from judge.cli import report
from judge.config import ReportConfig
from judge.errors import ConfigError, DataError
from judge.page.judged import write_report
from tests.parsed_page import Page, addresses_outside

ATTACK = "</script><script>alert(\"x\")</script><img src=x onerror='alert(1)'>"
ARABIC = "القاهرة هي عاصمة مصر"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def row(number: int, **changes: object) -> dict[str, object]:
    right = number % 2 == 0
    return {
        "id": f"row-{number}", "prompt": f"Question {number}?", "reference": ["Lima"],
        "completion": f"Town {number}",
        "label": int(number % 4 < 2), "verdict": "correct" if right else "wrong",
        "equivalence": 0.9 if right else 0.2, "abstention": 0.0, "reward": 1.0 if right else -1.0,
        "recall": 0.5,
        "facts": [{"of": "reference", "text": "It is Lima.", "start": 0, "standing": "absent"}],
    } | changes  # fmt: skip


ROWS = [row(number) for number in range(60)]
PLAIN = [{key: values[key] for key in ("id", "verdict", "completion")} for values in ROWS]  # nothing to draw


def written(directory: Path, rows: list[dict], name: str = "scored.jsonl") -> str:
    path = directory / name
    path.write_text("".join(json.dumps(values) + "\n" for values in rows))
    return str(path)


def page_of(directory: Path, rows: list[dict], **settings: object) -> str:
    output = directory / "out" / "page.html"
    write_report(ReportConfig(input=written(directory, rows), output=str(output), resamples=0, **settings))
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def full_page(tmp_path_factory) -> str:
    """Of `ROWS`, with all that can be drawn."""
    return page_of(tmp_path_factory.mktemp("full"), ROWS)


def data_of(html: str) -> dict:
    """What the page's script would parse."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])


def test_figures_and_every_record_are_on_the_page(full_page):
    html = full_page
    text = Page(html).text
    assert "60 completions: 50\N{NO-BREAK SPACE}% correct, 0\N{NO-BREAK SPACE}% abstain" in text
    headings = [f"<h2>{name}</h2>" for name in ("Verdicts", "Distributions", "Judge against people")]
    assert all(heading in html for heading in [*headings, "<h2>Worst disagreements</h2>", "<h2>Records</h2>"])
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert captions == ["Equivalence", "Abstention", "Recall", "Reward", "ROC", "Reliability"]
    data = data_of(html)
    assert data["figures"] == ["equivalence", "abstention", "recall", "reward"]
    assert [record["id"] for record in data["records"]] == [values["id"] for values in ROWS]
    assert data["records"][3] == {
        "id": "row-3", "question": "Question 3?", "references": ["Lima"], "answer": "Town 3",
        "verdict": "wrong",
        "figures": [0.2, 0.0, 0.5, -1.0], "label": 0.0, "gap": 0.2, "agreement": "agree",
        "explained": {"facts": ROWS[3]["facts"]},
    }  # fmt: skip


def test_text_from_outside_is_shown_and_never_run(tmp_path):
    hostile = dict.fromkeys(("id", "prompt", "completion", "model", ATTACK), ATTACK)
    facts = [{ATTACK: ATTACK}]
    html = page_of(tmp_path, [row(0, label=0, reference=[ATTACK], facts=facts, **hostile)], title=ATTACK)
    page = Page(html)
    assert [attributes.get("id") for attributes in page.all("script")] == ["data", None]
    assert not page.all("img")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    (record,) = data_of(html)["records"]
    assert record["answer"] == ATTACK  # unharmed, once parsed
    assert record["explained"] == {"facts": facts}


def test_the_page_needs_no_other_file_and_no_network(full_page):
    assert addresses_outside(full_page) == []


@pytest.mark.parametrize("text", [ARABIC, "\u2028\u2029", "\x00\x1b[0m", "&amp;lt;", "'\"`\\"])
def test_any_text_reaches_the_page_as_it_is(tmp_path, text: str):
    (record,) = data_of(page_of(tmp_path, [PLAIN[0] | {"completion": text}]))["records"]
    assert record["answer"] == text


def test_a_file_with_nothing_but_verdicts_has_a_page(tmp_path):
    html = page_of(tmp_path, [{"verdict": "wrong"}, {"verdict": None}])
    assert "1 unscored" in Page(html).text
    assert "<figure>" not in html
    assert data_of(html)["verdicts"] == ["correct", "abstain", "wrong", "unscored"]
    assert data_of(html)["records"] == [
        {"id": "1", "verdict": "wrong", "figures": [], "agreement": "no label"},
        {"id": "2", "verdict": "unscored", "figures": [], "agreement": "no label"},
    ]


def test_without_labels_nothing_is_said_of_people(tmp_path):
    html = page_of(tmp_path, PLAIN)
    assert "Judge against people" not in html
    assert "Worst disagreements" not in html
    assert [select["name"] for select in Page(html).all("select")] == ["verdict", "sort"]


def test_a_file_of_which_nothing_could_be_judged_says_so(tmp_path):
    assert "None of 1 completions could be judged." in page_of(tmp_path, [{"verdict": None}])


def test_what_is_not_listed_is_said_and_the_figures_are_of_every_row(tmp_path):
    html = page_of(tmp_path, PLAIN, max_records=7)
    assert "The first 7 of 60 rows can be looked through here" in html
    assert "60 completions" in html
    assert len(data_of(html)["records"]) == 7


def test_every_field_has_a_label(full_page):
    html = full_page
    for field in re.findall(r"<(?:select|input)[^>]*>", html):
        assert re.search(rf"<label>[^<]*{re.escape(field)}", html), field
    assert all(chart["aria-label"] for chart in Page(html).all("div") if chart.get("class") == "chart")


def test_the_same_file_gives_the_same_bytes(full_page, tmp_path):
    assert page_of(tmp_path, ROWS) == full_page


def test_an_evaluation_alone_has_no_records(tmp_path):
    judges = {"judge": {"roc": [], "reliability": []}}
    systems = {"judge": {"spearman": {"value": 0.8, "low": 0.7, "high": 0.9}}}
    path = tmp_path / "a.agreement.json"
    path.write_text(
        json.dumps({"systems": systems, "judges": judges, "settings": {"seed": 0, "judge": None}})
    )
    output = write_report(ReportConfig(input=str(path), output=str(tmp_path / "a.html")))
    html = output.read_text()
    assert "0.800 [0.700,\N{NO-BREAK SPACE}0.900]" in html
    assert "<dt>seed</dt><dd>0</dd>" in html
    assert "<script" not in html

    both = ReportConfig(input=str(path), scored=written(tmp_path, PLAIN), output=str(tmp_path / "a.html"))
    assert len(data_of(write_report(both).read_text())["records"]) == 60


def test_two_scored_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="leave out one of the two"):
        write_report(ReportConfig(input="a.jsonl", scored="b.jsonl"))


def test_a_label_column_without_a_label_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected numbers from 0 to 1 in column 'id'"):
        page_of(tmp_path, PLAIN, label_column="id")


def test_the_command_writes_beside_the_user_under_the_name_of_the_input(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").mkdir()
    path = written(tmp_path / "runs", PLAIN)
    monkeypatch.chdir(tmp_path)
    report(["--input", path, "--resamples", "0"])
    assert capsys.readouterr().out == "report: scored.html\n"
    assert (tmp_path / "scored.html").is_file()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    ("view", "found", "first"),
    [
        ("", "60 of 60", "row-0"),
        ("#verdict=wrong", "30 of 60", "row-1"),
        ("#agreement=called+right%2C+labelled+wrong", "15 of 60", "row-2"),
        ("#text=TOWN+59", "1 of 60", "row-59"),
        ("#sort=equivalence", "60 of 60", "row-1"),
        ("#sort=-equivalence", "60 of 60", "row-0"),
        ("#text=nowhere", "0 of 60", None),
    ],
)
def test_a_browser_lists_what_the_filters_in_the_address_leave(tmp_path, view, found, first):
    page_of(tmp_path, [row(0, prompt=ATTACK), *ROWS[1:]])
    address = (tmp_path / "out" / "page.html").as_uri() + view
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [CHROMIUM, *flags, "--virtual-time-budget=5000", "--dump-dom", address]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert f"<output>{found}</output>" in dom
    listed = re.findall(r"<small>(row-\d+)</small>", dom.split('class="records"')[1])
    assert listed[:1] == ([first] if first else [])
    assert len(listed) <= 50
    assert "alert" not in "".join(re.findall(r"<(?:img|b)[^>]*>", dom))
