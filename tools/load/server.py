"""Serve the files of a folder on loopback, and answer one request in three for a raster with 503."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EVERY = 3
"""The first, the fourth, the seventh … request for a raster is refused."""


@dataclass(kw_only=True)
class Counts:
    """What a server was asked for."""

    url: str
    rasters: int = 0
    """Requests for rasters or windows of them."""
    refused: int = 0
    """Those that were answered with 503."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refuses(self, path: str, *, busy: bool) -> bool:
        """Count a request; tell whether it is refused."""
        if not path.endswith(".tif"):
            return False
        with self.lock:
            refused = busy and self.rasters % EVERY == 0
            self.rasters += 1
            self.refused += refused
        return refused


@contextmanager
def serve(folder: Path, *, busy: bool) -> Iterator[Counts]:
    """Serve a folder, ranges included.

    Args:
        folder: Its files.
        busy: Refuse one request in three for a raster.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            file = folder.joinpath(*(part for part in path.split("/") if part not in ("", "..")))
            if counts.refuses(path, busy=busy):
                self._answer(503, {}, b"busy")
            elif not file.is_file():
                self._answer(404, {}, b"no such file")
            else:
                self._answer(*answer_range(file.read_bytes(), self.headers.get("Range", "")))

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Accept-Ranges": "bytes", "Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with listen(Handler) as url:
        counts = Counts(url=url)
        yield counts


@contextmanager
def listen(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests on a free port of loopback, each in a thread of its own; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer_range(content: bytes, wanted: str) -> tuple[int, dict[str, str], bytes]:
    """Answer a request for some bytes of a file, as its header Range says, or for all: status, headers, body."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if not found:
        return 200, {}, content
    start, end = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
    if start > end:
        return 416, {}, b""
    return 206, {"Content-Range": f"bytes {start}-{end}/{len(content)}"}, content[start : end + 1]
