"""The Hub: the files of a repository on disk, fetched or from the cache.

One request says whether a repository can be had. The loaders of transformers ask for each file by itself and,
where the Hub is out of reach, go on asking: a mistyped path would be refused after most of a minute.
"""

import logging
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

MODEL_FILES = ("*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model")
"""Configuration, tokenizer and safetensors weights; no code."""

logger = logging.getLogger(__name__)


def fetch(source: str, files: Sequence[str] = MODEL_FILES) -> Path:
    """The directory that holds the files of a repository.

    Args:
        source: a Hub id.
        files: which files, by name or pattern.

    Raises:
        FileNotFoundError: there is none of that name, it is behind a gate, or it is neither within reach nor
            in the cache. The message says what `source` is instead; the caller adds what was wanted.
    """
    from huggingface_hub import snapshot_download

    logger.info("there is no directory %s: asking the Hub", source)
    try:
        return Path(snapshot_download(source, allow_patterns=list(files)))
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
