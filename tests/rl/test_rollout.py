import peft
import pytest
import torch
from tiny import EOS, PAD, bigram_llama, tiny_llama, word_tokenizer
from tokenizers.processors import TemplateProcessing
from torch.utils._python_dispatch import TorchDispatchMode

from judge.errors import ConfigError, DataError
from judge.records import Turn
from rl.policy import Policy
from rl.rollout import encode_prompts, generate, messages_of, sample, special_tokens

WORDS = ("a", "b", "c", "d")  # ids 3 4 5 6; 0 is padding, 1 EOS, 2 unknown

CHAT = "d {{ messages[0]['content'] }} {% if add_generation_prompt %}a{% endif %}"

# After a comes b, after b comes c, after c the end, after d comes d, always.
CHAIN = [[0.0] * 7 for _ in range(7)]
for here, there in ((0, 0), (1, 1), (2, 2), (3, 4), (4, 5), (5, 1), (6, 6)):
    CHAIN[here][there] = 1.0


def chain_rollout(prompts, tokenizer=None, max_new_tokens=5, model=None):
    model = model or bigram_llama(CHAIN)
    return sample(model, tokenizer or word_tokenizer(*WORDS), prompts, max_new_tokens=max_new_tokens)


def responses(rollout):
    """Ids of each response, padding left out."""
    mask = rollout.episodes.response_mask
    tokens = rollout.episodes.tokens[:, -mask.shape[1] :]
    return [row[real.bool()].tolist() for row, real in zip(tokens, mask, strict=True)]


def test_the_end_is_an_action_and_nothing_comes_after_it():
    rollout = chain_rollout(["a", "d c", "b"])
    assert responses(rollout) == [[4, 5, 1], [1], [5, 1]]
    assert rollout.episodes.response_mask.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert rollout.episodes.attention_mask.tolist() == [[0, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0]]
    assert rollout.episodes.tokens[1].tolist() == [6, 5, 1, 0, 0]
    assert rollout.completions == ["b c", "", "c"]
    assert rollout.truncated == [False, False, False]


def test_a_completion_cut_at_the_limit_is_flagged():
    rollout = chain_rollout(["d", "c", "a"], max_new_tokens=3)
    assert rollout.truncated == [True, False, False]  # the last one ends exactly at the limit
    assert rollout.completions == ["d d d", "", "b c"]


def test_any_of_several_ends_ends_a_completion():
    model = bigram_llama(CHAIN)
    model.generation_config.eos_token_id = [1, 5]
    rollout = chain_rollout(["a"], model=model)
    assert responses(rollout) == [[4, 5]]
    assert rollout.completions == ["b"]  # an end is not part of the text


def test_ends_are_gathered_from_generation_config_model_and_tokenizer():
    model = tiny_llama(7)
    model.generation_config.eos_token_id = [1, 5]
    model.config.eos_token_id = 6
    assert special_tokens(model, word_tokenizer(*WORDS, eos="d")).eos == (1, 5, 6)


@pytest.mark.parametrize("pad", [EOS, None])
def test_a_tokenizer_whose_padding_is_its_end_works(pad):
    tokenizer = word_tokenizer(*WORDS, pad=pad)
    rollout, usual = chain_rollout(["a", "d c", "b"], tokenizer), chain_rollout(["a", "d c", "b"])
    assert rollout.episodes.response_mask.tolist() == usual.episodes.response_mask.tolist()
    assert rollout.episodes.attention_mask.tolist() == usual.episodes.attention_mask.tolist()
    assert rollout.completions == usual.completions
    assert responses(rollout) == [[4, 5, 1], [1], [5, 1]]


def test_a_prompt_that_contains_the_end_is_not_cut():
    rollout = chain_rollout([f"d {EOS} a", "a"])
    assert rollout.episodes.tokens[0].tolist() == [6, 1, 3, 4, 5, 1]
    assert rollout.episodes.attention_mask[0].tolist() == [1] * 6
    assert rollout.completions == ["b c", "b c"]


def test_padding_in_a_prompt_is_read_as_the_token_it_is():
    assert chain_rollout([f"{PAD} a"]).episodes.attention_mask[0, :2].tolist() == [1, 1]


