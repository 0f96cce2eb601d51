"""Stock engines, unmodified, with a model of ours. `make engines` installs them all; a missing one is skipped."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ONE_THREAD, guppylm

from guppylm import cached, chat, generate
from guppylm.bench import engines as bench
from guppylm.export import formats
from guppylm.export.parity import Engine, Source
from guppylm.run import Run
from guppylm.sample import Sampling

ROOT = Path(__file__).parent.parent
NEEDS = {"llama.cpp": "llama_cpp", "CTranslate2": "ctranslate2", "mlx-lm": "mlx_lm"}
OTHERS = [name for name, form in formats.FORMATS.items() if form.engine in NEEDS]
OLDEST = ROOT / ".venv" / "oldest-transformers"


def installed(name: str) -> None:
    pytest.importorskip(NEEDS.get(formats.FORMATS[name].engine, "guppylm"))


@pytest.mark.parametrize("name", OTHERS)
def test_it_agrees_and_never_runs_over_the_end(small_run: Run, tmp_path: Path, name: str) -> None:
    installed(name)
    found = formats.export(small_run, tmp_path / name, name)
    assert found is not None
    assert found.prompts == 60
    if name in ("gguf", "ctranslate2", "mlx"):  # how far 8 bits are off depends on the processor; export has its bounds
        assert found.identical == 60
        assert found.largest < 1e-4

    source = Source.read(small_run)
    engine = formats.FORMATS[name].start(source, tmp_path / name)
    prompt = chat.encode_prompt(source.tokenizer, "good night " * 80)  # as long as a prompt can be
    end, forbidden = chat.special_ids(source.tokenizer)
    reply, _ = cached.greedy_replies(source.model, [prompt], end, forbidden, longest=chat.CONTEXT)[0]
    assert engine.greedy(prompt) == reply
    untold = list(range(260, 260 + chat.CONTEXT - 1))  # no prompt at all: it may speak to the very end
    assert len(engine.greedy(untold)) <= 1


def test_an_export_that_is_not_checked_needs_no_engine(small_run: Run, tmp_path: Path) -> None:
    without = "import sys; sys.modules['llama_cpp'] = None; from guppylm.cli import main; main()"
    command = [sys.executable, "-c", without, "export", str(small_run.folder), "--to", "gguf-8bit", "-o"]
    refused, written = (
        subprocess.run(
            [*command, str(tmp_path / "fish"), *more], capture_output=True, text=True, env=ONE_THREAD, check=False
        )
        for more in ([], ["--unchecked"])
    )
    assert refused.returncode == 1
    assert "llama-cpp-python is not installed" in refused.stderr
    assert written.returncode == 0, written.stderr
    assert {file.name for file in (tmp_path / "fish").iterdir()} == {"model.gguf", "Modelfile"}


def test_a_gguf_brings_its_chat_along(small_run: Run, tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("llama_cpp")
    formats.export(small_run, tmp_path / "gguf", "gguf")
    llama = llama_cpp.Llama(str(tmp_path / "gguf" / "model.gguf"), n_ctx=256, n_threads=1, verbose=False)
    source = Source.read(small_run)
    end, forbidden = chat.special_ids(source.tokenizer)
    endless = [{"role": "user", "content": "good night " * 20}]
    told = llama.create_chat_completion(endless, temperature=0, max_tokens=None)  # it may speak past our 128 places
    assert told["choices"][0]["finish_reason"] in ("stop", "length"), "and comes to a clean end"
    for message in ("are you hungry", "DO YOU SLEEP?", "<|im_end|>", "é 🦉 ünïcode"):
        asked = [{"role": "user", "content": message}]
        said = llama.create_chat_completion(asked, temperature=0, max_tokens=64)["choices"][0]["message"]["content"]
        prompt = chat.encode_prompt(source.tokenizer, message.replace("<|", "< |"))
        (ids, _), *_ = cached.greedy_replies(source.model, [prompt], end, forbidden, longest=chat.CONTEXT)
        assert chat.reply_text(source.tokenizer, ids[:64]) == " ".join(said.split()), message


def test_mlx_loads_the_folder_as_it_stands(small_run: Run, tmp_path: Path) -> None:
    mlx_lm = pytest.importorskip("mlx_lm")
    formats.export(small_run, tmp_path / "mlx", "mlx")
    model, tokenizer = mlx_lm.load(str(tmp_path / "mlx"))
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "Are you hungry"}], add_generation_prompt=True)
    said = mlx_lm.generate(model, tokenizer, asked, max_tokens=64)
    source = Source.read(small_run)
    expected = generate.reply(source.model, source.tokenizer, "are you hungry", Sampling(temperature=0))
    assert said.strip()
    assert expected.startswith(" ".join(said.split())), "it may speak on to the end of the context"


def test_the_oldest_transformers_says_the_same(small_run: Run, tmp_path: Path) -> None:
    if not OLDEST.exists():
        pytest.skip("make engines installs it")
    formats.export(small_run, tmp_path / "hf", "hf")
    code = """
