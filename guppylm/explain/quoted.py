"""The package's own lines for each step on the road, so that the page shows what runs and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

from guppylm import chat, model, sample, train
from guppylm.tokenizer import reference

PACKAGE = Path(__file__).parent.parent

TOPICS: dict[str, list[Callable[..., Any]]] = {
    "tokens": [reference.train, reference.encode_word],
    "chat": [chat.segments, chat.encode_prompt],
    "embedding": [model.Transformer.hidden],
    "block": [model.Block.forward],
    "attention": [model.Attention.forward],
    "feed-forward": [model.FeedForward.forward],
    "head": [model.Transformer.logits, model.Transformer.forward],
    "sampling": [sample.probabilities, sample.draw],
    "loss": [train.token_losses, train.weigh],
    "update": [train.update],
}


def code() -> dict[str, list[dict[str, Any]]]:
    """`Code` of web/src/types.ts."""
    return {topic: [quote(function) for function in functions] for topic, functions in TOPICS.items()}


def quote(function: Callable[..., Any]) -> dict[str, Any]:
    """
    >>> quote(sample.draw)["source"].splitlines()[0]
    'def draw(shares: Array, rng: random.Random) -> int:'
    """
    bare = inspect.unwrap(function)
    file = Path(inspect.getfile(bare)).relative_to(PACKAGE.parent)
    lines, first = inspect.getsourcelines(bare)
    source = dedent("".join(lines)).rstrip("\n")
    return {"file": file.as_posix(), "line": first, "name": function.__qualname__, "source": source}
