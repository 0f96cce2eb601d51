"""Messages in other people's words: what is swapped, how often, and that the hold-out knows about it."""

import random
from collections import Counter
from pathlib import Path

import pytest
from conftest import write_persona

from guppylm.errors import PersonaError
from guppylm.persona import schema
from guppylm.persona.match import Index
from guppylm.persona.split import split
from guppylm.persona.synonyms import Synonyms
from guppylm.persona.template import Word, fill, parse

LISTS = {"food": [Word("moth"), Word("vole")]}


def said(template: str, others: dict[str, list[str]], draws: int = 400) -> Counter[str]:
    nodes, rng = Synonyms(others).spread(parse(template)), random.Random(1)
    return Counter(fill(nodes, LISTS, {}, rng) for _ in range(draws))


def test_a_word_stays_four_times_in_five() -> None:
    texts = said("a tasty meal", {"tasty": ["yummy", "appetising"]}, 4_000)
    assert set(texts) == {"a tasty meal", "a yummy meal", "an appetising meal"}
    assert texts["a tasty meal"] / 4_000 == pytest.approx(0.8, abs=0.03)
    assert texts["a yummy meal"] / texts["an appetising meal"] == pytest.approx(1, abs=0.2)


def test_the_longest_phrase_wins_and_words_inside_alternatives_count() -> None:
    others = {"all day": ["all day long"], "day": ["week"], "hungry": ["peckish"]}
    assert set(said("{are you hungry|tired} all day", others)) == {
        f"{state} {time}"
        for state in ("are you hungry", "are you peckish", "tired")
        for time in ("all day", "all day long")
    }
    assert set(said("one day, all, day", {"all day": ["never"], "day": ["week"]})) == {
        f"one {one}, all, {two}" for one in ("day", "week") for two in ("day", "week")
    }


def test_half_words_and_what_is_named_stay() -> None:
    """ "{food}s" ends in half a word, and the word in a slot may be repeated by the reply."""
    assert set(said("{food}s {over|under}night moth", {"s": ["x"], "night": ["day"], "moth": ["fly"]})) == {
        f"{food}s {place}night {moth}"
        for food in ("moth", "vole")
        for place in ("over", "under")
        for moth in ("moth", "fly")
    }


def test_whatever_is_said_is_found_again() -> None:
    nodes = Synonyms({"do you like": ["are you into"], "tasty": ["an appetising"]}).spread(
        parse("do you like {tasty|old} {food} [tasty]")
    )
    index = Index([("likes", nodes, LISTS), ("other", parse("do you like me"), {})])
    for seed in range(60):
        assert index.find(fill(nodes, LISTS, {}, random.Random(seed))) == ["likes"]
    assert index.find("are you into me") == []


def test_a_held_out_wording_in_other_words_is_a_leak(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    plainly = split(schema.load(folder), 1)
    (folder / "synonyms.toml").write_text('snack = ["nibble", "Bite"]\n', encoding="utf-8")
    parts = split(schema.load(folder), 1)
    assert plainly.leaks("do you need a snack") == parts.leaks("do you need a snack") == ["food/hungry"]
    assert not plainly.leaks("do you need a bite")
    assert parts.leaks("do you need a bite") == ["food/hungry"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('hungry = ["{food}"]', "synonyms.toml: 'synonyms.hungry.1'"),
        ("hungry = []", "synonyms.toml: 'synonyms.hungry' has too few entries"),
        ('hungry = "peckish"', "synonyms.toml: 'synonyms.hungry'"),
        ("hungry = [", "synonyms.toml: not TOML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "synonyms.toml").write_text(content, encoding="utf-8")
    with pytest.raises(PersonaError) as error:
        schema.load(folder)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)
