"""The ways to talk to a model: one message, a line each from standard input, or a conversation."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from rich.console import Console

from guppylm.errors import needs_torch
from guppylm.markdown import line
from guppylm.sample import Sampling

Speak = Callable[[str, Sampling], Iterator[str]]  # message, settings -> pieces of the reply
SILENCE = "(no words came; ask again, or with another temperature)"


def meet(folder: Path | None) -> tuple[str, list[str], Speak]:
    """A character's name, its example prompts, and the function that speaks for it."""
    from guppylm import runtime

    if folder is None:
        trained = Path("runs/guppy")
        folder = trained if (trained / "model.safetensors").exists() else runtime.SHIPPED
    if find_spec("torch") is None and (folder / "onnx" / runtime.MODEL).exists():
        folder = folder / "onnx"  # of a model that was downloaded
    if (folder / runtime.MODEL).exists():
        character = runtime.load(folder)
        return line(character.name), [line(prompt) for prompt in character.prompts], character.stream
    needs_torch()
    from guppylm import generate, weights
    from guppylm.persona import schema
    from guppylm.run import Run

    place = Run(folder)
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    head = schema.head(place.persona)
    prompts = [line(prompt) for prompt in head.prompts]
    return line(head.name), prompts, lambda message, how: generate.stream(model, tokenizer, message, how)


def answer(speak: Speak, message: str, sampling: Sampling) -> None:
    """Print one reply as it is made."""
    said = False
    for piece in speak(message, sampling):
        said = True
        print(piece, end="", flush=True)
    print("" if said else SILENCE, flush=True)


def lines(speak: Speak, sampling: Sampling) -> None:
    """Standard input, one message a line -> standard output, one reply a line."""
    for turn, raw in enumerate(sys.stdin.buffer):
        answer(speak, raw.decode("utf-8", errors="replace").rstrip("\r\n"), sampling.for_turn(turn))


def converse(speak: Speak, name: str, sampling: Sampling, console: Console) -> None:
    """Talk until the person leaves. Arrow keys bring earlier messages back."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # its import gives input() a history
    console.print(
        f"You are talking to {name}. It knows one message at a time. Leave with Ctrl-D.", style="dim", markup=False
    )
    for turn in count():
        try:
            message = input("you> ")
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if message.strip():
            print(f"{name}> ", end="", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                answer(speak, message, sampling.for_turn(turn))


def examples(speak: Speak, name: str, prompts: list[str], sampling: Sampling) -> None:
    for turn, prompt in enumerate(prompts):
        print(f"you> {prompt}")
        print(f"{name}> ", end="")
        answer(speak, prompt, sampling.for_turn(turn))
