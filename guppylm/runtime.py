"""Chat without PyTorch: ONNX Runtime, with a cache of what it has read, on one thread.

    from guppylm import runtime

    fish = runtime.load()
    fish.reply("do you like bubbles")
    for piece in fish.stream("do you like bubbles", Sampling(temperature=1, seed=7)):
        print(piece, end="")

The folder comes from `guppylm export RUN --to onnx` or `onnx-8bit`; without one, the character that came with the
package speaks. The same seed and settings give the reply that PyTorch gives; from 8 bits nearly always.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from guppylm import chat
from guppylm.errors import RunError
from guppylm.sample import Sampling, draw, probabilities
from guppylm.tokenizer import fast

MODEL = "model.onnx"
SHIPPED = Path(__file__).parent / "guppy"
DEFAULT = Sampling()


class Character:
    """A trained character. Several threads may talk to it at once: every reply has a cache of its own."""

    def __init__(self, session: onnxruntime.InferenceSession, tokenizer: Tokenizer, about: dict[str, Any]) -> None:
        self.name: str = about["name"]
        self.prompts: list[str] = about["prompts"]
        self.context: int = about["context"]
        self.tokenizer = tokenizer
        self._session = session
        self._outputs = [out.name for out in session.get_outputs() if out.name not in ("attention", "stream", "lens")]
        cached = [given for given in session.get_inputs() if given.name.startswith("past")]
        self._nothing = {given.name: np.zeros([0 if axis == "past" else axis for axis in given.shape], np.float32)
                         for given in cached}  # fmt: skip

    def reply(self, message: str, settings: Sampling = DEFAULT) -> str:
        """The whole reply to one message."""
        return "".join(self.stream(message, settings))

    def stream(self, message: str, settings: Sampling = DEFAULT) -> Iterator[str]:
        """The reply as pieces of text, each as soon as its characters are whole. Of a message that is too long, the
        last part is read."""
        ids = chat.encode_prompt(self.tokenizer, message, self.context)
        return chat.pieces(self.tokenizer, self.generate(ids, settings))

    def generate(self, ids: list[int], settings: Sampling = DEFAULT) -> Iterator[int]:
        """Token ids of a reply to the prompt `ids`, one at a time, until it ends or the context is full."""
        end, forbidden = chat.special_ids(self.tokenizer)
        rng, new, cache, length = settings.generator(), ids, self._nothing, len(ids)
        while length < self.context:
            logits, cache = self.logits(new, cache)
            logits[forbidden] = -np.inf
            token = draw(probabilities(logits, settings), rng)
            if token == end:
                return
            yield token
            new, length = [token], length + 1

    def works(self) -> bool:
        """Does it give numbers at the end of a whole context?"""
        return bool(np.isfinite(self.logits([0] * self.context)[0]).all())

    def logits(
        self, new: list[int], cache: dict[str, NDArray[np.float32]] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Scores of the token after `new` (V,), and the cache with which the next call needs only what is new then."""
        before = self._nothing if cache is None else cache
        feed = {"input_ids": np.array([new]), "look": np.array(False), **before}
        logits, *present = self._session.run(self._outputs, feed)
        return logits[0], dict(zip(before, present, strict=True))


def load(folder: str | Path = SHIPPED, threads: int = 1) -> Character:
    """The character in an exported folder. Raises RunError with what is wrong and where."""
    file = Path(folder) / MODEL
    if not file.exists():
        raise RunError(f"{file}: not found; make it with  guppylm export RUN --to onnx")
    wishes = onnxruntime.SessionOptions()
    wishes.intra_op_num_threads = wishes.inter_op_num_threads = threads
    wishes.log_severity_level = 4  # what goes wrong is said by the exception
    try:
        # as bytes: a file that names other files for its weights is refused
        session = onnxruntime.InferenceSession(file.read_bytes(), wishes, providers=["CPUExecutionProvider"])
        about = json.loads(session.get_modelmeta().custom_metadata_map["guppylm"])
        character = Character(session, fast.load(file.with_name("tokenizer.json")), about)
        entries, expected = character.tokenizer.get_vocab_size(), session.get_outputs()[0].shape[-1]
        if entries != expected:
            raise RunError(
                f"{file}: the model has {expected:,} tokens, and tokenizer.json beside it {entries:,}; "
                "export both again"
            )
        if not character.works():
            raise RunError(f"{file}: the model gives no numbers; it is broken, export it again")
    except RunError:
        raise
    except Exception as error:  # the library has an error class for every cause, and most are private
        raise RunError(f"{file}: not a model that guppylm has exported ({error}); export it again") from None
    return character
