"""The two folders that are uploaded, exactly as they will stand on the hub.

model/    what transformers reads, persona/ and run.json (so that it is a run folder), onnx/, gguf/, README.md
dataset/  train.jsonl, test.jsonl: {"input", "output", "category"}; README.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from guppylm import files, run
from guppylm.errors import GuppyError, MissingExtra, RunError
from guppylm.export import formats, to_gguf
from guppylm.export.parity import Parity
from guppylm.hub import dataset_page, model_page
from guppylm.persona import generate
from guppylm.run import Run

MODEL, DATASET = "model", "dataset"
EXPORTS = {"hf": "", "onnx-8bit": "onnx", "gguf": "gguf"}  # an export's format -> its folder in model/
MAIN_FILE = {"hf": "model.safetensors", "onnx-8bit": "onnx/model.onnx", "gguf": f"gguf/{to_gguf.FILE}"}


def write(
    place: Run,
    folder: Path,
    *,
    model_repo: str | None = None,
    dataset_repo: str | None = None,
    check: bool = True,
) -> None:
    """Make both folders in an empty or new one. Raises GuppyError, RunError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GuppyError(f"{folder} is not empty; choose another folder with -o")
    if not place.report.exists():
        raise RunError(
            f"{place.folder}: no report card, and the cards need one; make it with  guppylm eval {place.folder}"
        )
    lines = write_dataset(place, folder / DATASET)
    page = dataset_page.text(place, model_repo, dataset_repo, lines)
    files.write_bytes(folder / DATASET / "README.md", page.encode())

    engines = write_model(place, folder / MODEL, check)
    page = model_page.text(place, model_repo, dataset_repo, engines)
    files.write_bytes(folder / MODEL / "README.md", page.encode())


def write_dataset(place: Run, folder: Path) -> dict[str, int]:
    """The first drawing of the training conversations, and the held-out ones; how many of each."""
    lines = {}
    for split, source in (("train", place.train_data()), ("test", place.eval_data)):
        file = folder / dataset_page.SPLITS[split]
        files.write_chunks(file, _published(source))
        lines[split] = file.read_bytes().count(b"\n")
    return lines


def _published(source: Path) -> Iterator[bytes]:
    for one in generate.read(source):
        row = {"input": one.input, "output": one.output, "category": one.category}
        yield (json.dumps(row, ensure_ascii=False) + "\n").encode()


def write_model(place: Run, folder: Path, check: bool) -> dict[str, Parity | None]:
    """The model for three engines, and the texts it comes from; how far each engine agrees with PyTorch."""
    engines = {MAIN_FILE[name]: _export(place, folder / inside, name, check) for name, inside in EXPORTS.items()}
    for file in run.texts(place.persona):
        files.write_bytes(folder / "persona" / file.relative_to(place.persona), file.read_bytes())
    for file in (place.history, place.report):
        files.write_bytes(folder / file.name, file.read_bytes())
    return engines


def _export(place: Run, folder: Path, name: str, check: bool) -> Parity | None:
    """Compared with PyTorch where the engine is installed; the card says whether it was."""
    try:
        return formats.export(place, folder, name, check=check)
    except MissingExtra:
        return formats.export(place, folder, name, check=False)
