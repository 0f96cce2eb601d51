"""Does another engine say what PyTorch says? No model that disagrees is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from tokenizers import Tokenizer

from guppylm import cached, chat, weights
from guppylm.errors import GuppyError, RunError
from guppylm.model import Transformer
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.sample import Array
from guppylm.tokenizer import fast

PROMPTS = 200  # held-out messages on which the engines must agree


@dataclass(frozen=True)
class Source:
    """What is exported: a run, and its model and tokenizer in PyTorch."""

    place: Run
    model: Transformer
    tokenizer: Tokenizer

    @classmethod
    def read(cls, place: Run) -> Source:
        model = weights.read_model(place)
        return cls(place, model, weights.read_tokenizer(place, model.config))

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights, under model.py's names."""
        return {name: weight.numpy() for name, weight in self.model.state_dict().items()}

    def logits(self, ids: list[int]) -> Array:
        """PyTorch's scores of the token after `ids` (V,)."""
        with torch.inference_mode():
            found: Array = self.model(torch.tensor([ids]))[0, -1].numpy()
        return found

    def likeliest(self, ids: list[int], read: Callable[[list[int]], Array]) -> list[int]:
        """The greedy reply to the prompt `ids`, for an engine that has no such loop of its own.

        `read` takes the tokens that are new, keeps them in the engine's cache, and gives the scores of the next.
        """
        end, room = fast.special_id(self.tokenizer, fast.END), self.model.config.context - len(ids)
        token, reply = int(read(ids).argmax()), list[int]()
        while token != end and len(reply) < room:
            reply.append(token)
            token = int(read([token]).argmax())
        return reply


class Engine(NamedTuple):
    """Another program with the exported model in it."""

    logits: Callable[[list[int]], Array]  # a prompt's ids -> scores of the next token (V,)
    greedy: Callable[[list[int]], list[int]]  # a prompt's ids -> the likeliest reply's, without its end


@dataclass(frozen=True)
class Parity:
    """How far an engine agrees with PyTorch."""

    prompts: int
    identical: int  # greedy replies that are the same to the last token
    largest: float  # difference of a logit behind a prompt
    megabytes: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def show(self, console: Console) -> None:
        console.print(
            f"{self.identical} of {self.prompts} greedy replies as PyTorch gives them, "
            f"logits within {self.largest:.2g}, {self.megabytes:.1f} MB",
            highlight=False,
        )

    def require(self, same: float, within: float) -> None:
        """Raises GuppyError if a smaller share of the replies is identical, or a logit is further off."""
        if self.identical < same * self.prompts or not self.largest <= within:  # a logit may be no number
            raise GuppyError(
                f"the exported model disagrees with PyTorch: {self.identical} of {self.prompts} replies are the same "
                f"(at least {same:.0%} must be), logits are off by {self.largest:.2g} (at most {within:g}); "
                "nothing was written"
            )


def measure(source: Source, engine: Engine, megabytes: float) -> Parity:
    """Compare on held-out messages."""
    model, tokenizer = source.model, source.tokenizer
    if not source.place.eval_data.exists():
        raise RunError(f"{source.place.folder}: no held-out messages here to compare on; add --unchecked to do without")
    end, forbidden = chat.special_ids(tokenizer)
    messages = [one.input for one in islice(conversations.read(source.place.eval_data), PROMPTS)]
    prompts = [chat.encode_prompt(tokenizer, message, model.config.context) for message in messages]
    expected = cached.greedy_replies(model, prompts, end, forbidden, longest=model.config.context)
    largest = float(np.max([abs(engine.logits(prompt) - source.logits(prompt)).max() for prompt in prompts]))
    identical = sum(engine.greedy(prompt) == ids for prompt, (ids, _) in zip(prompts, expected, strict=True))
    return Parity(len(prompts), identical, largest, megabytes)
