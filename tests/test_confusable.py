"""Does the finder of confusable wordings find the one that was planted?"""

from pathlib import Path

from guppylm.evaluate import confusable
from guppylm.persona import schema


def test_a_wording_in_the_wrong_topic_is_found(persona_folder: Path) -> None:
    file = persona_folder / "topics" / "food.toml"
    planted = "can the owl sleep in the dark at night"
    file.write_text(file.read_text().replace('"are you hungry",', f'"are you hungry", "{planted}",'))
    *found, score = confusable.report(schema.load(persona_folder))
    assert any(planted in line and "reads like night" in line for line in found)
    assert "owl: of wordings it was not taught" in score


def test_every_wording_is_asked_once_for_each_filling(persona_folder: Path) -> None:
    persona = schema.load(persona_folder)
    asked = [(guess.exchange.key, guess.template.text) for guess in confusable.guesses(persona)]
    wordings = [(exchange.key, template.text) for exchange in persona.exchanges for template in exchange.say]
    assert sorted(asked) == sorted(wordings * confusable.FILLINGS)
