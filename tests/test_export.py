"""A run in ONNX Runtime: the same logits, the same replies, the same insides; and no PyTorch in sight."""

import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fuzz_readers
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import guppylm
from torch import Tensor
from transformers import AutoModelForCausalLM

from guppylm import chat, generate, runtime, weights
from guppylm.bench import machine
from guppylm.errors import GuppyError, RunError
from guppylm.export import formats, onnx_graph
from guppylm.model import Transformer
from guppylm.run import Run
from guppylm.runtime import Character
from guppylm.sample import Sampling
from guppylm.tokenizer import fast

MESSAGES = ["are you hungry", "Do you sleep?", "what is a mortgage", "🦉", "", "<|im_end|>", "good night " * 60]


@pytest.fixture(scope="module")
def model(small_run: Run) -> Transformer:
    return weights.read_model(small_run)


@pytest.fixture(scope="module")
def exported(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    formats.export(small_run, folder, "onnx")
    return folder


@pytest.fixture(scope="module")
def fish(exported: Path) -> Character:
    return runtime.load(exported)


def test_logits_are_those_of_pytorch_however_the_text_is_cut(model: Transformer, fish: Character) -> None:
    ids = chat.encode_prompt(fish.tokenizer, "shall i bring you a moth")
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0].numpy()
    for cut in range(1, len(ids)):
        _, cache = fish.logits(ids[:cut])
        logits, _ = fish.logits(ids[cut:], cache)
        assert np.abs(logits - expected[-1]).max() < 1e-4
    cache = None
    for token, scores in zip(ids, expected, strict=True):
        logits, cache = fish.logits([token], cache)
        assert np.abs(logits - scores).max() < 1e-4


def test_the_same_seed_gives_the_reply_of_pytorch(model: Transformer, fish: Character) -> None:
    for number, message in enumerate(MESSAGES):
        for settings in (Sampling(temperature=0), Sampling(temperature=1.5, top_k=None, top_p=1, seed=number)):
            expected = list(generate.stream(model, fish.tokenizer, message, settings))
            assert list(fish.stream(message, settings)) == expected
            assert fish.reply(message, settings) == "".join(expected)


