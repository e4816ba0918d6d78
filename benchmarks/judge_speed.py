"""How fast does the judge read, beside the usual ways to run a cross-encoder, and at what cost in verdicts?

    python benchmarks/judge_speed.py --data_dir DATA

Everything runs in one process on one thread, on the same weights and rows, in turn, several times over; what
counts is the CPU time of the process, so that other work on the machine matters less. Rows are answers from
DATA/train, or without DATA the audit's cases. Writes results/judge_speed.json. Two comparisons:

    pairs     distinct pairs of texts: how the encoder is run
    records   completions as they come, with all their references: what is read at all
"""

import argparse
import copy
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
from sentence_transformers import CrossEncoder

from judge.audit.suite import load_cases
from judge.calibrate import equivalence_inputs
from judge.cli import fingerprint
from judge.config import Dtype, Engine, SpeedConfig
from judge.engine import batch_tokens, open_forward
from judge.environment import machine, versions
from judge.model import encode_pairs
from judge.pairs import TASKS, Task, abstention_segments, equivalence_segments
from judge.records import Record, Verdict
from judge.scorer import Judge, find_judge, without_encoder
from judge.tables import Row, read_rows

RESULT = Path(__file__).parent / "results" / "judge_speed.json"
TRAIN_FILE = "train/pairs.evouna_tq.all.jsonl.gz"
GPU_RECORDS = 4000
LONG_WORDS = 5
"""Pairs are of answers of at least these many words: about 44 tokens with their question."""
PADDED_TOKENS = 512
SLOW_ROWS = {"one at a time, padded to 512": 24, "one at a time": 96}
"""Rows that the slow patterns read in a repeat; their speed does not depend on how many they are."""
PREDICT = "predict"
FULL = SpeedConfig(dtype=Dtype.FLOAT32, max_references=10**9, cheap_stage=False)
"""Everything is read, in float32: what the verdicts of the other settings are compared with."""

