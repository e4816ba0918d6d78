import pytest

from judge.baselines import contains, exact_match, normalise, token_f1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Beatles' album!", "beatles album"),
        ("  an\tapple \n a day", "apple day"),
        ("Theatre", "theatre"),  # "the" is an article only as a word
        ("U.S.A.", "usa"),
        ("Malmö", "malmö"),
        ("...", ""),
    ],
)
def test_normalisation_drops_case_punctuation_articles_and_extra_spaces(text: str, words: str):
    assert normalise(text) == words


def test_exact_match_ignores_surface_form_and_nothing_else():
    assert exact_match("the Eiffel Tower.", "Eiffel tower") == 1.0
    assert exact_match("Eiffel Tower, Paris", "Eiffel Tower") == 0.0


def test_contains_finds_the_reference_in_the_completion_and_not_the_other_way_round():
    assert contains("It was Paris, of course", "Paris") == 1.0
    assert contains("Paris", "It was Paris, of course") == 0.0


def test_contains_compares_letters_as_the_published_baseline_does():
    assert contains("in 1999", "19") == 1.0


def test_contains_does_not_find_a_reference_without_words_everywhere():
    assert contains("anything at all", "???") == 0.0
    assert contains("!", "???") == 1.0


def test_token_f1_is_the_harmonic_mean_of_precision_and_recall():
    # shared {new, york}: precision 2/3, recall 2/2, F1 = 2 * (2/3) / (5/3) = 0.8
    assert token_f1("New York City", "New York") == pytest.approx(0.8)


def test_token_f1_counts_a_repeated_word_once_for_each_time_it_is_wanted():
    # shared: one of three; 2 * 1 / (3 + 1) = 0.5
    assert token_f1("no no no", "no") == pytest.approx(0.5)


def test_token_f1_is_symmetric():
    assert token_f1("a b c d", "c d e") == token_f1("c d e", "a b c d")


def test_token_f1_without_words_is_one_only_for_both():
    assert token_f1("", "the") == 1.0
    assert token_f1("Paris", "") == 0.0
    assert token_f1("", "Paris") == 0.0
