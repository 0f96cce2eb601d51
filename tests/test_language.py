"""Faults of language, and what is none."""

from pathlib import Path

import pytest
from conftest import write_persona

from guppylm.persona import language, schema


@pytest.mark.parametrize(
    "reply",
    [
        "beetles is nice.", "the moth are big.", "i has a wing.", "they was here.", "it are dark.", "the the oak.",
        "my the oak.", "i like {food}.", "ants has legs.", "an moth is an the bird.", "an oak oak is a tree.",
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, reply: str) -> None:
    spoken = language.Language(schema.load(write_persona(tmp_path / "owl")))
    assert spoken.fault(reply) is not None


@pytest.mark.parametrize(
    "reply",
    [
        "beetles are nice.", "the moth is big.", "a bag of beetles is nice.", "the moth and the oak are friends.",
        "the ant and i are well.", "cheese is good. ants are better.", "talking with you is nice.", "no, no, no.",
        "hoot hoot, who is it.", "one of the ants is asleep.", "the taste of ants was fine.",
        "so you are here, and they are too.",
    ],
)  # fmt: skip
def test_no_faults(tmp_path: Path, reply: str) -> None:
    spoken = language.Language(schema.load(write_persona(tmp_path / "owl")))
    assert spoken.fault(reply) is None
