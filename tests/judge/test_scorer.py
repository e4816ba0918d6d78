import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from judge.config import Dtype, SpeedConfig
from judge.errors import BackboneError, JudgeError
from judge.records import Explain, Record, Verdict
from judge.scorer import Judge, find_judge, without_encoder


@pytest.fixture(scope="module")
def judge(tiny_judge: Path) -> Judge:
    return Judge.from_pretrained(tiny_judge, device="cpu")


def record(completion: str, *references: str, prompt: str = "who?") -> Record:
    return Record(prompt, references or ("bob",), completion)


def test_the_combiner_decides(judge: Judge) -> None:
    right, wrong = judge.score([record("it was bob"), record("it was ann")])
    assert right is not None
    assert wrong is not None
    # reference_contained is 1 and 0: sigmoid(8 - 4) and sigmoid(-4)
    assert right.equivalence == pytest.approx(0.98201, abs=1e-5)
    assert wrong.equivalence == pytest.approx(0.01799, abs=1e-5)
    assert (right.verdict, wrong.verdict) == (Verdict.CORRECT, Verdict.WRONG)


def test_any_reference_may_match_and_their_order_changes_nothing(judge: Judge) -> None:
    one, other = judge.score([record("it was bob", "ann", "bob"), record("it was bob", "bob", "ann")])
    assert one == other
    assert one is not None
    assert one.verdict is Verdict.CORRECT


def test_scores_come_in_the_order_of_the_records_and_duplicates_cost_nothing(judge: Judge) -> None:
    records = [record(f"it was {name}") for name in ("bob", "ann", "bob", "eve", "ann")]
    together = judge.score(records)
    alone = [judge.score([r])[0] for r in records]
    assert together == alone
    assert together[0] is together[2]


def test_no_records_give_no_scores(judge: Judge) -> None:
    assert judge.score([]) == []


def test_a_completion_equal_to_a_reference_is_right_even_if_it_sounds_like_an_abstention() -> None:
    score = without_encoder(record("i don't know", "I Don't Know!", prompt="which song?"))
    assert score is not None
    assert score.verdict is Verdict.CORRECT


@pytest.mark.parametrize("completion", ["", "  \n", "...", "🙂🙂", "?!"])
def test_a_completion_without_a_word_is_wrong(completion: str) -> None:
    score = without_encoder(record(completion))
    assert score is not None
    assert score.verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("completion", "reference"), [("vitamin", "Vitamin A"), ("a vitamin A", "a vitamin"), ("C++", "C")]
)
def test_the_encoder_is_asked_where_words_alone_would_take_one_thing_for_another(
    completion: str, reference: str
) -> None:
    assert without_encoder(record(completion, reference)) is None
    assert without_encoder(record(f"The {reference}.", reference)) is not None


def test_an_encoder_that_gives_no_number_gives_no_score(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model: object, pairs: list[tuple[str, str]], **_: object) -> torch.Tensor:
        return torch.full((len(pairs), 4), torch.nan)

    monkeypatch.setattr("judge.scorer.encode_pairs", broken)
    assert judge.score([record("it was nobody seen before"), record("bob")])[0] is None
    assert judge.score([record("bob")])[0] is not None


def test_the_cache_is_asked_before_the_encoder(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge.score([record("it was bob again")])

    def asked(model: object, pairs: list[tuple[str, str]], **_: object) -> torch.Tensor:
        assert not pairs, "what was scored before is asked again"
        return torch.empty(0, 4)

    monkeypatch.setattr("judge.scorer.encode_pairs", asked)
    assert judge.score([record("it was bob again")]) == before


def test_a_full_cache_forgets_and_scores_on(tiny_judge: Path) -> None:
    judge = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(cache_size=3))
    records = [record(f"it was {name}") for name in ("bob", "ann", "eve", "joe", "tim")]
    first = judge.score(records)
    assert judge.score(records) == first
    assert len(judge._cache) <= 3 + 2 * len(records)


def test_support_and_abstention_are_probabilities_one_a_pair(judge: Judge) -> None:
    support = judge.support(claims=["bob is tall", "ann is tall"], texts=["bob is tall", "bob is small"])
    abstention = judge.abstention(questions=["who?"], completions=["i do not know"])
    assert len(support) == 2
    assert all(0 < p < 1 for p in support)
    assert abstention == [pytest.approx(0.01799, abs=1e-5)]


def test_the_judge_that_ships_goes_by_the_name_of_default() -> None:
    assert find_judge("default") == find_judge(None)


def test_a_directory_that_is_no_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"expected judge.json in"):
        find_judge(tmp_path)


def test_a_judge_of_another_format_is_refused(tiny_judge: Path, tmp_path: Path) -> None:
    copy = tmp_path / "judge"
    shutil.copytree(tiny_judge, copy)
    content = json.loads((copy / "judge.json").read_text())
    (copy / "judge.json").write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(JudgeError, match=r"expected judge format 1 .* found 99"):
        Judge.from_pretrained(copy)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ('{"format": 1}', "KeyError 'encoder'"),
        ('{"format": 1, "encoder": {}, "calibration": 3}', "TypeError"),
    ],
)
def test_a_judge_that_is_not_whole_is_refused_in_a_line(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "judge.json").write_text(content)
    with pytest.raises(JudgeError, match=rf"cannot read .*judge.json .*{reason}.*is it whole\?$"):
        Judge.from_pretrained(tmp_path)


