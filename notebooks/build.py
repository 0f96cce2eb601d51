"""The notebooks out of their scripts, and a rendered copy of each once it has run.

python notebooks/build.py                      NAME.py -> NAME.ipynb, the same bytes each time, no outputs
python notebooks/build.py --run                and run them in build/notebooks, -> docs/notebooks/NAME.md
python notebooks/build.py --run use_guppylm    only this one
python notebooks/build.py --run --to FOLDER    the rendered copies go there

GUPPYLM_PRESET and GUPPYLM_KNOBS say how much is trained. A failing cell ends in exit status 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORKPLACE = HERE.parent / "build" / "notebooks"
RENDERED = HERE.parent / "docs" / "notebooks"
NAMES = ("train_guppylm", "use_guppylm", "your_character")
LONGEST_CELL = 3600  # seconds


def notebook(name: str) -> Any:
    """The notebook that a script makes."""
    import jupytext

    made = jupytext.reads((HERE / f"{name}.py").read_text(encoding="utf-8"), fmt="py:percent")
    made.nbformat, made.nbformat_minor = 4, 5
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(made.cells, 1):
        cell.id, cell.metadata = f"cell-{number}", {}
    return made


def text(name: str) -> str:
    """NAME.ipynb as it should stand in the repository."""
    import nbformat

    return str(nbformat.writes(notebook(name))).rstrip("\n") + "\n"


def run(name: str, rendered: Path) -> bool:
    """Run a notebook in a folder of its own and render what came out. False if a cell failed; then it is shown."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import MarkdownExporter
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    place = WORKPLACE / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    made, began = notebook(name), time.perf_counter()
    client = NotebookClient(
        made, timeout=LONGEST_CELL, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"{name}: a cell failed after {time.perf_counter() - began:.0f} s\n{error}", file=sys.stderr)
        return False
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    pictures = f"{name}_files"
    exporter = MarkdownExporter()
    exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)  # or each print would be a paragraph
    body, found = exporter.from_notebook_node(made, resources={"unique_key": name, "output_files_dir": pictures})
    shutil.rmtree(rendered / pictures, ignore_errors=True)
    for file, content in {f"{name}.md": body.encode(), **found["outputs"]}.items():
        (rendered / file).parent.mkdir(parents=True, exist_ok=True)
        (rendered / file).write_bytes(content)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the notebooks of their scripts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; else all")
    parser.add_argument("--run", action="store_true", help="run them too")
    parser.add_argument("--to", type=Path, default=RENDERED, help="the folder for the rendered copies")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no notebook {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    names = given.names or NAMES
    for name in names:
        (HERE / f"{name}.ipynb").write_text(text(name), encoding="utf-8", newline="\n")
    fine = [run(name, given.to) for name in names] if given.run else []
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