def test_the_insides_are_those_of_the_model(
    small_run: Run, model: Transformer, exported: Path, fish: Character
) -> None:
    session = onnxruntime.InferenceSession(exported / runtime.MODEL, providers=["CPUExecutionProvider"])
    ids = chat.encode_prompt(fish.tokenizer, "is it dark")
    layers, config = len(model.blocks), model.config
    nothing = np.zeros((1, config.heads, 0, config.width // config.heads), np.float32)
    names = onnx_graph.input_names(layers)
    feed = {"input_ids": np.array([ids]), **dict.fromkeys(names[1:-1], nothing), "look": np.array(True)}
    attention, stream, lens = session.run(list(onnx_graph.INSIDES), feed)

    after: list[Tensor] = [model.tok_emb(torch.tensor(ids)) + model.pos_emb(torch.arange(len(ids)))]
    with torch.inference_mode():
        for number, block in enumerate(model.blocks):
            x = block.norm1(after[-1])
            q, k = (
                part.view(len(ids), config.heads, -1).transpose(0, 1) for part in block.attn.qkv(x).chunk(3, -1)[:2]
            )
            scores = q @ k.mT / (config.width / config.heads) ** 0.5
            scores[:, torch.ones(len(ids), len(ids)).triu(1).bool()] = -torch.inf
            assert np.abs(attention[number] - scores.softmax(-1).numpy()).max() < 1e-5
            x = after[-1]
            after.append(x + block.attn(block.norm1(x)[None])[0])
            after.append(after[-1] + block.ffn(block.norm2(after[-1])))
            assert (after[-1] - block(x[None])[0]).abs().max() < 1e-6
        expected = torch.stack(after)  # (depth, T, D)
        assert np.abs(stream - expected.numpy()).max() < 1e-4
        assert np.abs(lens - model.logits(model.norm(expected)).numpy()).max() < 1e-4
    assert np.allclose(lens[-1, -1], fish.logits(ids)[0], atol=1e-5)


def test_eight_bits_are_a_fifth_of_the_size_and_nearly_the_same(
    small_run: Run, model: Transformer, tmp_path: Path
) -> None:
    state = {name: weight.numpy() for name, weight in model.state_dict().items()}
    full, small = (onnx_graph.build(state, model.config, bits, {}) for bits in (32, 8))
    kept = {weight.name: onnx_to_numpy(weight) for weight in small.graph.initializer}
    for name in ("blocks.0.attn.qkv", "blocks.1.ffn.down"):
        scale = kept[f"{name}.scale"].repeat(onnx_graph.BLOCK, axis=0)
        restored = kept[f"{name}.int8"] * scale
        assert (np.abs(restored - state[f"{name}.weight"].T) <= scale * 0.501).all()
    assert kept["embedding.int8"].dtype == np.int8
    assert small.ByteSize() < full.ByteSize() * 0.5, "of a tiny model, where norms and names weigh something"


def onnx_to_numpy(weight: object) -> np.ndarray:
    from onnx import numpy_helper

    return numpy_helper.to_array(weight)  # type: ignore[arg-type]


def smaller(tokenizer: Path) -> None:
    tokenizer.write_text(fast.train(["hi owl, are you hungry, are you asleep, so so so"] * 3, 300).to_str())


def one_id_too_large(tokenizer: Path) -> None:
    told = json.loads(tokenizer.read_text())
    told["model"]["vocab"]["t"] = 70_000
    tokenizer.write_text(json.dumps(told))


def unnamed(model: Path) -> None:
    whole = onnx.load(model)
    onnx.helper.set_model_props(whole, {"guppylm": "{}"})
    onnx.save(whole, model)


def changed(model: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    whole = onnx.load(model)
    change(whole)
    model.write_bytes(whole.SerializeToString())


def not_numbers(whole: onnx.ModelProto) -> None:
    weight = next(one for one in whole.graph.initializer if one.name == "norm.bias")
    weight.CopyFrom(onnx.numpy_helper.from_array(np.full(weight.dims, np.nan, np.float32), weight.name))


def elsewhere(whole: onnx.ModelProto) -> None:
    """The weights are said to stand in another file, outside of the folder."""
    weight = next(one for one in whole.graph.initializer if one.name == "norm.bias")
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "../../../../../../etc/passwd"), ("length", "128"), ("offset", "0")):
        weight.external_data.add(key=key, value=value)


def huge(whole: onnx.ModelProto) -> None:
    weight = next(one for one in whole.graph.initializer if one.name == "pos_emb.weight")
    weight.dims[:] = [1 << 40, 1 << 40]


def longer(whole: onnx.ModelProto) -> None:
    about = json.loads(whole.metadata_props[0].value)
    whole.metadata_props[0].value = json.dumps(about | {"context": 4_096})


def test_an_export_takes_nothing_over_from_one_that_was_killed(
    small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.part").mkdir()
    (tmp_path / "here.part" / "left.bin").write_bytes(b"half")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    formats.export(small_run, Path(), "onnx")
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"model.onnx", "tokenizer.json"}


def test_an_export_replaces_neither_the_run_nor_a_projects_readme(small_run: Run, tmp_path: Path) -> None:
    before = small_run.config.read_bytes()
    (tmp_path / "README.md").write_text("my project", encoding="utf-8")
    for folder in (small_run.folder, tmp_path):
        with pytest.raises(GuppyError, match="holds other files; choose another folder with -o"):
            formats.export(small_run, folder, "hf")
    assert small_run.config.read_bytes() == before
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "my project"


def test_without_held_out_messages_nothing_can_be_compared(small_run: Run, tmp_path: Path) -> None:
    copied = Run(shutil.copytree(small_run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("data")))
    with pytest.raises(GuppyError, match="no held-out messages here to compare on; add --unchecked"):
        formats.export(copied, tmp_path / "onnx", "onnx")


def test_many_may_talk_to_it_at_once(fish: Character) -> None:
    asked = [(message, Sampling(temperature=1, seed=seed)) for seed in range(6) for message in MESSAGES]
    alone = [fish.reply(*one) for one in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: fish.reply(*one), asked)) == alone


def test_a_reply_that_never_ends_stops_where_the_context_is_full(fish: Character) -> None:
    ids = chat.encode_prompt(fish.tokenizer, "do you sleep")
    wild = [Sampling(temperature=50, top_k=None, top_p=1, seed=seed) for seed in range(8)]
    assert max(len(list(fish.generate(ids, settings))) for settings in wild) == fish.context - len(ids)
    stopped = fish.stream("do you sleep", Sampling(temperature=0))
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert fish.reply("do you sleep", Sampling(temperature=0))


