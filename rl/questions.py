"""Questions with references: those to train on, and those that are held out."""

import logging
import random
from collections.abc import Sequence
from pathlib import Path

from judge.data import read_records
from judge.errors import DataError
from judge.records import Record
from rl.config import TrainRLConfig, WarmStartConfig
from rl.probe import Probe, read_probe
from rl.processes import Processes

logger = logging.getLogger(__name__)

REJECTED_FILE = "rejected.jsonl"
EVAL_REJECTED_FILE = "eval_rejected.jsonl"
"""Bad rows of the held-out questions."""


def load_records(
    config: TrainRLConfig | WarmStartConfig, data: str | None = None, rejected_file: str = REJECTED_FILE
) -> list[Record]:
    """Questions with references; bad rows go to a file of the output directory.

    Args:
        config: names the columns, and the data if nothing else does.
        data: another file of the same columns.
        rejected_file: the name of the file for bad rows.
    """
    records = read_records(
        data or config.data,
        prompt_column=config.prompt_column,
        reference_column=config.reference_column,
        completion_column=None,
        id_column=config.id_column,
        rejected_path=Path(config.output_dir) / rejected_file if Processes.joined().leads else None,
    )
    logger.info("%d questions from %s", len(records), data or config.data)
    return records


def load_questions(config: TrainRLConfig, seed: int) -> tuple[list[Record], list[Record]]:
    """Questions to train on, and held-out ones from their own file or drawn from the data; maybe none."""
    records = load_records(config)
    if config.eval_data is None:
        return split_off(records, config.eval_share, seed)
    held_out = load_records(config, config.eval_data, EVAL_REJECTED_FILE)
    asked = {record.prompt for record in records}
    seen = sum(record.prompt in asked for record in held_out)
    if seen:
        logger.warning("%d of %d held-out questions are trained on too", seen, len(held_out))
    return records, held_out


def split_off(records: Sequence[Record], share: float, seed: int) -> tuple[list[Record], list[Record]]:
    """The records, less those of a share of the prompts, and those; a prompt is on one side alone.

    Raises:
        DataError: a share above 0 takes no prompt, or all.
    """
    prompts = list(dict.fromkeys(record.prompt for record in records))
    drawn = set(random.Random(seed).sample(prompts, round(share * len(prompts))))
    if share and not 0 < len(drawn) < len(prompts):
        raise DataError(
            f"expected eval_share to leave questions on both sides, {share} of {len(prompts)} holds out "
            f"{len(drawn)}; choose another share, or pass more questions"
        )
    return (
        [record for record in records if record.prompt not in drawn],
        [record for record in records if record.prompt in drawn],
    )


def load_probe(path: str | None, records: Sequence[Record]) -> Probe | None:
    """What was known of the questions; None without a file.

    Raises:
        DataError: it is no probe, or one of other questions.
    """
    if path is None:
        return None
    probe = read_probe(path)
    probed = sum(rate is not None for rate in probe.rates(records))
    if not probed:
        raise DataError(
            f"expected a probe of the questions, {path} has none of {len(records)}; pass the probe.jsonl "
            "that candor warm-start has written for the same data"
        )
    logger.info("%d of %d questions were probed; the others keep t*", probed, len(records))
    return probe
