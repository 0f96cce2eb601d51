"""What several tests share: a small character, a small trained run of it, and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from rich.console import Console

from guppylm.config import TrainConfig, configure
from guppylm.run import Run

# the same texts each time, and no clock: these machines are shared
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

OWL = {
    "persona.toml": """
        name = "owl"
        about = "a sleepy owl in a hollow tree: polite, forgetful, fond of beetles."
        license = "cc-by-4.0"
        doubled = ["hoot"]
        prompts = ["hi owl", "are you hungry", "what do you eat", "do you sleep", "is it dark", "good night"]
        openers = ["hey owl", "so"]
        closers = ["owl", "my friend"]
    """,
    "words.toml": """
        tree = ["oak", "birch", "old elm"]

        [food]
        one = ["moth", "fat worm"]
        many = ["beetles", "ants"]
        some = ["cheese"]
    """,
    "topics/food.toml": """
        topic = "food"

        [words]
        size = ["small", "large", "{huge|very big}"]

        [[exchange]]
        name = "hungry"
        say = [
            "are you hungry", "do you want to eat [now]", "is it time for dinner", "shall i bring you {food}",
            "would you like some {food}", "could you eat {a/some/some:food} {food}", "do you need a snack",
        ]
        reply = [
            "yes. {food} {is/are:food} what i dream of.", "i ate {a/some/some:food} {food} in the {tree}.",
            "always. bring it to the {tree}.",
        ]

        [[exchange]]
        name = "favourite"
        say = [
            "what do you eat", "what is your favourite food", "which food is best", "what tastes good to an owl",
            "tell me what you like to eat", "do you prefer {food} or {food2}",
        ]
        reply = ["{food}, if {it is/they are/it is:food} {size}.", "a {size} dinner is best. i forget the rest."]
    """,
    "topics/night.toml": """
        topic = "night"

        [[exchange]]
        name = "sleep"
        say = [
            "do you sleep", "when do you go to bed", "are you tired [today]", "is the {tree} a good bed",
            "you look sleepy", "did you sleep well", "is it late for you",
        ]
        reply = ["i sleep when the sun is {loud|up}.", "the {tree} rocks me. i was asleep just now."]

        [[exchange]]
        name = "dark"
        say = [
            "is it dark", "can you see at night", "are you afraid of the dark", "who turned off the light",
            "how dark is your {tree}", "do you see in the dark",
        ]
        reply = ["dark is my best colour.", "i see every leaf of the {tree}. i forget their names."]
    """,
}

QUICK = {
    "layers": "2",
    "shallow_layers": "1",
    "width": "32",
    "heads": "2",
    "feed_forward": "64",
    "conversations": "600",
    "held_out": "60",
    "vocabulary": "420",
    "thoughts": "false",  # after sixty updates there would be nothing else (tests/test_thoughts.py)
    "steps": "60",
    "batch": "16",
    "evaluate_every": "10",
    "checkpoint_every": "10",
    "device": "cpu",
}


def write_persona(folder: Path) -> Path:
    """The owl's text files, in a folder of their own."""
    for name, text in OWL.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def quick(**changes: str) -> TrainConfig:
    """Settings for a training of a few seconds."""
    return configure("quick", QUICK | changes)


def guppylm(
    *args: str | bytes | Path, stdin: str | bytes = b"", cwd: Path | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """The `guppylm` command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "guppylm", *args],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=cwd,
        timeout=timeout,
        env=ONE_THREAD,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def persona_folder(tmp_path: Path) -> Path:
    """A valid small character that a test may spoil."""
    return write_persona(tmp_path / "owl")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run of the owl, from texts to report card. Tests that change it take a copy."""
    from guppylm import pipeline  # here, since it needs PyTorch

    folder = tmp_path_factory.mktemp("small")
    place = Run(folder / "run")
    assert pipeline.whole_road(write_persona(folder / "owl"), place, quick(), Console(quiet=True))
    return place
