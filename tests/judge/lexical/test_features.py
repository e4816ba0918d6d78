import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.lexical.features import FEATURE_NAMES, FEATURES, lexical_features

HOSTILE = [
    *("", " ", "?!…", "the", "🎉" * 50, "\x00\x1b[0m\u202e"),
    *("a" * 100_000, "1" * 100_000, "(" * 50_000, " " * 100_000 + "("),
    *("word, " * 20_000, "not " * 25_000, "A.B. " * 20_000, "twenty " * 15_000, "1,000," * 15_000),
]


def assert_sound(row: dict[str, float]) -> None:
    assert tuple(row) == FEATURE_NAMES
    for name, value in row.items():
        lowest = -1.0 if FEATURES[name].startswith("-1") else 0.0
        assert math.isfinite(value), name
        assert lowest <= value <= 1.0, name


@pytest.mark.parametrize("completion", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("reference", ["Paris", "", "19"])
def test_any_text_gives_every_feature_in_order_and_in_range(reference: str, completion: str) -> None:
    assert_sound(lexical_features("Where is it?", reference, completion))
    assert_sound(lexical_features("Where is it?", completion, reference))


@given(st.text(), st.text(), st.text())
@settings(deadline=None, max_examples=80)
def test_random_text_gives_every_feature_in_range(question: str, reference: str, completion: str) -> None:
    assert_sound(lexical_features(question, reference, completion))


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1))
@settings(deadline=None, max_examples=80)
def test_a_reference_with_words_matches_itself(text: str) -> None:
    row = lexical_features("", text, text)
    if row["completion_length"]:
        assert row["exact_match"] == row["word_recall"] == 1.0 or "(" in text


@pytest.mark.parametrize(
    ("question", "reference", "completion", "expected"),
    [
        ("", "19", "It was in 1999.", {"reference_contained": 0, "number_recall": 0, "number_conflict": 1}),
        ("", "19", "It was nineteen.", {"reference_contained": 1, "number_recall": 1, "number_conflict": 0}),
        ("", "art", "a party", {"reference_contained": 0, "word_recall": 0}),
        ("", "sea shells", "Sally sells seashells.", {"reference_contained": 1}),
        ("", "Macbeth (play)", "Macbeth", {"exact_match": 1}),
        ("", "Paris", "It lies in France. It is Paris.", {"reference_in_first_clause": 0}),
        ("Is it Rome or Paris?", "Paris", "Rome or Paris", {"reference_in_question": 1, "alternatives": 0.5}),
        ("Is it Rome or Paris?", "Paris", "Paris, Rome", {"other_choice": 1}),
        ("Is it Rome or Paris?", "Paris", "Paris, not Rome", {"other_choice": 0}),
        ("Is it Rome or Paris?", "neither", "Rome", {"other_choice": 0}),
        ("Which city?", "Paris", "Paris", {"question_given": 1}),
        (" ", "Paris", "Paris", {"question_given": 0}),
        ("Who led the Zulu army?", "the Zulu king Shaka", "the Zulu army", {"word_recall": 0}),
        ("", "Tchaikovsky", "Tchaikovski", {"word_recall": 0, "spelling_similarity": 0.9}),
        ("", "Marie Curie", "It was Curie.", {"last_word_found": 1, "name_conflict": 0}),
        ("", "Marie Curie", "It was Pierre Curie.", {"last_word_found": 1, "name_conflict": 1}),
        ("", "North Atlantic Treaty Organization", "NATO", {"initials_match": 1}),
        ("", "War, Famine and Death", "war, famine", {"weakest_item": 0, "word_recall": 2 / 3}),
        ("", "5 miles", "8 km", {"number_recall": 1, "number_conflict": 0, "word_f1": 1, "exact_match": 1}),
        ("", "1.5 kg", "It weighs 1,500 grams.", {"word_recall": 1, "reference_contained": 1}),
        ("", "1.5 kg", "It is not 1,500 grams.", {"reference_negated": 1}),
        ("", "1,500 grams", "1,500 grams", {"weakest_item": 1}),
        ("", "25%", "a quarter of them", {"word_recall": 1, "number_conflict": 0}),
        ("", "5 km", "5 miles", {"word_recall": 0, "word_precision": 0, "last_word_found": 0}),
        ("", "5 km", "8 km", {"word_f1": 0, "number_conflict": 1}),
        ("", "1064.18", "1064.2", {"word_recall": 0.5, "word_precision": 0.5, "number_conflict": 0}),
        ("", "26 January 1990", "27 January 1990", {"number_recall": 1 / 2, "word_recall": 1 / 3}),
        ("Who ruled in 1912?", "George V", "In 1912 it was George V", {"number_conflict": 0}),
        ("", "Paris", "It is not Paris.", {"negation_mismatch": 1, "reference_negated": 1}),
        ("", "No, it is not.", "Yes.", {"polarity_agreement": -1}),
        ("", "Paris", "Paris Paris Paris", {"repetition": 2 / 3}),
        ("", "Paris", "I am sorry, I cannot say.", {"declined": 1}),
        ("", "Paris", "The king met Wellington.", {"new_names": 1 / 3}),
    ],
)  # fmt: skip
def test_features_by_hand(question: str, reference: str, completion: str, expected: dict[str, float]) -> None:
    row = lexical_features(question, reference, completion)
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_overlap_by_hand() -> None:
    # telling words: reference {edinburgh, castle}, completion {stirling, castle}; "king" is the question's
    row = lexical_features(
        "Where did the king live?", "Edinburgh Castle", "The king lived in Stirling Castle"
    )
    assert row["word_recall"] == 1 / 2
    assert row["word_precision"] == pytest.approx(1 / 3)  # lived, stirling, castle
    assert row["word_f1"] == pytest.approx(2 / 5)
    assert row["question_echo"] == pytest.approx(1 / 5)  # king among king, lived, in, stirling, castle


def test_a_surface_change_changes_no_evidence() -> None:
    plain = lexical_features("Who wrote it?", "J.K. Rowling", "It was JK Rowling in 1997")
    other = lexical_features(
        "Who wrote it?", "j. k. rowling", "it was the J. K. Rowling, in nineteen ninety-seven"
    )
    evidence = FEATURE_NAMES[: FEATURE_NAMES.index("alternatives")]
    assert [plain[name] for name in evidence] == [other[name] for name in evidence]


def test_time_grows_no_faster_than_the_text() -> None:
    def seconds(words: int) -> float:
        text = " ".join(f"word{i} Name{chr(97 + i % 26)}" for i in range(words))
        start = time.process_time()
        lexical_features("Who?", "Paris, the capital of France", text)
        return time.process_time() - start

    seconds(100)
    assert seconds(40_000) < 40 * max(seconds(4_000), 0.002)
