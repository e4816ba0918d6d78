"""Rollouts sampled by a vLLM server, through TRL's client for it: prompts -> HTTP -> completions.

Before each rollout the server is sent the weights, adapters merged into them. It samples from
softmax(logits / temperature), as `rl.rollout` does, and says how likely each token was to it: another sampler
at other precision, it draws from almost the policy, and `rl.importance` weighs the difference. The server
runs on GPUs of its own, with the model that is trained.

B prompts, P prompt tokens (left-padded), T response tokens (right-padded).
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import AuxiliaryTrainingWrapper
from requests.adapters import HTTPAdapter
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.generation.vllm_client import VLLMClient

from judge.errors import CandorError, ConfigError, DataError
from judge.records import Prompt
from rl.config import PPOConfig, VLLMConfig
from rl.policy import Episodes, Policy
from rl.processes import LARGEST_SEED, Processes
from rl.rollout import Rollout, encode_prompts, left_pad, special_tokens, texts_of

logger = logging.getLogger(__name__)

LOGPROBS_MODE = "processed_logprobs"
"""Of the distribution that is sampled from: after the temperature."""
START_IT = (
    """VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --weight-transfer-config '{"backend": "nccl"}' """
    f"--logprobs-mode {LOGPROBS_MODE}"
)
CONNECTIONS = 1024
"""As many as a server answers at a time."""
RETRIES = 1
"""For a connection that was found closed; a server that was started anew would lack the weights. What the
server answers is taken as it is, an error too."""
CHECKED_EPISODES = 8
LARGEST_DIFFERENCE = 1.0
"""Mean |log p - log mu|, in nats, from which on the server serves something else: bfloat16 beside float32
makes hundredths, another model several."""


def connect(server: VLLMConfig) -> VLLMClient:
    """A client of a server that is up and was started for training.

    Raises:
        ConfigError: vLLM is not installed, no server is there, or it was started without what training needs.
    """
    url = server.vllm_server_base_url
    try:
        client = VLLMClient(
            base_url=url, group_port=server.vllm_group_port, connection_timeout=server.vllm_server_timeout
        )
        served = client.get_server_info()["model_config"]
    except ImportError as error:
        raise ConfigError(
            f"use_vllm needs vLLM installed here, as its code sends the weights: {error}; see docs/vllm.md"
        ) from error
    except Exception as error:  # TRL raises no narrower one
        raise ConfigError(
            f"expected a vLLM server at {url}: {error}; start it by `{START_IT}`, or set vllm_server_base_url"
        ) from error
    if served["logprobs_mode"] != LOGPROBS_MODE:
        raise ConfigError(
            f"expected the vLLM server at {url} with --logprobs-mode {LOGPROBS_MODE}, got "
            f"{served['logprobs_mode']}; start it by `{START_IT}`"
        )
    retries = client.session.get_adapter(client.base_url).max_retries.new(
        total=RETRIES, status_forcelist=(), respect_retry_after_header=False
    )
    client.session.mount(client.base_url, HTTPAdapter(max_retries=retries, pool_maxsize=CONNECTIONS))
    # Weights are broadcast once, whatever comes of it: a server that is asked again would wait for others.
    client.session.mount(f"{client.base_url}/update_weights", HTTPAdapter())
    # A session has no other place for a time limit, and without one a server that hangs hangs the run.
    client.session.request = partial(client.session.request, timeout=server.vllm_server_timeout)
    return client


class VLLMSampler:
    """Answers prompts by a server that is sent the policy's weights first; a `rl.rollout.Sampler`.

    Each process asks for its own prompts; the first one sends the weights.

    Args:
        client: of the server, as `connect` gives it.
        config: how long completions may be, and the temperature.
        model: the policy, as it is whenever it is to answer.
        tokenizer: the model's own.

    Raises:
        ConfigError: the model cannot be sent to the server.

    Example:
        >>> sampler = VLLMSampler(connect(VLLMConfig()), config, model, tokenizer)
        >>> ppo.train(config, model=model, tokenizer=tokenizer, records=records, judge=judge, sampler=sampler)
    """

    def __init__(
        self,
        client: VLLMClient,
        config: PPOConfig,
        model: PreTrainedModel | PeftModel,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        self.client = client
        self.config = config
        self.model = model
        self.tokenizer = tokenizer
        self.special = special_tokens(model, tokenizer)
        self.processes = Processes.joined()
        if model.config.name_or_path not in ("", client.model):
            logger.warning(
                "the vLLM server at %s serves %s, and %s is trained: they have to be one model",
                client.base_url, client.model, model.config.name_or_path,
            )  # fmt: skip
        self._is_checked = False
        if self.processes.leads:
            self._announced = [
                (name, str(weight.dtype).removeprefix("torch."), list(weight.shape))
                for name, weight in merged_weights(model)
            ]
            with self._naming_the_server(ConfigError):
                client.init_communicator(device=model.device)

    def __call__(self, prompts: Sequence[Prompt], *, generator: torch.Generator) -> Rollout:
        """A completion of each prompt, by the weights as they are now; each has a seed of its own.

        Raises:
            ConfigError: at the first call, if the server does not serve this model.
            DataError: the server fails, or answers with what it was not asked for.
        """
        encoded = encode_prompts(
            self.tokenizer, prompts, model=self.model, max_new_tokens=self.config.max_new_tokens,
            chat_template=self.config.chat_template,
        )  # fmt: skip
        device = self.model.device
        seeds = torch.randint(LARGEST_SEED, (len(prompts),), generator=generator, device=device).tolist()
        self._send_weights()
        with (
            self._naming_the_server(DataError),
            ThreadPoolExecutor(min(len(prompts), CONNECTIONS)) as threads,
        ):
            completions, sampled = zip(*threads.map(self._ask, encoded, seeds), strict=True)
        episodes = self._episodes(encoded, completions)
        logprobs = right_pad(sampled, 0.0).to(device)
        if not self._is_checked:
            self._check(episodes, logprobs)
            self._is_checked = True
        truncated = [ids[-1] not in self.special.eos for ids in completions]
        return Rollout(episodes, texts_of(self.tokenizer, episodes, self.special), truncated, logprobs)

    def _send_weights(self) -> None:
        if self.processes.leads:
            with self._naming_the_server(DataError):
                # It is asked to begin first, so one that is down is found; NCCL would wait for it for ever.
                self.client.update_named_params(self._announced, merged_weights(self.model))
                self.client.reset_prefix_cache()
        self.processes.wait()

    def _ask(self, prompt: list[int], seed: int) -> tuple[list[int], list[float]]:
        """Ids of one completion, and the log-prob of each.

        A request for each prompt, as those that share one would share its seed, and with it their noise.
        """
        answer = self.client.generate(
            [prompt], temperature=self.config.temperature, max_tokens=self.config.max_new_tokens,
            # The ends are those of this model, whatever the server takes for one.
            generation_kwargs={"seed": seed, "stop_token_ids": list(self.special.eos), "ignore_eos": True},
        )  # fmt: skip
        (ids,), (logprobs,) = answer["completion_ids"], answer["logprobs"]
        ended = bool(ids) and (ids[-1] in self.special.eos or len(ids) == self.config.max_new_tokens)
        vocabulary = self.model.get_input_embeddings().num_embeddings
        if not ended or max(ids) >= vocabulary or any(value is None for (value,) in logprobs):
            raise DataError(
                f"the vLLM server at {self.client.base_url} answered with {len(ids)} tokens, the last of "
                f"them {ids[-3:]} with log-probs {logprobs[-3:]}; expected ids below {vocabulary}, up to "
                f"one of {list(self.special.eos)} or {self.config.max_new_tokens} in all: serve the model "
                "that is trained, with a window (--max-model-len) for prompts and completions"
            )
        return ids, [value for (value,) in logprobs]

    def _episodes(self, prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> Episodes:
        tokens, mask = left_pad(prompts, self.special.pad)
        response = right_pad(completions, self.special.pad)
        response_mask = right_pad([[1] * len(ids) for ids in completions], 0)
        episodes = (
            torch.cat([tokens, response], dim=1),
            torch.cat([mask, response_mask], dim=1),
            response_mask,
        )
        return Episodes(*(x.to(self.model.device) for x in episodes))

    @torch.no_grad()
    def _check(self, episodes: Episodes, logprobs: Tensor) -> None:
        """Refuse a server that samples from something else than the model."""
        rows = torch.arange(min(CHECKED_EPISODES, len(logprobs)))
        some = episodes.rows(rows)
        own = Policy(self.model, self.config.temperature, bf16=self.config.bf16)(some).logprobs
        difference = (own - logprobs[rows, : own.shape[1]]).abs().sum() / some.response_mask.sum()
        if not difference < LARGEST_DIFFERENCE:
            raise ConfigError(
                f"the vLLM server at {self.client.base_url} serves {self.client.model}, whose log-probs are "
                f"{difference:.2f} nats off those of the model that is trained; serve that model"
            )

    @contextmanager
    def _naming_the_server(self, kind: type[CandorError]) -> Iterator[None]:
        try:
            yield
        except CandorError:
            raise
        except Exception as error:  # TRL raises no narrower one
            raise kind(
                f"the vLLM server at {self.client.base_url} failed: {error}; see its log, start it anew, and "
                "run again"
            ) from error


@torch.no_grad()
def merged_weights(model: PreTrainedModel | PeftModel) -> Iterator[tuple[str, Tensor]]:
    """Every weight under its name in the model without adapters, which are merged into copies.

    The model is left as it is, to the bit; of its layers with adapters, one at a time is copied.

    Raises:
        ConfigError: adapters are not of a kind that can be merged.
    """
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    adapted = {name: layer for name, layer in base.named_modules() if isinstance(layer, BaseTunerLayer)}
    if any(isinstance(module, AuxiliaryTrainingWrapper) for module in base.modules()):
        raise ConfigError(
            "use_vllm takes adapters that can be merged, got modules_to_save or trainable tokens"
        )
    within = tuple(f"{name}." for name in adapted)
    for name, parameter in base.named_parameters():
        if not name.startswith(within):
            yield name, parameter.data
    for name, layer in adapted.items():
        merged = copy.deepcopy(layer)
        merged.merge()
        for part, parameter in merged.get_base_layer().named_parameters():
            yield f"{name}.{part}", parameter.data


def right_pad(rows: Sequence[Sequence[float]], fill: float) -> Tensor:
    """Rows of unequal length as one tensor, each beginning in the first column."""
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=fill)
