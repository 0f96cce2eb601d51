"""The part of the Hugging Face Hub's HTTP interface that huggingface_hub needs for push and download, on 127.0.0.1.

Repositories live in memory. A test may make the line go dead, spoil a file, and look at what was asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

LARGE = (".safetensors", ".onnx", ".gguf", ".jsonl")
TOKEN = "hf_onlyForTheStandIn0123456789"


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Hub:
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)  # "models/owner/name" -> its files
    stored: dict[str, bytes] = field(default_factory=dict)  # large files, by sha256
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, range
    cut_after_uploads: int | None = None  # then nothing is answered any more
    cut_after_downloads: int | None = None
    halve_once: set[str] = field(default_factory=set)  # files of which the first answer breaks off in the middle
    spoilt: set[str] = field(default_factory=set)  # files of which another byte is sent
    dead: bool = False
    uploads: int = 0
    downloads: int = 0
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def revision(self, repo: str) -> str:
        names = "".join(f"{name}{git_hash(content)}" for name, content in sorted(self.repos[repo].items()))
        return hashlib.sha1(names.encode()).hexdigest()

    def revive(self) -> None:
        self.dead, self.cut_after_uploads, self.cut_after_downloads = False, None, None
        self.asked.clear()

    def count(self, method: str, part: str) -> int:
        return sum(one == method and part in path for one, path, _ in self.asked)

    def describe(self, name: str, content: bytes) -> dict[str, object]:
        """A file as the tree lists it."""
        row = {"type": "file", "path": name, "size": len(content), "oid": git_hash(content)}
        if name.endswith(LARGE):
            sha = hashlib.sha256(content).hexdigest()
            row |= {"oid": git_hash(sha.encode()), "lfs": {"oid": sha, "size": len(content), "pointerSize": 130}}
        return row


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None: ...

    def handle_any(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        with hub.lock:
            hub.asked.append((self.command, path, self.headers.get("Range")))
            if not hub.dead:
                return self.answer(path, body)
        self.close_connection = True  # no word more

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, path: str, body: bytes) -> None:
        hub = self.hub
        if self.command == "PUT":
            return self.store(path.rsplit("/", 1)[1], body)
        if "/resolve/" in path:
            return self.resolve(path)
        if self.command == "POST" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send(401, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            told = json.loads(body)
            repo = f"{told.get('type') or 'model'}s/{told['organization']}/{told['name']}"
            status = 409 if repo in hub.repos else 200
            hub.repos.setdefault(repo, {})
            return self.send(status, {"url": f"{hub.address}/{repo.removeprefix('models/')}"})
        if path == "/api/validate-yaml":
            front = json.loads(body)["content"].split("---\n")[1]
            return self.send(200 if "license" in yaml.safe_load(front) else 400, {"errors": [], "warnings": []})
        if found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self.send(200, {"objects": [self.place(one) for one in json.loads(body)["objects"]]})
        found = re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(?:/(\w+)(?:/(.*))?)?", path)
        repo = found[1] if found else ""
        if repo not in hub.repos:
            return self.send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        files, what = hub.repos[repo], found[2] if found else None
        if what == "preupload":
            return self.send(200, {"files": [self.mode(files, one["path"]) for one in json.loads(body)["files"]]})
        if what == "commit":
            for line in body.splitlines():
                self.apply(files, json.loads(line))
            revision = hub.revision(repo)
            return self.send(200, {"commitUrl": f"{hub.address}/{repo}/commit/{revision}", "commitOid": revision})
        rows = [hub.describe(name, content) for name, content in sorted(files.items())]
        if what == "tree":
            return self.send(200, rows)
        siblings = [{"rfilename": row["path"], "size": row["size"], "blobId": row["oid"]} for row in rows]
        for sibling, row in zip(siblings, rows, strict=True):
            if "lfs" in row:
                sibling["lfs"] = {"sha256": row["lfs"]["oid"], "size": row["size"], "pointerSize": 130}
        identity = repo.split("/", 1)[1]
        return self.send(200, {"id": identity, "_id": "1", "sha": hub.revision(repo), "siblings": siblings})

    def store(self, sha: str, body: bytes) -> None:
        hub = self.hub
        if hub.cut_after_uploads is not None and hub.uploads >= hub.cut_after_uploads:
            hub.dead = self.close_connection = True
            return
        hub.uploads += 1
        assert hashlib.sha256(body).hexdigest() == sha
        hub.stored[sha] = body
        self.send(200, {})

    def place(self, one: dict[str, object]) -> dict[str, object]:
        there = one["oid"] in self.hub.stored
        return one if there else {**one, "actions": {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}}

    def mode(self, files: dict[str, bytes], name: str) -> dict[str, object]:
        row = {"path": name, "uploadMode": "lfs" if name.endswith(LARGE) else "regular", "shouldIgnore": False}
        if name in files:
            told = self.hub.describe(name, files[name])
            row["oid"] = told["lfs"]["oid"] if "lfs" in told else told["oid"]  # type: ignore[index]
        return row

    def apply(self, files: dict[str, bytes], line: dict[str, dict[str, str]]) -> None:
        value = line["value"]
        match line["key"]:
            case "file":
                files[value["path"]] = base64.b64decode(value["content"])
            case "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            case "deletedFile":
                del files[value["path"]]

    def resolve(self, path: str) -> None:
        hub = self.hub
        found = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/[^/]+/(.*)", path)
        assert found
        repo, name = f"{'datasets' if found[1] else 'models'}/{found[2]}", found[3]
        content = hub.repos[repo][name]
        told = hub.describe(name, content)
        etag = told["lfs"]["oid"] if "lfs" in told else told["oid"]  # type: ignore[index]
        head = {"X-Repo-Commit": hub.revision(repo), "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if self.command == "HEAD":
            return self.send(200, content, head)
        if hub.cut_after_downloads is not None and hub.downloads >= hub.cut_after_downloads:
            hub.dead = self.close_connection = True
            return
        hub.downloads += 1
        if name in hub.spoilt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        begin = int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        status = 206 if begin else 200
        if begin:
            head["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        short = name in hub.halve_once
        hub.halve_once.discard(name)
        self.send(status, content[begin:], head, short)

    def send(self, status: int, body: object, head: dict[str, str] | None = None, short: bool = False) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(head or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if short else content)
        if short:
            self.close_connection = True


@contextmanager
def running() -> Iterator[Hub]:
    """The stand-in, in a thread of its own, at `hub.address`."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
