"""`guppylm download OWNER/NAME`: a model from the hub, in a folder that `guppylm chat --model` reads.

Only files that we know are taken, none of them pickled. What arrived is kept when a download breaks off, and every file
is hashed at the end: the hub says what its content must be.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from guppylm.errors import GuppyError
from guppylm.hub import connect

KEPT = "the files that arrived stay; run the same command again to go on"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "persona/persona.toml")
KNOWN = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|run|report)\.json|README\.md|model\.safetensors"
    r"|persona/(topics/)?[^/\\]+\.toml|onnx/(model\.onnx|tokenizer\.json)|gguf/(model\.gguf|Modelfile)"
)
LIBRARYS_NOTES = Path(".cache") / "huggingface"  # in a folder that it has downloaded to


def download(repo: str, folder: Path) -> list[Path]:
    """The files that are now in the folder, each seen to be what the hub has. Raises GuppyError.

    What an earlier download left there goes, if this model does not have it: two characters must not mix.
    """
    hub = connect.library()
    connect.check_name(repo)
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / LIBRARYS_NOTES).exists())):
        raise GuppyError(f"{folder} holds something else; choose another folder with -o")
    with connect.one_line(repo, KEPT):
        api = hub.HfApi(library_name="guppylm")
        info = api.model_info(repo, files_metadata=True)
        there = {one.rfilename: one for one in info.siblings or [] if KNOWN.fullmatch(one.rfilename)}
        if missing := [name for name in NEEDED if name not in there]:
            raise GuppyError(f"{repo}: not a model that guppylm has pushed ({', '.join(missing)} is not there)")
        # the very commit that was described: a push in between would change the files under our hands
        api.snapshot_download(repo, revision=info.sha, local_dir=folder, allow_patterns=list(there))
        wrong = [name for name, one in there.items() if not is_right(folder / name, one)]
    for name in wrong:
        (folder / name).unlink(missing_ok=True)
    if wrong:
        raise GuppyError(
            f"{repo}: {', '.join(wrong)} is not what the hub says it is (checksum) and was removed; "
            "run the same command again to fetch it anew"
        )
    for file in [file for file in folder.rglob("*") if file.is_file()]:
        name = file.relative_to(folder).as_posix()
        if KNOWN.fullmatch(name) and name not in there:
            file.unlink()
    return [folder / name for name in there]


def is_right(file: Path, described: Any) -> bool:
    """Does its content have the hash that the hub gives: sha256 of a large file, Git's own of a small one?"""
    if not file.is_file():
        return False
    if described.lfs is not None:
        with file.open("rb") as stream:
            return bool(hashlib.file_digest(stream, "sha256").hexdigest() == described.lfs.sha256)
    content = file.read_bytes()
    return bool(git_hash(content) == described.blob_id)


def git_hash(content: bytes) -> str:
    """How Git names a content; for what Git keeps, the hub has no other hash.

    >>> git_hash(b"hello\\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
