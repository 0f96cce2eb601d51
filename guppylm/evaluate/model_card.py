"""README.md of a run folder: what the model is, how it came about, what it can do and what not.

The lines between the dashes are the metadata of the Hugging Face Hub (https://huggingface.co/docs/hub/model-cards).
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from guppylm import files, markdown
from guppylm.config import TrainConfig
from guppylm.persona import schema
from guppylm.run import Run, settings, training_data


def write(place: Run) -> None:
    """Raises RunError when the run has no report card yet."""
    files.write_bytes(place.card, text(place).encode())


def text(place: Run) -> str:
    """The card, as Markdown."""
    persona, report, history = schema.head(place.persona), files.read_json(place.report), files.read_json(place.history)
    reply, config = report["model"], settings(place)
    metadata = {
        **markdown.licence(persona.license),
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["guppylm"],
    }
    return f"""{markdown.front_matter(metadata)}# {markdown.plain(persona.name)}

{markdown.plain(persona.about[:1].upper() + persona.about[1:])}

A transformer of {report["parameters"]:,} parameters that speaks as this character and knows nothing else. It has
never seen a text from the world: all that it learned from was made from its persona's text files (`persona/` in a run).

## What it can do
{report["judged"]:,} prompts whose templates it was never trained on, answered greedily. Looking up the most similar
known prompt is on topic in {report["nearest_neighbour"]["on_topic"]:.1%} of them.

| | |
| --- | --- |
| held-out loss | {report["loss"]:.3f} nats a token, {report["bits_per_byte"]:.3f} bits a byte |
| on topic | {reply["on_topic"]:.1%} |
| on the very matter | {reply["on_exchange"]:.1%} |
{_understood(report)}| well formed | {reply["well_formed"]:.1%} |
| came to an end | {reply["ended"]:.1%} |
| lowercase | {reply["lowercase"]:.1%} |
| with a fault of language | {reply["faulty"]:.1%} |
{_harder(report)}
## What it cannot do
- It answers one message at a time and remembers nothing.
- It knows no facts. What it says about the world is what the character would say.
- It reads English. Other languages are noise to it.
- Prompts unlike all it was trained on get a reply that sounds right and is beside the point. Least understood here:
  {_least(report)}.

## How it was made
`guppylm train` {history["guppylm"]}, Python {history["python"]}, {history["machine"]}; seed {config.seed}.
The same version on the same machine makes the same weights from these texts and settings.

| | |
| --- | --- |
| settings other than the default | {_changed(config)} |
| texts | sha256 {history["persona"]} |
{_hashes(place, config)}"""


def _understood(report: dict[str, Any]) -> str:
    if not (found := report.get("understood")):
        return ""
    return f"| thought of the right topic, and exchange | {found['topic']:.1%}, {found['exchange']:.1%} |\n"


def _harder(report: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {row['on_topic']:.1%} | {row['well_formed']:.1%} | "
        f"{'' if row['repeated'] is None else format(row['repeated'], '.1%')} |"
        for name, row in report["harder"].items()
    ]
    return "\n".join(
        ["", "| harder | on topic | well formed | word repeated |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _least(report: dict[str, Any]) -> str:
    return ", ".join(f"{markdown.plain(topic)} ({share:.0%})" for topic, share in list(report["topics"].items())[:5])


def _changed(config: TrainConfig) -> str:
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }
    return ", ".join(f"{name} {value}" for name, value in changed.items()) or "none"


def _hashes(place: Run, config: TrainConfig) -> str:
    made = [*training_data(place, config), place.eval_data, place.tokenizer, place.weights]
    return (
        "\n".join(f"| {file.relative_to(place.folder).as_posix()} | sha256 {_sha256(file)} |" for file in made) + "\n"
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
