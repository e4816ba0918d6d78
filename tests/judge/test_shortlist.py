import pytest

from judge.calibrate import EQUIVALENCE_INPUTS, Combiner
from judge.records import Record
from judge.shortlist import nearest_references

INPUTS = len(EQUIVALENCE_INPUTS)
NEAREST = Combiner(  # looks at word_f1 alone
    names=EQUIVALENCE_INPUTS,
    mean=(0.0,) * INPUTS,
    deviation=(1.0,) * INPUTS,
    weights=(tuple((8.0 * (name == "word_f1"),) for name in EQUIVALENCE_INPUTS),),
    biases=((-4.0,),),
)


def shortlist(completion: str, *references: str, limit: int) -> set[str]:
    return set(nearest_references(Record("who?", references, completion), NEAREST, limit=limit))


def test_few_references_are_all_kept_as_they_are() -> None:
    record = Record("who?", ("Bob", "bob", "ann"), "it was bob")
    assert nearest_references(record, NEAREST, limit=3) == record.references


def test_the_nearest_references_are_kept() -> None:
    assert shortlist("it was bob dylan", "ann", "dylan", "bob dylan", "eve", limit=2) == {
        "dylan",
        "bob dylan",
    }


def test_spellings_of_the_same_words_take_one_place() -> None:
    kept = shortlist("it was bob dylan", "Bob Dylan", "bob dylan", "BOB DYLAN!", "dylan", limit=2)
    assert len(kept) == 2
    assert "dylan" in kept


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_order_of_references_changes_nothing(limit: int) -> None:
    references = ("ann", "eve", "bob", "Bob", "bob dylan")
    forth = shortlist("bob", *references, limit=limit)
    assert forth == shortlist("bob", *references[::-1], limit=limit)
    assert len(forth) == limit
