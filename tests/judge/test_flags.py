from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from judge.config import Repeatable
from judge.errors import ConfigError
from judge.flags import read_flags


class Mode(StrEnum):
    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class First:
    name: str
    rate: float = 0.5
    size: int = 3
    limit: int | None = None
    deep: bool = False
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Second:
    mode: Mode = Mode.HARD
    share: float = 0.1

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ConfigError("share must be at most 1")


def read(*argv: str) -> tuple[First, Second]:
    return read_flags("candor test", "A test.", argv, First, Second)


@pytest.fixture
def config(tmp_path: Path):
    def write(content: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(content)
        return str(path)

    return write


def test_flags_fill_the_fields_and_the_rest_keeps_its_default():
    first, second = read("--name", "x", "--size", "5", "--deep", "true", "--files", "a", "b")
    assert first == First(name="x", size=5, deep=True, files=["a", "b"])
    assert second == Second()


def test_dashes_do_for_underscores():
    @dataclass
    class Long:
        prompt_column: str = "prompt"

    assert read_flags("candor test", "", ["--prompt-column", "q"], Long) == (Long("q"),)


def test_flags_win_over_the_file(config):
    path = config("name: from file\nsize: 7\n")
    first, _ = read("--config", path, "--size", "9")
    assert (first.name, first.size) == ("from file", 9)
    assert read(f"--config={path}", "--size", "9")[0] == first


@pytest.mark.parametrize("given", ["flag", "file"])
def test_an_enum_arrives_as_its_member(config, given: str):
    argv = ["--mode", "soft"] if given == "flag" else ["--config", config("mode: soft")]
    assert read("--name", "x", *argv)[1].mode is Mode.SOFT


def test_a_whole_number_in_the_file_does_for_a_real_one(config):
    first, _ = read("--config", config("name: x\nrate: 1\n"))
    assert (first.rate, type(first.rate)) == (1.0, float)


def test_a_number_in_scientific_notation_that_yaml_takes_for_text_is_a_number(config):
    assert read("--config", config("name: x\nrate: 1e-5\n"))[0].rate == 1e-5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nsize: 1.5", "size must be int, got 1.5"),
        ("name: x\nsize: true", "size must be int, got True"),
        ("name: [x]", r"name must be str, got \['x'\]"),
        ("name: x\nfiles: 3", "files must be list, got 3"),
        ("name: x\nlimit: [1]", "limit must be int or NoneType, got"),
        ("name: x\nmode: [soft]", "mode must be Mode, got"),
        ("name: x\nshare: 2", "share must be at most 1"),
        ("name: x\nnmae: y", "unknown setting --nmae; did you mean --name"),
        ("just text", "YAML mapping"),
        ("name: [", "while parsing"),
    ],
)
def test_a_file_with_a_wrong_value_or_key_is_refused(config, content: str, message: str):
    with pytest.raises(ConfigError, match=message):
        read("--config", config(content))


@pytest.mark.parametrize("argv", [["--config"], ["--config", "not there.yaml"]])
def test_a_missing_config_file_is_refused(argv: list[str]):
    with pytest.raises(ConfigError, match="expected a YAML file after --config"):
        read("--name", "x", *argv)


def test_an_unknown_flag_is_refused_with_the_nearest_known_one():
    with pytest.raises(
        ConfigError, match=r"unknown setting --sise; did you mean --size\? \(see candor test --help\)"
    ):
        read("--name", "x", "--sise", "3")


@pytest.mark.parametrize("flag", ["--nmae=x", "--nmae"])
def test_a_misspelt_flag_is_named_rather_than_the_one_that_is_missing_for_it(flag: str):
    with pytest.raises(ConfigError, match=r"unknown setting --nmae.*; did you mean --name\?"):
        read(flag, "x")


def test_a_missing_flag_is_named():
    with pytest.raises(ConfigError, match="required: --name; see"):
        read("--size", "3", "--no_deep")


def test_a_flag_is_not_guessed_from_its_beginning():
    with pytest.raises(ConfigError, match="unknown setting --siz"):
        read("--name", "x", "--siz", "3")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--name", "x", "--size", "many"], "argument --size: invalid int value: 'many'"),
        (["--name", "x", "--mode", "medium"], "argument --mode: invalid choice: 'medium'.*"),
        (["--size", "3"], "the following arguments are required: --name"),
    ],
)
def test_a_usage_error_is_one_line_without_the_usage_of_every_flag(argv, message, capsys):
    with pytest.raises(ConfigError, match=rf"^{message}; see candor test --help$"):
        read(*argv)
    assert capsys.readouterr().err == ""


def test_a_file_that_is_no_yaml_is_refused_in_one_line(config):
    with pytest.raises(ConfigError, match=r"^while parsing.* line 1, column .*; see candor test --help$"):
        read("--name", "x", "--config", config("name: [a"))


def test_a_wrong_enum_value_in_the_file_is_refused(config):
    with pytest.raises(ConfigError, match="medium"):
        read("--name", "x", "--config", config("mode: medium"))


def test_a_repeatable_list_adds_up_in_place_of_the_default_and_of_the_file(config):
    @dataclass
    class Named:
        judge: list[str] = field(default_factory=lambda: ["usual"], metadata={"action": Repeatable})

    def judges(*argv: str) -> list[str]:
        return read_flags("candor test", "", argv, Named)[0].judge

    assert judges() == ["usual"]
    assert judges("--judge", "a", "b", "--judge", "c") == ["a", "b", "c"]
    assert judges() == ["usual"]
    path = config("judge: [of the file]")
    assert judges("--config", path) == ["of the file"]
    assert judges("--config", path, "--judge", "a") == ["a"]
    assert judges("--config", config("judge: []")) == []
