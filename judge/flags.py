"""Flags and YAML to config dataclasses: flags win over the file, and what no field is called is refused.

`trl.TrlParser` does the parsing; neither it nor this module imports torch.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

import yaml
from trl import TrlParser

from judge.errors import ConfigError

_CONFIG_FLAG = "--config"


class _Parser(TrlParser):
    """Says what is wrong with a flag in one line, as every error here, without the usage of them all."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise ConfigError(f"{message}; see {self.prog} --help")


def read_flags(command: str, description: str, argv: Sequence[str], *config_types: type) -> tuple[Any, ...]:
    """One instance of each config dataclass, from `argv` and the YAML file that `--config` names.

    Args:
        command: as the user types it, for messages: "candor score".
        description: one line for `--help`.
        argv: the arguments after the command.
        config_types: dataclasses whose fields are the flags; no two share a field.

    Raises:
        ConfigError: a flag or key is unknown, or a value is not what its field takes.
    """
    parser = _Parser(config_types, prog=command, description=description, allow_abbrev=False)
    parser.add_argument(_CONFIG_FLAG, metavar="FILE", help="YAML file of these settings; flags win over it")
    arguments = [part for argument in argv for part in _split_config(argument)]
    _check_config_file(arguments)
    try:
        parsed = parser.parse_args_and_config(
            arguments, return_remaining_strings=True, separate_remaining_strings=True
        )
        configs = tuple(_typed(config) for config in parsed[: len(config_types)])
    except ConfigError as error:
        # argparse says what is missing before what it does not know: one flag that is misspelt is both.
        strange = next((argument for argument in arguments if _is_strange(argument, config_types)), None)
        if strange is not None:
            raise _unknown(command, strange, config_types) from error
        raise
    except (ValueError, TypeError, yaml.YAMLError) as error:
        message = " ".join(str(error).split()).rstrip(".")  # YAML's errors are of several lines
        raise ConfigError(f"{message}; see {command} --help") from error
    unknown = [part for rest in parsed[-2:] for part in rest]
    if unknown:
        raise _unknown(command, unknown[0], configs)
    return configs


def _split_config(argument: str) -> list[str]:
    """`--config=FILE` as two arguments, the only form that the parser reads."""
    if argument.startswith(_CONFIG_FLAG + "="):
        return argument.split("=", 1)
    return [argument]


def _check_config_file(arguments: Sequence[str]) -> None:
    if _CONFIG_FLAG not in arguments:
        return
    names = arguments[arguments.index(_CONFIG_FLAG) + 1 :]
    if not names or not Path(names[0]).is_file():
        raise ConfigError(
            f"expected a YAML file after {_CONFIG_FLAG}, found {names[0] if names else 'nothing'}"
        )


def _typed(config: Any) -> Any:
    """The config with its values of the types that its fields say, which YAML does not see to."""
    hints = typing.get_type_hints(type(config))
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value, accepted = getattr(config, field.name), _alternatives(hints[field.name])
        enums = [kind for kind in accepted if isinstance(kind, type) and issubclass(kind, StrEnum)]
        if isinstance(value, str) and enums:
            changes[field.name] = enums[0](value)
        elif isinstance(value, int) and not isinstance(value, bool) and accepted[0] is float:
            changes[field.name] = float(value)
        elif not any(_fits(value, kind) for kind in accepted):
            names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in accepted)
            raise ConfigError(f"{field.name} must be {names}, got {value!r}")
    return dataclasses.replace(config, **changes)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _fits(value: object, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if typing.get_origin(kind) is list:
        return isinstance(value, list)
    return isinstance(value, kind)


def _is_strange(argument: str, configs: Sequence[Any]) -> bool:
    """Whether it is a flag of no field; `--no_NAME` is one of a field that is true by default."""
    names = {"config", "help"} | {field.name for config in configs for field in dataclasses.fields(config)}
    name = argument.split("=")[0].lstrip("-").replace("-", "_")
    return argument.startswith("--") and not {name, name.removeprefix("no_")} & names


def _unknown(command: str, flag: str, configs: Sequence[Any]) -> ConfigError:
    known = [f"--{field.name}" for config in configs for field in dataclasses.fields(config)]
    near = difflib.get_close_matches(flag.split("=")[0], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return ConfigError(f"unknown setting {flag}{hint} (see {command} --help)")
