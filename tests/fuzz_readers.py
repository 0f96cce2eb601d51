"""Broken files for every reader of models: each must be read, or refused with a GuppyError.

    python tests/fuzz_readers.py [seconds]

makes a small run, spoils its files in a thousand ways, and counts. A crash of the process, a hang or any other error
is a failure, and named with the seed that makes it again.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

READERS = ("runtime", "run", "original")
AT_ONCE = 50  # files that one process reads
SECONDS_A_FILE = 30


def spoil(content: bytes, rng: random.Random) -> bytes:
    """One of the things that happen to files, or are done to them."""
    at, length = rng.randrange(len(content) + 1), rng.choice((1, 2, 8, 64, 4_096))
    ways: list[Callable[[], bytes]] = [
        lambda: content[:at],
        lambda: content[:at] + rng.randbytes(length) + content[at:],
        lambda: content[:at] + rng.randbytes(length) + content[at + length :],
        lambda: content[:at] + bytes(length) + content[at + length :],
        lambda: content[:at] + b"\xff" * length + content[at + length :],
        lambda: content[:at] + content[at + length :],
        lambda: content[:at] + content[max(0, at - length) : at] + content[at:],
        lambda: rng.choice((b"", b"PK\x03\x04", b"\x80\x04\x95", b"{}", b"[" * 100_000, b"\x08" + b"\xff" * 9)),
        lambda: flip(content, rng),
    ]
    return rng.choice(ways)()


def flip(content: bytes, rng: random.Random) -> bytes:
    """Some bits turned; two times in three near the beginning, where headers and shapes are."""
    spoiled = bytearray(content)
    for _ in range(rng.choice((1, 3, 30))):
        place = rng.randrange(min(len(spoiled), rng.choice((200, 2_000, len(spoiled)))) or 1)
        if spoiled:
            spoiled[place] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def prepare(folder: Path) -> None:
    """A folder for each reader, with whole files."""
    import conftest
    from rich.console import Console
    from test_inference import ORIGINAL, original_checkpoint

    from guppylm import pipeline
    from guppylm.export import formats
    from guppylm.run import Run

    place = Run(folder / "whole")
    pipeline.whole_road(conftest.write_persona(folder / "owl"), place, conftest.quick(steps="10"), Console(quiet=True))
    formats.export(place, folder / "runtime", "onnx", check=False)
    formats.export(place, folder / "run", "hf", check=False)
    shutil.copytree(folder / "run", folder / "original")
    original_checkpoint(place, folder / "original", ORIGINAL, wrap=True)


def read(reader: str, folder: Path) -> None:
    """Open the files and say something."""
    from guppylm import runtime
    from guppylm.inference import GuppyInference

    if reader == "runtime":
        runtime.load(folder).reply("are you hungry")
    else:
        model = folder / ("model.safetensors" if reader == "run" else "best_model.pt")
        fish = GuppyInference(model, folder / "tokenizer.json")
        fish.chat_completion([{"role": "user", "content": "are you hungry"}])


def child(reader: str, whole: Path, first: int) -> None:
    """Read spoiled files, one after the other; a line for each on standard output."""
    import resource

    from guppylm.errors import GuppyError

    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))  # what asks for more is refused, not given
    for seed in range(first, first + AT_ONCE):
        print(f"seed {seed}", flush=True)
        rng = random.Random(f"{reader} {seed}")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(whole, Path(place) / "spoiled"))
            names = ["model.onnx", "tokenizer.json", "best_model.pt", "model.safetensors", "config.json"]
            file = folder / rng.choice([name for name in names if (folder / name).exists()])
            file.write_bytes(spoil(file.read_bytes(), rng))
            signal.alarm(SECONDS_A_FILE)
            try:
                read(reader, folder)
                print("read", flush=True)
            except GuppyError:
                print("refused", flush=True)
            signal.alarm(0)


def fuzz(folder: Path, seconds: float, first: int = 0) -> tuple[Counter[str], list[str]]:
    """How many files were read and refused, and the failures. Every reader gets its turn."""
    counted, failures, until = Counter[str](), list[str](), time.monotonic() + seconds
    while not counted or time.monotonic() < until:
        for reader in READERS:
            done = subprocess.run(
                [sys.executable, __file__, "--child", reader, str(folder / reader), str(first)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            lines = done.stdout.splitlines()
            counted.update(line for line in lines if not line.startswith("seed"))
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
                failures.append(f"{reader}, {lines[-1] if lines else 'start'}: {last[0][:200]}")
        first += AT_ONCE
    return counted, failures


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        counted, failures = fuzz(Path(folder), seconds)
    print(f"spoiled files: {counted['read']:,} read, {counted['refused']:,} refused")
    print("\n".join(failures) or "no crash, no hang, no other error")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
