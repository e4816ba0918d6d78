import pytest

from judge.lexical.stance import opening, stance_towards
from judge.lexical.words import read_words


def stance(completion: str) -> str:
    """The stance towards Paris as its one raised flag, "" for none."""
    words = read_words(completion)
    flags = stance_towards(words, words.words.index("pari"), 1)
    raised = [name.removeprefix("reference_") for name, value in flags.items() if value]
    assert len(raised) <= 1
    return "".join(raised)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("It is Paris.", ""),
        ("It is not Paris.", "negated"),
        ("It isn't Paris.", "negated"),
        ("Rome, not Paris", "negated"),
        ("Rome rather than Paris", "negated"),
        ("Rome instead of Paris", "negated"),
        ("Paris is not the answer.", "withdrawn"),
        ("Paris. No, actually it is Rome.", "withdrawn"),
        ("Paris, not Rome", "affirmed"),
        ("Paris rather than Rome", "affirmed"),
        ("Not Rome but Paris", "affirmed"),
        ("It was not Rome. It was Paris.", "affirmed"),
        ("Not one of the other cities that I went to last year has a tower like Paris", ""),
    ],
)
def test_the_words_around_an_answer_tell_what_is_done_with_it(completion: str, expected: str) -> None:
    assert stance(completion) == expected


def test_an_answer_that_is_not_there_has_no_stance() -> None:
    assert not any(stance_towards(read_words("not Rome"), -1, 1).values())


def test_an_opening_yes_or_no_is_a_polarity() -> None:
    assert [opening(text.split()) for text in ("yes it is", "no", "it is not", "")] == [1, -1, 0, 0]
