"""A stand-in for `vllm serve`: what TRL's client asks of one over HTTP, answered by a model in this process.

Weights, which vLLM takes by NCCL, come to it as bytes over HTTP too: `by_http` says so to the client.
"""

import io
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from types import SimpleNamespace
from typing import Any, Self

import pytest
import requests
import torch
from transformers import PreTrainedModel
from trl.generation import vllm_client
from trl.generation.vllm_client import VLLMClient


class StandInServer(ThreadingHTTPServer):
    """Serves a model until it is left.

    Attributes:
        config: what it says of itself.
        asked: what completions were asked for, in the order in which requests came.
        received: names of the weights of each update.
        paths: of all that was posted.
        answers: what comes instead of the answer of a path; a function of path and body.
        change: what becomes of a choice before it is sent.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = model.eval()
        self.config: dict[str, Any] = {
            "model_config": {"logprobs_mode": "processed_logprobs"},
            "weight_transfer_config": {"backend": "nccl"},
        }
        self.asked: list[dict[str, Any]] = []
        self.received: list[list[str]] = []
        self.paths: list[str] = []
        self.answers: dict[str, Callable[[str, bytes], tuple[int, Any]]] = {}
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda choice: choice
        self.loading: Queue[tuple[str, torch.Tensor]] = Queue()
        self.lock = threading.Lock()
        self.connections: list[tuple[socket.socket, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections.append(super().get_request())
        return self.connections[-1]

    def die(self) -> None:
        """With all its connections."""
        self.shutdown()
        self.server_close()
        for connection, _ in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""

    def get(self, path: str) -> tuple[int, Any]:
        return 200, {
            "/health": {},
            "/v1/models": {"data": [{"id": "served"}]},
            "/server_info": {"vllm_config": self.config},
            "/get_world_size": {"world_size": 1},
        }[path]

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/broadcast":
            self.loading.put(torch.load(io.BytesIO(body)))
            return 200, {}
        content = json.loads(body or b"{}")
        with self.lock:
            self.paths.append(path)
            if path == "/v1/completions":
                return 200, {"choices": self.complete(content)}
            if path == "/update_weights":
                self.load(**content["update_info"])
        return 200, {}

    @torch.no_grad()
    def load(self, names: list[str], dtype_names: list[str], shapes: list[list[int]], packed: bool) -> None:
        self.received.append(names)
        weights = dict(self.model.named_parameters())
        for name, dtype, shape in zip(names, dtype_names, shapes, strict=True):
            sent, tensor = self.loading.get(timeout=10)
            assert (sent, str(tensor.dtype), list(tensor.shape)) == (name, f"torch.{dtype}", shape)
            weights[name].copy_(tensor)

    def complete(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(content)
        prompts = [prompt for prompt in content["prompt"] for _ in range(content["n"])]
        return [self.change(self.choice(**content | {"prompt": prompt})) for prompt in prompts]

    @torch.no_grad()
    def choice(
        self,
        *,
        prompt: list[int],
        temperature: float,
        max_tokens: int,
        seed: int | None = None,
        stop_token_ids: tuple[int, ...] = (),
        ignore_eos: bool = False,
        **_: object,
    ) -> dict[str, Any]:
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        ends = {*stop_token_ids} if ignore_eos else {*stop_token_ids, self.model.config.eos_token_id}
        ids: list[int] = []
        logprobs: list[float] = []
        while len(ids) < max_tokens and not ends.intersection(ids):
            logits = self.model(torch.tensor([prompt + ids])).logits[0, -1].float()
            distribution = torch.log_softmax(logits / temperature, dim=-1)
            ids.append(int(torch.multinomial(distribution.exp(), 1, generator=generator)))
            logprobs.append(float(distribution[ids[-1]]))
        tokens = [f"token_id:{token}" for token in ids]
        top = [{token: value} for token, value in zip(tokens, logprobs, strict=True)]
        said = {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": top}
        return {"prompt_token_ids": prompt, "token_ids": ids, "logprobs": said}


class Handler(BaseHTTPRequestHandler):
    server: StandInServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece

    def do_GET(self) -> None:
        self.reply(*self.server.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.answers.get(self.path, self.server.post)
        try:
            self.reply(*answer(self.path, body))
        except (AssertionError, KeyError, RuntimeError) as error:
            self.reply(500, {"error": repr(error)})

    def reply(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Group:
    """In place of the NCCL communicator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, name: str, weight: torch.Tensor) -> None:
        buffer = io.BytesIO()
        torch.save((name, weight.clone()), buffer)
        requests.post(f"{self.url}/broadcast", data=buffer.getvalue(), timeout=10)


class Engine:
    """In place of vLLM's own, which broadcasts by NCCL."""

    @staticmethod
    def trainer_send_weights(*, iterator, trainer_args: SimpleNamespace) -> None:
        for name, weight in iterator:
            trainer_args.group.send(name, weight)


def join(client: VLLMClient, device: object) -> None:
    assert client.get_server_info()["weight_transfer_config"] is not None
    client.communicator = Group(client.base_url)


def by_http(patch: pytest.MonkeyPatch) -> None:
    """Have TRL's client send weights to a stand-in, without vLLM."""
    patch.setattr(vllm_client, "is_vllm_available", lambda: True)
    patch.setattr(VLLMClient, "init_communicator", join)
    patch.setattr(VLLMClient, "close_communicator", lambda client: None)
    patch.setattr(vllm_client, "NCCLWeightTransferEngine", Engine, raising=False)
    patch.setattr(vllm_client, "NCCLTrainerSendWeightsArgs", SimpleNamespace, raising=False)
