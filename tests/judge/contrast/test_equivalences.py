from collections import Counter, defaultdict
from random import Random

import pytest

from judge.contrast.amounts import Amount, Date, in_words, listed, read_amount, read_date
from judge.contrast.answers import AnsweredQuestion
from judge.contrast.confounds import CONFOUNDS
from judge.contrast.distractors import DistractorPool, asked_for
from judge.contrast.equivalences import ANSWER_EDITS, SENTENCE_EDITS, ContrastPair, equivalence_pairs
from judge.contrast.hacks import HACKS
from judge.contrast.made_up import made_up_questions
from judge.contrast.made_up_pairs import made_up_pairs
from judge.contrast.paraphrases import PARAPHRASES
from judge.contrast.phrasing import bare, in_sentence
from judge.contrast.quantity_edits import QUANTITY_CONFOUNDS, QUANTITY_PARAPHRASES
from judge.contrast.relations import relation_pairs
from judge.contrast.sentence_edits import SENTENCE_CONFOUNDS, SENTENCE_PARAPHRASES
from judge.contrast.word_order import REORDERINGS, SWAPS

CAPITALS = ("Paris", "Rome", "Oslo", "Lima", "Cairo", "Quito", "Bern", "Doha", "Riga", "Sofia")
QUESTIONS = [(f"Which city is the capital of land {i}?", [city], f"g{i}") for i, city in enumerate(CAPITALS)]
PARIS = AnsweredQuestion(
    "What is the capital of France?",
    ("Paris", "Paris, France"),
    "france",
    "Well known for its tower, Paris has been the capital of France since 987.",
)
POOL = DistractorPool(AnsweredQuestion(question, tuple(names), group) for question, names, group in QUESTIONS)


def candidates(edit, reference, question="", passage="", names=()):
    """Everything that one edit makes of one answer, over many draws."""
    item = AnsweredQuestion(question, (reference, *names), "g", passage)
    return {edit(item, POOL, Random(seed)) for seed in range(60)}


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others():
    def run(seed):
        return list(equivalence_pairs(QUESTIONS, [], seed=seed, cap=3))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_no_kind_exceeds_its_cap_and_both_labels_are_made():
    pairs = list(
        equivalence_pairs(QUESTIONS, [], seed=0, cap=4, sentences=[("In 1998, the mill burned.", "", "s")])
    )
    assert max(Counter(pair.kind for pair in pairs).values()) == 4
    assert {pair.label for pair in pairs} == {0.0, 1.0}


def test_a_kind_has_one_label():
    labels = defaultdict(set)
    for pair in equivalence_pairs(QUESTIONS, [], seed=0, cap=4):
        labels[pair.kind].add(pair.label)
    assert all(len(seen) == 1 for seen in labels.values())


def test_no_name_of_an_edit_is_used_twice():
    tables = (PARAPHRASES, QUANTITY_PARAPHRASES, CONFOUNDS, QUANTITY_CONFOUNDS, HACKS)
    assert len(ANSWER_EDITS) == sum(map(len, tables))
    assert not ANSWER_EDITS.keys() & SENTENCE_EDITS.keys()
    assert len(SENTENCE_EDITS) == len(SENTENCE_PARAPHRASES) + len(SENTENCE_CONFOUNDS)


def test_every_pair_keeps_the_group_of_what_it_was_made_from():
    groups = {group for _, _, group in QUESTIONS}
    made = [pair for pair in equivalence_pairs(QUESTIONS, [], seed=0, cap=4) if "of land" in pair.question]
    assert made
    assert {pair.group for pair in made} <= groups


def test_a_wrong_candidate_is_never_the_reference_itself():
    pairs = equivalence_pairs(QUESTIONS, [], seed=0, cap=20)
    assert not [pair for pair in pairs if pair.label == 0.0 and pair.candidate == pair.reference]


def test_without_input_only_what_is_made_up_remains():
    kinds = {pair.kind for pair in equivalence_pairs([], [], seed=0, cap=2)}
    made_up = (*relation_pairs(seed=0, cap=2), *made_up_pairs(seed=0, cap=4))
    assert kinds == {kind for *_, kind, _ in made_up}


def test_a_right_answer_that_does_not_hold_its_reference_is_not_swapped_into():
    rows = [("Who won?", "Al", "It was Ms Green who won it all.", "g")]
    assert not [pair for pair in equivalence_pairs([], rows, seed=0, cap=2) if pair.group == "g"]


def test_distractors_come_from_questions_that_ask_for_the_same_thing():
    assert {POOL.draw(PARIS, Random(seed)) for seed in range(50)} <= set(CAPITALS) - {"Paris"}


