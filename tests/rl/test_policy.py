import copy
from functools import partial
from math import log

import peft
import pytest
import torch
from tiny import bigram_llama, tiny_llama
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from judge.errors import ConfigError
from rl import policy as policy_module
from rl.policy import AdapterOff, Episodes, FrozenCopy, Policy, positions, reference_of

# peft 0.21 asks transformers 5.23 for it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

SMALL = {
    "vocab_size": 11, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0,
    "bos_token_id": None, "eos_token_id": 1, "initializer_range": 0.2,
}  # fmt: skip
FAMILIES = {
    "llama": lambda: tiny_llama(11),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL)),
    "gemma2, logits capped": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SMALL, final_logit_softcapping=0.5, attn_implementation="eager")
    ),
    "cohere, logits scaled up": lambda: CohereForCausalLM(CohereConfig(**SMALL, logit_scale=3.0)),
    "granite, logits scaled down": lambda: GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=4.0)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=11, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.2)
    ),
}


def episodes_of(prompts: list[list[int]], responses: list[list[int]], extra_left: int = 0) -> Episodes:
    """Padded with a token that means something, so that padding which leaks is seen."""
    left, right = max(map(len, prompts)) + extra_left, max(map(len, responses))
    tokens, mask, response_mask = [], [], []
    for prompt, response in zip(prompts, responses, strict=True):
        before, after = left - len(prompt), right - len(response)
        tokens.append([5] * before + prompt + response + [5] * after)
        mask.append([0] * before + [1] * (len(prompt) + len(response)) + [0] * after)
        response_mask.append([1] * len(response) + [0] * after)
    return Episodes(*map(torch.tensor, (tokens, mask, response_mask)))


PROMPTS = [[3, 4], [7, 8, 9, 10], [6]]
RESPONSES = [[4, 5, 6], [9, 1], [3, 3, 8]]


def with_values(policy: Policy) -> Policy:
    """A value head that says something."""
    torch.nn.init.normal_(policy.value_head.weight, generator=torch.Generator().manual_seed(1))
    return policy


def one_by_one(model: torch.nn.Module, prompt: list[int], response: list[int], temperature: float):
    """Log-prob of each response token, each from a forward of its own over what came before it."""
    for t, token in enumerate(response):
        logits = model(torch.tensor([prompt + response[:t]])).logits[0, -1]
        yield torch.log_softmax(logits / temperature, 0)[token].item()


def test_each_token_is_scored_by_the_state_before_it():
    # p(v | u): from 0: .1 .6 .3, from 1: .5 .2 .3, from 2: .25 .25 .5
    # prompt 0, response 1 2 0: p(1|0) = .6, p(2|1) = .3, p(0|2) = .25
    model = bigram_llama([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.25, 0.25, 0.5]])
    output = Policy(model)(Episodes(*map(torch.tensor, ([[0, 1, 2, 0]], [[1, 1, 1, 1]], [[1, 1, 1]]))))
    torch.testing.assert_close(output.logprobs, torch.tensor([[log(0.6), log(0.3), log(0.25)]]))


