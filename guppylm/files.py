"""Files that are either whole or not there: written beside, made durable, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from guppylm.errors import RunError


def write_bytes(file: Path, content: bytes) -> None:
    """Replace the file in one step. When that fails, what was there before is still there."""
    write_chunks(file, [content])


def write_json(file: Path, content: object) -> None:
    write_bytes(file, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def write_chunks(file: Path, chunks: Iterable[bytes]) -> None:
    unfinished = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as out:
                for chunk in chunks:
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"{file}: cannot be written ({error.strerror}); what was there before is untouched. "
            "Free some space or choose another folder with -o, then run the same command again, without --restart"
        ) from None


def rename(file: Path, other: Path) -> None:
    """Put a file in another's place, in one step."""
    try:
        file.replace(other)
    except OSError as error:
        raise RunError(
            f"{other}: cannot be replaced ({error.strerror}); {file} holds what should stand there. "
            "Make the folder writable, then run the same command again, without --restart"
        ) from None


def read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{file}: not found; is {file.parent} a run folder? guppylm train makes one") from None
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise RunError(f"{file}: not JSON; it is broken, copy it anew or train again") from None
    if not isinstance(content, dict):
        raise RunError(f"{file}: not a JSON object; it is broken, copy it anew or train again")
    return content