def test_no_distractor_is_drawn_where_too_few_answers_are_alike():
    assert POOL.draw(AnsweredQuestion("How many?", ("12",), "g"), Random(0)) is None


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Which English football team plays in white?", "team"),
        ("who wrote it", "who"),
        ("In what year?", "year"),
        ("How many legs?", "how many"),
        ("Name it.", ""),
    ],
)
def test_the_noun_a_question_asks_for_is_found(question, asked):
    assert asked_for(question) == asked


@pytest.mark.parametrize(
    ("question", "answer", "statement"),
    [
        ("who wrote Emma?", "Jane Austen", "Jane Austen wrote Emma."),
        ("What is the capital of Peru?", "Lima", "The capital of Peru is Lima."),
        ("Which actor played Bond first?", "Connery", "Connery played Bond first."),
        ("when was the bridge built?", "1937", "The bridge was built in 1937."),
        ("who did she marry?", "Bob", None),
        ("what is it that he was known for?", "wit", None),
    ],
)
def test_a_simple_question_becomes_a_statement_and_any_other_is_left_alone(question, answer, statement):
    assert in_sentence(question, answer) == statement


def test_bare_text_keeps_decimals_and_apostrophes():
    assert bare('It\'s "1.5 km", (Really)!') == "it's 1.5 km really"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.2 million km", Amount(1_200_000, "km")),
        ("$5 million", Amount(5_000_000, currency="$")),
        ("about 27", Amount(27)),
        ("£50m", None),  # the m of a sum of money is no metre
        ("27 wives", None),
    ],
)
def test_short_amounts_are_read(text, amount):
    assert read_amount(text) == amount


def test_dates_are_read_in_every_way_they_are_written():
    day = Date(1989, 11, 9)
    ways = [way for way in day.ways() if "-" not in way]
    assert [read_date(way) for way in ways] == [day] * len(ways)
    assert read_date("May 1989") is None


def test_numbers_are_said_in_words():
    assert in_words(1207) == "one thousand two hundred and seven"
    assert in_words(90) == "ninety"


def test_a_list_is_told_from_a_name_with_digits_or_alternatives():
    assert listed("red, white and blue") == ["red", "white", "blue"]
    assert listed("1 and 2") == listed("tea or milk and sugar") == listed("Paris, France") == []


def test_a_conversion_keeps_the_amount_and_a_swap_changes_it():
    # 10 km = 6.214 miles = 10,940 yards = 32,810 feet = 10,000 m to four significant figures
    said = " ".join(candidates(QUANTITY_PARAPHRASES["unit_conversion"], "10 km"))
    assert "6.214 miles" in said
    assert "32,810 feet" in said
    assert not {"10 km", "10 kilometres"} & candidates(QUANTITY_CONFOUNDS["unit_swap"], "10 km")


@pytest.mark.parametrize(
    ("edit", "reference", "question", "made"),
    [
        (QUANTITY_PARAPHRASES["number_words"], "27", "", "twenty-seven"),
        (QUANTITY_PARAPHRASES["magnitude"], "1,200,000", "", "1.2 million"),
        (QUANTITY_PARAPHRASES["percent_as_fraction"], "25%", "", "a quarter"),
        (QUANTITY_PARAPHRASES["rounded"], "6,695 km", "", "about 6,700 km"),
        (PARAPHRASES["surname"], "Jane Austen", "Who wrote Emma?", "Austen"),
        (PARAPHRASES["in_place"], "Lima", "Where was she born?", "in Lima"),
        (PARAPHRASES["without_diacritics"], "Cézanne", "", "Cezanne"),
        (PARAPHRASES["reordered_list"], "red and blue", "Which two colours?", "blue and red"),
        (QUANTITY_CONFOUNDS["sign"], "-5", "", "5"),
        (QUANTITY_CONFOUNDS["coarser_date"], "9 May 1989", "On what date?", "1989"),
        (CONFOUNDS["yes_no_flip"], "Yes", "Is it?", "no"),
        (CONFOUNDS["partial_list"], "red and blue", "", "red"),
        (CONFOUNDS["negated"], "Rome", "", "It was not Rome."),
    ],
)
def test_each_edit_makes_what_its_name_says(edit, reference, question, made):
    assert made in candidates(edit, reference, question)


