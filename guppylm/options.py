"""What several commands share: their arguments, and what these become."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guppylm.errors import GuppyError

if TYPE_CHECKING:
    from guppylm.config import TrainConfig
    from guppylm.run import Run
    from guppylm.sample import Sampling

PersonaPath = Annotated[Path, typer.Argument(help="The character's folder.")]
RunPath = Annotated[Path, typer.Argument(help="The run folder.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The run folder to make; else runs/NAME.")]
Preset = Annotated[
    str,
    typer.Option(help="quick (a taste), cpu, release (hours), gpu, or plain (a plain recipe, to compare with; slow)."),
]
Knobs = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Turn one knob of the preset; may be repeated.")
]
Restart = Annotated[bool, typer.Option("--restart", help="Throw away what is in the run folder and begin anew.")]
Temperature = Annotated[float | None, typer.Option(help="How freely it speaks; 0 is greedy.")]
TopK = Annotated[int | None, typer.Option(help="Draw among this many likeliest tokens.")]
TopP = Annotated[float | None, typer.Option(help="Draw among the tokens that make up this share.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same replies.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def told(content: dict[str, Any], as_json: bool) -> bool:
    """Print it as one JSON object, if that was asked for."""
    if as_json:
        print(json.dumps(content, ensure_ascii=False))
    return as_json


def place(persona: Path, out: Path | None, restart: bool) -> Run:
    """The run folder to work in."""
    from guppylm import run
    from guppylm.persona import schema

    found = run.Run(out or Path("runs") / persona.resolve().name)
    if restart and leads():
        schema.load(persona)  # nothing is thrown away for a character that cannot be used
        if found.folder.resolve() in (persona.resolve(), *persona.resolve().parents):
            raise GuppyError(f"--restart would throw away {persona} too; choose another folder with -o")
        run.restart(found)
    return found


def leads() -> bool:
    """Of several processes that torchrun has started, one cleans up and prints."""
    return os.environ.get("RANK", "0") == "0"


def configure(preset: str, knobs: list[str] | None) -> TrainConfig:
    from guppylm import config

    for knob in knobs or []:
        if "=" not in knob:
            raise GuppyError(f"--set {knob}: write NAME=VALUE, like --set steps=300")
    return config.configure(preset, dict(knob.split("=", 1) for knob in knobs or []))


def sampling(temperature: float | None, top_k: int | None, top_p: float | None, seed: int | None) -> Sampling:
    """The settings that were given; the others are the defaults."""
    from guppylm.sample import Sampling

    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    return Sampling(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
