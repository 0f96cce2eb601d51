"""A run folder, which is a Hugging Face model folder: what stands in it, and how it comes about.

config.json  model.safetensors  tokenizer.json  tokenizer_config.json  generation_config.json
persona/  data/train*.jsonl  data/eval.jsonl        what it was made from
run.json  metrics.jsonl  samples.jsonl  report.json  README.md  loss.png  bad_batches.jsonl
checkpoint/last.safetensors, before.safetensors     to go on from
growing/step-310.safetensors ...                    the weights at three moments on the way
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from guppylm import __version__, files
from guppylm.config import TrainConfig
from guppylm.errors import GuppyError, RunError

PICTURE = "picture.svg"  # in a persona's folder, if it has one


@dataclass(frozen=True)
class Run:
    """The paths of a run folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @property
    def persona(self) -> Path:
        return self.folder / "persona"

    def train_data(self, drawing: int = 1) -> Path:
        return self.folder / "data" / (f"train-{drawing}.jsonl" if drawing > 1 else "train.jsonl")

    @property
    def all_train_data(self) -> list[Path]:
        """Every drawing that is there; the first one, even if it is not."""
        others = takewhile(Path.exists, map(self.train_data, count(2)))
        return [self.train_data(), *others]

    @property
    def eval_data(self) -> Path:
        return self.folder / "data" / "eval.jsonl"

    @property
    def history(self) -> Path:
        return self.folder / "run.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.jsonl"

    @property
    def report(self) -> Path:
        return self.folder / "report.json"

    @property
    def card(self) -> Path:
        return self.folder / "README.md"

    @property
    def bad_batches(self) -> Path:
        return self.folder / "bad_batches.jsonl"

    @property
    def curve(self) -> Path:
        return self.folder / "loss.png"

    def grown(self, step: int) -> Path:
        return self.folder / "growing" / f"step-{step}.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint" / "last.safetensors"


def settings(place: Run) -> TrainConfig:
    """How a run was trained. Raises RunError if its history does not say."""
    before = _recipe(place)
    if before is None:
        raise RunError(f"{place.folder}: no run here; train one with  guppylm train -o {place.folder}")
    try:
        return TrainConfig(**before["config"])
    except (TypeError, GuppyError) as error:
        raise RunError(f"{place.history}: not the settings of this guppylm ({error}); train again") from None


def training_data(place: Run, config: TrainConfig) -> list[Path]:
    """The drawings that training reads; a race may have left more of them in the folder."""
    return place.all_train_data[: config.drawings_used]


@contextmanager
def claim(persona_folder: Path, place: Run, config: TrainConfig) -> Iterator[None]:
    """Work in the folder, on this run, as nobody else does at the same time."""
    unfinished = {".lock", "run.json.part"}  # of a run that ended while it began
    folder = place.folder
    foreign = folder.exists() and not (folder.is_dir() and {file.name for file in folder.iterdir()} <= unfinished)
    if foreign and not place.history.exists():
        raise RunError(f"{folder} is not empty and is no run of ours; choose another folder with -o")
    _recipe(place)
    with alone(place):
        begin(persona_folder, place, config)
        yield


@contextmanager
def alone(place: Run) -> Iterator[None]:
    """The operating system forgets the lock when a process ends, however it ends."""
    lock = FileLock(place.folder / ".lock")
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"{place.folder}: another process works in this folder; wait for it, or choose another with -o"
        ) from None
    except OSError as error:
        raise RunError(f"{place.folder}: cannot be written ({error.strerror}); choose another folder with -o") from None
    try:
        yield
    finally:
        lock.release()


def begin(persona_folder: Path, place: Run, config: TrainConfig) -> None:
    """Write down how the run comes about; refuse to mix two different runs in one folder."""
    recipe: dict[str, Any] = {"persona": fingerprint(persona_folder), "config": dataclasses.asdict(config)}
    if before := _recipe(place):
        changed = [
            f"{name} was {before['config'].get(name)}, now {value}"
            for name, value in recipe["config"].items()
            if before["config"].get(name) != value
        ]
        if before.get("persona") != recipe["persona"]:
            changed.append("the persona's text files have changed")
        if changed:
            raise RunError(
                f"{place.folder} holds a run made otherwise ({'; '.join(changed[:3])}); "
                "choose another folder with -o, or add --restart to replace it"
            )
    else:
        files.write_json(
            place.history,
            {**recipe, "guppylm": __version__, "python": platform.python_version(), "machine": platform.machine()},
        )
    if fingerprint(place.persona) != recipe["persona"]:
        for file in texts(persona_folder):
            files.write_bytes(place.persona / file.relative_to(persona_folder), file.read_bytes())
    if (drawn := persona_folder / PICTURE).is_file():  # for the page; no text, so another one makes no other run
        files.write_bytes(place.persona / PICTURE, drawn.read_bytes())


def _recipe(place: Run) -> dict[str, Any] | None:
    """How the folder's run came about, if there is one. Raises RunError if its run.json is not one of ours."""
    if not place.history.exists():
        return None
    before = _history(place)
    if not isinstance(before.get("config"), dict):
        raise RunError(f"{place.history}: no settings in it; it is broken or not ours, choose another folder with -o")
    return before


def _history(place: Run) -> dict[str, Any]:
    try:
        return files.read_json(place.history)
    except RunError as error:
        raise RunError(f"{str(error).partition(';')[0]}; choose another folder with -o, or delete this one") from None


def restart(place: Run) -> None:
    """Empty a run folder, and only a run folder."""
    if not place.history.exists():
        return
    if "guppylm" not in _history(place):
        raise RunError(f"{place.history}: it is broken or not ours, choose another folder with -o")
    with alone(place):
        for file in place.folder.iterdir():
            if file.name not in (".lock", place.history.name):
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        place.history.unlink()  # last, since it says whose folder this is


def texts(persona_folder: Path) -> list[Path]:
    """A persona's own files; a run may lie in the same folder."""
    return sorted([*persona_folder.glob("*.toml"), *persona_folder.glob("topics/*.toml")])


def fingerprint(persona_folder: Path) -> str:
    """A hash over a persona's text files: the same texts, the same fingerprint."""
    digest = hashlib.sha256()
    for file in texts(persona_folder):
        digest.update(file.relative_to(persona_folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
