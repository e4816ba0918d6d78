import peft
import pytest
import torch
import torch._inductor.config
from tiny import tiny_llama, word_tokenizer
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from judge.errors import ConfigError
from rl.decoding import Compiled, Growing, check_compiler
from rl.policy import mixed_precision
from rl.rollout import left_pad, sample

# torch's own, when it is asked to compile.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning"),
]

WORDS = ("a", "b", "c", "d")
PROMPTS = ["a b c", "d", "b b", "c a d a", "a", "d b"]
SMALL = {
    "vocab_size": 7, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0,
    "bos_token_id": None, "eos_token_id": 1, "initializer_range": 0.2,
}  # fmt: skip


def lora():
    model = peft.get_peft_model(tiny_llama(7), peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    return model


MODELS = {
    "llama": lambda: tiny_llama(7),
    "lora": lora,
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL)),
    "gemma2, a window of 3 tokens": lambda: Gemma2ForCausalLM(Gemma2Config(**SMALL, sliding_window=3)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=7, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.2)
    ),
}


class Counted:
    """torch's compiler without its second half, which counts what it is given."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph.forward


def drawn(model, prompts=PROMPTS, *, decoder=None):
    return sample(
        model, word_tokenizer(*WORDS), prompts, max_new_tokens=12,
        generator=torch.Generator().manual_seed(0), decoder=decoder,
    )  # fmt: skip


def same(one, other) -> bool:
    tensors = zip(one.episodes, other.episodes, strict=True)
    return all(torch.equal(a, b) for a, b in tensors) and (one.completions, one.truncated) == (
        other.completions,
        other.truncated,
    )


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_fixed_slots_say_what_a_growing_cache_says_and_are_compiled_once(build):
    torch.manual_seed(0)
    model, backend = build().eval(), Counted()
    decoder = Compiled(model, backend=backend)
    first = drawn(model)
    assert same(first, drawn(model, decoder=decoder))
    assert len(set(first.completions)) > 1
    # Longer prompts, other answers, and weights that have moved: the same slots and the same graph.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    longer = [f"{prompt} c c" for prompt in PROMPTS[::-1]]
    assert same(drawn(model, longer), drawn(model, longer, decoder=decoder))
    assert not same(drawn(model), first)
    assert backend.graphs == 1


def test_slots_are_made_anew_for_more_rows_or_longer_prompts(monkeypatch):
    monkeypatch.setattr("rl.decoding.SLOTS", 16)
    model, backend = tiny_llama(7, layers=1), Counted()
    decoder = Compiled(model, backend=backend)
    longer = [f"{prompt} c c c" for prompt in PROMPTS]
    for prompts, shape in ((PROMPTS[:2], (2, 16)), (PROMPTS, (6, 16)), (longer, (6, 32)), (PROMPTS, (6, 32))):
        assert same(drawn(model, prompts), drawn(model, prompts, decoder=decoder))
        assert decoder.shape == shape
    assert backend.graphs == 3


@pytest.mark.gpu
@pytest.mark.parametrize("bf16", [False, True])
def test_a_cuda_graph_says_what_a_growing_cache_says(bf16):
    model = tiny_llama(7).to("cuda")
    decoder = Compiled(model)
    for _ in range(3):  # compiled, recorded, played
        for prompts in (PROMPTS, PROMPTS[::-1]):
            tokens, mask = (x.to("cuda") for x in left_pad(word_tokenizer(*WORDS)(prompts)["input_ids"], 0))
            steps = []
            for each in (Growing(model), decoder):
                with torch.no_grad(), mixed_precision(tokens.device, bf16):
                    logits = [each.begin(tokens, mask, 6).clone()]
                    logits += [each.go_on(tokens[:, -1]).clone() for _ in range(5)]
                steps.append(torch.stack(logits).float())
            torch.testing.assert_close(*steps, atol=0.02 if bf16 else 1e-4, rtol=0.02)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.1)


@pytest.mark.parametrize("build", [tiny_llama, lora], ids=["llama", "lora"])
def test_bf16_changes_the_logits_of_fixed_slots_as_it_changes_those_of_a_growing_cache(build):
    model = build(7) if build is tiny_llama else build()
    backend = Counted()
    growing, compiled = Growing(model.eval()), Compiled(model, backend=backend)
    tokens, mask = left_pad([[3, 4, 5], [6]], 0)
    steps = []
    for decoder, bf16 in ((growing, False), (growing, True), (compiled, True)):
        with torch.no_grad(), mixed_precision(tokens.device, bf16):
            logits = [decoder.begin(tokens, mask, 3)]
            logits += [decoder.go_on(torch.tensor(chosen)) for chosen in ([4, 5], [6, 3])]
            steps.append(torch.stack(logits).float())
    plain, rounded, compiled_rounded = steps
    assert backend.graphs == 1
    assert not torch.equal(plain, rounded)
    torch.testing.assert_close(compiled_rounded, rounded, atol=0.02, rtol=0.02)


def test_a_model_that_cannot_be_compiled_is_refused():
    model = MambaForCausalLM(MambaConfig(vocab_size=7, hidden_size=16, num_hidden_layers=1))
    with pytest.raises(ConfigError, match="does not compile MambaForCausalLM"):
        Compiled(model)


def test_without_a_compiler_it_is_said_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # where nothing is compiled yet
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("/absent/g++",))
    with pytest.raises(ConfigError, match=r"wants a C\+\+ compiler.*/absent/g\+\+.*install it"):
        check_compiler(torch.device("cpu"))


def test_on_a_gpu_it_is_triton_that_is_missing(monkeypatch):
    def compile(function):
        raise RuntimeError("Cannot find a working triton installation")

    monkeypatch.setattr(torch, "compile", compile)
    with pytest.raises(ConfigError, match=r"wants Triton and a C compiler, .*cuda: Cannot find"):
        check_compiler(torch.device("cuda"))
