"""README.md of the model repository: metadata, report card, files and engines, how it came about, what it cannot do.

The metadata's keys: https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from guppylm import __version__, files, markdown
from guppylm.config import PRESETS, TrainConfig
from guppylm.export.parity import Parity
from guppylm.persona import schema
from guppylm.run import Run, settings

# a figure's name in the report card -> what it is called on the page, and in the metadata
FIGURES = {
    "on_topic": "on topic",
    "on_exchange": "on the very matter",
    "well_formed": "well formed",
    "ended": "came to an end",
    "lowercase": "lowercase",
    "faulty": "with a fault of language",
}


def text(place: Run, model_repo: str | None, dataset_repo: str | None, engines: Mapping[str, Parity | None]) -> str:
    """The page, as Markdown. Raises RunError when the run has no report card."""
    introduced, report = schema.head(place.persona), files.read_json(place.report)
    name, repo = markdown.plain(introduced.name), model_repo or "OWNER/NAME"
    data = (
        f"\nThe conversations: [{dataset_repo}](https://huggingface.co/datasets/{dataset_repo})."
        if dataset_repo
        else ""
    )
    return f"""{markdown.front_matter(metadata(place, dataset_repo))}# {name}

About this character: {markdown.plain(introduced.about)}

A transformer of {report["parameters"]:,} parameters that speaks as this character and knows nothing else. It has
never seen a text from the world: all that it learned from was made from the text files that lie here as `persona/`.
{data}

## Talk to it
```
guppylm download {repo}
guppylm chat --model {repo.split("/")[-1]}
```
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = (kind.from_pretrained("{repo}") for kind in (AutoModelForCausalLM, AutoTokenizer))
asked = tokenizer.apply_chat_template(
    [{{"role": "user", "content": "hello"}}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
reply = model.generate(**asked)[0, asked["input_ids"].shape[1] :]
print(tokenizer.decode(reply, skip_special_tokens=True))
```

## What lies here
{_engines(engines)}

Greedy replies to held-out messages, compared with PyTorch's when this folder was written.

## What it can do
{report["judged"]:,} prompts whose templates it was never trained on, answered greedily, and judged against the
character's own texts. "Nearest neighbour" answers with the reply to the most similar known prompt.

{_report(report)}
{_understood(report)}
Held-out loss: {report["loss"]:.3f} nats a token, {report["bits_per_byte"]:.3f} bits a byte.

{_harder(report)}

## What it cannot do
- It answers one message at a time and remembers nothing.
- It knows no facts. What it says about the world is what the character would say.
- It reads English. Other languages are noise to it.
- Prompts unlike all it was trained on get a reply that sounds right and is beside the point. Least understood here:
  {", ".join(f"{markdown.plain(topic)} ({share:.0%})" for topic, share in list(report["topics"].items())[:5])}.

## How it was made
{origin(place)}
"""


def metadata(place: Run, dataset_repo: str | None) -> dict[str, object]:
    """What the hub reads, with the report card in the form of a model index."""
    introduced, report = schema.head(place.persona), files.read_json(place.report)
    measured = [{"type": key, "name": told, "value": round(report["model"][key], 4)} for key, told in FIGURES.items()]
    measured += [
        {"type": "loss", "name": "held-out loss, nats a token", "value": round(report["loss"], 4)},
        {"type": "bits_per_byte", "name": "bits a byte", "value": round(report["bits_per_byte"], 4)},
    ]
    result = {
        "task": {"type": "text-generation", "name": "one reply to one message"},
        "dataset": {
            "type": dataset_repo or "guppylm",
            "name": "conversations from held-out templates",
            "split": "test",
        },
        "metrics": measured,
    }
    return {
        **markdown.licence(introduced.license),
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["guppylm", "gpt2", "character", "conversational"],
        **({"datasets": [dataset_repo]} if dataset_repo else {}),
        "model-index": [{"name": markdown.line(introduced.name), "results": [result]}],
    }


def origin(place: Run) -> str:
    """How the run came about, in a table: enough to make it again."""
    history, config = files.read_json(place.history), settings(place)
    preset, turned = nearest_preset(config)
    made = " ".join(str(history.get(key, "?")) for key in ("guppylm", "python", "machine"))
    rows = {
        "made with": f"`guppylm train --preset {preset}`",
        "knobs turned by hand": ", ".join(f"`{name}={value}`" for name, value in turned.items()) or "none",
        "seed": str(config.seed),
        "guppylm, Python, machine": markdown.plain(made),
        "folder written by guppylm": markdown.plain(__version__),
        "the character's texts": f"sha256 `{markdown.line(str(history.get('persona')))}`",
    }
    return f"{markdown.table(('', ''), rows.items())}\n\nThe same version on the same machine makes the same weights."


def nearest_preset(config: TrainConfig) -> tuple[str, dict[str, object]]:
    """The preset that explains a run's settings with the fewest knobs turned by hand, and these.

    >>> nearest_preset(TrainConfig(steps=200, batch=8, conversations=16_000, held_out=1_000, warm_up=20))
    ('quick', {'batch': 8})
    """
    mine = {name: value for name, value in dataclasses.asdict(config).items() if name != "seed"}
    turned = {}
    for preset, values in PRESETS.items():
        theirs = dataclasses.asdict(TrainConfig(**values))
        turned[preset] = {name: value for name, value in mine.items() if value != theirs[name]}
    nearest = min(turned, key=lambda preset: len(turned[preset]))
    return nearest, turned[nearest]


def _engines(engines: Mapping[str, Parity | None]) -> str:
    rows = [
        (f"`{file}`", f"{found.identical} of {found.prompts} the same" if found else "not compared here")
        for file, found in engines.items()
    ]
    return markdown.table(("file", "replies"), rows)


def _report(report: dict[str, Any]) -> str:
    rows = [
        (told, *(f"{report[one][key]:.1%}" for one in ("model", "nearest_neighbour", "n_gram")))
        for key, told in FIGURES.items()
    ]
    return markdown.table(("", "this model", "nearest neighbour", "n-gram"), rows)


def _understood(report: dict[str, Any]) -> str:
    if not (found := report.get("understood")):
        return ""
    told = f"the right topic in {found['topic']:.1%}, and of the right exchange in {found['exchange']:.1%}"
    return f"\nBefore a reply, the model names what it understood. It thought of {told}.\n"


def _harder(report: dict[str, Any]) -> str:
    rows = [
        (
            markdown.plain(name), f"{row['asked']:,}", f"{row['on_topic']:.1%}", f"{row['well_formed']:.1%}",
            "" if row["repeated"] is None else f"{row['repeated']:.1%}",
        )
        for name, row in report["harder"].items()
    ]  # fmt: skip
    return markdown.table(("harder questions", "asked", "on topic", "well formed", "word repeated"), rows)