def test_generation_stops_when_every_sequence_has_stopped():
    model, calls = bigram_llama(CHAIN), []
    model.register_forward_hook(lambda *_: calls.append(1))
    chain_rollout(["b", "c"], max_new_tokens=40, model=model)
    assert len(calls) == 2  # c needs one step, b two; not 40


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sampled_frequencies_are_those_that_the_logprobs_promise(temperature):
    row = [0.0, 0.0, 0.0, 0.05, 0.15, 0.3, 0.5]
    model, tokenizer = bigram_llama([row] * 7), word_tokenizer(*WORDS)
    draws = 10_000
    rollout = sample(
        model, tokenizer, ["a"] * draws, max_new_tokens=1, temperature=temperature,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    tempered = torch.tensor(row) ** (1 / temperature)
    expected = tempered / tempered.sum()
    counted = torch.bincount(rollout.episodes.tokens[:, -1], minlength=7) / draws
    # Five standard errors of a frequency: 5 sqrt(.25 / 10000) = .025
    torch.testing.assert_close(counted, expected, atol=0.025, rtol=0)
    assert counted[:3].sum() == 0  # what cannot be said is not said
    logprobs = Policy(model, temperature)(rollout.episodes).logprobs.squeeze(1)
    torch.testing.assert_close(logprobs.exp(), expected[rollout.episodes.tokens[:, -1]])


def test_the_smallest_random_number_does_not_choose_what_cannot_be_said(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.zeros(*size, dtype=torch.float64))
    model = bigram_llama([[0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0]] * 7)
    assert sample(model, word_tokenizer(*WORDS), ["a"], max_new_tokens=1).completions == ["b"]


PROMPTS = ["a b c", "d", "b b", "c a d a"]


def test_cached_steps_choose_what_a_full_forward_would():
    model, tokenizer = tiny_llama(7), word_tokenizer(*WORDS)
    model.generation_config.eos_token_id = model.config.eos_token_id = 2
    greedy = {"max_new_tokens": 8, "greedy": True}
    for prompt, ids in zip(PROMPTS, responses(sample(model, tokenizer, PROMPTS, **greedy)), strict=True):
        tokens = tokenizer(prompt)["input_ids"]
        for chosen in ids:
            logits = model(torch.tensor([tokens])).logits[0, -1]
            assert chosen == logits.argmax().item()
            tokens = [*tokens, chosen]


def test_left_padding_changes_no_completion():
    model, tokenizer = tiny_llama(7), word_tokenizer(*WORDS)
    together = generate(model, tokenizer, PROMPTS, max_new_tokens=8, greedy=True)
    alone = generate(model, tokenizer, PROMPTS, max_new_tokens=8, greedy=True, batch_size=1)
    assert together == alone
    assert len(set(together)) > 1


def test_completions_come_in_the_order_of_their_prompts_whatever_the_batch():
    model, tokenizer = bigram_llama(CHAIN), word_tokenizer(*WORDS)
    prompts = ["a", "c", "b", "c", "a"]
    for batch_size in (1, 2, 5, 100):
        completions = generate(model, tokenizer, prompts, max_new_tokens=4, batch_size=batch_size)
        assert completions == ["b c", "", "c", "", "b c"]


def test_no_prompts_give_no_completions():
    assert generate(bigram_llama(CHAIN), word_tokenizer(*WORDS), [], max_new_tokens=4) == []


def test_the_same_generator_draws_the_same_and_another_seed_something_else():
    model, tokenizer = tiny_llama(7), word_tokenizer(*WORDS)
    first, again, other = (
        generate(model, tokenizer, PROMPTS, max_new_tokens=8, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_adapters_take_part_in_sampling():
    model, tokenizer = tiny_llama(7), word_tokenizer(*WORDS)
    before = generate(model, tokenizer, PROMPTS, max_new_tokens=8, greedy=True)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"])).eval()
    assert generate(adapted, tokenizer, PROMPTS, max_new_tokens=8, greedy=True) == before
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.add_(1.0)
    assert generate(adapted, tokenizer, PROMPTS, max_new_tokens=8, greedy=True) != before


class Casts(TorchDispatchMode):
    """Notes the shape of whatever is cast to bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._to_copy.default and kwargs["dtype"] == torch.bfloat16:
            self.shapes.append(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


def test_bf16_casts_each_weight_once_whatever_the_number_of_tokens():
    model, tokenizer = tiny_llama(7), word_tokenizer(*WORDS)
    model.generation_config.eos_token_id = model.config.eos_token_id = 2
    linear = [module.weight for module in model.modules() if isinstance(module, torch.nn.Linear)]
    shapes = {tuple(weight.shape) for weight in linear}
    with Casts() as casts:
        sample(model, tokenizer, PROMPTS, max_new_tokens=8, bf16=True)
    assert sum(shape in shapes for shape in casts.shapes) == len(linear)
    with Casts() as casts:
        sample(model, tokenizer, PROMPTS, max_new_tokens=8)
    assert not casts.shapes


def test_a_chat_template_wraps_each_prompt_and_opens_the_answer():
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = CHAT
    # The tokenizer starts a text with d by itself; so does the template, and once is enough.
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("d $A", special_tokens=[("d", 6)])
    rest = {"model": bigram_llama(CHAIN), "max_new_tokens": 3}
    assert encode_prompts(tokenizer, ["c", "b b"], **rest) == [[6, 5], [6, 4, 4]]
    chat = encode_prompts(tokenizer, ["c", "b b"], **rest, chat_template=True)
    assert chat == [[6, 5, 3], [6, 4, 4, 3]]
    # c alone ends at once; the template ends with a, after which comes b.
    ends = [
        generate(rest["model"], tokenizer, ["c"], max_new_tokens=3, chat_template=wrapped)
        for wrapped in (False, True)
    ]
    assert ends == [[""], ["b c"]]


def test_messages_are_rendered_as_they_stand():
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }} {% endfor %}d"
    rest = {"model": bigram_llama(CHAIN), "max_new_tokens": 3, "chat_template": True}
    chat = (Turn("system", "a"), Turn("user", "b"))
    assert messages_of("b") == [{"role": "user", "content": "b"}]
    assert messages_of(chat) == [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert encode_prompts(tokenizer, ["b", chat], **rest) == [[4, 6], [3, 4, 6]]


def test_messages_without_the_template_switched_on_are_refused():
    with pytest.raises(ConfigError, match="lists of messages need chat_template, which is off"):
        encode_prompts(
            word_tokenizer(*WORDS), ["a", (Turn("user", "b"),)], model=bigram_llama(CHAIN), max_new_tokens=1
        )


def test_what_a_template_refuses_is_said():
    tokenizer = word_tokenizer(*WORDS)
    tokenizer.chat_template = "{{ raise_exception('no system message, please') }}"
    with pytest.raises(DataError, match="refuses a prompt: no system message, please"):
        encode_prompts(tokenizer, ["a"], model=bigram_llama(CHAIN), max_new_tokens=1, chat_template=True)


def test_a_chat_without_a_template_is_refused():
    with pytest.raises(ConfigError, match="expected a tokenizer with a chat template"):
        encode_prompts(
            word_tokenizer(*WORDS), ["a"], model=bigram_llama(CHAIN), max_new_tokens=1, chat_template=True
        )


def test_a_tokenizer_and_model_without_an_end_are_refused():
    model = tiny_llama(7)
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    with pytest.raises(ConfigError, match="names an EOS token"):
        special_tokens(model, word_tokenizer(*WORDS, eos=None))


def test_a_prompt_that_leaves_no_room_in_the_window_is_refused():
    prompt = "a " * 60  # of a window of 64
    with pytest.raises(DataError, match="exceeds the model's window of 64"):
        chain_rollout([prompt], max_new_tokens=5)
    assert chain_rollout([prompt], max_new_tokens=4).completions == ["b c"]


def test_a_prompt_without_tokens_is_refused():
    with pytest.raises(DataError, match="has no tokens"):
        chain_rollout(["a", ""])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ConfigError, match="above 0"):
        sample(bigram_llama(CHAIN), word_tokenizer(*WORDS), ["a"], max_new_tokens=1, temperature=temperature)


def test_a_model_with_dropout_on_is_refused():
    with pytest.raises(ConfigError, match=r"model\.eval\(\)"):
        chain_rollout(["a"], model=bigram_llama(CHAIN).train())
