from itertools import pairwise

import pytest

from judge.spans import Kind, content_words, find_spans


def parts(sentence: str) -> list[tuple[str, Kind]]:
    return [(sentence[span.start : span.end], span.kind) for span in find_spans(sentence)]


@pytest.mark.parametrize(
    ("sentence", "part", "kind"),
    [
        ("She was born on 10 December 1815.", "10 December 1815", Kind.DATE),
        ("It opened on July 4, 1976 in Lima.", "July 4, 1976", Kind.DATE),
        ("It happened on Saturday.", "Saturday", Kind.DATE),
        ("It was popular in the 1990s.", "1990s", Kind.DATE),
        ("They may win 21 medals.", "21", Kind.NUMBER),
        ("Sales rose by 1.2 million.", "1.2 million", Kind.NUMBER),
        ("Twenty-one people came.", "Twenty-one", Kind.NUMBER),
        ("It costs $4,500 a month.", "$4,500", Kind.NUMBER),
        ("Bayern won 6 - 1 at home.", "6 - 1", Kind.NUMBER),
        ("The University of Surrey collected it.", "University of Surrey", Kind.NAME),
        ("Charles de Gaulle resigned.", "Charles de Gaulle", Kind.NAME),
        ("Maria Hsia's background was checked.", "Maria Hsia", Kind.NAME),
        ("Ada was the first programmer of the world.", "first programmer of the world", Kind.ROLE),
        ("They slept in a nearby field.", "nearby field", Kind.PHRASE),
        ("The interim rule has been approved.", "interim rule", Kind.PHRASE),
        ("A woman holding a plate waits.", "woman", Kind.PHRASE),
    ],
)
def test_a_part_is_found_and_its_kind_known(sentence: str, part: str, kind: Kind) -> None:
    assert (part, kind) in parts(sentence)


@pytest.mark.parametrize("sentence", ["It is so.", "They were there.", "", "...", "He may go on."])
def test_what_names_nothing_cannot_be_asked_for(sentence: str) -> None:
    assert parts(sentence) == []


def test_no_two_parts_overlap_and_they_stand_in_order() -> None:
    spans = find_spans(
        "On 3 May 1999 President Ann Lee of Peru was the head of 12 states in the South Atlantic."
    )
    assert len(spans) > 3
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_words_without_meaning_of_their_own_are_left_out() -> None:
    assert content_words("She was not born in the U-30, but in 1912.") == ["born", "U-30", "1912"]


def test_a_long_text_is_looked_through_in_linear_time() -> None:
    assert len(find_spans("in the red house " * 5000)) == 5000
