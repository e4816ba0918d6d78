"""PPO beside TRL's RLOO and GRPO, from one start, under one judge, reward and learning rate.

    python benchmarks/algorithms.py [--seeds 2 3 4]

A small closed world each seed: a model reads, learns to abstain now and then, and is then trained three times
by `candor train-rl`'s own ways. Each algorithm gets as many questions' worth of completions an update, as
many optimizer steps and the same clip, KL coefficient and temperature. Writes to results/algorithms.json, by
algorithm: reward, KL and verdicts of every update, and what the policy says about people whom no training
asked about. A seed that is there already under the same settings is not trained again.
"""

import argparse
import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from judge.cli import fingerprint
from judge.environment import machine, versions
from judge.scorer import Judge, find_judge
from rl import ppo, trl_training
from rl.closed_world import WARM_START, Stage, StoryConfig, corpus, held_out, pretrained, warm_started
from rl.config import Algorithm, RewardConfig
from rl.demo import rates_of
from rl.pretrained import load_model, save_model
from rl.tracking import Metrics
from rl.warm_start import SupervisedConfig
from rl.world import OracleJudge, Split, World, WorldConfig, tokenizer

RESULT = Path(__file__).parent / "results" / "algorithms.json"
SEEDS = (2, 3, 4)
CURVES = (
    "objective/scores",
    "objective/kl",
    "judge/correct_rate",
    "judge/abstain_rate",
    "judge/wrong_rate",
    "rollout/response_tokens",
)
LAST = 10
"""Updates at the end over which a curve is summed up."""
