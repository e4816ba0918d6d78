from collections import Counter
from random import Random

import pytest

from judge.contrast.made_up_pairs import FORMS, made_up_pairs

DRAWS = 300


@pytest.mark.parametrize("form", FORMS)
def test_no_candidate_is_both_right_and_wrong(form):
    for seed in range(DRAWS):
        _, reference, right, wrong = FORMS[form](Random(seed))
        assert not set(right) & set(wrong)
        assert reference not in wrong


def test_right_and_wrong_take_turns_up_to_the_cap():
    counts = Counter(row[4] for row in made_up_pairs(seed=0, cap=10))
    assert counts == {f"{form}_{label}": 5 for form in FORMS for label in ("right", "wrong")}


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others():
    one, same, other = (list(made_up_pairs(seed=seed, cap=6)) for seed in (1, 1, 2))
    assert one == same != other


def test_naming_both_choices_chooses_nothing():
    for seed in range(DRAWS):
        asked, reference, right, wrong = FORMS["choice"](Random(seed))
        assert asked in wrong
        assert all(reference in text for text in right)


def test_yes_is_as_often_right_as_no():
    references = Counter(FORMS["yes_or_no"](Random(seed))[1] for seed in range(DRAWS))
    assert set(references) == {"Yes", "No"}
    assert min(references.values()) > DRAWS / 3


def test_a_list_with_a_member_too_few_or_too_many_is_wrong():
    for seed in range(DRAWS):
        _, reference, right, wrong = FORMS["enumeration"](Random(seed))
        members = set(reference.replace(" and ", ", ").split(", "))
        assert all(all(member in text for member in members) for text in right)
        assert all(set(text.replace(" and ", ", ").split(", ")) != members for text in wrong)
