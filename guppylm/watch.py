"""What can go wrong in an update: a loss that is no number, a loss that jumps, no memory left."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch
from tokenizers import Tokenizer

from guppylm import records
from guppylm.chat import Encoded
from guppylm.config import TrainConfig
from guppylm.errors import TrainError
from guppylm.run import Run

REMEMBERED = 20  # losses that say what is usual
JUMP, MARGIN = 2.0, 0.5  # times the usual loss, and nats more: the losses of small batches go up and down


class Watch:
    """Looks at the loss of every update. A bad one's conversations are written down, so that they can be read."""

    def __init__(self, place: Run, tokenizer: Tokenizer, line: records.ProgressLine) -> None:
        self._place, self._tokenizer, self._line = place, tokenizer, line
        before = [row["loss"] for row in records.read(place.metrics) if "loss" in row]
        self._recent = deque(before, maxlen=REMEMBERED)

    def look(self, step: int, loss: float, rows: list[Encoded]) -> None:
        """Raises TrainError if training cannot go on; only tells if the loss jumped, since it often comes back."""
        if not math.isfinite(loss):
            self._keep(step, loss, rows)
            raise TrainError(
                f"the loss is {loss} at step {step}: the best weights so far are kept, the batch is in "
                f"{self._place.bad_batches}; try a lower learning_rate, in a new folder"
            )
        usual = median(self._recent) if len(self._recent) == REMEMBERED else math.inf
        if loss > JUMP * usual + MARGIN:
            self._keep(step, loss, rows)
            self._line.say(
                f"step {step:,}: the loss jumped to {loss:.2f} from about {usual:.2f}; training goes on, "
                f"the batch is in {self._place.bad_batches}"
            )
            self._recent.clear()
        self._recent.append(loss)

    def _keep(self, step: int, loss: float, rows: list[Encoded]) -> None:
        texts = [self._tokenizer.decode(row.ids, skip_special_tokens=False) for row in rows]
        records.append(self._place.bad_batches, {"step": step, "loss": str(loss), "conversations": texts})


@contextmanager
def memory_advice(config: TrainConfig) -> Iterator[None]:
    """Turn 'out of memory', in any of its forms, into the knob to turn."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        said = ("out of memory", "can't allocate memory")
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not any(part in str(error) for part in said):
            raise
        knob = f"accumulate={2 * config.accumulate}" if config.accumulate < config.batch else "width=192"
        raise TrainError(
            f"out of memory with batches of {config.batch} in {config.accumulate} part(s): add --set {knob}, "
            "and -o with another folder"
        ) from None