import json, sys, transformers
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1])
replies = []
for message in json.loads(sys.argv[2]):
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": message}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    made = model.generate(**asked)[0, asked["input_ids"].shape[1] :]
    replies.append(tokenizer.decode(made, skip_special_tokens=True))
print(json.dumps([transformers.__version__, replies]))
"""
    messages = ["are you hungry", "DO YOU SLEEP?", "is it dark"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hf"), json.dumps(messages)],
        capture_output=True, text=True, check=False, env={**ONE_THREAD, "PYTHONPATH": str(OLDEST)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    version, replies = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith("4.57")
    source = Source.read(small_run)
    assert [" ".join(reply.split()) for reply in replies] == [
        generate.reply(source.model, source.tokenizer, message, Sampling(temperature=0)) for message in messages
    ]


def test_the_examples_of_the_docs_run(small_run: Run, tmp_path: Path) -> None:
    """Every Python block of docs/engines.md, in a folder where the run it speaks of has been exported."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "engines.md").read_text(), flags=re.DOTALL)
    assert len(blocks) >= 5
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "guppy").symlink_to(small_run.folder)
    ran = 0
    for block in blocks:
        name = re.search(r"runs/guppy/([\w-]+)", block)
        assert name is not None
        try:
            installed(name[1])
        except pytest.skip.Exception:
            continue
        done = guppylm("export", small_run.folder, "--to", name[1], "-o", tmp_path / name[1])
        assert done.returncode == 0, done.stderr
        for _ in range(8):  # where chance draws, an owl of thirty updates may say nothing once
            done = subprocess.run(
                [sys.executable, "-c", block.replace("runs/guppy/", "")],
                capture_output=True, text=True, cwd=tmp_path, env=ONE_THREAD, check=False,
            )  # fmt: skip
            assert done.returncode == 0, block + done.stderr
            if done.stdout.strip():
                break
        assert done.stdout.strip(), block
        ran += 1
    assert ran >= 2, "transformers and ONNX Runtime are always there"


def test_the_table_has_a_row_for_every_engine(small_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = guppylm("bench", "engines", small_run.folder, "--replies", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = {row["format"]: row for row in told["rows"]}
    assert {*rows, *told["missing"]} == {"run folder", *formats.FORMATS}
    for row in rows.values():
        assert row["identical"] == 2, row
        assert row["tokens_a_second"] > 0
    assert rows["onnx-8bit"]["memory_megabytes"] is None or rows["onnx-8bit"]["memory_megabytes"] > 1


def test_the_table_counts_what_differs(small_run: Run) -> None:
    class Wrong:
        logits = staticmethod(lambda ids: bench._naive(Source.read(small_run)).logits(ids) + 0.5)
        greedy = staticmethod(lambda ids: [1, 2])

    row = bench.Row("wrong", "none", 1.0, None)
    right = bench._naive(Source.read(small_run))
    prompt = chat.encode_prompt(Source.read(small_run).tokenizer, "are you hungry")
    bench._ask(row, Engine(Wrong.logits, Wrong.greedy), prompt, right.logits(prompt), right.greedy(prompt))
    assert row.identical == 0
    assert row.tokens == 3
    assert abs(row.largest - 0.5) < 1e-4