def test_a_judge_without_its_weights_is_refused(tiny_judge: Path, tmp_path: Path) -> None:
    copy = tmp_path / "judge"
    shutil.copytree(tiny_judge, copy)
    (copy / "delta.safetensors").unlink()
    with pytest.raises(JudgeError, match=r"cannot read the weights .*delta.safetensors"):
        Judge.from_pretrained(copy, device="cpu")
    (copy / "delta.safetensors").write_bytes(b"cut off")
    with pytest.raises(JudgeError, match=r"cannot read the weights .*delta.safetensors"):
        Judge.from_pretrained(copy, device="cpu")


def test_a_judge_refuses_an_encoder_it_was_not_trained_on(tiny_judge: Path) -> None:
    with pytest.raises(BackboneError, match="works only with the encoder it was trained on"):
        Judge.from_pretrained(tiny_judge, backbone="sentence-transformers/all-MiniLM-L6-v2")


def test_a_false_positive_rate_chooses_the_threshold_and_moves_no_probability(
    tiny_judge: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "judge"
    shutil.copytree(tiny_judge, copy)
    content = json.loads((copy / "judge.json").read_text())
    content["calibration"]["operating_points"] = [
        {"max_fpr": 0.02, "threshold": 0.99, "false_positive_rate": 0.02, "true_positive_rate": 0.4}
    ]
    (copy / "judge.json").write_text(json.dumps(content))
    (usual,) = Judge.from_pretrained(copy, device="cpu").score([record("it was bob")])
    (strict,) = Judge.from_pretrained(copy, device="cpu", max_fpr=0.02).score([record("it was bob")])
    assert usual is not None
    assert strict == replace(usual, verdict=Verdict.WRONG)  # 0.982 is below 0.99
    assert usual.verdict is Verdict.CORRECT


@pytest.mark.parametrize(
    "text", ["🙂" * 5000, "a" * 100_000, "word " * 20_000, "\x00\x07", "ถูกต้อง " * 50, "[SEP] [CLS]"]
)
def test_no_text_crashes_the_judge(judge: Judge, text: str) -> None:
    (score,) = judge.score([record(text)])
    assert score is not None
    assert score.verdict is not Verdict.CORRECT


def test_equivalence_and_abstention_are_read_in_one_pass(
    tiny_judge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge.from_pretrained(tiny_judge, device="cpu")
    read: list[int] = []

    def counting(model: object, pairs: list[tuple[str, str]], **_: object) -> torch.Tensor:
        read.append(len(pairs))
        return torch.zeros(len(pairs), 4)

    monkeypatch.setattr("judge.scorer.encode_pairs", counting)
    judge.score([record("it was bob", "ann", "bob"), record("it was eve", "ann", "bob")])
    # two references and one abstention for each of two completions, then nothing but the cache
    assert [count for count in read if count] == [6]


def test_of_many_references_the_nearest_are_read_and_the_rest_counted(tiny_judge: Path) -> None:
    names = tuple(f"name{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    judge = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(max_references=2))
    (score,) = judge.score([record("it was namez", *names)])
    assert score is not None
    assert score.verdict is Verdict.CORRECT
    assert judge.references_left_out == len(names) - 2


def test_what_is_said_and_left_out_stands_beside_the_score_and_changes_nothing_in_it(
    tiny_judge: Path,
) -> None:
    texts = record("it was bob", "bob", "ann"), record("", "bob"), record("it was bob")
    plain = Judge.from_pretrained(tiny_judge, device="cpu").score(texts)
    explained = Judge.from_pretrained(tiny_judge, device="cpu", explain=Explain.FACTS).score(texts)
    assert [score and replace(score, coverage=None) for score in explained] == plain
    covered = [score.coverage for score in explained if score]
    assert [fact.text for fact in covered[0].completion_facts] == ["it was bob"]
    assert covered[1].completion_facts == ()
    assert covered[1].recall == 0.0


def test_of_many_references_coverage_tries_those_that_the_score_reads(tiny_judge: Path) -> None:
    judge = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(max_references=1))
    (found,) = judge.coverage([record("it was bob", "ann", "bob", "eve")])
    assert found is not None
    assert found.reference == "bob"


def test_a_title_that_sounds_like_an_abstention_is_a_fact_where_it_is_the_reference(
    tiny_judge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge.from_pretrained(tiny_judge, device="cpu")
    monkeypatch.setattr(judge, "abstention", lambda *, questions, completions: [1.0] * len(completions))
    right, other = judge.coverage([record("I don't know", "I Don't Know"), record("I don't know", "Bob")])
    assert right is not None
    assert right.precision == 1.0
    assert other is not None
    assert other.precision is None


def test_to_load_a_judge_leaves_the_random_state_alone(tiny_judge: Path) -> None:
    before = torch.random.get_rng_state()
    Judge.from_pretrained(tiny_judge, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_the_cheap_stage_the_encoder_reads_an_exact_match_too(tiny_judge: Path) -> None:
    judge = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(cheap_stage=False))
    (score,) = judge.score([record("bob")])
    assert score is not None
    assert 0.9 < score.equivalence < 1.0


def test_a_judge_in_bfloat16_holds_its_weights_once_and_agrees(judge: Judge, tiny_judge: Path) -> None:
    half = Judge.from_pretrained(tiny_judge, device="cpu", speed=SpeedConfig(dtype=Dtype.BFLOAT16))
    assert all(weight.dtype == torch.bfloat16 for weight in half.encoder.model.parameters())
    records = [record("it was bob"), record("it was ann")]
    for one, other in zip(half.score(records), judge.score(records), strict=True):
        assert one is not None
        assert other is not None
        assert one.verdict is other.verdict
        assert one.equivalence == pytest.approx(other.equivalence, abs=0.02)
