"""The Hub: the files of a repository on disk, fetched or from the cache.

One request says whether a repository can be had. The loaders of transformers ask for each file by itself and,
where the Hub is out of reach, go on asking: a mistyped path would be refused after most of a minute.
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError of the client that it asks by
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from judge.errors import DataError
from judge.tables import Format

MODEL_FILES = ("*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model")
"""Configuration, tokenizer and safetensors weights; no code."""
DATA_FILES = ("*.jsonl", "*.json", "*.csv", "*.parquet", "*.gz", "README.md")
"""Rows, and what says which of them are which split."""
FILE_ON_HUB = re.compile(r"hf://datasets/(?P<repository>[^/]+/[^/@]+)/(?P<file>.+)")

logger = logging.getLogger(__name__)


def fetch(source: str, files: Sequence[str] = MODEL_FILES, *, kind: str = "model") -> Path:
    """The directory that holds the files of a repository.

    Args:
        source: a Hub id.
        files: which files, by name or pattern.
        kind: of repository: model or dataset.

    Raises:
        FileNotFoundError: there is none of that name, it is behind a gate, or it is neither within reach nor
            in the cache. The message says what `source` is instead; the caller adds what was wanted.
    """
    from huggingface_hub import snapshot_download

    logger.info("there is no directory %s: asking the Hub", source)
    try:
        return Path(snapshot_download(source, repo_type=kind, allow_patterns=list(files)))
    except HFValidationError as error:
        raise FileNotFoundError("no directory, and no name that the Hub could have") from error
    except GatedRepoError as error:
        raise FileNotFoundError(
            "no directory, and the Hub gives it to those alone whom its owners let in: ask on its page, then "
            "hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError("no directory, and the Hub shows nothing of that name") from error
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
            on the Hub, as hf://datasets/OWNER/NAME/FILE.

    Raises:
        DataError: it is none of them, or has no such split.
    """
    on_hub = FILE_ON_HUB.fullmatch(source)
    try:
        if on_hub is not None:
            return fetch(on_hub["repository"], [on_hub["file"]], kind="dataset") / on_hub["file"]
        path = Path(source)
        if path.is_file() or path.suffix in {*Format, ".gz"}:
            return path
        return _train_split(path if path.is_dir() else fetch(source, DATA_FILES, kind="dataset"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {source!r}: expected a .jsonl, .csv or .parquet file, a data set's directory or "
            f"Hub id with a split 'train', or hf://datasets/OWNER/NAME/FILE; got: {error}"
        ) from error


def _train_split(directory: Path) -> Path:
    """As Parquet, beside what the library keeps of it.

    Raises:
        ValueError: there is no such split, or a choice of configurations.
    """
    from datasets import config, load_dataset
    from datasets.exceptions import DatasetsError

    try:
        rows = load_dataset(str(directory), split="train")
    except DatasetsError as error:
        raise ValueError(_first_line(error)) from error
    file = Path(config.HF_DATASETS_CACHE) / "candor" / f"{rows._fingerprint}.parquet"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.{os.getpid()}.part")
        rows.to_parquet(aside)
        aside.replace(file)
    return file
