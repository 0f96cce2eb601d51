"""The folder of a page: whole or not there, and nothing in it that a persona's texts could make run."""

import hashlib
import http.client
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
from conftest import quick, write_persona

from guppylm import runtime, weights
from guppylm.errors import GuppyError, PersonaError, RunError
from guppylm.explain import models, page, picture, quoted, serve
from guppylm.persona import generate as conversations
from guppylm.persona import schema
from guppylm.run import Run, begin

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg"><circle r="4" fill="url( '#sky' )"/></svg>"""
HOSTILE = "</script><script>alert(1)</script>\u2028&"
BUNDLE = ["app.js", "engine.wasm", "icon.svg", "index.html", "style.css", "sw.js", "worker.js"]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    for name in BUNDLE:
        (folder / name).write_text(f"this is {name}")
    (folder / "sw.js").write_text('const VERSION = "@version@", FILES = "@files@".split(" ");')
    return folder


@pytest.fixture
def place(small_run: Run, tmp_path: Path) -> Run:
    """A copy that a test may spoil."""
    shutil.copytree(small_run.folder, tmp_path / "run")
    return Run(tmp_path / "run")


def read(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found


def edit(place: Run, old: str, new: str) -> None:
    file = place.persona / "persona.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_folder_holds_all_that_the_page_shows(place: Run, built: Path, tmp_path: Path) -> None:
    (place.persona / "picture.svg").write_text(DRAWING)
    edit(place, 'name = "owl"', f'name = "{HOSTILE}"')
    with (place.persona / "persona.toml").open("a", encoding="utf-8") as out:
        out.write('\n[page]\nwater = "#1B7fa8"\n')
    folder = tmp_path / "site" / "owl"
    page.write(place, folder, built, check=False)
    assert sorted(file.name for file in folder.iterdir()) == sorted([*BUNDLE, "character"])
    assert not list(tmp_path.glob("site/*.part"))
    character = folder / "character"

    about = read(character / "about.json")
    assert about["name"] == HOSTILE
    assert about["colours"] == {"water": "#1B7fa8"}
    assert about["picture"] is True
    assert about["prompts"] == schema.head(place.persona).prompts
    assert about["shape"] == {
        "vocabulary": weights.read_config(place.config).vocabulary, "context": 128, "layers": 2, "width": 32,
        "heads": 2, "feedForward": 64,
    }  # fmt: skip
    on_disk = {f.relative_to(folder).as_posix(): f.stat().st_size for f in folder.rglob("*") if f.is_file()}
    assert about["bytes"] == {name: size for name, size in on_disk.items() if name not in (page.ABOUT, "sw.js")}
    kept = re.fullmatch(r'const VERSION = "(\w+)", FILES = "(.*)".split\(" "\);', (folder / "sw.js").read_text())
    assert kept is not None
    assert kept[1] == about["version"]
    assert set(kept[2].split(" ")) == {name for name in on_disk if "growing/" not in name and name != "sw.js"}
    for file in folder.rglob("*.*"):  # it stands in JSON strings only, and so nowhere in what a browser runs
        assert file.suffix in (".json", ".onnx") or HOSTILE not in file.read_text(errors="replace")

    grown = read(character / "growing.json")
    held = [row for row in map(json.loads, place.metrics.read_text().splitlines()) if "held_out_loss" in row]
    assert [(one["step"], one["heldOut"]) for one in grown["loss"]] == [  # type: ignore[attr-defined]
        (row["step"], round(row["held_out_loss"], 4)) for row in held
    ]
    said = [json.loads(line) for line in place.samples.read_text(encoding="utf-8").splitlines()]
    assert [
        {"step": moment["step"], **one}
        for moment in grown["samples"]  # type: ignore[attr-defined]
        for one in moment["replies"]
    ] == said
    steps = [model["step"] for model in grown["models"]]  # type: ignore[attr-defined]
    assert steps == sorted(int(file.stem[5:]) for file in place.grown(0).parent.iterdir())
    for model in grown["models"]:  # type: ignore[attr-defined]
        assert on_disk[model["file"]] == model["bytes"]
        onnxruntime.InferenceSession(folder / model["file"], providers=["CPUExecutionProvider"])
    assert runtime.load(character).name == HOSTILE

    texts = read(character / "texts.json")
    chats = {(one.input, one.output): one for one in reversed(list(conversations.read(place.train_data())))}
    assert {(message, reply) for message, reply, _ in texts["conversations"]} == set(chats)  # type: ignore[attr-defined]
    for message, reply, number in texts["conversations"]:  # type: ignore[attr-defined]
        exchange = texts["exchanges"][number]  # type: ignore[index]
        assert f"{exchange['topic']}/{exchange['name']}" == chats[message, reply].exchange
        assert exchange["reply"][0] in (place.persona / exchange["file"]).read_text(encoding="utf-8")
    assert read(character / "recorded.json")["message"] in about["prompts"]  # type: ignore[operator]


def test_the_version_is_that_of_all_files(place: Run, built: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    page.write(place, first, built, check=False)
    page.write(place, second, built, check=False)
    version = read(first / page.ABOUT)["version"]
    assert read(second / page.ABOUT)["version"] == version
    (built / "app.js").write_text("something else")
    (second / "CNAME").write_text("owl.example")
    old = second / "character" / "growing" / "step-99999.onnx"
    old.write_text("of an earlier page")
    page.write(place, second, built, check=False)
    assert read(second / page.ABOUT)["version"] != version
    assert (second / "CNAME").exists()
    assert not old.exists()


def test_what_is_missing_is_left_out(place: Run, built: Path, tmp_path: Path) -> None:
    shutil.rmtree(place.folder / "data")
    shutil.rmtree(place.folder / "growing")
    place.samples.unlink()
    place.metrics.unlink()
    page.write(place, tmp_path / "page", built)
    character = tmp_path / "page" / "character"
    assert read(character / "growing.json") == {"loss": [], "samples": [], "models": []}
    texts = read(character / "texts.json")
    assert texts["conversations"] == []
    assert len(texts["exchanges"]) == 4  # type: ignore[arg-type]
    assert read(character / "about.json")["picture"] is False


@pytest.mark.parametrize("missing", BUNDLE)
def test_a_page_that_was_not_built_is_named(small_run: Run, built: Path, tmp_path: Path, missing: str) -> None:
    (built / missing).unlink()
    with pytest.raises(RunError, match=r"run  make page  first \(it needs Node 20 or later\)"):
        page.write(small_run, tmp_path / "page", built)
    assert not (tmp_path / "page").exists()


def test_nothing_is_left_of_a_page_that_failed(place: Run, built: Path, tmp_path: Path) -> None:
    (place.persona / "picture.svg").write_text("<svg><script>alert(1)</script></svg>")
    with pytest.raises(PersonaError, match="must not hold <script>"):
        page.write(place, tmp_path / "page", built)
    next((place.folder / "growing").iterdir()).write_bytes(b"spoiled")
    (place.persona / "picture.svg").unlink()
    with pytest.raises(RunError, match="safetensors"):
        page.write(place, tmp_path / "page", built, check=False)
    assert not list(tmp_path.glob("page*"))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("somebody's")
    with pytest.raises(RunError, match="another page"):
        page.write(place, tmp_path / "page", built)
    (tmp_path / "game" / "character").mkdir(parents=True)
    (tmp_path / "game" / "character" / "hero.png").touch()
    with pytest.raises(RunError, match="another page"):
        page.write(place, tmp_path / "game", built)
    assert (tmp_path / "game" / "character" / "hero.png").exists()


def test_an_export_is_used_again_while_it_is_newer_than_the_weights(place: Run, tmp_path: Path) -> None:
    source = models.Source.read(place)
    models.write_model(source, place.folder / "onnx-8bit", check=False)
    exported = place.folder / "onnx-8bit" / "model.onnx"
    before = hashlib.sha256(exported.read_bytes()).digest()
    assert models._is_fresh(exported.parent, place, source.model.config)
    models.write_model(source, tmp_path / "again", check=True)
    assert hashlib.sha256((tmp_path / "again" / "model.onnx").read_bytes()).digest() == before
    place.weights.touch()
    assert not models._is_fresh(exported.parent, place, source.model.config)
    exported.write_bytes(b"broken, and newer")
    assert not models._is_fresh(exported.parent, place, source.model.config)


@pytest.mark.parametrize("colour", ["blue", "#12345", "#1234567", "url(//x)", "#12345g", "#123456\\n", ";x:#123456"])
def test_a_colour_is_six_hexadecimal_digits(tmp_path: Path, colour: str) -> None:
    file = write_persona(tmp_path / "owl") / "persona.toml"
    file.write_text(file.read_text(encoding="utf-8") + f'\n[page]\naccent = "{colour}"\n', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"persona\.toml: 'page\.accent' must be a colour"):
        schema.head(file.parent)


@pytest.mark.parametrize(
    "drawing",
    [
        "no drawing", "<html/>", "<svg onload='x()'/>", "<svg><a href='https://example.org'/></svg>",
        "<svg xmlns:x='http://www.w3.org/1999/xlink'><use x:href='//example.org/a.svg#b'/></svg>",
        "<svg><style>@import 'x.css'</style></svg>", "<svg><g style='fill: url(https://example.org)'/></svg>",
        "<svg><set attributeName='href' to='javascript:x()'/></svg>", "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>",
        "<svg xmlns:h='http://www.w3.org/1999/xhtml'><h:script/></svg>", "<svg><foreignObject/></svg>", "<svg>",
    ],
)  # fmt: skip
def test_a_drawing_that_does_more_than_be_seen_is_refused(tmp_path: Path, drawing: str) -> None:
    file = tmp_path / "picture.svg"
    file.write_text(drawing)
    with pytest.raises(PersonaError, match=r"picture\.svg"):
        picture.read(file)
    file.write_text(DRAWING)
    assert picture.read(file) == DRAWING.encode()


def test_a_run_takes_the_drawing_along(tmp_path: Path) -> None:
    persona, place = write_persona(tmp_path / "owl"), Run(tmp_path / "run")
    begin(persona, place, quick())
    (persona / "picture.svg").write_text(DRAWING)
    begin(persona, place, quick())  # no other run for that
    assert (place.persona / "picture.svg").read_text() == DRAWING


def test_the_code_is_the_packages_own() -> None:
    root = Path(page.__file__).parents[2]
    for topic, functions in quoted.code().items():
        for one in functions:
            lines = (root / one["file"]).read_text(encoding="utf-8").splitlines()[one["line"] - 1 :]
            source = one["source"].splitlines()
            assert [line.strip() for line in source] == [line.strip() for line in lines[: len(source)]], topic
            assert source[0][:1] in ("d", "@")
            assert source[-1].strip()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[http.client.HTTPConnection]:
    folder = tmp_path / "site"
    (folder / "empty").mkdir(parents=True)
    for name in ("index.html", "a.js", "a.wasm", "a.json", "a.svg", "a.css", "a.onnx"):
        (folder / name).write_text(name)
    (tmp_path / "secret").write_text("outside")
    with serve.server(folder, 0) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", listening.server_address[1], timeout=10)
        yield connection
        connection.close()
        listening.shutdown()


def test_files_are_served_with_their_types_and_nothing_else(site: http.client.HTTPConnection) -> None:
    def get(path: str) -> tuple[int, str, bytes]:
        site.request("GET", path)
        answer = site.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()

    assert get("/") == (200, "text/html", b"index.html")
    for name, kind in {
        "a.js": "text/javascript", "a.wasm": "application/wasm", "a.json": "application/json",
        "a.svg": "image/svg+xml", "a.css": "text/css", "a.onnx": "application/octet-stream",
    }.items():  # fmt: skip
        assert get(f"/{name}?v=1") == (200, kind, name.encode())
    for path in ("/empty/", "/missing", "/../secret", "/%2e%2e/secret"):
        assert get(path)[0] == 404, path


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with serve.server(tmp_path, 0) as listening:
        port = listening.server_address[1]
        assert serve.address(listening) == f"http://127.0.0.1:{port}/"
        with pytest.raises(GuppyError, match=f"port {port}: cannot be used .* --port"):
            serve.server(tmp_path, port)
    with pytest.raises(GuppyError, match="port 70000"):
        serve.server(tmp_path, 70_000)
