import math
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.coverage import measure
from judge.records import CheckedFact, Coverage, Record, Standing


class WordReader:
    """A text says a claim that it contains, and denies one that it contains after "not"."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
        self.asked += zip(claims, texts, strict=True)
        return [0.9 if bare(c) in bare(t) else 0.1 for c, t in zip(claims, texts, strict=True)]

    def contradiction(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float | None]:
        return [0.9 if f"not {bare(c)}" in bare(t) else 0.1 for c, t in zip(claims, texts, strict=True)]

    def equivalence(
        self, *, questions: Sequence[str], references: Sequence[str], completions: Sequence[str]
    ) -> list[float]:
        return [0.8 if bare(r) in bare(c) else 0.2 for r, c in zip(references, completions, strict=True)]

    def fits(self, *, question: str, claim: str) -> bool:
        return len(question) + len(claim) <= 60


class HashReader(WordReader):
    """Says anything of any pair, but always the same: whatever holds for it holds for every judge."""

    def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
        return [zlib.crc32(f"{c}|{t}".encode()) % 1000 / 1000 for c, t in zip(claims, texts, strict=True)]


def bare(text: str) -> str:
    return text.lower().strip(" .")


def coverage(
    completion: str,
    *references: str,
    prompt: str = "",
    reader: WordReader | None = None,
    declines: bool = False,
) -> Coverage:
    record = Record(prompt, references, completion)
    (found,) = measure([record], reader or WordReader(), abstained=[declines], answer_threshold=0.5)
    assert found is not None
    return found


def texts(facts: Sequence[CheckedFact]) -> list[str]:
    return [fact.text for fact in facts]


def test_recall_counts_what_is_missing_and_precision_what_was_added() -> None:
    found = coverage("Ann is tall. Bob is old.", "Ann is tall. Cid is here. Dot was there.")
    assert found.recall == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(1 / 2)
    assert texts(found.missing) == ["Cid is here.", "Dot was there."]
    assert texts(found.added) == ["Bob is old."]


def test_a_denied_fact_is_told_from_an_absent_one() -> None:
    found = coverage("It is not Ann is tall.", "Ann is tall. Bob is old.")
    # "not ann is tall" holds "ann is tall" too, so the reader calls it said: support comes first
    assert [fact.standing for fact in found.reference_facts] == [Standing.SUPPORTED, Standing.ABSENT]

    class Denier(WordReader):
        def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
            return [0.1] * len(claims)

    found = coverage("It is not Ann is tall.", "Ann is tall. Bob is old.", reader=Denier())
    assert [fact.standing for fact in found.reference_facts] == [Standing.CONTRADICTED, Standing.ABSENT]


def test_a_bare_answer_is_looked_for_as_the_answer_to_its_question() -> None:
    reader = WordReader()
    found = coverage("She was born in Lima.", "Lima", prompt="Where was she born?", reader=reader)
    assert found.reference_facts[0].support == 0.8  # by equivalence
    assert ("She was born in Lima.", "Where was she born? Lima") in reader.asked


def test_each_item_of_a_list_counts() -> None:
    found = coverage("Ann Lee, Bob Roe and Eve Poe", "Ann Lee, Bob Roe, Cid Coe and Dot Doe", prompt="Who?")
    assert (found.recall, found.precision) == (2 / 4, 2 / 3)


def test_of_several_references_the_one_that_agrees_best_counts() -> None:
    found = coverage("Ann is tall.", "Bob is old.", "Ann is tall. Cid is here.", "Dot was there.")
    assert found.reference == "Ann is tall. Cid is here."


def test_a_text_that_declines_states_nothing_and_denies_nothing() -> None:
    found = coverage("It is not known. Not ann is tall.", "Ann is tall.", declines=True)
    assert found.completion_facts == ()
    assert found.precision is None
    assert found.reference_facts[0].contradiction == 0.0


def test_a_text_without_facts_has_no_share_of_them() -> None:
    assert coverage("...", "Ann is tall.").precision is None
    assert coverage("...", "Ann is tall.").recall == 0.0
    assert coverage("Ann is tall.", "?").recall is None


def test_a_long_question_is_cut_from_its_start_and_a_long_fact_into_several() -> None:
    reader = WordReader()
    coverage("Oslo", "Lima", prompt="word " * 40 + "where?", reader=reader)
    assert all(len(claim) <= 61 and "where?" in claim for claim, _ in reader.asked)
    reader = WordReader()
    coverage("Oslo is here.", "Ann was " + "very " * 40 + "tall.", reader=reader)
    assert len(reader.asked) > 4
    assert all(len(claim) <= 60 for claim, _ in reader.asked)


def test_a_judge_that_gives_no_number_gives_no_coverage() -> None:
    class Broken(WordReader):
        def support(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float]:
            return [math.nan if "Ann" in text else 0.9 for text in texts]

    records = [
        Record("", ("Bob is old.",), "Ann is tall. Cid is here."),
        Record("", ("Bob is old.",), "Dot left."),
    ]
    broken, whole = measure(records, Broken(), abstained=[False, False], answer_threshold=0.5)
    assert broken is None
    assert whole is not None


def test_a_judge_that_cannot_tell_contradiction_leaves_it_out() -> None:
    class Untaught(WordReader):
        def contradiction(self, *, claims: Sequence[str], texts: Sequence[str]) -> list[float | None]:
            return [None] * len(claims)

    found = coverage("Bob is old.", "Ann is tall.", reader=Untaught())
    assert found.reference_facts[0].contradiction is None
    assert found.reference_facts[0].standing is Standing.ABSENT


def test_everything_is_asked_once_for_all_records() -> None:
    reader = WordReader()
    records = [Record("", ("Ann is tall.",), completion) for completion in ("Bob is old.", "Bob is old.")]
    measure(records, reader, abstained=[False, False], answer_threshold=0.5)
    assert sorted(reader.asked) == [("Ann is tall.", "Bob is old."), ("Bob is old.", "Ann is tall.")]


SENTENCES = st.lists(
    st.sampled_from([f"{name} was {state}." for name in ("Ann", "Bob", "Cid") for state in ("here", "ill")]),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(SENTENCES, SENTENCES, st.integers(0, 4))
def test_leaving_out_a_sentence_never_raises_recall(said: list[str], reference: list[str], at: int) -> None:
    fewer = [sentence for i, sentence in enumerate(said) if i != at % len(said)]
    whole = coverage(" ".join(said), " ".join(reference), reader=HashReader())
    part = coverage(" ".join(fewer), " ".join(reference), reader=HashReader())
    assert whole.recall is not None
    assert part.recall is not None
    assert part.recall <= whole.recall


@settings(max_examples=40, deadline=None)
@given(SENTENCES, SENTENCES)
def test_adding_a_false_fact_never_raises_precision(said: list[str], reference: list[str]) -> None:
    added = "Eve was in Oslo."
    before = coverage(" ".join(said), " ".join(reference), reader=HashReader())
    after = coverage(" ".join([*said, added]), " ".join(reference), reader=HashReader())
    assert before.precision is not None
    assert after.precision is not None
    if added in texts(after.added):  # what the judge takes for true is not false to it
        assert after.precision <= before.precision
    others = [fact for fact in after.completion_facts if fact.text != added]
    assert others == list(before.completion_facts)


@settings(max_examples=10, deadline=None)
@given(SENTENCES)
def test_a_text_covers_itself_whatever_the_judge_says(said: list[str]) -> None:
    text = " ".join(said) + " Ann, Bob and Cid were there; it was late."
    found = coverage(text, text, reader=HashReader())
    assert (found.recall, found.precision) == (1.0, 1.0)
