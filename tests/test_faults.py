"""Training that is killed, interrupted or out of disk: the same command goes on as if nothing had happened."""

from __future__ import annotations

import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ONE_THREAD, QUICK, write_persona
from safetensors import safe_open

from guppylm import records
from guppylm.errors import RunError
from guppylm.run import Run

STEPS, CHECKPOINT_EVERY, ENOUGH = 300, 20, 50  # a run is stopped once it has done ENOUGH steps
SETTINGS = QUICK | {"steps": str(STEPS), "checkpoint_every": str(CHECKPOINT_EVERY), "evaluate_every": "50"}


@contextmanager
def training(place: Run, before: Callable[[], None] | None = None) -> Iterator[subprocess.Popen[str]]:
    """`guppylm train`, always the same command, in a process of its own."""
    knobs = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "guppylm", "train", "owl", "-o", place.folder, "--preset", "quick", *knobs]
    folder = place.folder.parent
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=ONE_THREAD, preexec_fn=before
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(place: Run) -> None:
    """Give the command again, and let it go to the end."""
    with training(place) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert place.report.exists(), output


def losses(place: Run) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in records.read(place.metrics) if "loss" in row]


def held_out_losses(place: Run) -> list[tuple[int, float]]:
    return [(row["step"], row["held_out_loss"]) for row in records.read(place.metrics) if "held_out_loss" in row]


def wait_for_step(place: Run, step: int, process: subprocess.Popen[str]) -> None:
    while not any(done >= step for done, _ in losses(place)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def checkpointed_step(place: Run) -> int:
    with safe_open(place.checkpoint, framework="np") as opened:
        return int(opened.metadata()["progress"].split('"step": ')[1].split(",")[0])


def leftovers(place: Run) -> list[str]:
    return [file.name for file in place.folder.rglob("*.part")]


def assert_same(place: Run, whole: Run) -> None:
    assert [step for step, _ in losses(place)] == list(range(1, STEPS + 1))
    assert losses(place) == losses(whole)
    assert held_out_losses(place) == held_out_losses(whole)
    assert records.read(place.samples) == records.read(whole.samples)
    assert place.weights.read_bytes() == whole.weights.read_bytes()
    assert leftovers(place) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing happened to."""
    place = Run(write_persona(tmp_path_factory.mktemp("whole") / "owl").with_name("run"))
    finish(place)
    return place


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose process was killed between two checkpoints."""
    place = Run(write_persona(tmp_path_factory.mktemp("killed") / "owl").with_name("run"))
    with training(place) as process:
        wait_for_step(place, ENOUGH, process)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    return place


@pytest.fixture
def stopped(killed: Run, tmp_path: Path) -> Run:
    """A copy of the killed run, at the same place relative to its character."""
    shutil.copytree(killed.folder.parent, tmp_path, dirs_exist_ok=True)
    return Run(tmp_path / "run")


def test_killed(stopped: Run, whole: Run) -> None:
    assert 0 < checkpointed_step(stopped) < STEPS
    finish(stopped)
    assert_same(stopped, whole)


def test_killed_before_the_first_checkpoint(stopped: Run, whole: Run) -> None:
    stopped.checkpoint.unlink()
    finish(stopped)
    assert_same(stopped, whole)


def test_interrupted(stopped: Run, whole: Run) -> None:
    before = checkpointed_step(stopped)
    with training(stopped) as process:
        wait_for_step(stopped, before + CHECKPOINT_EVERY + 10, process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert process.returncode == 130
    assert errors == ""
    assert output.endswith("stopped; the same command, without --restart, goes on from here\n")
    assert losses(stopped)[-1][0] == checkpointed_step(stopped) < STEPS  # not a step is lost
    finish(stopped)
    assert_same(stopped, whole)


def test_no_space_for_a_checkpoint(stopped: Run, whole: Run) -> None:
    before = stopped.checkpoint.read_bytes()
    too_small = len(before) - 4096

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (too_small, too_small))

    with training(stopped, before=limit_file_size) as process:
        output, errors = process.communicate()
    assert process.returncode == 1, output
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"guppylm: {stopped.checkpoint.with_name('fresh.safetensors')}: cannot be written")
    assert "run the same command again" in errors
    assert leftovers(stopped) == []
    assert stopped.checkpoint.read_bytes() == before
    finish(stopped)
    assert_same(stopped, whole)


def test_no_space_for_the_conversations(tmp_path: Path) -> None:
    place = Run(write_persona(tmp_path / "owl").with_name("run"))
    with training(place, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    data = re.escape(str(place.folder / "data"))  # several processes write there: whichever is full first
    assert re.match(rf"guppylm: {data}/train(-\d)?\.jsonl: cannot be written \(File too large\)", errors), errors
    assert leftovers(place) == []
    assert not place.train_data().exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_no_space_for_a_line_of_metrics() -> None:
    with pytest.raises(RunError, match="/dev/full: cannot be written"):
        records.append(Path("/dev/full"), {"step": 1})


def test_no_place_for_the_picture(tmp_path: Path) -> None:
    metrics, picture = tmp_path / "metrics.jsonl", tmp_path / "loss.png"
    records.append(metrics, {"step": 1, "loss": 2.0})
    picture.mkdir()
    with pytest.raises(RunError, match=r"loss\.png: cannot be written"):
        records.draw_curve(metrics, picture, "reply")


def test_a_last_line_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b'{"step": 1}\n{"step": 2, "tex": "\xc3')
    records.forget_after(file, 1)
    assert file.read_bytes() == b'{"step": 1}\n'
