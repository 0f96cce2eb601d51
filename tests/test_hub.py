"""Push and download: the folders, their cards, and the way to the hub and back, against a stand-in on 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hub_stand_in
import pytest
from conftest import guppylm
from hub_stand_in import TOKEN, Hub
from markdown_it import MarkdownIt

from guppylm import files
from guppylm.errors import GuppyError, MissingExtra, RunError
from guppylm.evaluate import model_card
from guppylm.export import parity
from guppylm.hub import connect, dataset_page, folders, model_page, push
from guppylm.run import Run

REPO = "owner/owl"
HOSTILE = (
    'x"\n---\nlicense: evil\n---\n# Pwned <script>alert(1)</script> [a](http://b.c) | `q` www.b.c ![i](j)\u2028\u202e'
)


@pytest.fixture(scope="module")
def written(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What --dry-run writes."""
    folder = tmp_path_factory.mktemp("dry") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "PROMPTS", 5)  # a model that was hardly trained talks to the end of its context
        where = push.push(small_run, REPO, "owner/owl-data", folder)
    assert where == [str(folder / "model"), str(folder / "dataset")]
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_stand_in.running() as running:
        yield running


def at(hub: Hub, home: Path, call: str, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
    """Run a call of ours in a process whose hub is the stand-in, and which does not wait between two tries."""
    lines = [
        "import sys, time, traceback; from pathlib import Path; time.sleep = lambda seconds: None",
        "from huggingface_hub import constants; constants.DOWNLOAD_CHUNK_SIZE = 1024",  # kept piece by piece
        "from guppylm.errors import GuppyError; from guppylm.hub import push, download",
        f"try: print({call})",
        "except GuppyError as error: print('guppylm:', error, file=sys.stderr); sys.exit(1)",
    ]
    given = {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**inherited, **given, **({"HF_TOKEN": token} if token else {})},
    )  # fmt: skip


def send(hub: Hub, home: Path, folder: Path, kind: str = "model", **more: Any) -> subprocess.CompletedProcess[str]:
    return at(hub, home, f"push.send(Path({str(folder)!r}), {REPO!r}, {kind!r})", **more)


def fetch(hub: Hub, home: Path, folder: Path, repo: str = REPO, **more: Any) -> subprocess.CompletedProcess[str]:
    return at(hub, home, f"len(download.download({repo!r}, Path({str(folder)!r})))", **more)


