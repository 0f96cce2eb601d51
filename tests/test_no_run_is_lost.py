"""Spoiled checkpoints, losses that go wrong, no memory, two trainings in one folder."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import QUICK, guppylm, quick, write_persona
from rich.console import Console
from torch.amp import GradScaler

from guppylm import checkpoint, files, pipeline, records, train, watch
from guppylm.chat import Encoded
from guppylm.errors import RunError, TrainError
from guppylm.optimizer import optimizers_for
from guppylm.run import Run, alone
from guppylm.tokenizer import fast

QUIET = Console(quiet=True)


@pytest.fixture
def spoilable(small_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(small_run.folder, tmp_path / "run")
    return Run(tmp_path / "run")


def flip_a_bit(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place // 8] ^= 1 << place % 8
    file.write_bytes(content)


def read_into_a_new_model(file: Path) -> checkpoint.Progress:
    config = quick()
    model = train.new_model(config, config.vocabulary)
    return checkpoint.read(file, model, optimizers_for(model, config), GradScaler("cpu", enabled=False))


def test_no_bit_of_a_checkpoint_flips_unseen(spoilable: Run) -> None:
    """In the header, in the numbers, in the checksum itself: refused, or the file says exactly the same."""
    whole = spoilable.checkpoint.read_bytes()
    sound = checkpoint.Progress(**{**vars(read_into_a_new_model(spoilable.checkpoint))})
    rng, header = random.Random(5), 8 * (8 + int.from_bytes(whole[:8], "little"))
    places = [rng.randrange(header) for _ in range(60)] + [rng.randrange(header, 8 * len(whole)) for _ in range(60)]
    refused = 0
    for place in places:
        spoilable.checkpoint.write_bytes(whole)
        flip_a_bit(spoilable.checkpoint, place)
        try:
            assert read_into_a_new_model(spoilable.checkpoint) == sound
        except RunError:
            refused += 1
    assert refused >= 115  # a space of the header's padding may become a tab and mean the same


@pytest.mark.parametrize("spoil", ["a flipped bit", "cut off", "gone"])
def test_a_spoiled_checkpoint_costs_no_more_than_the_steps_since_the_one_before(
    spoil: str, small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persona, place = write_persona(tmp_path / "owl"), Run(tmp_path / "run")
    real, written = checkpoint.write, []

    def write_then_die(*args: Any) -> None:
        real(*args)
        written.append(args[4].step)
        if len(written) == 3:
            raise SystemExit("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write", write_then_die)
        with pytest.raises(SystemExit):
            pipeline.whole_road(persona, place, quick(), QUIET)
    last = place.checkpoint
    if spoil == "gone":
        last.unlink()
    else:
        flip_a_bit(last, 8 * last.stat().st_size - 9) if spoil == "a flipped bit" else last.write_bytes(b"short")
    console = Console(record=True, width=200, file=io.StringIO())
    assert pipeline.whole_road(persona, place, quick(), console)
    said = console.export_text()
    assert f"going on after step {written[1]}" in said
    assert ("trying the one before it" in said) == (spoil != "gone")
    assert place.weights.read_bytes() == small_run.weights.read_bytes()


def test_a_spoiled_checkpoint_never_pushes_out_the_sound_one(
    small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power goes while the first checkpoint after a recovery takes its place."""
    persona, place = write_persona(tmp_path / "owl"), Run(tmp_path / "run")
    shutil.copytree(small_run.folder, place.folder)
    flip_a_bit(place.checkpoint, 8 * place.checkpoint.stat().st_size - 9)
    config = quick()
    model = train.new_model(config, config.vocabulary)
    optimizers, scaler = optimizers_for(model, config), GradScaler("cpu", enabled=False)
    before = checkpoint.restore(place.checkpoint, model, optimizers, scaler, lambda _: None)
    assert not place.checkpoint.exists()
    assert before.step == 50

    def power_cut(*_: Any) -> None:
        raise SystemExit("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(files, "rename", power_cut)
        with pytest.raises(SystemExit):
            checkpoint.write(place.checkpoint, model, optimizers, scaler, checkpoint.Progress(55))
    again = checkpoint.restore(place.checkpoint, model, optimizers, scaler, lambda _: None)
    assert again.step == 55  # the fresh one had not taken its place yet, but it is whole
    checkpoint.fresh(place.checkpoint).unlink()
    assert checkpoint.restore(place.checkpoint, model, optimizers, scaler, lambda _: None).step == 50
    assert pipeline.whole_road(persona, place, config, QUIET)
    assert place.weights.read_bytes() == small_run.weights.read_bytes()


def test_when_both_checkpoints_are_spoiled_one_line_says_so(spoilable: Run, tmp_path: Path) -> None:
    for file in (spoilable.checkpoint, checkpoint.before(spoilable.checkpoint)):
        file.write_bytes(b"noise")
    with pytest.raises(RunError, match=r"before\.safetensors: cannot be read .*--restart"):
        pipeline.whole_road(write_persona(tmp_path / "owl"), spoilable, quick(), QUIET)


def test_weights_that_have_changed_on_the_disk_are_refused(spoilable: Run) -> None:
    flip_a_bit(spoilable.weights, 8 * spoilable.weights.stat().st_size - 30)
    done = guppylm("chat", "--model", spoilable.folder, "--prompt", "hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has changed since it was written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_two_trainings_in_one_folder_are_refused(spoilable: Run, tmp_path: Path) -> None:
    persona = write_persona(tmp_path / "owl")
    knobs = [part for name, value in QUICK.items() for part in ("--set", f"{name}={value}")]
    with alone(spoilable):
        for restart in [], ["--restart"]:
            done = guppylm("train", persona, "-o", spoilable.folder, "--preset", "quick", *knobs, *restart)
            assert done.returncode == 1
            assert "another process works in this folder" in done.stderr
            assert spoilable.weights.exists()
        with pytest.raises(RunError, match="another process works in this folder"):
            pipeline.whole_road(persona, spoilable, quick(), QUIET)
    assert pipeline.whole_road(persona, spoilable, quick(), QUIET)


def spoil_losses(monkeypatch: pytest.MonkeyPatch, at: int, value: float) -> None:
    real = train.update

    def spoiled(*args: Any) -> float:
        return value if args[4] == at else real(*args)

    monkeypatch.setattr(train, "update", spoiled)


def test_a_loss_that_is_no_number_ends_training_and_leaves_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_losses(monkeypatch, 24, float("nan"))
    place = Run(tmp_path / "run")
    with pytest.raises(TrainError, match="the loss is nan at step 25: the best weights so far are kept") as caught:
        pipeline.whole_road(write_persona(tmp_path / "owl"), place, quick(), QUIET)
    assert len(str(caught.value).splitlines()) == 1
    [bad] = records.read(place.bad_batches)
    assert bad["step"] == 25
    assert len(bad["conversations"]) == 16
    assert all("<|im_start|>user" in text for text in bad["conversations"])
    assert guppylm("chat", "--model", place.folder, "--prompt", "hi").returncode == 0


def test_a_loss_that_jumps_is_told_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_losses(monkeypatch, 24, 50.0)
    place = Run(tmp_path / "run")
    console = Console(record=True, width=200, file=io.StringIO())
    assert pipeline.whole_road(write_persona(tmp_path / "owl"), place, quick(), console)
    assert "step 25: the loss jumped to 50.00" in console.export_text()
    assert [bad["step"] for bad in records.read(place.bad_batches)] == [25]


def test_usual_losses_are_no_jump(small_run: Run, tmp_path: Path) -> None:
    place = Run(tmp_path)
    watcher = watch.Watch(place, fast.load(small_run.tokenizer), records.ProgressLine(QUIET, 1))
    rng = random.Random(1)
    for step in range(300):
        watcher.look(step, (8.0 * 0.98**step + 0.3) * rng.uniform(0.8, 1.25), [Encoded([1, 2], 1)])
    assert not place.bad_batches.exists()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
     RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate")],
)  # fmt: skip
def test_no_memory_names_the_knob(error: Exception) -> None:
    with pytest.raises(TrainError, match="accumulate=2"), watch.memory_advice(quick()):
        raise error
    for other in ("shapes do not fit", "CUDA error: an illegal memory access was encountered"):
        with pytest.raises(RuntimeError, match=other), watch.memory_advice(quick()):
            raise RuntimeError(other)
