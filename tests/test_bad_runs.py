"""Run folders that are missing, broken, foreign or made otherwise: one line says which file and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import guppylm, quick
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch.amp import GradScaler

from guppylm import checkpoint, files, pipeline, run, weights
from guppylm.errors import RunError
from guppylm.optimizer import optimizers_for
from guppylm.run import Run
from guppylm.train import new_model

Damage = Callable[[Run], object]


@pytest.fixture
def copied(small_run: Run, tmp_path: Path) -> Run:
    """A copy of the small run that a test may break."""
    return Run(shutil.copytree(small_run.folder, tmp_path / "run"))


def cut(name: str, size: int) -> Damage:
    return lambda place: (place.folder / name).write_bytes((place.folder / name).read_bytes()[:size])


def fill(name: str, content: bytes) -> Damage:
    return lambda place: (place.folder / name).write_bytes(content)


def remove(name: str) -> Damage:
    return lambda place: (place.folder / name).unlink()


def configure(**changes: Any) -> Damage:
    return lambda place: files.write_json(place.config, files.read_json(place.config) | changes)


def reweigh(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Damage:
    return lambda place: save_file(change(load_file(place.weights)), place.weights)


def drop_last_token(place: Run) -> None:
    content = files.read_json(place.tokenizer)
    content["model"]["merges"].pop()
    vocabulary = content["model"]["vocab"]
    del vocabulary[max(vocabulary, key=vocabulary.get)]
    place.tokenizer.write_text(json.dumps(content), encoding="utf-8")


def open_run(place: Run) -> None:
    weights.read_tokenizer(place, weights.read_model(place).config)


def assert_one_line(caught: pytest.ExceptionInfo[RunError], *expected: str) -> None:
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert [part for part in expected if part not in message] == []


# what was done to the run -> what the message must hold: the file and the way out
BROKEN: dict[str, tuple[Damage, list[str]]] = {
    "no folder": (lambda place: shutil.rmtree(place.folder), ["run", "no such run folder", "guppylm train"]),
    "no weights": (remove("model.safetensors"), ["model.safetensors", "not found", "run it again"]),
    "cut weights": (cut("model.safetensors", 5_000), ["model.safetensors", "copy it anew or train again"]),
    "empty weights": (cut("model.safetensors", 0), ["model.safetensors", "copy it anew or train again"]),
    "weights of other names": (
        reweigh(lambda _: {"encoder.weight": torch.zeros(2, 2)}),
        ["model.safetensors", "'wte.weight' is missing", "another model's"],
    ),
    "weights of other shapes": (
        reweigh(lambda state: {name: torch.zeros(3, 5) for name in state}),
        ["model.safetensors", "(3, 5)", "two models"],
    ),
    "weights that are no numbers": (
        reweigh(lambda state: {name: weight * torch.nan for name, weight in state.items()}),
        ["model.safetensors", "not a number", "train again"],
    ),
    "fewer layers than the config says": (
        configure(n_layer=3),
        ["model.safetensors", "'h.2.ln_1.weight' is missing", "another model's"],
    ),
    "no config": (remove("config.json"), ["config.json", "not found", "guppylm train"]),
    "a config that is cut off": (cut("config.json", 50), ["config.json", "not JSON", "train again"]),
    "a config that is no text": (fill("config.json", b"\xff\xfe\0"), ["config.json", "not JSON", "train again"]),
    "a config without end": (fill("config.json", b"[" * 100_000), ["config.json", "not JSON", "train again"]),
    "a config that is a list": (fill("config.json", b"[]"), ["config.json", "not a JSON object"]),
    "an empty config": (fill("config.json", b"{}"), ["config.json", "'model_type' is missing", "another model's"]),
    "a config of another model": (configure(model_type="llama"), ["config.json", "not one of our models"]),
    "a config of another GPT-2": (configure(activation_function="gelu_new"), ["config.json", "not one of our models"]),
    "half a layer": (configure(n_layer=2.5), ["config.json", "n_layer", "whole number"]),
    "a tower without end": (configure(n_layer=10**9), ["config.json", "n_layer is 1,000,000,000"]),
    "a width in words": (configure(n_embd="wide"), ["config.json", "n_embd", "whole number"]),
    "heads that do not divide the width": (configure(n_head=5), ["config.json", "5 heads"]),
    "no tokenizer": (remove("tokenizer.json"), ["tokenizer.json", "copy the file anew"]),
    "a broken tokenizer": (cut("tokenizer.json", 999), ["tokenizer.json", "no usable tokenizer", "train again"]),
    "a tokenizer that is no text": (fill("tokenizer.json", b"\xff\xfe"), ["tokenizer.json", "train again"]),
    "a tokenizer without chat tokens": (
        lambda place: place.tokenizer.write_text(place.tokenizer.read_text("utf-8").replace("im_end", "stop"), "utf-8"),
        ["tokenizer.json", "<|im_end|>", "another model's"],
    ),
    "a smaller tokenizer": (drop_last_token, ["tokenizer.json", "419", "420", "two models"]),
}


@pytest.mark.parametrize(("damage", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_opening_a_broken_run(copied: Run, damage: Damage, expected: list[str]) -> None:
    damage(copied)
    with pytest.raises(RunError) as caught:
        open_run(copied)
    assert_one_line(caught, str(copied.folder), *expected)


def test_the_command_line_prints_that_line_and_nothing_else(tmp_path: Path) -> None:
    done = guppylm("chat", "--model", tmp_path / "nowhere", stdin="hi\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"guppylm: {tmp_path / 'nowhere'}: no such run folder; make one with")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_of_other_things_is_left_alone(persona_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("it was a dark night", encoding="utf-8")
    for restart in [], ["--restart"]:
        done = guppylm("train", persona_folder, "-o", tmp_path / "thesis", "--preset", "quick", *restart)
        assert done.returncode == 1
        assert done.stderr.endswith("thesis is not empty and is no run of ours; choose another folder with -o\n")
        assert [file.name for file in (tmp_path / "thesis").iterdir()] == ["chapter1.txt"]


def test_a_file_is_no_run_folder(persona_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError) as caught:
        run.begin(persona_folder, Run(tmp_path / "notes"), quick())
    assert_one_line(caught, "notes", "choose another folder with -o")
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "mine"


def test_a_run_made_with_other_settings_is_left_alone(copied: Run) -> None:
    before = copied.history.read_bytes()
    with pytest.raises(RunError) as caught:
        run.begin(copied.persona, copied, quick(steps="61"))
    assert_one_line(caught, str(copied.folder), "steps was 60, now 61", "choose another folder", "--restart")
    assert copied.history.read_bytes() == before


def test_a_run_of_other_texts_is_left_alone(copied: Run, persona_folder: Path) -> None:
    (persona_folder / "words.toml").write_text('tree = ["ash"]\nfood = ["moth", "worm"]', encoding="utf-8")
    with pytest.raises(RunError) as caught:
        run.begin(persona_folder, copied, quick())
    assert_one_line(caught, str(copied.folder), "text files have changed", "--restart")


@pytest.mark.parametrize("content", [b"{}", b'{"config": 5}', b'{"config":'], ids=["empty", "odd", "cut"])
def test_a_broken_history(copied: Run, content: bytes) -> None:
    copied.history.write_bytes(content)
    with pytest.raises(RunError) as caught:
        run.begin(copied.persona, copied, quick())
    assert_one_line(caught, str(copied.folder))


def test_restart_with_a_wrong_setting_throws_nothing_away(copied: Run, persona_folder: Path) -> None:
    done = guppylm("train", persona_folder, "-o", copied.folder, "--restart", "--set", "stesp=30")
    assert done.returncode == 1
    assert done.stderr.startswith("guppylm: no setting 'stesp'; there are seed, conversations")
    assert copied.weights.exists()


def test_restart_with_a_bad_character_throws_nothing_away(copied: Run, persona_folder: Path) -> None:
    (persona_folder / "persona.toml").unlink()
    done = guppylm("train", persona_folder, "-o", copied.folder, "--restart")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert copied.weights.exists()


def test_restart_throws_away_no_folder_of_another_program(persona_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "run.json").write_text('{"score": 1}', encoding="utf-8")
    (tmp_path / "game" / "level").touch()
    done = guppylm("train", persona_folder, "-o", tmp_path / "game", "--restart")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert sorted(file.name for file in (tmp_path / "game").iterdir()) == ["level", "run.json"]


def test_restart_does_not_throw_away_its_own_character(copied: Run) -> None:
    done = guppylm("train", copied.persona, "-o", copied.folder, "--restart")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert (copied.persona / "persona.toml").exists()


def test_a_run_inside_its_own_character_holds_only_the_character(persona_folder: Path) -> None:
    place = Run(persona_folder / "runs" / "owl")
    run.begin(persona_folder, place, quick())
    run.begin(persona_folder, place, quick())  # the run's own copy of the texts is no change to the character
    names = sorted(file.relative_to(place.persona).as_posix() for file in place.persona.rglob("*.toml"))
    assert names == ["persona.toml", "topics/food.toml", "topics/night.toml", "words.toml"]


def test_a_run_stopped_before_the_character_was_copied_gets_its_copy(copied: Run, persona_folder: Path) -> None:
    shutil.rmtree(copied.persona)
    run.begin(persona_folder, copied, quick())
    assert run.fingerprint(copied.persona) == run.fingerprint(persona_folder)


@pytest.mark.parametrize("name", ["data/train.jsonl", "data/eval.jsonl"])
@pytest.mark.parametrize("content", [b"", b'{"input": "hi', b"\xff\xff"], ids=["empty", "cut", "not text"])
def test_going_on_with_broken_conversations(copied: Run, name: str, content: bytes) -> None:
    fill(name, content)(copied)
    with pytest.raises(RunError) as caught:
        pipeline.whole_road(copied.persona, copied, quick(), Console(quiet=True))
    assert_one_line(caught, name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda name: cut(name, 1_000),
        lambda name: cut(name, 0),
        lambda name: fill(name, b"\x9c\x01garbage" * 1_000),
        lambda name: lambda place: shutil.copy(place.weights, place.folder / name),
    ],
    ids=["cut", "empty", "garbage", "other tensors"],
)
def test_going_on_from_broken_checkpoints(copied: Run, damage: Callable[[str], Damage]) -> None:
    """The last one, and the one before."""
    for name in ("checkpoint/last.safetensors", "checkpoint/before.safetensors"):
        damage(name)(copied)
    before = copied.checkpoint.read_bytes()
    with pytest.raises(RunError) as caught:
        pipeline.whole_road(copied.persona, copied, quick(), Console(quiet=True))
    assert_one_line(caught, str(copied.folder / "checkpoint"), "--restart to train from the start")
    assert copied.checkpoint.read_bytes() == before


def test_a_checkpoint_of_a_model_of_another_size(copied: Run) -> None:
    model = new_model(quick(width="64"), quick().vocabulary)
    with pytest.raises(RunError) as caught:
        checkpoint.read(copied.checkpoint, model, optimizers_for(model, quick()), GradScaler("cpu", enabled=False))
    assert_one_line(caught, str(copied.checkpoint), "no checkpoint of this run", "--restart")
