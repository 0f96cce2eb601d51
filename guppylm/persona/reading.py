"""A TOML file -> what it should hold, checked; or one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from guppylm.errors import PersonaError
from guppylm.persona.shapes import WANTED

LARGEST_FILE = 4_000_000  # bytes: hundreds of times what a person types for one topic
Shape = TypeVar("Shape", bound=BaseModel)


def read_toml(file: Path) -> dict[str, object]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise PersonaError(f"{file}: larger than {LARGEST_FILE:,} bytes; is this really a character's file?")
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors put a byte order mark first
    except FileNotFoundError:
        raise PersonaError(f"{file}: not found; every character needs this file") from None
    except OSError as error:
        raise PersonaError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise PersonaError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # also numbers and brackets without end
        raise PersonaError(f"{file}: not TOML: {error}") from None


def read(file: Path, shape: type[Shape], under: str | None = None) -> Shape:
    """What the file holds, or, if all of it belongs `under` one key, with that key around it."""
    content: dict[str, object] = read_toml(file) if under is None else {under: read_toml(file)}
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise PersonaError(f"{file}: {_explain(error, content, shape)}") from None


def _explain(error: ValidationError, content: dict[str, object], shape: type[BaseModel]) -> str:
    """Pydantic's first complaint as one plain line, with the name of the exchange it is in."""
    complaints = error.errors()
    # of a word list, which may have two shapes, the complaint that it is no plain list says least
    first = next((one for one in complaints if one["type"] != "list_type"), complaints[0])
    if first["type"] == "model_type":  # neither of the two shapes
        first = complaints[0]
    schema = shape.model_json_schema()
    shapes = schema.get("$defs", {})
    place = [part for part in first["loc"] if "[" not in str(part) and part not in shapes]
    where = ""
    if place[0] == "exchange" and len(place) > 1 and isinstance(place[1], int):
        entries = content["exchange"]
        entry = entries[place[1]] if isinstance(entries, list) else None
        name = entry.get("name", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        where, place = f"exchange '{name}': ", place[2:]
    path = ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)
    if first["type"] == "extra_forbidden":
        known = [key for part in (schema, *shapes.values()) for key in part.get("properties", {})]
        return f"{where}unknown key '{path}'{near(str(place[-1]), known)}"
    if first["type"] == "missing":
        return f"{where}'{path}' is missing"
    if first["type"] == "too_short":
        return f"{where}'{path}' has too few entries ({first['msg'].lower()})"
    if first["type"] == "string_pattern_mismatch":
        return f"{where}'{path}' {WANTED[first['ctx']['pattern']]}"
    return f"{where}'{path}': {first['msg'].lower()}"


def near(word: str, known: list[str]) -> str:
    """A hint, if the word looks like a known one."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