def test_temperature_divides_the_logits_of_policy_and_reference_alike():
    # T = .5 squares the probabilities: .36 / (.01 + .36 + .09) = .7826
    model = bigram_llama([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.25, 0.25, 0.5]])
    policy = Policy(model, temperature=0.5)
    episodes = Episodes(*map(torch.tensor, ([[0, 1]], [[1, 1]], [[1]])))
    for logprobs in (policy(episodes).logprobs, reference_of(policy).logprobs(episodes)):
        assert logprobs.item() == pytest.approx(log(0.36 / 0.46), abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_logprobs_are_those_of_the_model_run_token_by_token(family):
    torch.manual_seed(0)
    model = FAMILIES[family]().eval()
    logprobs = Policy(model, temperature=0.7)(episodes_of(PROMPTS, RESPONSES)).logprobs
    for row, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        expected = list(one_by_one(model, prompt, response, 0.7))
        assert logprobs[row, : len(response)].tolist() == pytest.approx(expected, abs=1e-5)
        assert logprobs[row, len(response) :].abs().sum() == 0


def test_a_family_that_does_something_else_to_its_logits_is_refused():
    class Doubled(LlamaForCausalLM):
        def forward(self, *args, **kwargs):
            output = super().forward(*args, **kwargs)
            output.logits = output.logits * 2
            return output

    with pytest.raises(ConfigError, match="does not compute its logits as"):
        Policy(Doubled(tiny_llama(11).config))


def test_prompt_tuning_is_refused_as_its_tokens_are_outside_the_layers():
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    with pytest.raises(ConfigError, match="such as LoRA"):
        Policy(peft.get_peft_model(tiny_llama(11), config))


@pytest.mark.parametrize("family", FAMILIES)
def test_left_padding_changes_neither_logprobs_nor_values(family):
    torch.manual_seed(0)
    policy = with_values(Policy(FAMILIES[family]()))
    plain, padded = (policy(episodes_of(PROMPTS, RESPONSES, extra)) for extra in (0, 5))
    torch.testing.assert_close(padded.logprobs, plain.logprobs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded.values, plain.values, atol=1e-5, rtol=1e-5)
    for row in range(3):
        alone = policy(episodes_of(PROMPTS[row : row + 1], RESPONSES[row : row + 1]))
        length = len(RESPONSES[row])
        torch.testing.assert_close(alone.logprobs[0], plain.logprobs[row, :length], atol=1e-5, rtol=1e-5)


def test_position_ids_count_real_tokens_from_zero():
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 0]])
    assert positions(mask).tolist() == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 3]]


