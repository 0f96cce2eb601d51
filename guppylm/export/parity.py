"""Does another engine say what PyTorch says? No model that disagrees is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat
from guppylm import generate as naive
from guppylm.errors import GuppyError
from guppylm.model import Transformer
from guppylm.sample import Array

Logits = Callable[[list[int]], Array]  # a prompt's ids -> scores of the next token (V,)
Greedy = Callable[[list[int]], list[int]]  # a prompt's ids -> the likeliest reply's


@dataclass(frozen=True)
class Parity:
    """How far an engine agrees with PyTorch."""

    prompts: int
    identical: int
    """Greedy replies that are the same to the last token."""
    largest: float
    """Largest difference of a logit behind a prompt."""
    megabytes: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def show(self, console: Console) -> None:
        console.print(
            f"{self.identical} of {self.prompts} greedy replies as PyTorch gives them, "
            f"logits within {self.largest:.2g}, {self.megabytes:.1f} MB",
            highlight=False,
        )

    def require(self, share: float, difference: float) -> None:
        """Raises GuppyError if fewer replies are identical, or a logit is further off."""
        if self.identical < share * self.prompts or self.largest > difference:
            raise GuppyError(
                f"the exported model disagrees with PyTorch: {self.identical} of {self.prompts} replies are the same "
                f"(at least {share:.0%} must be), logits are off by {self.largest:.2g} (at most {difference:g}); "
                "nothing was written"
            )


def measure(
    model: Transformer, tokenizer: Tokenizer, messages: list[str], logits: Logits, greedy: Greedy, megabytes: float
) -> Parity:
    """Compare the engine behind `logits` and `greedy` with the model, on these messages."""
    end, forbidden = chat.special_ids(tokenizer)
    prompts = [chat.encode_prompt(tokenizer, message, model.config.context) for message in messages]
    expected = naive.greedy_replies(model, prompts, end, forbidden, longest=model.config.context)
    largest = 0.0
    for prompt in prompts:
        with torch.inference_mode():
            ours = model(torch.tensor([prompt]))[0, -1]
        largest = max(largest, float((torch.from_numpy(logits(prompt)) - ours).abs().max()))
    identical = sum(greedy(prompt) == ids for prompt, (ids, _) in zip(prompts, expected, strict=True))
    return Parity(len(prompts), identical, largest, megabytes)
