"""Guppy and the pirate: what the texts must hold, and what 60,000 conversations of them are like."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from guppylm.persona import check, generate, report, schema
from guppylm.persona.dress import undress
from guppylm.persona.generate import Conversation
from guppylm.persona.language import Language
from guppylm.persona.match import Index, plain
from guppylm.persona.schema import Exchange
from guppylm.persona.split import split
from guppylm.persona.template import slots

PERSONAS = Path(__file__).parent.parent / "personas"
GUPPY = schema.load(PERSONAS / "guppy")
TOPICS = """
greeting, feelings, hot temperature, cold temperature, food, light, water, about, confused by human things, tank,
noise, night, loneliness, misc thoughts, bye, bubbles, glass, reflection, breathing, swimming, colors, taste,
plants, filter, algae, snails, tapping on the glass, scared, excited, bored, curious, happy, tired, outside, cats,
rain, seasons, music, visitors, children, meaning of life, time, memory, dreams, size, future, past, name, weather,
sleep, friends, jokes, fear, love, age, intelligence, poop, doctor, singing, tv
"""
JUDGED = Path(__file__).parent.parent / "docs" / "dev_replies.jsonl"
NOBODY_COULD_AVOID = {"good night little one", "hey are you still there"}
SMALL_TALK = {"small talk", "comfort", "mischief"}


@pytest.fixture(scope="session")
def sixty_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guppy")
    parts = split(GUPPY, seed=1)
    generate.write(folder / "train.jsonl", generate.conversations(parts, "train", 57_000, seed=1))
    generate.write(folder / "eval.jsonl", generate.conversations(parts, "held_out", 3_000, seed=1))
    return folder


def test_guppy_has_its_sixty_topics_and_words() -> None:
    assert set(GUPPY.topics) == {topic.strip() for topic in TOPICS.replace("\n", " ").split(",")} | SMALL_TALK
    assert all(sum(e.topic == topic for e in GUPPY.exchanges) >= 4 for topic in GUPPY.topics)
    lists = GUPPY.exchanges[0].lists
    assert len(lists["object"]) >= 30
    assert len(lists["food"]) >= 17
    assert len(lists["activity"]) >= 25


def test_the_pirate_is_somebody_else() -> None:
    pirate = schema.load(PERSONAS / "pirate")
    assert len(pirate.topics) >= 8
    words = {word for file in (PERSONAS / "pirate").rglob("*.toml") for word in re.findall(r"\w+", file.read_text())}
    assert not words & {"guppy", "gills", "fins", "aquarium"}


@pytest.mark.parametrize("name", ["guppy", "pirate"])
def test_the_texts_have_no_known_faults(name: str) -> None:
    assert list(check.check(schema.load(PERSONAS / name))) == []


def test_no_module_knows_about_a_character() -> None:
    for file in (PERSONAS.parent / "guppylm").rglob("*.py"):
        code = re.sub(r'"""[\s\S]*?"""|#.*', "", file.read_text())
        assert not re.search(r"\b(fish|tank|pirate|arr)\b", code.lower().replace("the fish", "")), file


def test_variety_and_an_honest_hold_out(sixty_thousand: Path) -> None:
    variety = report.measure(GUPPY, sixty_thousand / "train.jsonl", sixty_thousand / "eval.jsonl")
    assert variety.conversations == 60_000
    assert variety.held_out == 3_000
    assert variety.unique_pairs >= 40_000
    assert variety.unique_replies >= 16_000
    assert variety.shared_prompts == 0


def test_no_held_out_prompt_is_in_training_however_it_is_dressed(sixty_thousand: Path) -> None:
    """Counted on the texts alone, without the templates: plain forms, openers and closers taken off."""
    trained = {bare for one in generate.read(sixty_thousand / "train.jsonl") for bare in undress(one.input, GUPPY)[:1]}
    held_out = [one.input for one in generate.read(sixty_thousand / "eval.jsonl")]
    assert [prompt for prompt in held_out if trained & set(undress(prompt, GUPPY))] == []


def test_every_topic_is_held_out_too(sixty_thousand: Path) -> None:
    assert {one.category for one in generate.read(sixty_thousand / "eval.jsonl")} == set(GUPPY.topics)


def test_every_conversation_reads_well(sixty_thousand: Path) -> None:
    language = Language(GUPPY)
    for one in generate.read(sixty_thousand / "train.jsonl"):
        assert language.fault(one.output) is None, one
        assert one.output == one.output.lower(), one
        assert len(one.output.split()) <= 40, one
        assert one.output.endswith("."), one
        assert not re.search(r"[?!\"“”;:()\d]", one.output), one


def test_the_unique_counts_are_right(sixty_thousand: Path) -> None:
    rows = [row for name in ("train", "eval") for row in generate.read(sixty_thousand / f"{name}.jsonl")]
    variety = report.measure(GUPPY, sixty_thousand / "train.jsonl", sixty_thousand / "eval.jsonl")
    for counted, texts in (
        (variety.unique_prompts, {row.input for row in rows}),
        (variety.unique_replies, {row.output for row in rows}),
        (variety.unique_pairs, {(row.input, row.output) for row in rows}),
    ):
        assert counted == pytest.approx(len(texts), rel=0.005)


def test_wordings_of_echoing_exchanges_come_half_again_as_often_in_training_and_not_in_the_exam(
    sixty_thousand: Path,
) -> None:
    def times(file: Path, exchanges: list[Exchange]) -> float:
        """How often a wording comes."""
        count = Counter(one.exchange for one in generate.read(file))
        part = parts.train if file.name == "train.jsonl" else parts.held_out
        return sum(count[exchange.key] for exchange in exchanges) / sum(len(part[e.key]) for e in exchanges)

    parts = split(GUPPY, seed=1)

    examined = [exchange for exchange in GUPPY.exchanges if len(exchange.say) >= 10 and not exchange.nonsense]
    practised = {
        e.key for e in examined for say in e.say if {slot.list for slot in slots(say.nodes)} & {*GUPPY.unknown}
    }
    assert len(practised) > 5
    examined = [exchange for exchange in examined if exchange.key not in practised]
    few = [exchange for exchange in examined if len(parts.train[exchange.key]) < generate.FEWEST]
    examined = [exchange for exchange in examined if exchange not in few]
    echoing = [exchange for exchange in examined if exchange.echoes]
    others = [exchange for exchange in examined if not exchange.echoes]
    assert min(len(echoing), len(others)) > 100
    assert times(sixty_thousand / "train.jsonl", echoing) / times(sixty_thousand / "train.jsonl", others) == (
        pytest.approx(1.5, abs=0.06)
    )
    seldom = [exchange for exchange in few if not exchange.echoes]
    as_many = sum(len(parts.train[exchange.key]) for exchange in seldom) / (generate.FEWEST * len(seldom))
    assert times(sixty_thousand / "train.jsonl", seldom) * as_many / times(sixty_thousand / "train.jsonl", others) == (
        pytest.approx(1, abs=0.06)
    )
    assert times(sixty_thousand / "eval.jsonl", echoing) / times(sixty_thousand / "eval.jsonl", others) == (
        pytest.approx(1, abs=0.15)
    )


def test_no_development_prompt_can_be_made_from_the_texts() -> None:
    """Prompts that others wrote, to develop against; they are worth something only while they are unseen."""
    wordings = Index((e.key, template.nodes, e.lists) for e in GUPPY.exchanges for template in e.say)
    prompts = {json.loads(line)["prompt"] for line in JUDGED.read_text().splitlines()}
    assert len(prompts) > 250
    found = {plain(prompt) for prompt in prompts for bare in undress(prompt, GUPPY) if wordings.find(bare)}
    assert found <= NOBODY_COULD_AVOID


def test_the_first_reply_is_the_favourite() -> None:
    """Counted over all exchanges with five replies, by asking which template made each reply."""
    exchanges = {exchange.key: exchange for exchange in GUPPY.exchanges if len(exchange.reply) == 5}
    said: Counter[str] = Counter()
    for one in generate.conversations(split(GUPPY, 1), "train", 3_800, seed=5):
        if exchange := exchanges.get(one.exchange):
            index = Index((str(place), template.nodes, exchange.lists) for place, template in enumerate(exchange.reply))
            found = index.find(one.output, one.slots)
            if len(found) == 1:
                said[found[0]] += 1
    shares = [said[str(place)] / said.total() for place in range(5)]
    assert said.total() > 2_500
    assert shares == pytest.approx([0.843, 0.105, 0.031, 0.013, 0.007], abs=0.02)  # 1, 1/2, 1/3, ... to the power 3


def test_a_seed_gives_the_same_conversations() -> None:
    def some(seed: int) -> list[Conversation]:
        return list(generate.conversations(split(GUPPY, seed), "train", 200, seed))

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_a_row_comes_back_from_json(sixty_thousand: Path) -> None:
    line = (sixty_thousand / "train.jsonl").read_text().splitlines()[0]
    assert Conversation.from_json(line).to_json() == line
    assert {"input", "output", "category"} <= set(Conversation.from_json(line).__dict__)


def test_every_toml_file_of_a_persona_is_read() -> None:
    """A topic file under another ending or folder would be passed over in silence."""
    read = {exchange.file for exchange in GUPPY.exchanges}
    assert {file.name for file in (PERSONAS / "guppy" / "topics").iterdir()} == read
    assert all("topic" in tomllib.loads(file.read_text()) for file in (PERSONAS / "guppy" / "topics").iterdir())


def test_the_report_on_topics_counts_them_all(sixty_thousand: Path) -> None:
    topics = report.by_topic(GUPPY, sixty_thousand / "train.jsonl")
    rows = list(generate.read(sixty_thousand / "train.jsonl"))
    assert {topic.topic: topic.conversations for topic in topics} == Counter(one.category for one in rows)
    assert [topic.wordings for topic in topics] == sorted(topic.wordings for topic in topics)
    assert sum(topic.wordings for topic in topics) == sum(len(exchange.say) for exchange in GUPPY.exchanges)
    food = next(topic for topic in topics if topic.topic == "food")
    of_food = [one for one in rows if one.category == "food"]
    assert food.unique_prompts == pytest.approx(len({one.input for one in of_food}), rel=0.01)
    assert food.unique_replies == pytest.approx(len({one.output for one in of_food}), rel=0.01)
    words = {word for one in of_food for word in plain(one.input).split()}
    assert food.unique_words == pytest.approx(len(words), rel=0.01)
