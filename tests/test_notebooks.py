"""The notebooks in the repository: made of their scripts, without outputs, without copies of the package's code."""

from __future__ import annotations

import json
import re
import runpy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = runpy.run_path(str(NOTEBOOKS / "build.py"))

each = pytest.mark.parametrize("name", BUILD["NAMES"])


def cells(name: str, kind: str | None = None) -> list[dict[str, Any]]:
    made = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in made["cells"] if kind in (None, cell["cell_type"])]


def lines(name: str, kind: str | None = None) -> list[str]:
    return [line.strip() for cell in cells(name, kind) for line in "".join(cell["source"]).splitlines()]


def telling(text: list[str]) -> list[str]:
    """The lines that say something: no imports, no brackets alone."""
    return [line for line in text if len(line) > 12 and not line.startswith(("import ", "from ", "#", '"""'))]


def test_every_script_is_a_notebook_and_the_other_way_round() -> None:
    assert {file.stem for file in NOTEBOOKS.glob("*.ipynb")} == set(BUILD["NAMES"])
    assert {file.stem for file in NOTEBOOKS.glob("*.py")} == {*BUILD["NAMES"], "build"}


@each
def test_the_notebook_is_what_the_script_makes(name: str) -> None:
    pytest.importorskip("jupytext", reason="pip install 'guppylm[notebooks]' -c constraints.txt")
    found = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert found == BUILD["text"](name), "run  python notebooks/build.py"


@each
def test_no_outputs(name: str) -> None:
    for cell in cells(name, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@each
def test_code_compiles_without_magic(name: str) -> None:
    for cell in cells(name, "code"):
        compile("".join(cell["source"]), cell["id"], "exec")


@each
def test_no_source_of_the_package_is_pasted(name: str) -> None:
    """The package is asked for what is shown of it. Two telling lines in a row stand in both by no accident."""
    ours = set()
    for file in (ROOT / "guppylm").rglob("*.py"):
        ours |= set(pairwise(telling([line.strip() for line in file.read_text(encoding="utf-8").splitlines()])))
    assert not ours & set(pairwise(telling(lines(name))))


@each
def test_the_only_address_is_one_variable(name: str) -> None:
    sources = [line for line in lines(name, "code") if line.startswith("SOURCE = ")]
    assert len(sources) == 1
    others = [line for line in lines(name) if line not in sources]
    assert not [line for line in others if re.search(r"\w://\w|www\.|git@|github|gitlab|huggingface\.co", line)]
