"""The design's promises about the code itself, read off the syntax trees and the folders."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "guppylm"

# Rooms from the bottom up: a module may import from its own line and the lines above it.
LAYERS = [
    ["__init__", "errors", "files", "sample"],
    ["markdown"],
    ["persona.__init__", "persona.template", "persona.synonyms", "persona.reading", "persona.shapes", "persona.schema",
     "persona.match", "persona.language", "persona.dress", "persona.nonsense", "persona.split", "persona.generate",
     "persona.exam", "persona.report", "persona.check"],
    ["tokenizer.__init__", "tokenizer.reference", "tokenizer.fast", "chat", "config", "records"],
    ["run", "prepare"],
    ["runtime"],
    ["data", "embeddings", "model", "positions", "processes", "precision"],
    ["memory", "tensors", "optimizer", "weights", "checkpoint", "original", "generate", "cached"],
    ["watch", "train", "inference", "talk"],
    ["export.__init__", "export.onnx_graph", "export.parity", "export.as_gelu", "export.to_onnx", "export.to_hf",
     "export.to_gguf", "export.to_mlx", "export.to_ctranslate2", "export.formats"],
    ["evaluate.__init__", "evaluate.judge", "evaluate.baselines", "evaluate.confusable", "evaluate.card",
     "evaluate.gallery", "evaluate.model_card"],
    ["hub.__init__", "hub.connect", "hub.model_page", "hub.dataset_page", "hub.folders", "hub.push",
     "hub.download"],
    ["explain.__init__", "explain.trace", "explain.overlap", "explain.speak", "explain.provenance", "explain.explain",
     "explain.show", "explain.recorded", "explain.quoted", "explain.picture", "explain.contents", "explain.models",
     "explain.page", "explain.serve"],
    ["pipeline"],
    ["bench.__init__", "bench.data", "bench.machine", "bench.chat", "bench.engines", "bench.step", "bench.race",
     "bench.scale"],
    ["options", "bench.cli", "cli"],
    ["__main__"],
]  # fmt: skip
TORCHLESS = {name for layer in LAYERS[:5] for name in layer}


def modules() -> dict[str, Path]:
    return {".".join(f.relative_to(PACKAGE).with_suffix("").parts): f for f in PACKAGE.rglob("*.py")}


def imports(file: Path) -> set[str]:
    """Everything a module imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_imports_point_down_and_never_in_a_circle() -> None:
    files = modules()
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    assert set(level) == set(files), "every module has its place in LAYERS"
    graph = {
        name: {other for other in files if f"guppylm.{other}" in imports(file) and other != name}
        for name, file in files.items()
    }
    for name, others in graph.items():
        assert all(level[other] <= level[name] for other in others), (name, others)
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {name for name in graph if name not in done and graph[name] <= done}
        assert ready, f"a circle among {set(graph) - done}"
        done |= ready


def test_persona_tokenizer_and_chat_never_import_torch() -> None:
    files = modules()
    for name in TORCHLESS:
        assert not {one for one in imports(files[name]) if one.split(".")[0] == "torch"}, name
    code = "import sys, guppylm.prepare, guppylm.cli, guppylm.talk; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_unpickled() -> None:
    for file in modules().values():
        code = file.read_text()
        assert not re.search(r"pickle\.loads?\(|allow_pickle=True|weights_only=False", code), file
        assert code.count("torch.load(") == code.count("weights_only=True"), file


def test_modules_are_short_and_say_what_they_are() -> None:
    for file in modules().values():
        text = file.read_text()
        assert len(text.splitlines()) <= (200 if file.name == "model.py" else 320), file
        assert ast.get_docstring(ast.parse(text)), file


def test_the_readme_gives_every_folder_a_phrase() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    folders = {Path(file).parts[0] for file in tracked if "/" in file} | {
        f"guppylm/{Path(file).parts[1]}" for file in tracked if file.startswith("guppylm/") and file.count("/") > 1
    }
    readme = (ROOT / "README.md").read_text()
    told = set(re.findall(r"^ *([\w./]+)/ {2,}\S.*\S$", readme, flags=re.MULTILINE))
    assert folders == told
