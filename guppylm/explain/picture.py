"""A character's drawing, picture.svg, which the page shows. One that could do more than be looked at is refused."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from guppylm.errors import PersonaError

LARGEST = 500_000  # bytes
ACTIVE = {"script", "foreignobject", "iframe", "embed", "object", "handler", "listener"}
FOREIGN = re.compile(r"url\(\s*+['\"]?+(?!#|data:image/)|@import|javascript:", re.IGNORECASE)


def read(file: Path) -> bytes:
    """The drawing. Raises PersonaError if it holds scripts, or would fetch something."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PersonaError(f"{file}: cannot be read ({error.strerror})") from None
    if len(content) > LARGEST:
        raise PersonaError(f"{file}: larger than {LARGEST:,} bytes; draw it with fewer points")
    for unwanted in ("<!DOCTYPE", "<?xml-stylesheet"):
        if unwanted.encode() in content:
            raise PersonaError(f"{file}: take the {unwanted} ...> out; a drawing needs none")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # also encodings that nobody knows
        raise PersonaError(f"{file}: not an SVG drawing ({error})") from None
    if _name(root.tag) != "svg":
        raise PersonaError(f"{file}: not an SVG drawing: it begins with <{_name(root.tag)}>")
    for part in root.iter():
        if _name(part.tag) in ACTIVE:
            raise PersonaError(f"{file}: a drawing must not hold <{_name(part.tag)}>; take it out")
        for key, value in part.items():
            name, outside = _name(key), not value.strip().startswith(("#", "data:image/"))
            if name.startswith("on") or (name in ("href", "src") and outside) or FOREIGN.search(value):
                raise PersonaError(f'{file}: a drawing must run and fetch nothing; take {name}="{value[:40]}" out')
        if FOREIGN.search(part.text or "") or FOREIGN.search(part.tail or ""):
            raise PersonaError(f"{file}: a drawing must fetch nothing; take @import and url(...) out of its style")
    return content


def _name(tag: str) -> str:
    """Without its namespace."""
    return tag.rpartition("}")[2].lower()
