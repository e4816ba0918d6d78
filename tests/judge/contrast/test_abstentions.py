from collections import Counter
from random import Random

import pytest

from judge.contrast import abstention_forms as forms
from judge.contrast.abstentions import ANSWERING, DECLINING, abstention_pairs

QUESTIONS = [("Who wrote Emma?", ["Jane Austen"], "emma"), ("Where is Lima?", ["Peru"], "lima")]
DRAWS = 300


def texts(form):
    """Every text that one form gives, over many draws."""
    return {form("Who wrote Emma?", "Jane Austen", Random(seed))[1] for seed in range(DRAWS)}


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    def run(seed):
        return list(abstention_pairs(QUESTIONS, seed=seed, size=60))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_half_the_rows_decline_and_the_kinds_have_equal_shares():
    rows = list(abstention_pairs(QUESTIONS, seed=0, size=2 * len(DECLINING) * len(ANSWERING)))
    assert Counter(row.label for row in rows) == {1.0: len(rows) / 2, 0.0: len(rows) / 2}
    assert len({count for kind, count in Counter(r.kind for r in rows).items() if kind in DECLINING}) == 1


def test_without_questions_there_are_no_rows():
    assert list(abstention_pairs([], seed=0, size=10)) == []


def test_there_are_at_least_sixty_openers_and_fifteen_languages():
    assert len(set(forms.OPENERS)) >= 60
    assert len(forms.LANGUAGES) >= 15


def test_no_text_both_declines_and_answers():
    declining = {text.lower() for form in DECLINING.values() for text in texts(form)}
    answering = {text.lower() for form in ANSWERING.values() for text in texts(form)}
    titles = {name.lower() for _, name in forms.TITLED}
    assert not {
        text for text in declining & answering if text.strip('".') not in titles and "weiß" not in text
    }


@pytest.mark.parametrize("kind", ["committed", "hedged_answer", "committed_after_all", "factual_with_cues"])
def test_an_answer_is_in_every_text_that_answers(kind):
    assert all("jane austen" in text.lower() for text in texts(ANSWERING[kind]))


def test_declining_about_a_question_names_what_was_asked():
    assert all("who wrote Emma" in text for text in texts(DECLINING["declined_about"]))


def test_declining_is_also_written_bare():
    rows = abstention_pairs(QUESTIONS, seed=0, size=400)
    assert "i don't know" in {row.text for row in rows if row.label == 1.0}
