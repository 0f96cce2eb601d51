"""A folder as a website on this machine alone, as any static host would serve it."""

from __future__ import annotations

import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from guppylm.errors import GuppyError

HOST = "127.0.0.1"
PORT = 8000


class Handler(SimpleHTTPRequestHandler):
    """Files with the right types, and no lists of folders."""

    protocol_version = "HTTP/1.1"  # one connection for many files
    timeout = 60  # seconds after which a silent connection is closed
    extensions_map = {  # not the machine's own: on Windows, .js may be text/plain  # noqa: RUF012
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".onnx": "application/octet-stream",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # asked for again each time: the next run may be another
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: object) -> BytesIO | None:
        self.send_error(HTTPStatus.NOT_FOUND)
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the page is what one looks at."""


def server(folder: Path, port: int | None = None) -> ThreadingHTTPServer:
    """Listening, not yet answering: call `serve_forever`. Without a port: 8000, or any free one if that is taken."""
    handler = partial(Handler, directory=str(folder))
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            return ThreadingHTTPServer((HOST, wanted), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
    raise GuppyError(f"port {port}: cannot be used ({reason}); choose another with --port")


def address(listening: ThreadingHTTPServer) -> str:
    return f"http://{HOST}:{listening.server_address[1]}/"


def serve(folder: Path, port: int | None = None) -> None:
    """Serve until Ctrl-C."""
    with server(folder, port) as listening:
        answering = threading.Thread(target=listening.serve_forever, daemon=True)
        answering.start()
        print(f"{address(listening)}  (stop with Ctrl-C)", flush=True)
        try:
            answering.join()  # only waits: a Ctrl-C that meets Python in a destructor, as after a request, is lost
        except KeyboardInterrupt:
            print()
        finally:
            listening.shutdown()