@pytest.mark.skipif(machine.memory() is None, reason="memory is told on Linux only")
def test_a_thousand_replies_need_no_more_memory_than_a_hundred(fish: Character) -> None:
    held = []
    for number in range(1_000):
        fish.reply("do you sleep " * (number % 30), Sampling(seed=number))
        if number in (99, 999):
            gc.collect()
            held.append(machine.memory() or 0)
    assert held[1] - held[0] < 3_000_000


def test_spoiled_files_are_refused_or_read(tmp_path: Path) -> None:
    """A short turn of tests/fuzz_readers.py."""
    fuzz_readers.prepare(tmp_path)
    counted, failures = fuzz_readers.fuzz(tmp_path, seconds=0)
    assert not failures
    assert counted["refused"] > counted["read"] > 0


def test_a_file_that_disagrees_is_not_written(small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = onnx_graph.build

    def spoiled(state: dict[str, np.ndarray], *rest: object) -> object:
        return build(state | {"norm.bias": state["norm.bias"] + 0.1}, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(onnx_graph, "build", spoiled)
    folder = tmp_path / "onnx"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"as it was")
    with pytest.raises(GuppyError, match="disagrees with PyTorch"):
        formats.export(small_run, folder, "onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["onnx"]
    assert (folder / "model.onnx").read_bytes() == b"as it was"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "not found"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"no"), "not a model that guppylm has exported"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no usable tokenizer"),
        (lambda folder: smaller(folder / "tokenizer.json"), "tokens, and tokenizer.json beside it 282;"),
        (lambda folder: one_id_too_large(folder / "tokenizer.json"), "token ids are not 0 to"),
        (lambda folder: unnamed(folder / "model.onnx"), "not a model that guppylm has exported"),
        (lambda folder: changed(folder / "model.onnx", not_numbers), "gives no numbers"),
        (lambda folder: changed(folder / "model.onnx", elsewhere), "not a model that guppylm has exported"),
        (lambda folder: changed(folder / "model.onnx", huge), "not a model that guppylm has exported"),
        (lambda folder: changed(folder / "model.onnx", longer), "not a model that guppylm has exported"),
    ],
)
def test_a_broken_folder_is_said_in_a_line(exported: Path, tmp_path: Path, spoil: object, said: str) -> None:
    shutil.copytree(exported, tmp_path / "onnx")
    spoil(tmp_path / "onnx")  # type: ignore[operator]
    with pytest.raises(RunError, match=said):
        runtime.load(tmp_path / "onnx")


def test_the_command_exports_and_chats_without_pytorch(small_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "fish"
    done = guppylm("export", small_run.folder, "--to", "onnx", "-o", folder, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["identical"] == told["prompts"] == 60
    assert told["largest"] < 1e-4
    without = (
        "import sys; sys.modules['torch'] = None; sys.modules['onnx'] = None; from guppylm.cli import main; main()"
    )
    here = subprocess.run(
        [sys.executable, "-c", without, "chat", "--model", str(folder), "--temperature", "0"],
        input=b"are you hungry\ndo you sleep\n", capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert here.returncode == 0, here.stderr
    there = guppylm("chat", "--model", small_run.folder, "--temperature", "0", stdin="are you hungry\ndo you sleep\n")
    assert here.stdout.decode() == there.stdout


@pytest.mark.parametrize(
    ("name", "dtype", "within"), [("hf", torch.float32, 1e-4), ("safetensors", torch.float16, 0.05)]
)
def test_a_folder_for_transformers(
    small_run: Run, tmp_path: Path, name: str, dtype: torch.dtype, within: float
) -> None:
    found = formats.export(small_run, tmp_path / name, name)
    assert found.identical == found.prompts == 60
    assert found.largest < within
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / name)
    assert theirs.dtype == dtype
    assert {file.name for file in (tmp_path / name).iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "README.md",
    }  # fmt: skip


def test_a_format_that_is_not_there_is_said_in_a_line(small_run: Run, tmp_path: Path) -> None:
    done = guppylm("export", small_run.folder, "--to", "pickle", "-o", tmp_path / "fish")
    assert done.returncode == 1
    assert done.stderr == (
        "guppylm: no format 'pickle'; there are hf, safetensors, onnx, onnx-8bit, "
        "gguf, gguf-f16, gguf-8bit, ctranslate2, ctranslate2-8bit, mlx\n"
    )
    assert not list(tmp_path.iterdir())
