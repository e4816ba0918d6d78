"""`candor`: the table of commands. A command's module is imported when asked for, so help stays instant."""

import difflib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from judge.errors import CandorError, ConfigError

logger = logging.getLogger(__name__)

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells say it."""


class Command(NamedTuple):
    """A subcommand: `module.function(argv)`."""

    help: str
    module: str
    function: str
    shares_work: bool = False  # among the processes of a launcher


COMMANDS = {
    "demo": Command("the whole story on a small closed world: judge, reward, PPO, report", "rl.cli", "demo"),
    "train-judge": Command("train a judge on labelled pairs of texts", "judge.cli", "train_judge", True),
    "train-reader": Command(
        "train the reader that answers questions from texts", "judge.cli", "train_reader"
    ),
    "score": Command("judge every completion of a file and reward it", "rl.cli", "score"),
    "eval-judge": Command(
        "compare judges, side by side on the same rows, with human labels", "judge.cli", "eval_judge"
    ),
    "report": Command("a scored file or an evaluation as one HTML page", "judge.cli", "report"),
    "audit-judge": Command("try a judge on what fools judges", "judge.cli", "audit_judge"),
    "train-rl": Command(
        "train a language model with the judge's reward by PPO, RLOO or GRPO", "rl.cli", "train_rl", True
    ),
    "warm-start": Command(
        "find out what a model knows and make abstention sayable, before train-rl", "rl.cli", "warm_start"
    ),
    "best-of-n": Command(
        "answer each question n times: the best answers, and pairs for DPO", "rl.cli", "best_of_n"
    ),
    "env": Command("versions, processor and accelerator, for bug reports", "rl.cli", "env", True),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    _log_to_stderr()
    try:
        _dispatch(arguments)
    except CandorError as error:
        if debug:
            traceback.print_exc()
        _tell(f"error: {error}")
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _tell(message: str) -> None:
    """Print an error; of the processes of torchrun, the first prints, and each has torchrun's summary say it.

    That summary comes last, after a traceback of torchrun's own. What it reads is what
    `torch.distributed.elastic.multiprocessing.errors` writes, less the stack.
    """
    summary = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if summary is None or os.environ.get("RANK") == "0":
        print(message, file=sys.stderr)
    if summary is not None:
        content = {"message": {"message": message, "extraInfo": {"timestamp": str(int(time.time()))}}}
        Path(summary).write_text(json.dumps(content), encoding="utf-8")


def _log_to_stderr() -> None:
    """This project's messages from INFO on, everybody else's from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for package in ("judge", "rl"):
        logging.getLogger(package).setLevel(logging.INFO)


def _dispatch(arguments: list[str]) -> None:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(usage())
    elif name == "--version":
        print(f"candor {version('candor-rl')}")
    elif name in COMMANDS:
        command = COMMANDS[name]
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun and accelerate launch say it
        if processes > 1 and not command.shares_work:
            raise ConfigError(
                f"expected one process for candor {name}, got {processes}, which would write to one place; "
                "start it without torchrun or accelerate launch"
            )
        function: Callable[[Sequence[str]], None] = getattr(import_module(command.module), command.function)
        function(arguments[1:])
    else:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        raise ConfigError(f"no command {name!r}; {hint}")


def usage() -> str:
    """What `candor --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: candor COMMAND [--config FILE] [--FLAG VALUE ...] | --help | --version",
            "",
            "Teach a language model to answer what it knows, and to say so when it doesn't.",
            "",
            *lines,
            "",
            "candor COMMAND --help lists the flags of a command; --debug shows where an error came from.",
        ]
    )


def demo(argv: Sequence[str]) -> None:
    """`candor demo`: the whole story on a CPU."""
    from judge.flags import read_flags
    from rl.config import DemoConfig

    about = (
        "Judge a few dozen answers, then teach a tiny model of a closed world to say what it does not know."
    )
    (config,) = read_flags("candor demo", about, argv, DemoConfig)

    from rl.demo import run

    run(config)


def score(argv: Sequence[str]) -> None:
    """`candor score`: the judge's scores of a file, with the reward beside them."""
    from judge import cli
    from judge.config import ScoreConfig, SpeedConfig
    from judge.flags import read_flags
    from rl.config import RewardConfig
    from rl.reward import constant_table, reward_of

    about = "Judge every completion of a file: a row each with verdict, equivalence, abstention and reward."
    config, speed, reward = read_flags("candor score", about, argv, ScoreConfig, SpeedConfig, RewardConfig)
    table = constant_table(reward)
    logger.info("%s reward: %s, break-even t* %g", reward.reward_mode, table, reward.break_even)
    cli.score(config, speed, {"reward": lambda score: reward_of(score, table, reward.reward_mode)})


def train_rl(argv: Sequence[str]) -> None:
    """`candor train-rl`: a judge-rewarded run of PPO, RLOO or GRPO, from a model and questions to a model."""
    from judge.flags import read_flags
    from rl.config import PPOConfig, RewardConfig, TrainRLConfig, VLLMConfig

    about = (
        "Train a causal LM by PPO, RLOO or GRPO: the judge compares what it says with a reference, and that "
        "is its reward."
    )
    configs = read_flags("candor train-rl", about, argv, TrainRLConfig, PPOConfig, RewardConfig, VLLMConfig)

    from rl.launch import launch
    from rl.processes import Processes, leave

    result = launch(*configs)
    if Processes.joined().leads:
        print(result)
    leave()


def warm_start(argv: Sequence[str]) -> None:
    """`candor warm-start`: from a model and questions to what it knows, and to a model that may abstain."""
    from judge.flags import read_flags
    from rl.config import SamplingConfig, WarmStartConfig

    about = (
        "Let a causal LM answer each question n times, judge what it knows, and fine-tune it by TRL's "
        "SFTTrainer on answers of its own and abstentions, so that train-rl has both to choose from."
    )
    configs = read_flags("candor warm-start", about, argv, WarmStartConfig, SamplingConfig)

    from rl.sft import run

    print(run(*configs))


def best_of_n(argv: Sequence[str]) -> None:
    """`candor best-of-n`: questions to the answers that the judge likes best, and to preference pairs."""
    from judge.flags import read_flags
    from rl.config import BestOfNConfig, RewardConfig, SamplingConfig

    about = (
        "Let a causal LM answer each question n times and judge the answers: the best of each question for "
        "TRL's SFTTrainer, best and worst for its DPOTrainer."
    )
    configs = read_flags("candor best-of-n", about, argv, BestOfNConfig, SamplingConfig, RewardConfig)

    from rl.best_of_n import run

    print(run(*configs))


def env(argv: Sequence[str]) -> None:
    """`candor env`: one line a fact."""
    from judge.environment import machine, versions

    if list(argv) in (["-h"], ["--help"]):
        print(f"usage: candor env\n\nPrint {COMMANDS['env'].help}.")
        return
    if argv:
        raise ConfigError(f"candor env takes no arguments, got {' '.join(argv)}")
    for name, value in (versions() | machine()).items():
        print(f"{name:<22} {value}")


if __name__ == "__main__":
    sys.exit(main())
