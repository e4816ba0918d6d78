"""Settings of the judge's commands: one dataclass a command; a field is a YAML key is a flag."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from judge.backbone import MINILM
from judge.errors import ConfigError
from judge.records import Explain

DEFAULT_JUDGE = "default"
"""What the judge that ships with the package is called where a judge must be named."""
QUESTION_TEMPLATE = "generate question: {highlighted}"
"""What the T5 question generators of valhalla and lmqg were trained on."""


class Repeatable(argparse.Action):
    """A list flag that may come more than once: its values add up, in place of the default or the file's."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Keep what earlier ones gave."""
        earlier = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*([] if earlier is self.default else earlier), *(values or [])])


@dataclass
class TrainJudgeConfig:
    """Settings of `candor train-judge`."""

    output_dir: str = field(
        metadata={"help": "directory to write the judge to; a killed run resumes from it"}
    )
    train_files: list[str] = field(
        default_factory=list,
        metadata={
            "help": "labelled files (JSONL, CSV, Parquet), each PATH[:ROWS][*TIMES]: at most ROWS rows of "
            "it, each read TIMES times a pass"
        },
    )
    question_files: list[str] = field(
        default_factory=list,
        metadata={"help": "questions with their answers, from which contrastive pairs are made"},
    )
    data_dir: str = field(default=".", metadata={"help": "directory that the files' paths start from"})
    prompt_column: str | None = field(
        default=None, metadata={"help": "column of the question; by default prompt or question, or none"}
    )
    reference_column: str | None = field(
        default=None, metadata={"help": "column of the right answer; by default references or reference"}
    )
    completion_column: str | None = field(
        default=None, metadata={"help": "column of the answer; by default completion or candidate"}
    )
    claim_column: str | None = field(
        default=None,
        metadata={"help": "column of a claim that a text may support; by default claim or text_a"},
    )
    text_column: str | None = field(
        default=None,
        metadata={"help": "column of that text, or of a text that may decline; by default text_b or text"},
    )
    label_column: str | None = field(
        default=None, metadata={"help": "1 yes, 0 no, between them graded; by default label or score"}
    )
    group_column: str | None = field(
        default=None,
        metadata={"help": "rows held out together; by default group, else those of one question"},
    )
    contrast_per_kind: int = field(
        default=0, metadata={"help": "contrastive pairs to make of each kind; 0 makes none"}
    )
    word_order_per_kind: int = field(
        default=0, metadata={"help": "the same for each kind of edit of a sentence's word order"}
    )
    abstention_rows: int = field(default=0, metadata={"help": "abstention rows to write; 0 writes none"})
    backbone: str = field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        metadata={
            "help": "encoder or causal language model: a directory or a Hub id; a judge to start from brings "
            "its own"
        },
    )
    start_from: str | None = field(
        default=None,
        metadata={"help": "judge to go on from instead of a bare encoder; `default` is the one that ships"},
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "rank of LoRA adapters on all linear layers; they and the outputs alone are trained and "
            "written; 0: train every weight"
        },
    )
    freeze_embeddings: bool = field(default=True, metadata={"help": "leave the word embeddings as they are"})
    max_tokens: int = field(
        default=256, metadata={"help": "length in tokens at which a training pair is cut"}
    )
    held_out_share: float = field(default=0.12, metadata={"help": "share of groups kept aside to tune on"})
    epochs: float = field(default=2.0, metadata={"help": "passes over the training rows"})
    max_steps: int = field(default=-1, metadata={"help": "optimizer steps; -1 leaves it to the epochs"})
    batch_size: int = field(default=64, metadata={"help": "pairs a step and device"})
    learning_rate: float = field(default=1e-4, metadata={"help": "peak learning rate of AdamW"})
    weight_decay: float = field(default=0.01, metadata={"help": "weight decay of AdamW"})
    warmup_share: float = field(default=0.05, metadata={"help": "share of steps over which the rate rises"})
    eval_steps: int = field(default=500, metadata={"help": "steps between measurements and checkpoints"})
    eval_rows: int = field(default=6000, metadata={"help": "held-out rows measured during training"})
    dropout: float = field(default=0.0, metadata={"help": "dropout of the encoder while it is trained"})
    attention: str = field(
        default="eager",
        metadata={"help": "attention implementation in training; eager is the faster in bfloat16 on a CPU"},
    )
    patience: int = field(default=5, metadata={"help": "measurements without gain before training stops"})
    logging_steps: int = field(default=50, metadata={"help": "steps between log lines"})
    bf16: bool = field(default=True, metadata={"help": "mixed precision: float32 weights, bfloat16 products"})
    device: str | None = field(
        default=None, metadata={"help": "cpu, cuda, ...; the best there is by default"}
    )
    seed: int = field(default=0, metadata={"help": "seed of weights, order and contrastive pairs"})
    max_fpr: float = field(
        default=0.05,
        metadata={"help": "false-positive rate on held-out rows that the threshold may not pass"},
    )
    combiner_hidden: int = field(
        default=16, metadata={"help": "hidden units of the combiner; 0 makes it linear"}
    )
    combiner_penalty: float = field(default=3e-3, metadata={"help": "L2 penalty of the combiner"})
    as_delta: bool = field(
        default=False,
        metadata={"help": "write 8-bit weight differences from the backbone: an eighth of the size"},
    )
    description: str | None = field(default=None, metadata={"help": "for the model card: what this judge is"})
    license: str | None = field(
        default=None, metadata={"help": "for the model card: licence of the weights, as the Hub spells it"}
    )
    data_licences: list[str] = field(
        default_factory=list,
        metadata={"help": "for the model card: FILE=LICENCE, FILE as it is named above or a pattern (*, ?)"},
    )
    known_faults: list[str] = field(
        default_factory=list, metadata={"help": "for the model card: what this judge is known to get wrong"}
    )

    def __post_init__(self) -> None:
        _at_least(1, "batch_size", self.batch_size)
        _at_least(0, "lora_rank", self.lora_rank)
        if self.lora_rank and (self.start_from is not None or self.as_delta):
            raise ConfigError(
                "lora_rank trains adapters of the bare backbone, which are written as they are, got it with "
                f"start_from={self.start_from}, as_delta={self.as_delta}; leave those out"
            )
        for name in ("held_out_share", "max_fpr"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ConfigError(f"{name} must be in (0, 1), got {getattr(self, name)}")
        for name in ("epochs", "learning_rate"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class TrainReaderConfig:
    """Settings of `candor train-reader`."""

    output_dir: str = field(metadata={"help": "directory to write the reader to"})
    train_files: list[str] = field(
        default_factory=list,
        metadata={"help": "labelled pairs as for train-judge, from which reading exercises are made"},
    )
    data_dir: str = field(default=".", metadata={"help": "directory that the files' paths start from"})
    train_examples: int = field(default=60_000, metadata={"help": "exercises to train on at most"})
    eval_examples: int = field(default=4000, metadata={"help": "held-out exercises to measure on at most"})
    held_out_share: float = field(default=0.05, metadata={"help": "share of groups kept aside"})
    backbone: str = field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        metadata={"help": "encoder: a directory or a Hub id"},
    )
    lora_rank: int = field(default=32, metadata={"help": "rank of the weight differences"})
    max_tokens: int = field(default=256, metadata={"help": "window of question and text, in tokens"})
    epochs: float = field(default=1.0, metadata={"help": "passes over the exercises"})
    max_steps: int = field(default=-1, metadata={"help": "optimizer steps; -1 leaves it to the epochs"})
    batch_size: int = field(default=32, metadata={"help": "exercises a step and device"})
    learning_rate: float = field(default=1e-3, metadata={"help": "peak learning rate of AdamW"})
    warmup_share: float = field(default=0.05, metadata={"help": "share of steps over which the rate rises"})
    attention: str = field(
        default="eager",
        metadata={"help": "attention implementation in training; eager is the faster in bfloat16 on a CPU"},
    )
    save_steps: int = field(default=100, metadata={"help": "steps between checkpoints"})
    logging_steps: int = field(default=50, metadata={"help": "steps between log lines"})
    bf16: bool = field(default=True, metadata={"help": "mixed precision: float32 weights, bfloat16 products"})
    device: str | None = field(
        default=None, metadata={"help": "cpu, cuda, ...; the best there is by default"}
    )
    seed: int = field(default=0, metadata={"help": "of weights, order and exercises"})


class Dtype(StrEnum):
    """Precision of the encoder's weights and products; `auto` is bfloat16 on AMX and on GPUs that have it."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Engine(StrEnum):
    """What runs the encoder; OpenVINO's 8-bit products are fast on CPUs without AMX too."""

    TORCH = "torch"
    OPENVINO_INT8 = "openvino-int8"


@dataclass(frozen=True, slots=True)
class SpeedConfig:
    """How a judge spends its time; benchmarks/judge_speed.py says what each setting brings."""

    engine: Engine = field(
        default=Engine.TORCH,
        metadata={"help": "what runs the encoder; openvino-int8 is for CPUs and needs candor-rl[openvino]"},
    )
    dtype: Dtype = field(
        default=Dtype.AUTO,
        metadata={"help": "of torch's weights; auto is bfloat16 where a CPU has AMX or a GPU has it"},
    )
    batch_tokens: int | None = field(
        default=None,
        metadata={"help": "tokens a batch, padding included; by default 2048 on a CPU, 32768 on a GPU"},
    )
    max_references: int = field(
        default=8,
        metadata={"help": "references of a record that the encoder reads, the nearest by lexical features"},
    )
    cheap_stage: bool = field(
        default=True,
        metadata={"help": "decide exact matches and texts without a word before the encoder is asked"},
    )
    cache_size: int = field(
        default=50_000, metadata={"help": "pairs whose logits are kept; some 0.5 KB each with their texts"}
    )

    def __post_init__(self) -> None:
        if self.batch_tokens is not None:
            _at_least(1, "batch_tokens", self.batch_tokens)
        _at_least(1, "max_references", self.max_references)
        _at_least(0, "cache_size", self.cache_size)
        if self.engine == Engine.OPENVINO_INT8 and self.dtype != Dtype.AUTO:
            raise ConfigError(f"dtype is for the engine torch, got {self.dtype} with {self.engine}")


@dataclass(frozen=True, slots=True)
class ScoreConfig:
    """Settings of `candor score`, but for the reward's."""

    input: str = field(
        metadata={"help": "completions to judge: .jsonl, .csv (either may be gzipped) or .parquet"}
    )
    output: str = field(
        metadata={
            "help": "where the scores go, in the format of its suffix; bad rows go to OUTPUT.rejected.jsonl"
        }
    )
    judge: str | None = field(
        default=None, metadata={"help": "judge directory or Hub id; the one that ships by default"}
    )
    max_fpr: float | None = field(
        default=None,
        metadata={
            "help": "share of wrong answers that may pass for right, by the judge's held-out rows; by "
            "default the one it was trained for"
        },
    )
    prompt_column: str = field(default="prompt", metadata={"help": "column of the question"})
    reference_column: str = field(
        default="reference",
        metadata={"help": "column of the right answer: text, or a list of which any may match"},
    )
    completion_column: str = field(default="completion", metadata={"help": "column of the text to judge"})
    id_column: str = field(
        default="id",
        metadata={"help": "column that names the row; where a file has no `id`, its row number does"},
    )
    explain: Explain = field(
        default=Explain.NONE,
        metadata={
            "help": "what to say besides the verdict, which it does not change: `facts` lists what each "
            "completion leaves out of its reference and what it adds, `qa` asks each of the two what the "
            "other answers; either at many times the cost"
        },
    )
    reader: str | None = field(
        default=None,
        metadata={
            "help": "for `qa`, what finds the answers: from train-reader, or any extractive "
            "question-answering model by directory or Hub id; the one that ships by default"
        },
    )
    question_generator: str | None = field(
        default=None,
        metadata={
            "help": "for `qa`, a sequence-to-sequence model that writes the questions, by directory or Hub "
            "id; by default they are facts with a part blanked"
        },
    )
    question_template: str = field(
        default=QUESTION_TEMPLATE,
        metadata={
            "help": "what that model is shown, with {fact}, {answer} or {highlighted}: the fact with <hl> "
            "on either side of the answer"
        },
    )
    chunk_rows: int = field(
        default=512, metadata={"help": "records judged at a time; an interrupted run loses at most these"}
    )

    def __post_init__(self) -> None:
        _at_least(1, "chunk_rows", self.chunk_rows)
        # A command line or YAML brings plain text.
        if self.explain != Explain.QA and (self.reader or self.question_generator):
            raise ConfigError(
                "reader and question_generator are for --explain qa; add that, or leave them out"
            )


@dataclass(frozen=True, slots=True)
class EvalJudgeConfig:
    """Settings of `candor eval-judge`. A column left unnamed is looked for under well-known names."""

    data: str = field(metadata={"help": "completions labelled by people: .jsonl, .csv or .parquet"})
    judge: list[str] = field(
        default_factory=list,
        metadata={
            "help": f"judges, directories or Hub ids; by default `{DEFAULT_JUDGE}`, which ships here",
            "action": Repeatable,
        },
    )
    max_fpr: float | None = field(
        default=None,
        metadata={
            "help": "share of wrong answers that may pass for right, by the judge's held-out rows; by "
            "default the one it was trained for"
        },
    )
    embedding: list[str] = field(
        default_factory=lambda: [MINILM],
        metadata={
            "help": "encoders, directories or Hub ids, whose embedding cosine is compared; [] in YAML: none",
            "action": Repeatable,
        },
    )
    cross_encoder: list[str] = field(
        default_factory=list,
        metadata={
            "help": "cross-encoders, directories or Hub ids, to compare: of one logit, or of classes one of "
            "which is entailment",
            "action": Repeatable,
        },
    )
    pedants_python: str | None = field(
        default=None,
        metadata={"help": "Python of an environment with qa-metrics, to compare PEDANTS"},
    )
    scores: list[str] = field(
        default_factory=list,
        metadata={
            "help": "NAME=COLUMN: what another judge made of the rows, 0 to 1, in a column of DATA",
            "action": Repeatable,
        },
    )
    output: str | None = field(
        default=None,
        metadata={"help": "JSON file for the results; by default DATA's name with .agreement.json, here"},
    )
    prompt_column: str | None = field(
        default=None, metadata={"help": "by default prompt or question, or none"}
    )
    reference_column: str | None = field(
        default=None, metadata={"help": "by default references or reference"}
    )
    completion_column: str | None = field(
        default=None, metadata={"help": "by default completion or candidate"}
    )
    label_column: str | None = field(
        default=None, metadata={"help": "1 right, 0 wrong, between them graded; by default label or score"}
    )
    group_column: str | None = field(
        default=None, metadata={"help": "rows that the bootstrap draws together; by default group, or none"}
    )
    id_column: str = field(default="id", metadata={"help": "column that names the row"})
    resamples: int = field(default=1000, metadata={"help": "bootstrap resamples behind each interval"})
    seed: int = field(default=0, metadata={"help": "of the bootstrap"})

    def __post_init__(self) -> None:
        _at_least(0, "resamples", self.resamples)
        named_columns(self.scores)


@dataclass(frozen=True, slots=True)
class ReportConfig:
    """Settings of `candor report`. A column left unnamed is looked for, and done without if not there."""

    input: str = field(
        metadata={"help": "what candor score wrote (.jsonl, .csv, .parquet), or candor eval-judge (.json)"}
    )
    scored: str | None = field(
        default=None,
        metadata={"help": "scored file whose records are shown beside an evaluation, if that is the input"},
    )
    output: str | None = field(
        default=None, metadata={"help": "HTML file to write; by default INPUT's name with .html, here"}
    )
    title: str | None = field(default=None, metadata={"help": "of the page; by default INPUT's name"})
    prompt_column: str | None = field(default=None, metadata={"help": "by default prompt or question"})
    reference_column: str | None = field(
        default=None, metadata={"help": "by default references or reference"}
    )
    completion_column: str | None = field(
        default=None, metadata={"help": "by default completion or candidate"}
    )
    label_column: str | None = field(
        default=None,
        metadata={"help": "what people say, 1 right, 0 wrong, or between; by default label or score"},
    )
    group_column: str | None = field(
        default=None, metadata={"help": "rows that the bootstrap draws together; by default group"}
    )
    id_column: str | None = field(default=None, metadata={"help": "name of the row; by default id"})
    max_records: int = field(
        default=20_000, metadata={"help": "rows that can be looked through; figures are of all rows"}
    )
    resamples: int = field(default=1000, metadata={"help": "bootstrap resamples behind each interval"})
    seed: int = field(default=0, metadata={"help": "of the bootstrap"})

    def __post_init__(self) -> None:
        _at_least(0, "max_records", self.max_records)
        _at_least(0, "resamples", self.resamples)


def named_columns(scores: Sequence[str]) -> dict[str, str]:
    """Columns by the name of the judge whose scores they hold.

    Raises:
        ConfigError: not each NAME=COLUMN, or a name comes twice.
    """
    columns: dict[str, str] = {}
    for item in scores:
        name, _, column = item.partition("=")
        if not (name and column) or name in columns:
            raise ConfigError(f"scores must be NAME=COLUMN, each name once, got {item!r}")
        columns[name] = column
    return columns


@dataclass(frozen=True, slots=True)
class AuditJudgeConfig:
    """Settings of `candor audit-judge`."""

    judge: str | None = field(
        default=None, metadata={"help": "judge directory or Hub id; the one that ships by default"}
    )
    cross_encoder: str | None = field(
        default=None,
        metadata={"help": "cross-encoder, a directory or Hub id, to audit instead; as for eval-judge"},
    )
    max_fpr: float | None = field(
        default=None,
        metadata={
            "help": "share of wrong answers that may pass for right, by the judge's held-out rows; by "
            "default the one it was trained for"
        },
    )
    output: str | None = field(
        default=None,
        metadata={"help": "JSON file for tallies, failed cases and breaches; by default none is written"},
    )
    weakest: int = field(default=10, metadata={"help": "failed cases to print, the surest first"})
    min_pass: float = field(
        default=0.9, metadata={"help": "share of all cases that must be right; below it the command fails"}
    )
    min_pass_hacking: float = field(
        default=1.0, metadata={"help": "the same of the reward-hacking group alone"}
    )

    def __post_init__(self) -> None:
        _at_least(0, "weakest", self.weakest)
        for name in ("min_pass", "min_pass_hacking"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.cross_encoder is not None and (self.judge is not None or self.max_fpr is not None):
            raise ConfigError(
                "judge and max_fpr are of this project's judges; leave out cross_encoder or them"
            )


def _at_least(least: int, name: str, value: int) -> None:
    if value < least:
        raise ConfigError(f"{name} must be at least {least}, got {value}")
