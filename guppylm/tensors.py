"""Named tensors in a file: safetensors, with a checksum inside. Same tensors, same bytes. Never a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from guppylm import files
from guppylm.errors import RunError


def write(file: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Replace the file in one step. Raises RunError if there is no room."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save(tensors, metadata | {"sha256": _checksum(tensors, metadata)})
    files.write_bytes(file, _in_order(content))


def read(file: Path, remedy: str = "copy it anew or train again") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata. Raises RunError, with the remedy, if the file is broken or not as it was written.

    Files of other programs have no checksum, and are taken as they are.
    """
    try:
        content = file.read_bytes()  # not mapped: on Windows a mapped file could not be replaced
        tensors = load(content)
        metadata: dict[str, str] = _header(content).get("__metadata__") or {}
    except (SafetensorError, OSError) as error:
        raise RunError(f"{file}: cannot be read as safetensors ({error}); {remedy}") from None
    told = {key: value for key, value in metadata.items() if key != "sha256"}
    if "sha256" in metadata and metadata["sha256"] != _checksum(tensors, told):
        raise RunError(f"{file}: has changed since it was written (checksum); {remedy}")
    return tensors, metadata


def _checksum(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """SHA-256 over all that comes out of the file again: metadata, names, shapes, types and numbers."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _in_order(content: bytes) -> bytes:
    """The library writes metadata in any order. A file: 8 bytes of header length, the header as JSON, the numbers."""
    header = _header(content)
    numbers = content[8 + int.from_bytes(content[:8], "little") :]
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    plain = json.dumps(header, separators=(",", ":")).encode()
    plain += b" " * (-len(plain) % 8)
    return len(plain).to_bytes(8, "little") + plain + numbers


def _header(content: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header
