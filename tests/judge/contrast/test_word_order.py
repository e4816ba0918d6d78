from random import Random

import pytest

from judge.contrast.answers import AnsweredQuestion
from judge.contrast.distractors import DistractorPool
from judge.contrast.word_order import REORDERINGS, SWAPS

POOL = DistractorPool([])
EDITS = REORDERINGS | SWAPS


def made(kind, sentence, paraphrase=""):
    """Everything that one edit makes of one sentence, over many draws."""
    item = AnsweredQuestion("", (sentence,), "g", paraphrase)
    return {text for seed in range(60) if (text := EDITS[kind](item, POOL, Random(seed))) is not None}


@pytest.mark.parametrize(
    ("kind", "sentence", "changed"),
    [
        ("moved_time", "In 1998, the mill burned.", "The mill burned in 1998."),
        ("moved_time", "The mill burned in 1998.", "In 1998, the mill burned."),
        ("moved_time", "During the 12th century , it grew .", "It grew during the 12th century ."),
        ("swapped_conjuncts", "A film by Bob and Ann.", "A film by Ann and Bob."),
        ("swapped_conjuncts", "It is made of brass , tin and zinc .", "It is made of zinc , tin and brass ."),
        ("swapped_conjuncts", "Bob and Ann are here.", "Ann and Bob are here."),
        ("turned_passive", "The house was built by Ann Lee.", "Ann Lee built the house."),
        ("turned_passive", "The poem was written by a nun.", "A nun wrote the poem."),
        ("turned_copula", "Lima is the capital of Peru.", "The capital of Peru is Lima."),
        ("swapped_names", "Then Bob chased Ann away.", "Then Ann chased Bob away."),
        ("swapped_years", "He left in 1990 and returned in 1994.", "He left in 1994 and returned in 1990."),
        ("swapped_modifiers", "An old man paid a young actor.", "An young man paid a old actor."),
        ("swapped_nouns", "A dog chases a cat.", "A cat chases a dog."),
        ("swapped_passive", "Bob was beaten by Ann.", "Bob beat Ann."),
    ],
)
def test_each_edit_makes_what_its_name_says(kind, sentence, changed):
    assert changed in made(kind, sentence)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("swapped_names", "Then Bob met Ann there."),
        ("swapped_names", "Then Bob and Ann left."),
        ("swapped_names", "Then Bob plays with Ann."),
        ("swapped_names", "Robert Lee, known as Bobby, left."),
        ("swapped_names", "It rains in May and often in June."),
        ("swapped_years", "He reigned 1990-1994."),
        ("swapped_conjuncts", "Medals went in turn to Bob and Ann, respectively."),
        ("moved_time", "He was ill when she left in 1998."),
        ("moved_time", "He rose in 1990 and she left in 1998."),
        ("turned_passive", "She was chosen by Bob."),
        ("turned_passive", "The town was unaffected by Storm Ann."),
        ("turned_copula", "This is the capital of Peru."),
    ],
)
def test_an_order_that_may_or_may_not_tell_is_left_alone(kind, sentence):
    assert made(kind, sentence) == set()


def test_a_sentence_with_a_paraphrase_has_the_paraphrase_edited():
    assert made("swapped_names", "Bob sent a letter to Ann.", "Ann got a letter from Bob .") == {
        "Bob got a letter from Ann ."
    }


def test_a_swap_sometimes_comes_with_a_harmless_change():
    texts = made("swapped_names", "In 1998, Bob chased Ann away.")
    assert texts == {"In 1998, Ann chased Bob away.", "Ann chased Bob away in 1998."}


def test_every_edit_is_named_after_what_it_does_once():
    assert not REORDERINGS.keys() & SWAPS.keys()
