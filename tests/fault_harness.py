"""Do everything to a training that a machine can do to it, and count what is lost. `make faults`; a few minutes.

Each row of the table is one training of a small character that is disturbed again and again and started anew with
the same command. It has survived a fault if it goes on from a sound checkpoint, no more than `checkpoint_every` steps
(twice as many, when the last checkpoint itself is spoiled) behind where it was; and the row, if it ends with the very
weights of a training that nothing happened to. The full and the read-only disk need root on Linux, for a tmpfs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import ONE_THREAD, QUICK, write_persona
from rich.console import Console
from rich.table import Table

from guppylm import checkpoint, records, tensors
from guppylm.errors import RunError
from guppylm.run import Run

EVERY = 25
SETTINGS = QUICK | {"width": "64", "steps": "1500", "checkpoint_every": str(EVERY), "evaluate_every": "250"}
KILLS = {"SIGKILL at a random moment": 30, "SIGKILL while a checkpoint is written": 10, "SIGKILL twice in a row": 10}
SPOILS = {"a checkpoint cut short": 5, "a bit of a checkpoint flipped": 10}
HURRY = 60.0  # seconds that a training may take to get to its next checkpoint


class Trial:
    """One training, its faults, and what came of it."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        write_persona(folder / "owl")
        self.place, self.rng = Run(folder / "run"), rng
        self.tried = self.lost = 0

    @contextmanager
    def training(self) -> Iterator[subprocess.Popen[str]]:
        knobs = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
        command = [
            sys.executable,
            "-m",
            "guppylm",
            "train",
            "owl",
            "-o",
            self.place.folder,
            "--preset",
            "quick",
            *knobs,
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.place.folder.parent,
            env=ONE_THREAD,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def step(self) -> int:
        rows = records.read(self.place.metrics)
        return int(rows[-1]["step"]) if rows else 0

    def until(self, moment: float, process: subprocess.Popen[str], writing: bool) -> None:
        """Wait so many seconds after the training goes on; then, if wanted, until a checkpoint is half written."""
        limit, seen = time.monotonic() + HURRY, self.place.metrics.exists() and self.place.metrics.stat().st_size
        while process.poll() is None and time.monotonic() < limit:
            if self.place.metrics.exists() and self.place.metrics.stat().st_size != seen:
                break
            time.sleep(0.005)
        time.sleep(moment)
        unfinished = self.place.checkpoint.with_name("fresh.safetensors.part")
        while writing and not unfinished.exists() and process.poll() is None and time.monotonic() < limit:
            pass

    def kill(self, moment: float, writing: bool = False, early: bool = False) -> bool:
        """False if the training was at its end before."""
        with self.training() as process:
            if early:
                time.sleep(moment)  # while Python still starts, reads, or restores
            else:
                self.until(moment, process, writing)
            ended = process.poll() is not None
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.check_resumption(self.step(), EVERY)
        self.tried += not ended
        return not ended

    def check_resumption(self, before: int, allowed: int) -> None:
        """Would a training that starts now lose more than it may?"""
        last = self.place.checkpoint
        there = [file for file in (checkpoint.fresh(last), last, checkpoint.before(last)) if file.exists()]
        steps = [sound for sound in map(sound_step, there) if sound is not None]
        self.lost += before - max(steps, default=0) > allowed

    def finish(self) -> None:
        with self.training() as process:
            said = process.communicate()[0]
            if process.returncode != 0:
                raise SystemExit(f"the training did not go on:\n{said}")


def sound_step(file: Path) -> int | None:
    """The step of a checkpoint whose checksum fits."""
    try:
        _, metadata = tensors.read(file)
    except RunError:
        return None
    return int(json.loads(metadata["progress"])["step"])


def kills(trial: Trial, kind: str, count: int) -> None:
    while trial.tried < count:
        rng = trial.rng
        if kind.endswith("twice in a row"):
            going = trial.kill(rng.uniform(0, 0.6)) and trial.kill(rng.uniform(0.2, 3), early=True)
        else:
            going = trial.kill(rng.uniform(0, 0.6), writing=kind.endswith("written"))
        if not going:
            raise SystemExit(f"{kind}: the training was over after {trial.tried} of {count}; give it more steps")


def spoils(trial: Trial, kind: str, count: int) -> None:
    while trial.tried < count:
        with trial.training() as process:
            trial.until(trial.rng.uniform(0, 0.3), process, writing=False)
            limit, began = time.monotonic() + HURRY, trial.step()
            while trial.step() < began + 3 * EVERY and process.poll() is None and time.monotonic() < limit:
                time.sleep(0.02)
        content = bytearray(trial.place.checkpoint.read_bytes())
        if kind.endswith("short"):
            content = content[: trial.rng.randrange(len(content))]
        else:
            place = trial.rng.randrange(8 * len(content))
            content[place // 8] ^= 1 << place % 8
        before = trial.step()
        trial.place.checkpoint.write_bytes(bytes(content))
        trial.check_resumption(before, 2 * EVERY)
        trial.tried += 1


def mount(folder: Path, size: str) -> None:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True, capture_output=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True, capture_output=True)


def full_disk(trial: Trial, disk: Path) -> None:
    for size in ("700k", "1200k", "1600k", "2000k", "2400k"):
        remount(disk, f"size={size}")
        with trial.training() as process:
            said = process.communicate()[0]
            stopped = process.returncode == 1 and "No space left" in said
        trial.tried += stopped
        trial.lost += process.returncode not in (0, 1) or "Traceback" in said
        trial.check_resumption(trial.step(), EVERY)
    remount(disk, "size=64m")


def read_only(trial: Trial, disk: Path) -> None:
    """Before a start: a disk with an open file, and a training always has one, cannot be turned read-only."""
    trial.kill(0.3)
    remount(disk, "ro,size=64m")
    with trial.training() as process:
        said = process.communicate()[0]
    trial.tried = 1
    trial.lost += process.returncode != 1 or "Traceback" in said or "Read-only file system" not in said
    remount(disk, "rw,size=64m")


def main(seed: int) -> None:
    console, rng = Console(), random.Random(seed)
    table = Table("fault", "tried", "survived", "lost", "same weights at the end")
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        whole = Trial(root / "whole", rng)
        whole.finish()

        def judge(kind: str, trial: Trial) -> None:
            nonlocal failed
            trial.finish()
            same = trial.place.weights.read_bytes() == whole.place.weights.read_bytes()
            failed |= not same or trial.lost > 0
            table.add_row(
                kind, str(trial.tried), str(trial.tried - trial.lost), str(trial.lost), "yes" if same else "NO"
            )
            console.print(f"{kind}: {trial.tried} tried, {trial.lost} lost", highlight=False)

        for kind, count in KILLS.items():
            trial = Trial(root / kind.replace(" ", "-"), rng)
            kills(trial, kind, count)
            judge(kind, trial)
        for kind, count in SPOILS.items():
            trial = Trial(root / kind.replace(" ", "-"), rng)
            spoils(trial, kind, count)
            judge(kind, trial)
        for kind, happens in {"a full disk": full_disk, "a read-only disk": read_only}.items():
            disk = root / kind.replace(" ", "-")
            try:
                mount(disk, "64m")
            except (OSError, subprocess.CalledProcessError):
                table.add_row(kind, "0", "-", "-", "not tried: a tmpfs needs root")
                continue
            try:
                trial = Trial(disk, rng)
                happens(trial, disk)
                judge(kind, trial)
            finally:
                subprocess.run(["umount", disk], check=False)
    console.print(table)
    sys.exit(failed)


if __name__ == "__main__":
    main(int(os.environ.get("SEED", "1")))
