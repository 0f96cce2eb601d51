"""How to train: every knob with a line of text, and presets that set them all with one word."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from guppylm.errors import GuppyError
from guppylm.tokenizer.fast import VOCABULARY


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All that decides a run, besides the character. The checks raise GuppyError."""

    seed: int = 1
    """Start of every random number: data, hold-out, weights, order of batches, dropout."""
    conversations: int = 60_000
    """Conversations of a data set; the held-out ones are among them."""
    drawings: int = 4
    """How often the training conversations are drawn: every epoch has new ones, until the first come again."""
    held_out: int = 3_000
    """Conversations kept for measuring, from prompt templates that training never sees."""
    vocabulary: int = VOCABULARY
    """Entries of the tokenizer at most; fewer if the text has no more pairs that occur twice."""
    layers: int = 6
    """Blocks of the transformer."""
    width: int = 384
    """Width of the residual stream."""
    heads: int = 6
    """Attention heads a block."""
    feed_forward: int = 768
    """Width inside the feed-forward part."""
    dropout: float = 0.0
    """Share of numbers zeroed at random; it slowed learning down here (docs/log.md)."""
    word_dropout: float = 0.0
    """Share of a message's tokens that go missing while training; it slows short trainings down (docs/log.md)."""
    merge_dropout: float = 0.0
    """Share of a message's tokens that come in two halves while training: words are met in several spellings."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """Muon for the layers' matrices and AdamW for the rest, or AdamW for all."""
    steps: int = 1_400
    """Weight updates in all."""
    batch: int = 192
    """Conversations an update."""
    accumulate: int = 1
    """Parts that an update's batch is computed in: more parts, less memory, the same result (without dropout)."""
    sorted_together: int = 64
    """Batches that are sorted by length together: the more, the less padding; 1 is not sorted at all."""
    learning_rate: float = 4e-3
    """Highest learning rate of the layers' matrices (Muon), or of all weights (AdamW alone), after the warm-up."""
    embedding_learning_rate: float = 8e-3
    """The same for embeddings, norms and biases, beside Muon."""
    counted_embeddings: bool = True
    """Begin with token embeddings counted from the tokens' company, instead of random ones."""
    looking_back: bool = True
    """Begin with positions as waves, and with heads that look one, two, three places back, instead of random ones."""
    thoughts: bool = True
    """Before it speaks, the model names topic and exchange to itself, by tokens that are no text."""
    loss_on: Literal["reply", "all"] = "reply"
    """Which tokens the model is asked to guess: the reply's, or the message's too."""
    emphasis: float = 2.0
    """How much more the first token that is guessed counts in the loss; fades over the next few."""
    final_share: float = 0.02
    """Where the cosine ends, as a share of the highest learning rates."""
    shallow_layers: int = 2
    """So many layers learn at first, at a third of the price; the others join in later."""
    shallow_share: float = 0.98
    """The share of the updates that the first layers make alone; 0 trains all layers from the start."""
    warm_up: int = 40
    """Updates on the way up from zero."""
    weight_decay: float = 0.0
    """A pull towards zero, on matrices (with AdamW alone, on all weights); new conversations need none."""
    clip: float = 1.0
    """Largest length of the gradient; longer ones are cut to it."""
    evaluate_every: int = 100
    """Updates between two measurements on held-out conversations."""
    checkpoint_every: int = 100
    """Updates between two checkpoints."""
    device: Literal["cuda", "mps", "cpu"] | None = None
    """Where to train; None takes the first of them that is there."""
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    """Number format of the products; None takes bf16 or fp16 where the hardware multiplies them, else fp32."""

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "feed_forward", "steps", "batch", "accumulate", "evaluate_every",
                     "checkpoint_every", "held_out", "drawings", "sorted_together"):  # fmt: skip
            _check(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _check(self.width % self.heads == 0, "width", f"divisible by heads ({self.heads})", self.width)
        _check(self.conversations > self.held_out, "conversations", "more than held_out", self.conversations)
        _check(self.vocabulary >= 300, "vocabulary", "at least 300 (256 bytes come first)", self.vocabulary)
        _check(self.shallow_layers >= 1, "shallow_layers", "at least 1", self.shallow_layers)
        _check(0 <= self.shallow_share <= 1, "shallow_share", "from 0 to 1", self.shallow_share)
        for name in ("dropout", "word_dropout", "merge_dropout"):
            _check(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        for name in ("learning_rate", "embedding_learning_rate"):
            _check(0 < getattr(self, name) < 1, name, "between 0 and 1", getattr(self, name))
        _check(self.emphasis >= 0, "emphasis", "0 or more", self.emphasis)
        _check(self.warm_up >= 0, "warm_up", "0 or more", self.warm_up)
        _check(0 <= self.seed < 1 << 40, "seed", "from 0 to a trillion", self.seed)
        _check(0 <= self.final_share <= 1, "final_share", "from 0 to 1", self.final_share)
        _check(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        _check(self.clip > 0, "clip", "above 0", self.clip)
        for name, hint in typing.get_type_hints(type(self)).items():
            if choices := _choices(hint):
                _check(getattr(self, name) in choices, name, " or ".join(map(str, choices)), getattr(self, name))

    @property
    def training(self) -> int:
        """Training conversations in one drawing."""
        return self.conversations - self.held_out

    @property
    def drawings_used(self) -> int:
        """Drawings that the steps get to see."""
        steps_a_drawing = self.training // min(self.batch, self.training)
        return min(self.drawings, math.ceil(self.steps / steps_a_drawing))


def _check(fine: bool, name: str, wanted: str, got: object) -> None:
    if not fine:
        raise GuppyError(f"{name} must be {wanted}, not {got}")


def _choices(hint: Any) -> tuple[object, ...]:
    """The values that a Literal allows, with None if it is optional; none for other types.

    >>> _choices(Literal["a", "b"] | None), _choices(int)
    (('a', 'b', None), ())
    """
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(choice for part in typing.get_args(hint) for choice in (_choices(part) or (None,)))
    return ()


PRESETS: dict[str, dict[str, Any]] = {
    # A fish in under three minutes: hardly more conversations than it can read, and small batches, so many updates.
    "quick": {"steps": 200, "batch": 64, "conversations": 16_000, "held_out": 1_000, "warm_up": 20},
    "cpu": {},
    # The fish that is given away. So long, reciting comes by itself: more weight lies on its thoughts.
    "release": {"steps": 7_000, "drawings": 14, "word_dropout": 0.1, "emphasis": 6.0, "evaluate_every": 200},
    "gpu": {"batch": 256, "steps": 2_000, "shallow_share": 0.0},
    # As one would do it who has read about GPT-2 and no further; the yardstick of `guppylm bench train`, never tuned.
    "plain": {
        "steps": 10_000, "batch": 32, "sorted_together": 1, "loss_on": "all", "emphasis": 0.0,
        "dropout": 0.1, "optimizer": "adamw", "learning_rate": 3e-4, "final_share": 0.1, "warm_up": 200,
        "weight_decay": 0.1, "drawings": 1, "shallow_share": 0.0, "counted_embeddings": False,
        "looking_back": False, "thoughts": False, "precision": "fp32", "evaluate_every": 500, "checkpoint_every": 500,
    },
}  # fmt: skip


def configure(preset: str, overrides: dict[str, str]) -> TrainConfig:
    """A preset with some knobs turned by hand, given as text: {"steps": "300"}."""
    if preset not in PRESETS:
        raise GuppyError(f"no preset '{preset}'; there are {', '.join(PRESETS)}")
    hints = typing.get_type_hints(TrainConfig)
    known = {field.name: hints[field.name] for field in dataclasses.fields(TrainConfig)}
    values: dict[str, Any] = dict(PRESETS[preset])
    for name, text in overrides.items():
        if name not in known:
            raise GuppyError(f"no setting '{name}'; there are {', '.join(known)}")
        values[name] = _read(name, text, known[name])
    return TrainConfig(**values)


def _read(name: str, text: str, hint: Any) -> Any:
    if _choices(hint):
        return None if text.lower() == "none" else text
    if hint is bool:
        _check(text in ("true", "false"), name, "true or false", text)
        return text == "true"
    try:
        return hint(text)
    except ValueError:
        number = "a whole number" if hint is int else "a number"
        raise GuppyError(f"{name} must be {number}, not '{text}'") from None