@pytest.mark.parametrize(
    ("edit", "reference", "question"),
    [
        (
            PARAPHRASES["surname"],
            "Jane Austen",
            "Who was the Austen who wrote Emma?",
        ),  # the question names one
        (PARAPHRASES["surname"], "Dallas Cowboys", "Who did he play for?"),  # no person
        (PARAPHRASES["typo"], "19 March 1911", ""),  # a slip in a date is another date
        (PARAPHRASES["reordered_list"], "Nanny and the Professor", "What show was she in?"),  # a title
        (PARAPHRASES["alias"], "Blood", ""),
        (QUANTITY_PARAPHRASES["rounded"], "6,000 km", ""),
        (QUANTITY_PARAPHRASES["finer_date"], "1984", "Which novel is it?"),
        (CONFOUNDS["partial_list"], "Vancouver and Canada", "Where is it?"),
    ],
)
def test_an_edit_stays_away_where_its_label_would_not_be_sure(edit, reference, question):
    assert candidates(edit, reference, question, names=("Blood oxygen",)) == {None}


def test_a_fact_in_a_passage_is_replaced_throughout():
    edit = CONFOUNDS["distractor_in_passage"]
    made = {edit(PARIS, POOL, Random(seed)) for seed in range(30)}
    assert all("Paris" not in text and "tower" in text for text in made)


def test_a_passage_that_goes_on_naming_the_answer_is_not_used():
    edit, passage = CONFOUNDS["distractor_in_passage"], "It is the Big Apple, or New York in full."
    assert candidates(edit, "New York", passage=passage, names=("Big Apple",)) == {None}


def test_a_cut_passage_stops_before_the_answer():
    assert CONFOUNDS["cut_passage"](PARIS, POOL, Random(0)) == "Well known for its tower,"


def test_near_numbers_never_equal_the_number():
    for reference in ("1", "7", "20", "1999", "2.5", "twelve", "$3 million"):
        assert reference not in candidates(QUANTITY_CONFOUNDS["near_number"], reference)


def test_committing_to_another_answer_and_denying_another_are_mirror_images():
    right = candidates(PARAPHRASES["contrastive_negation"], "Madrid", PARIS.question)
    wrong = candidates(CONFOUNDS["other_committed"], "Madrid", PARIS.question)
    assert any(text.startswith("Not ") and text.endswith("but Madrid.") for text in right)
    assert any(text.startswith("Not Madrid, but") for text in wrong)
    assert not right & wrong


def test_no_hack_holds_the_answer():
    for edit in HACKS.values():
        assert not [
            text for text in candidates(edit, "people", "Who lives there now?") if text and "people" in text
        ]


@pytest.mark.parametrize(
    ("edit", "sentence", "made"),
    [
        (REORDERINGS["moved_time"], "In 1998, the mill burned.", "The mill burned in 1998."),
        (REORDERINGS["swapped_conjuncts"], "A film by Bob and Ann.", "A film by Ann and Bob."),
        (SWAPS["swapped_names"], "Then Bob chased Ann away.", "Then Ann chased Bob away."),
        (SWAPS["swapped_nouns"], "A dog chases a cat.", "A cat chases a dog."),
        (SENTENCE_CONFOUNDS["antonym"], "The price is higher.", "The price is lower."),
        (SENTENCE_CONFOUNDS["denial"], "The shop is open.", "The shop is not open."),
        (SENTENCE_CONFOUNDS["modality"], "You must pay.", "You may pay."),
        (SENTENCE_CONFOUNDS["quantifier"], "The dogs barked at all cats.", "The dogs barked at some cats."),
    ],
)
def test_each_sentence_edit_makes_what_its_name_says(edit, sentence, made):
    assert made in candidates(edit, sentence)


@pytest.mark.parametrize(
    "sentence", ["Then Bob met Ann there.", "Then Bob and Ann left.", "Then Bob plays with Ann."]
)
def test_names_of_a_symmetric_sentence_are_not_swapped(sentence):
    assert candidates(SWAPS["swapped_names"], sentence) == {None}


def test_told_from_the_other_side_a_relation_names_both_and_differs():
    for question, reference, told, label, kind, _ in relation_pairs(seed=3, cap=50):
        assert told != reference
        assert (label == 0.0) == kind.startswith("roles_swapped")
        assert not question or reference in told  # the wrong telling holds the right name all the same


def test_made_up_questions_hold_their_answer_in_their_passage():
    made = list(made_up_questions(seed=0, size=200))
    assert len(made) == 200
    assert all(item.reference in item.passage for item in made if item.passage)


def test_pairs_are_values():
    pair = ContrastPair("q", "r", "c", 1.0, "kind", "group")
    assert pair == ContrastPair("q", "r", "c", 1.0, "kind", "group")
    with pytest.raises(AttributeError):
        pair.label = 0.0
