import torch
from tiny import FunctionJudge, bigram_llama, tiny_llama, word_tokenizer

from judge.records import Record, Verdict
from rl.answers import answers_to, continuations
from rl.config import SamplingConfig
from rl.rollout import sample


def test_each_question_is_answered_n_times_and_judged_with_its_own_references():
    # After "of" comes red or blue, then the end: p = 1/2 each.
    table = torch.full((7, 7), 0.0)
    table[:, 1] = 1.0
    table[5, :] = torch.tensor([0, 0, 0, 0.5, 0.5, 0, 0])
    model, tokenizer = bigram_llama(table.tolist()), word_tokenizer("red", "blue", "of", "sky")
    records = [Record("sky of", (colour,), id=colour) for colour in ("red", "blue", "red")]
    judge = FunctionJudge(lambda r: Verdict.CORRECT if r.completion in r.references else Verdict.WRONG)
    config = SamplingConfig(n=20, batch_size=40, max_new_tokens=3)
    found = list(answers_to(records, model, tokenizer, judge, config))
    assert [each.question.id for each in found] == ["red", "blue", "red"]
    for each in found:
        assert set(each.texts) == {" red", " blue"}
        right = [text.strip() == each.question.id for text in each.texts]
        assert [score.verdict is Verdict.CORRECT for score in each.scores] == right
        assert not any(each.truncated)


def test_prompt_and_continuation_are_the_text_that_the_policy_went_on_with():
    tokenizer = word_tokenizer("colour", "of", "grass", "sky")
    model = tiny_llama(7)
    prompts = ["colour of sky", "grass"]  # of unlike length, so that one is padded
    rollout = sample(model, tokenizer, prompts, max_new_tokens=3, generator=torch.Generator().manual_seed(0))
    for prompt, text, completion in zip(
        prompts, continuations(tokenizer, rollout), rollout.completions, strict=True
    ):
        assert text == f" {completion}"
        whole = tokenizer(prompt + text)["input_ids"]
        assert whole == tokenizer(prompt)["input_ids"] + tokenizer(completion)["input_ids"]
