"""A character's text files that cannot be used: one line says which file, which exchange, and what to do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import guppylm

from guppylm.errors import PersonaError
from guppylm.persona import schema, shapes

Damage = Callable[[Path], object]

FOOD, NIGHT = "topics/food.toml", "topics/night.toml"
NO_SAY = 'topic = "food"\n[[exchange]]\nname = "hungry"\nsay = []\nreply = ["yes."]'


def swap(file: str, old: str, new: str) -> Damage:
    """Replace a text that is there, wherever it stands."""

    def damage(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return damage


def fill(file: str, content: str | bytes) -> Damage:
    return lambda folder: (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)


def grow(file: str, size: int) -> Damage:
    """Make a file look large without writing it: the end is a hole."""

    def damage(folder: Path) -> None:
        with (folder / file).open("r+b") as out:
            out.truncate(size)

    return damage


# what was done to the owl -> what the message must hold: the file, the exchange if there is one, the way out
SPOILT: dict[str, tuple[Damage, list[str]]] = {
    "a slot without a list": (
        swap(FOOD, "shall i bring you {food}", "shall i bring you {fodo}"),
        ["food.toml", "exchange 'hungry'", "say 4", "did you mean 'food'?"],
    ),
    "a slot like no list at all": (
        swap(NIGHT, "how dark is your {tree}", "how dark is your {xyzzy}"),
        ["night.toml", "exchange 'dark'", "'xyzzy'", "add it to words.toml"],
    ),
    "a slot that counts past its list": (
        swap(NIGHT, "you look sleepy", "{tree}, {tree2}, {tree3} or {tree4}"),
        ["night.toml", "exchange 'sleep'", "list 'tree' has too few words"],
    ),
    "a reply that needs more words than its prompt leaves": (
        lambda folder: [
            swap(NIGHT, '"is it dark"', '"is it dark in the {tree} and the {tree2}"')(folder),
            swap(NIGHT, "dark is my best colour", "the {tree3} is darker than the {tree4}")(folder),
        ],
        ["night.toml", "exchange 'dark'", "list 'tree' has too few words"],
    ),
    "a word with a slot without a list": (
        swap(FOOD, "{huge|very big}", "{huge}"),
        ["food.toml", "word list 'size'", "no word list 'huge'"],
    ),
    "a common word with a slot without a list": (
        swap("words.toml", "oak", "{wood}"),
        ["words.toml", "word list 'tree'", "no word list 'wood'"],
    ),
    "words that lead back to themselves": (
        swap(FOOD, '["small"', '["{big}"]\nbig = ["{size}"'),
        ["food.toml", "size -> big -> size", "take one of the slots out"],
    ),
    "common words that lead back to themselves": (
        swap("words.toml", '["oak"', '["{wood}"]\nwood = ["{tree}"'),
        ["words.toml", "tree -> wood -> tree", "take one of the slots out"],
    ),
    "an unclosed brace": (
        swap(FOOD, "which food is best", "which {food is best"),
        ["food.toml", "exchange 'favourite'", "say 3", "'{' is never closed"],
    ),
    "a brace that closes nothing": (
        swap(FOOD, "which food is best", "which food} is best"),
        ["food.toml", "exchange 'favourite'", "say 3", "'}' closes nothing"],
    ),
    "a fault in a text of several lines": (
        swap(FOOD, '"which food is best"', '"""which\nfood is {best"""'),
        ["food.toml", "exchange 'favourite'", "say 3", "'{' is never closed"],
    ),
    "a bar in a word": (swap(FOOD, '"large"', '"large|tall"'), ["food.toml", "word list 'size'", "large|tall"]),
    "a list with a strange name": (
        swap(FOOD, "size = [", "how-big = ["),
        ["food.toml", "'words.how-big' is no name for a word list", "small letters"],
    ),
    "a word instead of a list": (swap("words.toml", '["oak", "birch", "old elm"]', '"oak"'), ["words.toml", "list"]),
    "a template in an opener": (
        swap("persona.toml", '"hey owl"', '"{hi|hey} owl"'),
        ["persona.toml", "'openers.1'", "write each form out"],
    ),
    "a phrase that nobody types as one word": (
        swap("persona.toml", "closers =", 'abbreviations = { "oh my god" = ["omg"] }\nclosers ='),
        ["persona.toml", "abbreviations.oh my god", "must be one word"],
    ),
    "a synonym that would never be found": (
        fill("synonyms.toml", '"hey, owl" = ["hello, owl"]'),
        ["synonyms.toml", "hey, owl", "no other marks"],
    ),
    "a licence told in words": (
        swap("persona.toml", '"cc-by-4.0"', '"do what you like"'),
        ["persona.toml", "'license'", 'like "mit"'],
    ),
    "forms that agree with nothing": (
        swap(NIGHT, "is it dark", "{is/are} it dark"),
        ["night.toml", "exchange 'dark'", "write {is/are:food}"],
    ),
    "two exchanges for nonsense": (
        swap(NIGHT, "reply = [", "nonsense = true\nreply = ["),
        ["night/dark", "night/sleep", "nonsense = true", "only one may"],
    ),
    "an unknown key": (
        swap("persona.toml", "openers =", "opener ="),
        ["persona.toml", "unknown key 'opener'", "did you mean 'openers'?"],
    ),
    "an unknown key in an exchange": (
        swap(NIGHT, 'name = "dark"', 'name = "dark"\nsays = ["is it night"]'),
        ["night.toml", "exchange 'dark'", "unknown key 'says'", "did you mean 'say'?"],
    ),
    "an unknown key in a word list": (
        swap("words.toml", "some = ", "sum = "),
        ["words.toml", "food.sum'", "unknown key", "did you mean 'some'?"],
    ),
    "no reply": (
        swap(NIGHT, "reply = [", "replies = ["),
        ["night.toml", "exchange 'sleep'", "'reply' is missing"],
    ),
    "an empty say": (fill(FOOD, NO_SAY), ["food.toml", "exchange 'hungry'", "'say' has too few entries", "at least 1"]),
    "an empty text": (
        swap(NIGHT, "dark is my best colour.", "  "),
        ["night.toml", "exchange 'dark'", "'reply.1'", "at least 1 character"],
    ),
    "an empty word list": (
        swap(FOOD, '["small", "large", "{huge|very big}"]', "[]"),
        ["food.toml", "'words.size' has too few entries", "at least 1"],
    ),
    "an empty common list": (
        swap("words.toml", '["oak", "birch", "old elm"]', "[]"),
        ["words.toml", "tree' has too few entries", "at least 1"],
    ),
    "a list of lists, all empty": (
        fill("words.toml", 'tree = ["oak"]\n[food]\none = []'),
        ["words.toml", "'food' is empty", "one, many or some"],
    ),
    "a word twice": (swap(FOOD, '"large"', '"small"'), ["food.toml", "'size'", "'small' twice", "delete one"]),
    "a topic twice": (
        swap(NIGHT, 'topic = "night"', 'topic = "food"'),
        ["night.toml", "topic 'food' is already in food.toml", "rename one or join them"],
    ),
    "an exchange twice": (
        swap(NIGHT, 'name = "dark"', 'name = "sleep"'),
        ["night.toml", "exchange 'sleep'", "twice", "rename one"],
    ),
    "too few prompts": (
        swap("persona.toml", '"good night"', ""),
        ["persona.toml", "'prompts' has too few entries", "at least 6"],
    ),
    "not TOML": (fill(FOOD, "topic: food"), ["food.toml", "not TOML", "line 1"]),
    "brackets without end": (fill(FOOD, "topic = " + "[" * 100_000), ["food.toml", "not TOML"]),
    "a number without end": (fill(FOOD, "topic = " + "9" * 100_000), ["food.toml", "not TOML"]),
    "not UTF-8": (fill(FOOD, 'topic = "café"'.encode("latin-1")), ["food.toml", "byte 12", "save the file as UTF-8"]),
    "100 MB": (grow(FOOD, 100_000_000), ["food.toml", "larger than 4,000,000 bytes"]),
    "100 MB of common words": (grow("words.toml", 100_000_000), ["words.toml", "larger than 4,000,000 bytes"]),
    "no topics folder": (lambda folder: shutil.rmtree(folder / "topics"), ["topics", "at least one topics/NAME.toml"]),
    "no persona.toml": (lambda folder: (folder / "persona.toml").unlink(), ["persona.toml", "not found", "needs this"]),
    "no folder": (shutil.rmtree, ["owl", "no such character folder", "like personas/guppy"]),
}


def test_the_owl_is_fine_until_it_is_spoilt(persona_folder: Path) -> None:
    owl = schema.load(persona_folder)
    assert owl.topics == ("food", "night")
    assert len(owl.exchanges) == 4


@pytest.mark.parametrize(("damage", "expected"), SPOILT.values(), ids=SPOILT.keys())
def test_one_line_says_what_where_and_what_to_do(persona_folder: Path, damage: Damage, expected: list[str]) -> None:
    damage(persona_folder)
    with pytest.raises(PersonaError) as caught:
        schema.load(persona_folder)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(persona_folder))
    assert [part for part in expected if part not in message] == []


def test_a_byte_order_mark_is_no_fault(persona_folder: Path) -> None:
    file = persona_folder / FOOD
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert "food" in schema.load(persona_folder).topics


def test_the_command_line_prints_that_line_and_nothing_else(persona_folder: Path) -> None:
    (persona_folder / "persona.toml").unlink()
    done = guppylm("check", persona_folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"guppylm: {persona_folder / 'persona.toml'}: not found; every character needs this file\n"


def test_every_pattern_is_told_in_words() -> None:
    told = json.dumps([one.model_json_schema() for one in (shapes.PersonaFile, shapes.TopicFile, shapes.SynonymsFile)])
    patterns = {json.loads(f'"{found}"') for found in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', told)}
    assert patterns
    assert patterns <= shapes.WANTED.keys()
