"""The folder of a run's page, for any static host: the built page, and character/ with all that it shows.

index.html  app.js  worker.js  style.css  icon.svg  sw.js  *.wasm  what `make page` has built
character/about.json       who it is; its version is a hash over everything in the folder
character/picture.svg      if the persona has one
character/model.onnx  tokenizer.json  growing/step-N.onnx
character/recorded.json  growing.json  texts.json  code.json

    guppylm page runs/guppy -o docs/page
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from guppylm import files
from guppylm.errors import RunError
from guppylm.explain import contents, models, picture, quoted, recorded
from guppylm.export.parity import Source
from guppylm.persona import schema
from guppylm.run import PICTURE, Run

BUNDLE = ("index.html", "app.js", "worker.js", "style.css", "icon.svg", "sw.js")
BUILT = Path(__file__).parent.parent.parent / "web" / "dist"
CHARACTER = "character"
ABOUT = f"{CHARACTER}/about.json"
GROWING = f"{CHARACTER}/growing/"
WORKER = "sw.js"  # the service worker


def write(
    place: Run, folder: Path, built: Path, *, check: bool = True, say: Callable[[str], None] = lambda _: None
) -> None:
    """Write the page of a run, all of it or nothing. `check`: compare the exported model with PyTorch first.

    Raises GuppyError when something is missing. Other files in the folder stay, but not those of an earlier page.
    """
    bundle = _bundle(built)
    folder = folder.resolve()  # "." has no name
    if not (folder / ABOUT).exists() and ((folder / "index.html").exists() or (folder / CHARACTER).exists()):
        raise RunError(f"{folder} holds another page; choose another folder with -o")
    unfinished = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of one that was killed
        unfinished.mkdir(parents=True)
        for file in bundle:
            shutil.copyfile(file, unfinished / file.name)
        _write_character(place, unfinished, check, say)
        _move(unfinished, folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _bundle(built: Path) -> list[Path]:
    """The files of the built page. Raises RunError if it is not whole."""
    for file in [*(built / name for name in BUNDLE), next(built.glob("*.wasm"), built / "*.wasm")]:
        if not file.is_file():
            raise RunError(f"{file}: not found; run  make page  first (it needs Node 20 or later)")
    return sorted(file for file in built.iterdir() if file.is_file() and not file.name.startswith("."))


def _write_character(place: Run, page: Path, check: bool, say: Callable[[str], None]) -> None:
    source = Source.read(place)
    introduced = schema.head(place.persona)
    folder = page / CHARACTER
    drawn = place.persona / PICTURE
    if drawn.exists():
        files.write_bytes(folder / PICTURE, picture.read(drawn))
    say("the model")
    models.write_model(source, folder, check)
    grown = list(models.write_grown(source, folder, say))
    say("a recorded exchange, its texts and its code")
    for name, content in {
        "growing": contents.growing(place, grown),
        "recorded": recorded.record(source.model, source.tokenizer, introduced.prompts),
        "texts": contents.texts(place),
        "code": quoted.code(),
    }.items():
        contents.write_json(folder / f"{name}.json", content)
    sizes = {_name(file, page): file.stat().st_size for file in _files(page) if file.name != WORKER}
    about = contents.about(introduced, source.model.config, drawn.exists(), sizes)
    contents.write_json(page / ABOUT, about)
    made = version(page)
    contents.write_json(page / ABOUT, about | {"version": made})
    _fill_in(page / WORKER, made, [name for name in (*sizes, ABOUT) if not name.startswith(GROWING)])


def _fill_in(worker: Path, made: str, names: list[str]) -> None:
    """Tell the service worker what it keeps for when there is no network; models of earlier moments once they came."""
    text = worker.read_text(encoding="utf-8")
    text = text.replace("@version@", made).replace("@files@", " ".join(quote(name) for name in sorted(names)))
    files.write_bytes(worker, text.encode())


def version(page: Path) -> str:
    """The same files, the same version: a short hash over their names and contents."""
    digest = hashlib.sha256()
    for file in _files(page):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{_name(file, page)} {content}\n".encode())
    return digest.hexdigest()[:16]


def _name(file: Path, page: Path) -> str:
    return file.relative_to(page).as_posix()


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _move(finished: Path, folder: Path) -> None:
    """Put each file in its place in one step, about.json last; then take away what the page before had more."""
    written = sorted((file.relative_to(finished) for file in _files(finished)), key=lambda file: file == Path(ABOUT))
    for file in written:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (finished / file).replace(folder / file)
    for old in _files(folder / CHARACTER):
        if old.relative_to(folder) not in written:
            old.unlink()
