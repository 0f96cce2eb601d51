"""Every error that a person can meet, in one tree.

    GuppyError            bad input, said in one line: what is wrong, where, what to do
    |-- PersonaError      a character's text files
    |-- RunError          a run folder: missing, truncated, foreign or mismatched parts
    |-- TrainError        training cannot start or go on
    `-- MissingExtra      a library that is an optional install

The command line prints the line and exits with 1; anything else is a bug and keeps its traceback.
"""

from importlib.util import find_spec


class GuppyError(Exception):
    """Bad input. The message is one line for a person: what, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))  # a text that is quoted may have several


class PersonaError(GuppyError):
    """A character's text files cannot be used."""


class RunError(GuppyError):
    """A run folder, or a file in it, cannot be used."""


class TrainError(GuppyError):
    """Training cannot start or go on."""


class MissingExtra(GuppyError):
    """An optional library is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed: run  pip install 'guppylm[{extra}]' -c constraints.txt")


def needs_torch() -> None:
    """Raises MissingExtra where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise MissingExtra("PyTorch", "train")
