"""What the README tells people to type, typed: with a small character under Guppy's name, and few updates."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ONE_THREAD, QUICK, write_persona

from guppylm.run import Run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    ((?:guppylm|torchrun) .*?)(?: +#.*)?$", README, re.MULTILINE)
TARGETS = re.findall(r"^    make (\w+)", README, re.MULTILINE)
SMALLER = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture
def place(tmp_path: Path, small_run: Run) -> Path:
    """A folder with the README's names in it, and the owl behind them."""
    for name in ("guppy", "pirate"):
        write_persona(tmp_path / "personas" / name)
    shutil.copytree(small_run.folder, tmp_path / "runs" / "guppy")
    return tmp_path


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 12
    assert {"chat", "fish", "page", "release", "test"} <= {*TARGETS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_does_what_it_says(command: str, place: Path) -> None:
    program, *words = shlex.split(command)
    start = [sys.executable, "-m", "guppylm" if program == "guppylm" else "torch.distributed.run"]
    if "train" in words or "prepare" in words:
        shutil.rmtree(place / "runs")  # a folder holds one training, and this one is another
        words += SMALLER
    if words[0] == "page":
        words += ["-o", "page"]  # or it would serve it for ever
    if words[0] == "export":
        words.append("--unchecked")  # thirty updates are no fish: rounding changes what it says
    if words[0] == "page" and not (ROOT / "web" / "dist" / "app.js").exists():
        pytest.skip("make web/dist/app.js")
    done = subprocess.run(
        [*start, *words],
        cwd=place,
        env=ONE_THREAD,
        input="hi\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), done.stderr


def test_the_program_in_it_runs(place: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=place, env=ONE_THREAD, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"\n")  # thirty updates: what it says may be nothing


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_what_to_do(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or "nothing to be done" in done.stderr.lower()
