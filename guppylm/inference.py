"""A trained fish in a Python program: messages in, a reply out, in the shape of a chat API.

fish = GuppyInference("runs/guppy/model.safetensors", "runs/guppy/tokenizer.json")
fish.chat_completion([{"role": "user", "content": "hi"}])["choices"][0]["message"]["content"]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guppylm import generate, original, precision, weights
from guppylm.errors import GuppyError, RunError
from guppylm.run import Run
from guppylm.sample import Sampling
from guppylm.tokenizer import fast


class GuppyInference:
    """Reads a run's model.safetensors, or a checkpoint of the original GuppyLM (.pt, .pth, .bin).

    `.model` maps ids (B, T) to logits (B, T, V); `.tokenizer` is a `tokenizers.Tokenizer`.
    Raises RunError when a file is missing, broken, or does not fit the other.
    """

    def __init__(self, checkpoint: str | Path, tokenizer: str | Path, device: str = "cpu") -> None:
        checkpoint = Path(checkpoint)
        if checkpoint.suffix == ".safetensors":
            model = weights.read_model(Run(checkpoint.parent))
        else:
            model = original.read_model(checkpoint)
        self.model = model.to(precision.choose_device(device)).eval()
        self.tokenizer = fast.load(Path(tokenizer))
        if self.tokenizer.get_vocab_size() != model.config.vocabulary:
            raise RunError(
                f"{tokenizer}: {self.tokenizer.get_vocab_size():,} entries, but the model has "
                f"{model.config.vocabulary:,}; they belong to two models"
            )

    def chat_completion(
        self,
        messages: Sequence[dict[str, str]],
        temperature: float = Sampling.temperature,
        top_k: int | None = Sampling.top_k,
        top_p: float = Sampling.top_p,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """Reply to the last message of role "user"; the model's memory is too short for the ones before."""
        asked = [message["content"] for message in messages if message.get("role") == "user"]
        if not asked:
            raise GuppyError('no message to reply to: give [{"role": "user", "content": "hi"}]')
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        text = generate.reply(self.model, self.tokenizer, asked[-1], sampling)
        message = {"role": "assistant", "content": text}
        return {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
