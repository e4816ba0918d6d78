"""The exception tree: what a caller may catch.

    CandorError
    ├── ConfigError       a setting is missing, unknown or contradicts another
    ├── DataError         a file or column is not what was expected
    ├── BackboneError     the encoder cannot be found, or is not the one the judge was trained on
    └── JudgeError        a judge cannot be loaded, or cannot judge

Every message says what was expected, what came, and what to do.
"""


class CandorError(Exception):
    """Base of every error raised on purpose by `judge` and `rl`."""


class ConfigError(CandorError, ValueError):
    """A setting is missing, unknown, out of range, or contradicts another."""


class DataError(CandorError, ValueError):
    """A file, column or row is not what was expected."""


class BackboneError(CandorError, RuntimeError):
    """The encoder cannot be found, or its weights are not the expected ones."""


class JudgeError(CandorError, RuntimeError):
    """A judge directory cannot be loaded, or a judge cannot judge."""
