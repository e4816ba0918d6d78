"""The Hub: the files of a repository on disk, fetched or from the cache.

One request says whether a repository can be had. The loaders of transformers ask for each file by itself and,
where the Hub is out of reach, go on asking: a mistyped path would be refused after most of a minute.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError of the client that it asks by
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from judge.errors import DataError
from judge.tables import Format

if TYPE_CHECKING:
    from datasets import Dataset

MODEL_FILES = ("*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model")
"""Configuration, tokenizer and safetensors weights; no code."""
ON_HUB = "hf://datasets/"
"""How the Hub's file system begins the name of a data set, or of a file of one."""

logger = logging.getLogger(__name__)


def fetch(
    source: str, files: Sequence[str] = MODEL_FILES, *, kind: str = "model", revision: str | None = None
) -> Path:
    """The directory that holds the files of a repository.

    Args:
        source: a Hub id.
        files: which files, by name or pattern.
        kind: of repository: model or dataset.
        revision: branch, tag or commit; the main branch by default. The directory has the name of its commit.

    Raises:
        FileNotFoundError: there is none of that name, it is behind a gate, or it is neither within reach nor
            in the cache. The message says what `source` is instead; the caller adds what was wanted.
    """
    from huggingface_hub import snapshot_download

    logger.info("there is no directory %s: asking the Hub", source)
    try:
        return Path(snapshot_download(source, repo_type=kind, revision=revision, allow_patterns=list(files)))
    except HFValidationError as error:
        raise FileNotFoundError("no directory, and no name that the Hub could have") from error
    except GatedRepoError as error:
        raise FileNotFoundError(
            "no directory, and the Hub gives it to those alone whom its owners let in: ask on its page, then "
            "hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError("no directory, and the Hub shows nothing of that name") from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"no directory, and what the Hub has of that name has no revision {revision}"
        ) from error
    except LocalEntryNotFoundError as error:
        raise FileNotFoundError(
            f"no directory, not fetched before, and the Hub is out of reach ({_first_line(error)})"
        ) from error
    except HTTPError as error:
        raise FileNotFoundError(f"no directory, and {_broken(error)}") from error
    except (OSError, ValueError) as error:  # the latter for an answer, or a proxy, that makes no sense
        raise FileNotFoundError(f"no directory, and the Hub gives nothing ({_first_line(error)})") from error


@contextmanager
def connected() -> Iterator[None]:
    """Around a loader that fetches files: a connection that fails is an OSError, as a missing file is.

    Raises:
        ConnectionError: it fails, or breaks off.
    """
    try:
        yield
    except HTTPError as error:
        raise ConnectionError(_broken(error)) from error


def _broken(error: BaseException) -> str:
    return (
        f"the connection to the Hub failed or broke off ({_first_line(error)}); check the network and "
        "HTTPS_PROXY, and run again: what was fetched is kept"
    )


def _first_line(error: BaseException) -> str:
    """Of what lies behind an error, if anything does."""
    return str(error.__cause__ or error).partition("\n")[0]


def look_for(source: str) -> None:
    """Refuse at once a model that is neither a directory nor to be had from the Hub.

    Raises:
        FileNotFoundError: as `fetch`.
    """
    if not Path(source).is_dir():
        fetch(source, ["config.json"])


def dataset_file(source: str) -> Path:
    """The file that holds the rows of a data set.

    Args:
        source: a file; or a directory or Hub id of a data set, whose split `train` is taken; or a file of one
            on the Hub, as hf://datasets/OWNER/NAME/FILE. NAME@REVISION is a branch, tag or commit of it.

    Raises:
        DataError: it is none of them, or has no such split.
    """
    from huggingface_hub import parse_hf_uri

    path = Path(source)
    try:
        if source.startswith(ON_HUB):
            place = parse_hf_uri(source)
            if not place.path_in_repo:
                return _split_on_hub(place.id, place.revision)
            files = [place.path_in_repo]
            return fetch(place.id, files, kind="dataset", revision=place.revision) / place.path_in_repo
        if path.is_file() or path.suffix in {*Format, ".gz"}:
            return path
        if path.is_dir():
            rows = _train_split(source)
            return _kept(rows._fingerprint, lambda: rows)
        repository, _, revision = source.partition("@")
        return _split_on_hub(repository, revision or None)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {source!r}: expected a .jsonl, .csv or .parquet file, a data set's directory or "
            f"Hub id with a split 'train', or {ON_HUB}OWNER/NAME/FILE; got: {error}"
        ) from error


def _split_on_hub(repository: str, revision: str | None) -> Path:
    """The Hub is asked which commit that is. What was read of it, or was fetched whole, is not fetched again.

    Raises:
        FileNotFoundError: as `fetch`.
        OSError, ValueError: as `_train_split`.
    """
    from huggingface_hub import snapshot_download

    commit = fetch(repository, ["README.md"], kind="dataset", revision=revision).name

    def rows() -> "Dataset":
        try:
            whole = snapshot_download(
                repository, repo_type="dataset", revision=revision, local_files_only=True
            )
        except LocalEntryNotFoundError:
            return _train_split(repository, commit)
        return _train_split(whole)

    return _kept(f"{repository.replace('/', '--')}@{commit}", rows)


def _train_split(source: str, revision: str | None = None) -> "Dataset":
    """The rows of that split; of a data set on the Hub, no other file is fetched.

    Raises:
        OSError: it cannot be had.
        ValueError: there is no such split, or a choice of configurations.
    """
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetsError

    try:
        with connected():
            config = load_dataset_builder(source, revision=revision).config
            files = config.data_files or {}
            if "train" not in files:
                raise ValueError(f"no split 'train' (has: {', '.join(map(str, files))})")
            train = {"train": list(files["train"])}
            return load_dataset(source, config.name, data_files=train, revision=revision, split="train")
    except DatasetsError as error:
        raise ValueError(_first_line(error)) from error


def _kept(name: str, read: Callable[[], "Dataset"]) -> Path:
    """Rows as Parquet, beside what the library keeps of them; they are read if there is no such file."""
    from datasets import config

    file = Path(config.HF_DATASETS_CACHE) / "candor" / f"{name}.parquet"
    if not file.is_file():
        rows = read()
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.{os.getpid()}.part")
        rows.to_parquet(aside)
        aside.replace(file)
    return file
