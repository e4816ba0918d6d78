from judge.pairs import Task, TrainingRow
from judge.reader_examples import Example, make_examples


def support(claim: str, text: str, label: float, contradiction: float | None = None) -> TrainingRow:
    targets = {Task.SUPPORT: label}
    if contradiction is not None:
        targets[Task.CONTRADICTION] = contradiction
    return TrainingRow(Task.SUPPORT, "", claim, text, targets, text, "claims/x")


def of_kind(examples: list[Example], kind: str) -> list[Example]:
    return [example for example in examples if example.source == f"claims/{kind}"]


OTHER = support("A dog sleeps on the green sofa.", "On the sofa a dog sleeps.", 0.0)
CLAIM = support(
    "Anna Lee won six medals in Rome.", "In Rome the swimmer Anna Lee took six medals. She was 20.", 1.0
)


def test_a_supported_claim_is_answered_where_the_text_has_its_words() -> None:
    examples = of_kind(make_examples([CLAIM, OTHER], seed=0), "supported")
    assert examples
    for example in examples:
        assert example.question.replace("____", example.answer) == CLAIM.reference
        assert example.answer in CLAIM.text


def test_a_sentence_that_was_cut_out_is_not_answered() -> None:
    rows = [CLAIM, OTHER]
    cut = [e for seed in range(8) for e in of_kind(make_examples(rows, seed=seed), "cut_out")]
    assert cut
    assert {example.answer for example in cut} == {""}
    assert all(
        example.text in ("She was 20.", "In Rome the swimmer Anna Lee took six medals.") for example in cut
    )


def test_what_is_said_of_somebody_else_is_not_answered() -> None:
    rows = [CLAIM, support("Otto Kahn went to Oslo.", "Otto Kahn went to Oslo.", 1.0)]
    renamed = [e for seed in range(30) for e in of_kind(make_examples(rows, seed=seed), "renamed")]
    assert renamed
    assert all(example.answer == "" for example in renamed)
    assert any("Otto Kahn" in example.question and example.text == CLAIM.text for example in renamed)


def test_a_contradicted_claim_is_answered_by_the_value_of_the_text() -> None:
    row = support("Anna Lee won seven medals in Rome.", "Anna Lee won six medals in Rome.", 0.0, 1.0)
    (example,) = of_kind(make_examples([row, OTHER], seed=0), "contradicted")
    assert (example.question, example.answer) == ("Anna Lee won ____ medals in Rome.", "six")


def test_an_unsupported_claim_is_not_answered() -> None:
    row = support("Anna Lee was fined by the mayor of Oslo.", "Anna Lee won six medals in Rome.", 0.0)
    (example,) = of_kind(make_examples([row, OTHER], seed=0), "unsupported")
    assert example.answer == ""


def test_a_question_is_answered_by_a_right_candidate_and_by_a_bare_one_behind_its_question() -> None:
    def row(text: str, label: float) -> TrainingRow:
        return TrainingRow(
            Task.EQUIVALENCE, "Who won?", "Ann", text, {Task.EQUIVALENCE: label}, "g", "claims"
        )

    rows = [row("The winner was Ann.", 1.0), row("Ann", 1.0), row("The winner was Bob.", 0.0)]
    asked = of_kind(make_examples(rows, seed=0), "asked")
    assert [(e.text, e.answer) for e in asked] == [("The winner was Ann.", "Ann"), ("Who won? Ann", "Ann")]


def test_a_text_that_declines_has_no_answer() -> None:
    row = TrainingRow(
        Task.ABSTENTION, "Who won?", "", "I do not know who.", {Task.ABSTENTION: 1.0}, "g", "claims"
    )
    (example,) = make_examples([row], seed=0)
    assert (example.question, example.text, example.answer) == ("Who won?", "I do not know who.", "")


def test_a_seed_gives_the_same_exercises_again() -> None:
    rows = [CLAIM, OTHER]
    assert make_examples(rows, seed=3) == make_examples(rows, seed=3)
