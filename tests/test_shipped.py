"""The Guppy that comes with the package: it is small, and talks at once, without PyTorch, training or a network."""

import json
import subprocess
import sys
from pathlib import Path

from conftest import ONE_THREAD, guppylm

from guppylm import runtime

ASK = """
import sys
from guppylm import runtime
from guppylm.sample import Sampling

guppy = runtime.load()
for message in sys.argv[1:]:
    print(guppy.reply(message, Sampling(temperature=0)))
sys.exit("torch" in sys.modules)
"""


def test_it_fits_into_the_package() -> None:
    files = list(runtime.SHIPPED.iterdir())
    assert {"model.onnx", "tokenizer.json", "report.json", "README.md"} == {file.name for file in files}
    assert sum(file.stat().st_size for file in files) <= 10_500_000


def test_it_talks_without_pytorch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, "hi guppy", "what is the meaning of life", "what is a mortgage"],
        capture_output=True, text=True, cwd=tmp_path, env=ONE_THREAD, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    hello, meaning, puzzled = done.stdout.splitlines()
    assert hello
    assert hello == hello.lower()
    assert "food" in meaning
    assert "mortgage" in puzzled or "don't know" in puzzled


def test_chat_needs_no_model(tmp_path: Path) -> None:
    done = guppylm("chat", "-p", "are you hungry", "--seed", "1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_its_card_stands_beside_it() -> None:
    report = json.loads((runtime.SHIPPED / "report.json").read_text())
    card = (runtime.SHIPPED / "README.md").read_text()
    assert f"{report['parameters']:,} parameters" in card
    assert f"{report['model']['on_topic']:.1%}" in card