Logits = Callable[[Sequence[tuple[str, str]]], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", type=Path, help="holds train/; without it the audit's cases are read")
    parser.add_argument("--judge", help="judge directory or Hub id; the one that ships by default")
    parser.add_argument("--pairs", type=int, default=512, help="pairs a repeat")
    parser.add_argument("--records", type=int, default=96, help="records a repeat")
    parser.add_argument("--verdict_records", type=int, default=600, help="records to compare verdicts on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    records = read_records(arguments.data_dir)
    directory = find_judge(arguments.judge)
    judge = Judge.from_pretrained(directory, device="cpu", speed=FULL)
    results = {
        "pairs": compare_pairs(judge, records, arguments.pairs, arguments.repeats),
        "records": compare_records(
            directory,
            records[: arguments.records],
            records[-arguments.verdict_records :],
            arguments.repeats,
        ),
    }
    if torch.cuda.is_available():
        results["gpu"] = compare_gpu(directory, records, arguments.repeats)
    content = {
        "command": "python benchmarks/judge_speed.py --data_dir DATA",
        "rows": TRAIN_FILE if arguments.data_dir else "audit cases",
        "judge_sha256": fingerprint(directory),
        "versions": versions(),
        "machine": machine() | {"load": f"{os.getloadavg()[0]:.1f}"},
        "results": results,
    }
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    print(f"results: {arguments.output}")


def read_records(data_dir: Path | None) -> list[Record]:
    """Answers with all their references, in a fixed mixed order."""
    if data_dir is None:
        found = [case.record for case in load_cases()]
    else:
        rows = [row.values for row in read_rows(data_dir / TRAIN_FILE) if isinstance(row, Row)]
        found = [
            Record(row["question"], tuple(row["references"]), row["candidate"], row["id"]) for row in rows
        ]
    order = np.random.default_rng(0).permutation(len(found))
    return [found[i] for i in order]


def compare_pairs(judge: Judge, records: Sequence[Record], count: int, repeats: int) -> dict[str, Any]:
    """Ways to run the encoder over the same distinct pairs, all of which it has to read."""
    chosen = [
        record
        for record in records
        if without_encoder(record) is None and len(record.completion.split()) >= LONG_WORDS
    ][:count]
    pairs = [
        equivalence_segments(question=r.prompt, reference=r.references[0], completion=r.completion)
        for r in chosen
    ]
    encoder = judge.encoder
    lengths = [len(ids) for ids in encoder.tokenizer(*map(list, zip(*pairs, strict=True)))["input_ids"]]
    ways: dict[str, Logits] = {
        "one at a time, padded to 512": partial(padded_one_by_one, encoder),
        "one at a time": partial(one_by_one, encoder),
        PREDICT: lambda rows: encoder.predict(list(rows), show_progress_bar=False),
        **{name: Ours(encoder, speed) for name, speed in engines().items()},
    }
    timed, logits = in_turn(
        {name: partial(way, pairs[: SLOW_ROWS.get(name, len(pairs))]) for name, way in ways.items()}, repeats
    )
    rates = {name: [len(logits[name]) / seconds for seconds in timed[name]] for name in timed}
    right = {name: passes(judge, chosen, values) for name, values in logits.items()}
    result: dict[str, Any] = {"pairs": len(pairs), "mean_tokens": mean(lengths), "ways": {}}
    for name, per_second in rates.items():
        result["ways"][name] = {
            "pairs_per_cpu_second": spread(per_second),
            **{
                f"times {other}": spread(np.divide(per_second, rates[other]).tolist())
                for other in (*SLOW_ROWS, PREDICT)
            },
            "verdicts_as_predict": float(np.mean(right[name] == right[PREDICT][: len(right[name])])),
        }
        print_line(name, result["ways"][name])
    return result


def compare_records(
    directory: Path, timed: Sequence[Record], compared: Sequence[Record], repeats: int
) -> dict[str, Any]:
    """What the settings of a judge bring, one after the other, over completions as they come."""
    settings = {
        "ours, float32, everything read": FULL,
        "and bfloat16 where it is fast": replace(FULL, dtype=Dtype.AUTO),
        "and the cheap stage": replace(FULL, dtype=Dtype.AUTO, cheap_stage=True),
        "and the nearest references: the default": SpeedConfig(),
    }
    judges = {
        name: Judge.from_pretrained(directory, device="cpu", speed=speed) for name, speed in settings.items()
    }
    encoder = judges["ours, float32, everything read"].encoder
    pairs = [pair for record in timed for pair in all_pairs(record)]
    ways: dict[str, Callable[[], Any]] = {
        PREDICT: lambda: encoder.predict(pairs, show_progress_bar=False),
        **{name: partial(score_anew, judge, timed) for name, judge in judges.items()},
    }
    seconds, _ = in_turn(ways, repeats)
    wanted = score_anew(judges["ours, float32, everything read"], compared)
    result: dict[str, Any] = {
        "records": len(timed),
        "pairs": len(pairs),
        "compared": len(compared),
        "ways": {},
    }
    for name in ways:
        per_second = [len(pairs) / used for used in seconds[name]]
        result["ways"][name] = {
            "records_per_cpu_second": spread([len(timed) / used for used in seconds[name]]),
            "pairs_per_cpu_second": spread(per_second),
            f"times {PREDICT}": spread(np.divide(seconds[PREDICT], seconds[name]).tolist()),
        }
        if name in judges:
            verdicts = score_anew(judges[name], compared)
            same = [one == other for one, other in zip(verdicts, wanted, strict=True)]
            result["ways"][name]["verdicts_as_float32"] = mean(same)
        print_line(name, result["ways"][name])
    return result


def all_pairs(record: Record) -> list[tuple[str, str]]:
    """What reading a record in full takes: every reference, and whether the completion declines."""
    return [
        equivalence_segments(question=record.prompt, reference=reference, completion=record.completion)
        for reference in record.references
    ] + [abstention_segments(question=record.prompt, completion=record.completion)]


def score_anew(judge: Judge, records: Sequence[Record]) -> list[Verdict | None]:
    """Verdicts with nothing in the cache."""
    judge.clear_cache()
    return [score and score.verdict for score in judge.score(records)]


def compare_gpu(directory: Path, records: Sequence[Record], repeats: int) -> dict[str, Any]:
    """Pairs per second of the clock: `predict` in float16, and ours."""
    encoder = Judge.from_pretrained(directory, device="cuda", speed=FULL).encoder
    pairs = list(dict.fromkeys(pair for record in records[:GPU_RECORDS] for pair in all_pairs(record)))
    forward = Ours(encoder, SpeedConfig())
    half = copy.deepcopy(encoder).half()
    ways: dict[str, Callable[[], Any]] = {
        "predict, float16": lambda: half.predict(pairs, show_progress_bar=False),
        "predict, float16, batches of 512": lambda: half.predict(
            pairs, batch_size=512, show_progress_bar=False
        ),
        "ours": lambda: forward(pairs),
    }
    seconds, _ = in_turn(ways, repeats, clock=time.perf_counter)
    result: dict[str, Any] = {"pairs": len(pairs), "ways": {}}
    for name in ways:
        result["ways"][name] = {
            "pairs_per_second": spread([len(pairs) / used for used in seconds[name]]),
            "times predict, float16": spread(np.divide(seconds["predict, float16"], seconds[name]).tolist()),
        }
        print_line(name, result["ways"][name])
    return result


def engines() -> dict[str, SpeedConfig]:
    """The engines of this machine."""
    found = {
        "ours, float32": SpeedConfig(dtype=Dtype.FLOAT32),
        "ours, bfloat16": SpeedConfig(dtype=Dtype.BFLOAT16),
    }
    if find_spec("openvino") and find_spec("nncf"):
        found["ours, openvino-int8"] = SpeedConfig(engine=Engine.OPENVINO_INT8)
    return found


def padded_one_by_one(encoder: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """The pattern of many scripts: every pair padded to the longest that the encoder takes."""
    logits = []
    with torch.inference_mode():
        for first, second in pairs:
            features = encoder.tokenizer(
                first,
                second,
                padding="max_length",
                truncation=True,
                max_length=PADDED_TOKENS,
                return_tensors="pt",
            )
            logits.append(encoder.model(**features).logits[0].numpy())
    return np.stack(logits)


def one_by_one(encoder: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    return np.stack([encoder.predict(pair, show_progress_bar=False) for pair in pairs])


class Ours:
    """Our way with one engine, opened once."""

    def __init__(self, encoder: CrossEncoder, speed: SpeedConfig):
        self.encoder = encoder
        self.tokens = batch_tokens(speed, encoder.device)
        self.forward = open_forward(encoder, speed)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Logits of each pair."""
        return encode_pairs(self.encoder, pairs, batch_tokens=self.tokens, forward=self.forward).numpy()


def in_turn(
    ways: Mapping[str, Callable[[], Any]], repeats: int, *, clock: Callable[[], float] = time.process_time
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each way in each repeat, after one that is not counted; and what each gave last."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    given = {}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            started = clock()
            given[name] = way()
            if repeat:
                seconds[name].append(clock() - started)
    return seconds, given


def passes(judge: Judge, records: Sequence[Record], logits: np.ndarray) -> np.ndarray:
    """Whether each record's first reference is matched, by the judge's combiner and threshold."""
    inputs = [
        equivalence_inputs(logit, question=r.prompt, reference=r.references[0], completion=r.completion)
        for logit, r in zip(logits[:, TASKS.index(Task.EQUIVALENCE)].tolist(), records, strict=False)
    ]
    probabilities = judge.calibration.equivalence.probability(np.array(inputs))
    return np.asarray(probabilities >= judge.calibration.thresholds.equivalence)


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"min": min(values), "median": median(values), "max": max(values)}


def print_line(name: str, result: Mapping[str, Any]) -> None:
    figures = ", ".join(
        f"{key} {value['median']:.2f} ({value['min']:.2f}-{value['max']:.2f})"
        if isinstance(value, dict)
        else f"{key} {value:.4f}"
        for key, value in result.items()
    )
    print(f"{name}: {figures}", flush=True)


if __name__ == "__main__":
    main()
