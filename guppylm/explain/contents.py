"""The page's JSON files that tell of a run: how it learned, and what it was made from. Shapes: web/src/types.ts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from guppylm import files, records
from guppylm.explain.provenance import exchanges
from guppylm.model import ModelConfig
from guppylm.persona import generate as conversations
from guppylm.persona.shapes import PersonaFile
from guppylm.run import Run


def write_json(file: Path, content: object) -> None:
    """Small, since it is sent over the net; half a surrogate pair becomes a question mark."""
    told = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    files.write_bytes(file, told.encode(errors="replace"))


def about(introduced: PersonaFile, config: ModelConfig, picture: bool, sizes: dict[str, int]) -> dict[str, Any]:
    """`About`, but for the version. `sizes`: bytes of each file, by its path in the page's folder."""
    return {
        "name": introduced.name,
        "about": introduced.about,
        "prompts": introduced.prompts,
        "colours": introduced.page.model_dump(exclude_none=True),
        "picture": picture,
        "shape": {
            "vocabulary": config.vocabulary,
            "context": config.context,
            "layers": config.layers,
            "width": config.width,
            "heads": config.heads,
            "feedForward": config.feed_forward,
        },
        "bytes": sizes,
    }


def growing(place: Run, models: list[dict[str, Any]]) -> dict[str, Any]:
    """`Growing`: what a run wrote down while it trained; empty lists where it wrote nothing."""
    loss = [
        {"step": row["step"], "heldOut": round(row["held_out_loss"], 4)}
        for row in records.read(place.metrics)
        if math.isfinite(row.get("held_out_loss", math.nan))
    ]
    samples: dict[int, list[dict[str, str]]] = {}
    for row in records.read(place.samples):
        samples.setdefault(row["step"], []).append({"input": row["input"], "output": row["output"]})
    return {
        "loss": loss,
        "samples": [{"step": step, "replies": replies} for step, replies in samples.items()],
        "models": models,
    }


def texts(place: Run) -> dict[str, Any]:
    """`Texts`: the exchanges of a run's own persona, and its training conversations, each once."""
    found = exchanges(place.persona)
    number = {f"{topic.topic}/{one.name}": at for at, (_, topic, one) in enumerate(found)}
    said: dict[tuple[str, str], int] = {}
    if place.train_data().exists():
        for one in conversations.read(place.train_data()):
            if one.exchange in number:
                said.setdefault((one.input, one.output), number[one.exchange])
    return {
        "exchanges": [
            {"topic": topic.topic, "name": one.name, "file": file, "say": len(one.say), "reply": one.reply}
            for file, topic, one in found
        ],
        "conversations": [[*pair, at] for pair, at in said.items()],
    }