def contents(folder: Path) -> dict[str, bytes]:
    """A folder's files, without the library's own notes."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".cache" not in file.relative_to(folder).parts
    }


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a person reads, after what the library warned of."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def front(card: str) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_stock_transformers_reads_the_model_folder(written: Path, small_run: Run) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from guppylm import cached, chat, weights

    folder = written / "model"
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "are you hungry"}],
        add_generation_prompt=True, return_tensors="pt", return_dict=True,
    )  # fmt: skip
    reply = model.generate(**asked)[0, asked["input_ids"].shape[1] :]
    ours = weights.read_model(small_run)
    [(text, _)] = cached.greedy(
        ours, weights.read_tokenizer(small_run, ours.config), ["are you hungry"], longest=chat.CONTEXT
    )
    assert tokenizer.decode(reply, skip_special_tokens=True).strip() == text.strip()


def test_stock_datasets_reads_the_dataset_folder(written: Path, small_run: Run, tmp_path: Path) -> None:
    from datasets import load_dataset

    found = load_dataset(str(written / "dataset"), cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in found.items()} == {"train": 540, "test": 60}
    for split, source in (("train", small_run.train_data()), ("test", small_run.eval_data)):
        rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
        expected = [{key: row[key] for key in ("input", "output", "category")} for row in rows]
        assert list(found[split]) == expected
        published = (written / "dataset" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        assert [list(json.loads(line)) for line in published] == [["input", "output", "category"]] * len(rows)


def test_the_folders_hold_what_they_should_and_nothing_else(written: Path) -> None:
    assert set(contents(written)) == {
        "dataset/README.md", "dataset/train.jsonl", "dataset/test.jsonl",
        "model/README.md", "model/config.json", "model/generation_config.json", "model/model.safetensors",
        "model/tokenizer.json", "model/tokenizer_config.json", "model/run.json", "model/report.json",
        "model/persona/persona.toml", "model/persona/words.toml",
        "model/persona/topics/food.toml", "model/persona/topics/night.toml",
        "model/onnx/model.onnx", "model/onnx/tokenizer.json", "model/gguf/model.gguf", "model/gguf/Modelfile",
    }  # fmt: skip


def test_both_ways_to_chat_read_the_model_folder(written: Path) -> None:
    for folder in (written / "model", written / "model" / "onnx"):  # PyTorch, ONNX Runtime
        done = guppylm("chat", "--model", folder, "--prompt", "hi", "--temperature", "0")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_the_cards_metadata_is_what_the_hub_reads(written: Path, small_run: Run) -> None:
    from huggingface_hub import DatasetCard, ModelCard

    model, report = ModelCard.load(written / "model" / "README.md"), files.read_json(small_run.report)
    assert (model.data.license, model.data.language, model.data.datasets) == ("cc-by-4.0", ["en"], ["owner/owl-data"])
    assert (model.data.library_name, model.data.pipeline_tag) == ("transformers", "text-generation")
    figures = {one.metric_type: one.metric_value for one in model.data.eval_results}
    assert figures["on_topic"] == round(report["model"]["on_topic"], 4)
    assert figures["loss"] == round(report["loss"], 4)
    assert f"| on topic | {report['model']['on_topic']:.1%} |" in model.text
    assert "--preset quick" in model.text
    assert "`steps=60`" in model.text
    data = DatasetCard.load(written / "dataset" / "README.md").data
    assert (data.license, data.task_categories, data.size_categories) == ("cc-by-4.0", ["text-generation"], ["n<1K"])


def test_no_dataset_is_named_that_is_not_there(small_run: Run) -> None:
    assert "datasets" not in front(model_page.text(small_run, REPO, None, {}))


def test_no_licence_is_told_that_nobody_gave(small_run: Run, tmp_path: Path) -> None:
    place = Run(shutil.copytree(small_run.folder, tmp_path / "run"))
    introduced = place.persona / "persona.toml"
    introduced.write_text(introduced.read_text(encoding="utf-8").replace('license = "cc-by-4.0"', ""), encoding="utf-8")
    cards = [model_page.text(place, None, None, {}), dataset_page.text(place, None, None, {"train": 540, "test": 60})]
    for card in (*cards, model_card.text(place)):
        assert "license" not in front(card)


def test_a_hostile_character_cannot_write_into_the_cards(small_run: Run, tmp_path: Path) -> None:
    place = Run(shutil.copytree(small_run.folder, tmp_path / "run"))

    def cards(told: str) -> list[str]:
        head = (small_run.persona / "persona.toml").read_text(encoding="utf-8")
        changed = head.replace('"owl"', json.dumps(told), 1).replace('"a sleepy owl', json.dumps(told)[:-1], 1)
        assert changed != head
        (place.persona / "persona.toml").write_text(changed, encoding="utf-8")
        report = files.read_json(small_run.report)
        files.write_json(place.report, report | {"topics": {told: 0.5, "food": 0.7}})
        lines = {"train": 540, "test": 60}
        return [model_page.text(place, None, None, {}), dataset_page.text(place, None, None, lines)]

    def shape(card: str) -> list[str]:
        tokens = MarkdownIt("commonmark").enable("table").parse(card.split("---\n", 2)[2])
        inner = [inline.type for token in tokens for inline in token.children or []]
        return [token.type for token in tokens] + inner

    for harmless, hostile in zip(cards("an owl"), cards(HOSTILE), strict=True):
        assert front(harmless).keys() == front(hostile).keys()
        assert front(hostile)["license"] == "cc-by-4.0"
        assert shape(harmless) == shape(hostile)
        assert "\u202e" not in hostile


def test_a_folder_with_something_in_it_is_left_alone(small_run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(GuppyError, match="not empty; choose another"):
        folders.write(small_run, tmp_path)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_a_run_without_a_report_card_says_how_to_make_one(small_run: Run, tmp_path: Path) -> None:
    place = Run(shutil.copytree(small_run.folder, tmp_path / "run"))
    place.report.unlink()
    with pytest.raises(RunError, match="guppylm eval"):
        folders.write(place, tmp_path / "out")


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"guppylm\[hub\]"):
        connect.library()


@pytest.mark.parametrize("name", ["owl", "a/b/c", "owner/o wl", "../owl", "owner/", "/owl", ""])
def test_a_name_that_no_repository_can_have_is_refused(small_run: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(GuppyError, match="no repository name" if name else "push needs"):
        push.push(small_run, name, None)


def test_up_and_down_again_gives_the_same_bytes(written: Path, hub: Hub, tmp_path: Path) -> None:
    done = send(hub, tmp_path / "home", written / "model")
    assert done.stdout.strip() == f"{hub.address}/{REPO}", done.stderr
    assert send(hub, tmp_path / "home", written / "dataset", "dataset").returncode == 0
    assert hub.repos == {
        f"models/{REPO}": contents(written / "model"),
        f"datasets/{REPO}": contents(written / "dataset"),
    }
    hub.repos[f"models/{REPO}"] |= {"evil.pkl": b"\x80\x04N.", "pytorch_model.bin": b"pickled", "persona/x.py": b"1"}
    fetched = fetch(hub, tmp_path / "home", tmp_path / "owl", token=None)
    assert fetched.returncode == 0, fetched.stderr
    assert contents(tmp_path / "owl") == contents(written / "model")
    assert guppylm("chat", "--model", tmp_path / "owl", "--prompt", "hi").returncode == 0


def test_nothing_of_an_earlier_push_stays_where_it_would_do_harm(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repos[f"models/{REPO}"] = {"persona/topics/old.toml": b"", "NOTES.md": b"mine"}
    assert send(hub, tmp_path / "home", written / "model").returncode == 0
    assert hub.repos[f"models/{REPO}"] == {**contents(written / "model"), "NOTES.md": b"mine"}


def test_an_interrupted_upload_goes_on(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.cut_after_uploads = 1
    line = error_of(send(hub, tmp_path / "home", written / "model"))
    assert "connection to the hub is gone" in line
    assert "what was uploaded stays; run the same command again" in line
    [first] = hub.stored
    hub.revive()
    done = send(hub, tmp_path / "home", written / "model")
    assert done.returncode == 0, done.stderr
    assert hub.repos[f"models/{REPO}"] == contents(written / "model")
    assert hub.count("PUT", first) == 0, "the file that the hub had was sent a second time"
    assert hub.count("PUT", "/lfs/") == 2, "three large files, one of them sent before"


def test_an_interrupted_download_goes_on(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repos[f"models/{REPO}"] = contents(written / "model")
    hub.cut_after_downloads = 3
    line = error_of(fetch(hub, tmp_path / "home", tmp_path / "owl"))
    assert "the files that arrived stay; run the same command again" in line
    before = contents(tmp_path / "owl")
    assert before
    hub.revive()
    assert fetch(hub, tmp_path / "home", tmp_path / "owl").returncode == 0
    assert contents(tmp_path / "owl") == contents(written / "model")
    again = {
        path.split("/resolve/")[1].split("/", 1)[1]
        for method, path, _ in hub.asked
        if "/resolve/" in path and method == "GET"
    }
    assert again == set(contents(written / "model")) - set(before)


def test_a_file_that_breaks_off_goes_on_in_its_middle(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repos[f"models/{REPO}"] = contents(written / "model")
    hub.halve_once = {"model.safetensors"}
    assert fetch(hub, tmp_path / "home", tmp_path / "owl").returncode == 0
    assert contents(tmp_path / "owl") == contents(written / "model")
    [begin] = [begin for _, path, begin in hub.asked if path.endswith("model.safetensors") and begin]
    middle = len(contents(written / "model")["model.safetensors"]) // 2
    assert 0 < int(begin.removeprefix("bytes=").rstrip("-")) <= middle


@pytest.mark.parametrize("name", ["model.safetensors", "persona/persona.toml"])  # a large file and a small one
def test_a_spoilt_file_is_refused_and_removed(written: Path, hub: Hub, tmp_path: Path, name: str) -> None:
    hub.repos[f"models/{REPO}"] = contents(written / "model")
    hub.spoilt = {name}
    line = error_of(fetch(hub, tmp_path / "home", tmp_path / "owl"))
    assert f"{name} is not what the hub says it is (checksum) and was removed" in line
    assert name not in contents(tmp_path / "owl")
    hub.spoilt = set()
    assert fetch(hub, tmp_path / "home", tmp_path / "owl").returncode == 0
    assert contents(tmp_path / "owl") == contents(written / "model")


def test_two_characters_do_not_mix_in_one_folder(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repos[f"models/{REPO}"] = contents(written / "model")
    assert fetch(hub, tmp_path / "home", tmp_path / "owl").returncode == 0
    (tmp_path / "owl" / "notes.txt").write_text("mine", encoding="utf-8")
    smaller = {name: content for name, content in contents(written / "model").items() if "night" not in name}
    hub.repos["models/owner/smaller"] = smaller
    assert fetch(hub, tmp_path / "home", tmp_path / "owl", "owner/smaller").returncode == 0
    there = {file.relative_to(tmp_path / "owl").as_posix() for file in (tmp_path / "owl").rglob("*") if file.is_file()}
    assert {name for name in there if not name.startswith(".cache")} == {*smaller, "notes.txt"}


def test_a_folder_of_ones_own_is_not_downloaded_into(written: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repos[f"models/{REPO}"] = contents(written / "model")
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl" / "config.json").write_text("mine")
    assert "holds something else" in error_of(fetch(hub, tmp_path / "home", tmp_path / "owl"))
    assert contents(tmp_path / "owl") == {"config.json": b"mine"}


def test_errors_are_one_line_and_say_what_to_do(written: Path, hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "not logged in to the hub; log in with" in error_of(send(hub, home, written / "model", token=None))
    assert "does not know you" in error_of(send(hub, home, written / "model", token="hf_wrong"))
    assert "no such repository" in error_of(fetch(hub, home, tmp_path / "out", "owner/nobody"))
    hub.repos["models/owner/other"] = {"README.md": b"", "config.json": b"{}"}
    assert "not a model that guppylm has pushed" in error_of(fetch(hub, home, tmp_path / "out", "owner/other"))


def test_the_token_is_neither_told_nor_kept(written: Path, hub: Hub, tmp_path: Path) -> None:
    runs = [send(hub, tmp_path / "home", written / "model"), fetch(hub, tmp_path / "home", tmp_path / "owl")]
    runs.append(send(hub, tmp_path / "home", written / "model", token=f"{TOKEN}é"))  # cannot stand in a header
    assert "letter in the token" in error_of(runs[-1])
    hub.dead = True
    runs.append(send(hub, tmp_path / "home", written / "model"))
    assert "connection to the hub is gone" in error_of(runs[-1])
    for done in runs:
        assert TOKEN not in done.stdout + done.stderr
    for file in [*tmp_path.rglob("*"), *written.rglob("*")]:
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


def test_the_command_writes_the_folders_and_nothing_without_a_place(small_run: Run, tmp_path: Path) -> None:
    done = guppylm("push", small_run.folder, "--dry-run", "-o", tmp_path / "hub", "--unchecked")
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.split()] == [folders.MODEL, folders.DATASET]
    assert (tmp_path / "hub" / folders.MODEL / "model.safetensors").exists()
    for wrong in (("--dry-run",), ("-o", tmp_path / "other"), ()):
        refused = guppylm("push", small_run.folder, *wrong)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
