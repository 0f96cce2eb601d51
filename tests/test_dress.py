"""How people type: what is put around a message, and the slips of their fingers."""

import random
from pathlib import Path
from statistics import mean

import pytest
from conftest import OWL, write_persona

from guppylm.errors import PersonaError
from guppylm.persona import dress, generate, schema
from guppylm.persona.match import plain
from guppylm.persona.nonsense import nonsense
from guppylm.persona.split import split

TALKATIVE = """
    asides = ["i just came home", "it is {tree} season", "{what a|such a} day"]
    joiners = [". ", " and "]
    [abbreviations]
    you = ["u"]
"""


@pytest.fixture
def talkative(tmp_path: Path) -> schema.Persona:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + TALKATIVE, encoding="utf-8")
    return schema.load(folder)


def test_slips_change_the_words_they_may_and_no_others(talkative: schema.Persona) -> None:
    text = "would you like some beetles for dinner tonight"
    assert dress.sloppy(text, talkative, set(), random.Random(1), slips=0) == text
    changed = []
    for seed in range(300):
        words = dress.sloppy(text, talkative, {"beetles"}, random.Random(seed), slips=0.3).split()
        assert "beetles" in words
        assert len(words) == len(text.split())
        changed.append(sum(a != b for a, b in zip(words, text.split(), strict=True)))
    assert 0.8 < mean(changed) < 2.2  # of eight words 0.3, less those too short to slip on
    assert any("u" in dress.sloppy(text, talkative, set(), random.Random(s), 1.0).split() for s in range(20))


def test_every_slip_is_one_slip() -> None:
    """Damerau's four kinds: at most one letter lost, one too many, two swapped, or one wrong."""
    rng = random.Random(2)
    for _ in range(500):
        slipped = dress.slip("hungry", rng)
        assert abs(len(slipped) - 6) <= 1
        letters = sorted("hungry")
        for letter in slipped:
            if letter in letters:
                letters.remove(letter)
        assert len(letters) <= 1
    assert dress.slip("hi", rng) == "hi"


def test_an_aside_or_another_message_stands_in_front_and_the_last_is_answered(talkative: schema.Persona) -> None:
    rng = random.Random(4)
    asides = {"i just came home", "what a day", "such a day"} | {
        f"it is {t} season" for t in ("oak", "birch", "old elm")
    }
    for _ in range(50):
        said = dress.remark("are you hungry", talkative, rng)
        assert said.endswith("are you hungry")
        first = said.removesuffix("are you hungry").removesuffix(". ").removesuffix(" and ")
        parts = [part for half in first.split(". ") for part in half.split(" and ")]
        assert parts
        assert set(parts) <= asides
    assert dress.join(["is it dark?", "are you hungry"], talkative, random.Random(1)) in (
        "is it dark. are you hungry",
        "is it dark and are you hungry",
    )


def test_training_is_rough_and_the_exam_is_not(talkative: schema.Persona) -> None:
    parts = split(talkative, 1)
    wordings = {
        plain(template.text)
        for exchange in talkative.exchanges
        for template in exchange.say
        if "{" not in template.text
    }
    trained = [chat.input for chat in generate.conversations(parts, "train", 2_000, seed=1)]
    exam = [chat.input for chat in generate.conversations(parts, "held_out", 300, seed=1)]
    marks = (". i", " and ", "season", "a day", "came home")
    assert 0.05 < mean(any(mark in text for mark in marks) for text in trained) < 0.3
    assert not any(mark in text for text in exam for mark in marks)
    known = set(" ".join(wordings).split())
    assert mean(word in known for text in exam for word in plain(text).split()) > mean(
        word in known for text in trained for word in plain(text).split()
    )


def test_a_character_without_asides_is_left_as_it_is(tmp_path: Path) -> None:
    persona = schema.load(write_persona(tmp_path / "owl"))
    chats = list(generate.conversations(split(persona, 1), "train", 500, seed=1))
    assert mean(". " in chat.input for chat in chats) < 0.01


def test_asides_need_joiners(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'asides = ["hm"]', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"persona\.toml: asides need joiners"):
        schema.load(folder)
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'joiners=[". "]\nasides=["a {tre}"]', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"asides 1 .* no word list called 'tre'; did you mean 'tree'"):
        schema.load(folder)


def test_nonsense_goes_to_the_exchange_that_is_for_it_and_never_into_the_exam(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    lost = """
        topic = "lost"
        [[exchange]]
        name = "what"
        nonsense = true
        say = ["hrmpf", "blah", "mumble", "uh uh uh", "bla bla", "mumble mumble"]
        reply = ["i did not hear that."]
    """
    (folder / "topics" / "lost.toml").write_text(lost, encoding="utf-8")
    parts = split(schema.load(folder), 1)
    trained = [c.input for c in generate.conversations(parts, "train", 1_000, seed=1) if c.category == "lost"]
    exam = [c.input for c in generate.conversations(parts, "held_out", 300, seed=1) if c.category == "lost"]
    said = ("hrmpf", "blah", "mumble", "uh", "bla")
    assert len(trained) > 500  # its odds are eight to one
    assert 0.6 < mean(not any(word in text for word in said) for text in trained) < 0.95
    assert exam
    assert all(any(word in text for word in said) for text in exam)
    assert not set(exam) & set(trained)


def test_nonsense_is_many_things_and_all_of_it_short() -> None:
    rng = random.Random(9)
    made = [nonsense(rng) for _ in range(2_000)]
    assert len(set(made)) > 1_500
    assert all(made)
    assert max(map(len, made)) < 80
    assert mean(text.isascii() for text in made) < 0.8