def test_rows_drop_the_columns_that_none_of_them_uses():
    # Prompt lengths 2, 4, 1 and response lengths 3, 2, 3; rows 0 and 2 need 2 + 3 columns of the 4 + 3,
    # row 1 alone 4 + 2.
    episodes = episodes_of(PROMPTS, RESPONSES)
    some = episodes.rows(torch.tensor([2, 0]))
    assert some.tokens.tolist() == [[5, 6, 3, 3, 8], [3, 4, 4, 5, 6]]
    assert some.attention_mask.tolist() == [[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
    assert some.response_mask.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert episodes.rows(torch.tensor([1])).tokens.tolist() == [[7, 8, 9, 10, 9, 1]]


def test_a_new_value_head_says_zero_everywhere():
    assert Policy(tiny_llama(11))(episodes_of(PROMPTS, RESPONSES)).values.abs().max() == 0


def test_the_value_is_that_of_the_state_before_the_token():
    policy = with_values(Policy(tiny_llama(11)))
    changed = [[*response[:-1], 10] for response in RESPONSES]
    before, after = (policy(episodes_of(PROMPTS, responses)).values for responses in (RESPONSES, changed))
    torch.testing.assert_close(after, before)  # the last token itself is not seen
    changed = [[10, *response[1:]] for response in RESPONSES]
    after = policy(episodes_of(PROMPTS, changed)).values
    torch.testing.assert_close(after[:, 0], before[:, 0])
    assert ((after[:, 1] - before[:, 1]).abs() > 1e-4).all()


def test_both_outputs_teach_the_shared_backbone():
    policy = with_values(Policy(tiny_llama(11)))
    for output in policy(episodes_of(PROMPTS, RESPONSES)):
        policy.zero_grad()
        output.sum().backward(retain_graph=True)
        assert policy.model.model.layers[0].mlp.up_proj.weight.grad.abs().max() > 0


def test_dropout_is_off_even_for_a_model_handed_over_in_training_mode():
    torch.manual_seed(0)
    policy = Policy(FAMILIES["gpt2"]().train())
    episodes = episodes_of(PROMPTS, RESPONSES)
    assert policy.model.config.resid_pdrop > 0
    assert torch.equal(policy(episodes).logprobs, policy(episodes).logprobs)


@pytest.mark.parametrize("rows_per_chunk", [1, 3])
@pytest.mark.parametrize("kept", [True, False])  # or computed again in the backward pass
def test_chunks_change_neither_logprobs_nor_gradients(kept, rows_per_chunk, monkeypatch):
    episodes = episodes_of(PROMPTS, RESPONSES)
    model = tiny_llama(11)

    def gradients_of(logprobs):
        model.zero_grad()
        (logprobs * torch.arange(1.0, 10.0).view(3, 3)).sum().backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    length = episodes.response_mask.shape[1]
    full = model(episodes.tokens, episodes.attention_mask, position_ids=positions(episodes.attention_mask))
    gathered = full.logits[:, -length - 1 : -1].log_softmax(-1)
    gathered = gathered.gather(2, episodes.tokens[:, -length:, None]).squeeze(2) * episodes.response_mask
    monkeypatch.setattr(policy_module, "CPU_CHUNK_LOGITS", 11 * rows_per_chunk)
    monkeypatch.setattr(policy_module, "KEPT_LOGITS", 11 * 9 if kept else 0)
    chunked = Policy(model)(episodes).logprobs
    torch.testing.assert_close(chunked, gathered, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(gradients_of(chunked), gradients_of(gathered), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


class LargestTensor(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation made."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in output if isinstance(output, tuple | list) else (output,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return output


@pytest.mark.parametrize(
    ("chunk", "largest_made"),
    [
        (2**24, 8 * 63 * 1000),  # room for everything: all logits at once, and the probe sees them
        (16 * 1000, 8 * 63 * 64),  # chunks of 16 rows: nothing above the backbone's own 64-wide layer
    ],
)
def test_logits_of_all_positions_never_exist_forward_or_backward(chunk, largest_made, monkeypatch):
    monkeypatch.setattr(policy_module, "CPU_CHUNK_LOGITS", chunk)
    monkeypatch.setattr(policy_module, "KEPT_LOGITS", chunk)
    policy = Policy(tiny_llama(1000, layers=1))
    tokens = torch.randint(1000, (8, 64))
    episodes = Episodes(tokens, torch.ones_like(tokens), torch.ones_like(tokens)[:, 1:])
    with LargestTensor() as largest:
        policy(episodes).logprobs.sum().backward()
    assert largest.elements == largest_made


def test_a_reference_copy_is_exactly_the_policy_at_the_start():
    policy = Policy(tiny_llama(11), temperature=0.8)
    episodes = episodes_of(PROMPTS, RESPONSES)
    reference = reference_of(policy)
    assert isinstance(reference, FrozenCopy)
    assert torch.equal(reference.logprobs(episodes), policy(episodes).logprobs)


def test_a_reference_copy_stays_when_the_policy_moves():
    policy = Policy(tiny_llama(11))
    episodes = episodes_of(PROMPTS, RESPONSES)
    reference = reference_of(policy)
    before = reference.logprobs(episodes)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.1)
    assert torch.equal(reference.logprobs(episodes), before)
    assert not torch.equal(policy(episodes).logprobs, before)
    assert not any(parameter.requires_grad for parameter in reference.policy.parameters())


def test_with_adapters_the_reference_is_the_base_with_adapters_off():
    base = tiny_llama(11)
    lora = peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"], lora_dropout=0.1)
    policy = Policy(peft.get_peft_model(copy.deepcopy(base), lora))
    episodes = episodes_of(PROMPTS, RESPONSES)
    reference = reference_of(policy)
    assert isinstance(reference, AdapterOff)
    assert torch.equal(reference.logprobs(episodes), policy(episodes).logprobs)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.1)
    assert torch.equal(reference.logprobs(episodes), Policy(base)(episodes).logprobs)
    assert not torch.equal(policy(episodes).logprobs, reference.logprobs(episodes))


def test_logprobs_and_values_are_float32_for_weights_of_half_precision():
    policy = Policy(tiny_llama(11).bfloat16())
    output = policy(episodes_of(PROMPTS, RESPONSES))
    assert output.logprobs.dtype == output.values.dtype == policy.value_head.weight.dtype == torch.float32


class Products(TorchDispatchMode):
    """Notes in what precision linear layers and the softmax over the vocabulary are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.dtypes: dict[str, set[torch.dtype]] = {"products": set(), "softmax": set()}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm"):
            self.dtypes["products"].add(args[1].dtype)
        elif name == "_log_softmax":
            self.dtypes["softmax"].add(args[0].dtype)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_is_for_products_and_nothing_after_the_logits(family):
    torch.manual_seed(0)
    plain = with_values(Policy(FAMILIES[family]()))
    policy = with_values(Policy(copy.deepcopy(plain.model), bf16=True))
    episodes = episodes_of(PROMPTS, RESPONSES)
    with Products() as products:
        hidden = policy.causal_lm.hidden_states(episodes)
        policy.causal_lm.token_logprobs(hidden[:, 0], torch.tensor([4, 9, 3])).sum().backward()
    assert products.dtypes == {"products": {torch.bfloat16}, "softmax": {torch.float32}}
    assert all(parameter.grad.dtype == torch.float32 for parameter in policy.model.parameters())
    with Products() as products:
        policy(episodes)
    assert torch.float32 in products.dtypes["products"]  # that of the value head
    for one, other in zip(policy(episodes), plain(episodes), strict=True):
        assert one.dtype == torch.float32
        assert not torch.equal(one, other)
        torch.testing.assert_close(one, other, atol=0.1, rtol=0.05)


def test_bf16_gives_the_reference_exactly_what_it_gives_the_policy():
    adapted = peft.get_peft_model(tiny_llama(11), peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    episodes = episodes_of(PROMPTS, RESPONSES)
    for model in (tiny_llama(11), adapted):
        policy, plain = Policy(model, bf16=True), Policy(model)
        assert torch.equal(reference_of(policy).logprobs(episodes), policy(episodes).logprobs)
        assert not torch.equal(plain(episodes).logprobs, policy(episodes).logprobs)


def lora_on_a_frozen_base():
    lora = peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"], lora_dropout=0.5)
    model = peft.get_peft_model(tiny_llama(11), lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    return model


def opt_with_dropout():
    sizes = {"hidden_size": 32, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 64}
    return OPTForCausalLM(
        OPTConfig(vocab_size=11, num_hidden_layers=2, num_attention_heads=2, dropout=0.5, **sizes)
    )


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(
    "build", [*FAMILIES.values(), lora_on_a_frozen_base, opt_with_dropout], ids=[*FAMILIES, "lora", "opt"]
)
def test_layers_that_run_again_give_the_same_gradients_and_keep_less(build, bf16):
    torch.manual_seed(0)
    model, episodes = build(), episodes_of(PROMPTS, RESPONSES)
    found, kept = [], []
    for checkpointed in (False, True):
        policy = with_values(Policy(model, bf16=bf16, gradient_checkpointing=checkpointed))
        policy.zero_grad()
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x
        ):
            output = policy(episodes)
        (output.logprobs.sum() + output.values.square().sum()).backward()
        found.append([*output, *(each.grad for each in policy.parameters() if each.requires_grad)])
        kept.append(sum(sizes))
        assert not any(module.training for module in model.modules())
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert kept[1] < 0.5 * kept[0]


def test_layers_that_ran_again_have_the_forward_that_they_had():
    model = tiny_llama(11)
    plain, wrapped = model.model.layers
    own = wrapped.forward = partial(wrapped.forward)  # as accelerate puts one there
    Policy(model, gradient_checkpointing=True)(episodes_of(PROMPTS, RESPONSES)).logprobs.sum().backward()
    assert "forward" not in vars(plain)
    assert vars(wrapped)["forward"] is own


def test_a_model_whose_layers_cannot_run_again_is_refused():
    class Plain(LlamaForCausalLM):
        def __init__(self, config):
            super().__init__(config)
            self.model.layers = torch.nn.ModuleList()

    with pytest.raises(ConfigError, match="Plain has no layers that transformers would run again"):
        Policy(Plain(tiny_llama(11).config), gradient_checkpointing=True)
