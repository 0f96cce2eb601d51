"""`GuppyInference`: our runs, and checkpoints of the original GuppyLM."""

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from guppylm import weights
from guppylm.errors import GuppyError, RunError
from guppylm.inference import GuppyInference
from guppylm.run import Run

HI = [{"role": "user", "content": "are you hungry"}]
ORIGINAL = {"max_seq_len": 128, "n_layers": 2, "d_model": 32, "n_heads": 2, "ffn_hidden": 64}
HUGGING_FACE = {
    "max_position_embeddings": 128,
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def said(fish: GuppyInference) -> str:
    text = fish.chat_completion(HI, temperature=0)["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


def original_checkpoint(run: Run, folder: Path, config: dict[str, int], wrap: bool) -> Path:
    """The run's weights as the original saves them: our names, the head written out, a torch file."""
    model = weights.read_model(run)
    state = {**model.state_dict(), "lm_head.weight": model.tok_emb.weight}
    torch.save({"model_state_dict": state, "step": 7} if wrap else state, folder / "best_model.pt")
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": model.config.vocabulary}))
    shutil.copy(run.tokenizer, folder)
    return folder / "best_model.pt"


def test_a_run_speaks_and_shows_its_model(small_run: Run) -> None:
    fish = GuppyInference(str(small_run.weights), str(small_run.tokenizer))
    completion = fish.chat_completion(HI, seed=1)
    assert completion["choices"][0]["message"]["role"] == "assistant"
    assert completion == fish.chat_completion([*HI, {"role": "assistant", "content": "x"}], seed=1)
    assert fish.model(torch.tensor([[1, 2, 3]])).shape == (1, 3, fish.tokenizer.get_vocab_size())
    with pytest.raises(GuppyError, match="no message"):
        fish.chat_completion([])


@pytest.mark.parametrize("config", [ORIGINAL, HUGGING_FACE], ids=["its own keys", "hugging face keys"])
@pytest.mark.parametrize("wrap", [False, True], ids=["bare", "under model_state_dict"])
def test_the_originals_checkpoints_are_read(small_run: Run, tmp_path: Path, config: dict[str, int], wrap: bool) -> None:
    file = original_checkpoint(small_run, tmp_path, config, wrap)
    assert said(GuppyInference(file, tmp_path / "tokenizer.json")) == said(
        GuppyInference(small_run.weights, small_run.tokenizer)
    )


class Payload:
    def __reduce__(self) -> Any:
        return os.mkdir, ("pwned",)


def test_nothing_is_ever_unpickled(small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = original_checkpoint(small_run, tmp_path, ORIGINAL, wrap=False)
    torch.save({"model_state_dict": Payload()}, file)
    with pytest.raises(RunError, match="not opened"):
        GuppyInference(file, tmp_path / "tokenizer.json")
    assert not (tmp_path / "pwned").exists()


def test_a_zip_bomb_is_not_unpacked(small_run: Run, tmp_path: Path) -> None:
    file = original_checkpoint(small_run, tmp_path, ORIGINAL, wrap=False)
    with zipfile.ZipFile(file) as whole:
        parts = {entry.filename: whole.read(entry) for entry in whole.infolist()}
    largest = max(parts, key=lambda name: len(parts[name]))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, content in parts.items():
            bomb.writestr(name, bytes(100_000_000) if name == largest else content)
    with pytest.raises(RunError, match="would unpack to more than it is"):
        GuppyInference(file, tmp_path / "tokenizer.json")


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "truncated", "no config", "other shape", "untied"])
def test_a_bad_checkpoint_is_one_clear_line(small_run: Run, tmp_path: Path, damage: str) -> None:
    file = original_checkpoint(small_run, tmp_path, ORIGINAL, wrap=False)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "no config":
        (tmp_path / "config.json").unlink()
    elif damage == "other shape":
        original_checkpoint(small_run, tmp_path, {**ORIGINAL, "ffn_hidden": 48}, wrap=False)
    elif damage == "untied":
        state = torch.load(file, weights_only=True)
        torch.save({**state, "lm_head.weight": state["lm_head.weight"] + 1}, file)
    else:
        file.write_bytes({"empty": b"", "garbage": b"\x80\x04blub", "truncated": content[: len(content) // 2]}[damage])
    with pytest.raises(RunError) as error:
        GuppyInference(file, tmp_path / "tokenizer.json")
    assert "\n" not in str(error.value)
