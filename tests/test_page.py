"""The web page in a real browser: Chromium, driven by Playwright (web/test/*.mjs). Python says what is expected.

Skipped where Node, the page's packages or Chromium are missing:  make page  installs and builds all but the last.
"""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import unicodedata
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from conftest import ONE_THREAD, guppylm

from guppylm import chat, runtime
from guppylm.explain import page, serve, trace
from guppylm.export import formats
from guppylm.export.parity import Source
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.runtime import Character
from guppylm.sample import Sampling, draw, probabilities
from guppylm.tokenizer import fast

WEB = Path(__file__).parent.parent / "web"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "owl <img src=x onerror=alert(1)>"
MESSAGES = ["are you hungry", "Is it DARK?", "🦉 ñ ÄÖ <|im_end|>"]

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (WEB / "node_modules").exists() and CHROMIUM), reason="no Node, packages or Chromium"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, built into a folder of its own."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(["node", "build.mjs", str(folder)], cwd=WEB, check=True)
    return folder


@pytest.fixture(scope="module")
def site(small_run: Run, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A website with the owl's page under a sub-path, and beside it what only the tests need."""
    site = tmp_path_factory.mktemp("site")
    folder = site / "some" / "where"
    page.write(small_run, folder, built, check=False)
    about = json.loads((folder / page.ABOUT).read_text())
    (folder / page.ABOUT).write_text(json.dumps(about | {"name": HOSTILE}))
    formats.export(small_run, site / "exact", "onnx", check=False)
    shutil.copy(site / "exact" / runtime.MODEL, folder / "exact.onnx")
    bundle = [
        "node_modules/.bin/esbuild",
        "test/inside.ts",
        "--bundle",
        "--format=esm",
        f"--outfile={folder}/inside.js",
    ]
    subprocess.run(bundle, cwd=WEB, check=True, capture_output=True)
    return site


@pytest.fixture(scope="module")
def environment(small_run: Run, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The page is served, and what Python expects is written down."""
    expected = tmp_path_factory.mktemp("expected") / "expected.json"
    expected.write_text(json.dumps(expectations(small_run, site / "some" / "where" / "character")))
    with serve.server(site, 0) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield {
            **os.environ,
            "PAGE": serve.address(listening) + "some/where/",
            "EXPECTED": str(expected),
            "CHROMIUM": str(CHROMIUM),
        }
        listening.shutdown()


def expectations(place: Run, exported: Path) -> dict[str, Any]:
    source = Source.read(place)
    character = as_in_a_browser(exported)
    tokenizer = source.tokenizer
    prompts = [*MESSAGES, "", "  so  ", "\x1c tab\t", "good night " * 60, "<|im_start|>user\nhi"]
    texts = texts_of_every_script(place)
    return {
        "name": HOSTILE,
        "replies": [a_reply(character, message) for message in MESSAGES],
        "tokens": [[text, ids] for text, ids in zip(texts, fast.encode(tokenizer, texts), strict=True)],
        "prompts": [[prompt, chat.encode_prompt(tokenizer, prompt)] for prompt in prompts],
        "insides": insides(source),
        "draws": list(draws()),
        "defaults": {"temperature": Sampling().temperature, "topK": Sampling().top_k, "topP": Sampling().top_p},
    }


def as_in_a_browser(exported: Path) -> Character:
    """The exported model as the page starts it: with the weights worked out, the activations as they are."""
    wishes = onnxruntime.SessionOptions()
    wishes.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession((exported / runtime.MODEL).read_bytes(), wishes)
    about = json.loads(session.get_modelmeta().custom_metadata_map["guppylm"])
    return Character(session, fast.load(exported / "tokenizer.json"), about)


def a_reply(character: Character, message: str) -> tuple[str, int, str]:
    """A message, a seed, and the reply at the default settings as its tokens are written; one of some length."""
    ids = chat.encode_prompt(character.tokenizer, message)
    for seed in range(1_000):
        said = list(character.generate(ids, Sampling(seed=seed)))
        if 4 <= len(said) <= 40:
            return message, seed, "".join(character.tokenizer.decode([token]) for token in said)
    raise AssertionError("it says nothing")


def texts_of_every_script(place: Run) -> list[str]:
    """5,000: messages of the exam, and random letters, marks and blanks of all that Unicode has."""
    rng = random.Random(5)
    letters = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    texts = [one.input for one in conversations.read(place.eval_data)]
    while len(texts) < 5_000:
        start = rng.randrange(len(letters))
        script = letters[start : start + rng.choice((1, 40, 1000))]
        word = rng.choices([*script, *" 'sT1.\n  \u00a0\u3000é"], k=rng.randint(1, 12))
        texts.append("".join(word) + rng.choice(("", " I'll", "  x", "\t", "İΣΣ", "🇩🇪👩‍👧", "e\u0301")))
    return texts[:5_000]


def insides(source: Source) -> dict[str, Any]:
    """What PyTorch says of each place of a prompt: flat rows, as the page's engines give them."""
    ids = chat.encode_prompt(source.tokenizer, "shall i bring you a moth")
    seen = trace.trace(source.model, ids)
    places = range(len(ids))
    return {
        "ids": ids,
        "logits": seen.logits.tolist(),
        "attention": [seen.attention[:, :, place, : place + 1].flatten().tolist() for place in places],
        "stream": [seen.stream[:, place].flatten().tolist() for place in places],
        "lens": [seen.lens[:, place].flatten().tolist() for place in places],
    }


def draws() -> Iterator[dict[str, Any]]:
    numbers = torch.Generator().manual_seed(3)
    for seed, (temperature, top_k, top_p) in enumerate(
        [(1.0, None, 1.0), (0.4, 40, 0.95), (1.7, 5, 0.5), (0.0, 40, 0.95), (0.05, None, 0.9), (2.0, 100, 0.05)]
    ):
        logits = (4 * torch.randn(400, generator=numbers)).float()
        settings, rng = Sampling(temperature=temperature, top_k=top_k, top_p=top_p), random.Random(seed)
        shares = probabilities(logits.numpy(), settings)
        yield {
            "logits": logits.tolist(),
            "settings": {"temperature": temperature, "topK": top_k or 0, "topP": top_p, "seed": seed},
            "seed": seed,
            "drawn": [draw(shares, rng) for _ in range(200)],
        }


@pytest.mark.parametrize("tests", ["model.browser.mjs", "page.browser.mjs"])
def test_in_the_browser(environment: dict[str, str], tests: str) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-concurrency=1", "--test-reporter=spec", f"test/{tests}"],
        cwd=WEB, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_types_and_modules() -> None:
    for command in (["npx", "tsc", "--noEmit"], ["node", "--test", "test/overlap.test.mjs", "test/tokenizer.test.mjs"]):
        done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_small(built: Path) -> None:
    def zipped(*names: str) -> int:
        return sum(len(gzip.compress((built / name).read_bytes(), 9)) for name in names)

    assert zipped("app.js", "worker.js", "style.css", "index.html", "sw.js") < 120_000
    assert zipped("engine.wasm") < 4_000_000


def test_the_command_writes_the_folder_or_serves_it(small_run: Run, tmp_path: Path) -> None:
    if not page.BUILT.exists():
        pytest.skip("make page")
    done = guppylm("page", small_run.folder, "-o", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page" / "character" / "model.onnx").exists()
    serving = subprocess.Popen(
        [sys.executable, "-m", "guppylm", "page", small_run.folder], stdout=subprocess.PIPE, env=ONE_THREAD, text=True,
        # a shell's background jobs ignore Ctrl-C, and so would their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert serving.stdout
        address = serving.stdout.readline().split()[0]
        with urllib.request.urlopen(address) as answer:
            assert b"Content-Security-Policy" in answer.read()
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=30) == 0
    finally:
        serving.kill()
