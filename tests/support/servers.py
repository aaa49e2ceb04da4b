"""Real servers on loopback for tests: a STAC API in memory, and a web server whose faults are chosen by the test."""

import http.client
import json
import re
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pystac

from tools.load.server import answer_range, listen

SLOW = 1.5
"""Seconds that a slow answer waits; tests shorten the client's timeout below it."""


@dataclass(kw_only=True)
class Web:
    """A web server under test; what it was asked, and what goes wrong there."""

    url: str
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(pattern, fault): the next request whose method and path match meets the fault, once. A fault is a status such as
    "503", or "slow", "cut" (half the body), "mute" (no answer), "html", "later" (429 with Retry-After)."""
    lasting: list[tuple[str, str]] = field(default_factory=list)
    """The same, every time."""
    asked: list[str] = field(default_factory=list)
    """Method, path and status of each answer, in order; of faulty ones "cut", "mute" or "slow" instead."""
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """JSON that is given at some paths."""
    token: str | None = None
    """If set, files are only given with ?sig=TOKEN, and /token/… gives it."""

    def fault(self, request: str) -> str | None:
        for k, (pattern, fault) in enumerate(self.faults):
            if re.search(pattern, request):
                del self.faults[k]
                return fault
        return next((fault for pattern, fault in self.lasting if re.search(pattern, request)), None)

    def reset(self) -> None:
        self.faults.clear()
        self.lasting.clear()
        self.asked.clear()

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, request)) for request in self.asked)


@contextmanager
def serve(folder: Path | None = None, *, upstream: str = "") -> Iterator[Web]:
    """Serve the files of a folder with ranges and ETags, or pass everything on to an upstream server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._handle()

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = web.fault(f"{self.command} {self.path}")
            if fault == "slow":
                time.sleep(SLOW)
            if fault == "mute":
                web.asked.append(f"{self.command} {self.path} mute")
                self.close_connection = True
                return
            if fault == "html":
                answer = 200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"
            elif fault == "later":
                answer = 429, {"Retry-After": "1"}, b"slow down"
            elif fault and fault.isdigit():
                answer = int(fault), {}, f"fault {fault}".encode()
            elif upstream:
                answer = self._pass_on(body)
            else:
                answer = self._file()
            self._send(*answer, fault=fault)

        def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
            headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, {"Content-Type": answer.getheader("Content-Type", "")}, content

        def _file(self) -> tuple[int, dict[str, str], bytes]:
            parts = urlsplit(self.path)
            if parts.path in web.documents:
                return 200, {"Content-Type": "application/json"}, json.dumps(web.documents[parts.path]).encode()
            if web.token is not None and parts.path.startswith("/token/"):
                expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
                return 200, {}, json.dumps({"token": f"sig={web.token}", "msft:expiry": expiry}).encode()
            if web.token is not None and parse_qs(parts.query).get("sig") != [web.token]:
                return 403, {}, b"signature expired"
            assert folder is not None, "no folder to serve"
            path = Path(folder, *(part for part in parts.path.split("/") if part not in ("", "..")))
            if not path.is_file():
                return 404, {}, b"no such file"
            content = path.read_bytes()
            headers = {"ETag": f'"{md5(content).hexdigest()}"', "Accept-Ranges": "bytes"}
            status, ranged, part = answer_range(content, self.headers.get("Range", ""))
            return status, headers | ranged, part

        def _send(self, status: int, headers: dict[str, str], content: bytes, *, fault: str | None) -> None:
            cut = fault == "cut"
            web.asked.append(f"{self.command} {self.path} {fault if fault in ('cut', 'slow') else status}")
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: len(content) // 2] if cut else content)
            except OSError:  # the client has given up
                cut = True
            self.close_connection = cut

    with listen(Handler) as url:
        web = Web(url=url)
        yield web


@contextmanager
def serve_stac(items: Path) -> Iterator[Web]:
    """Run rustac's STAC API over an item collection, behind a server of ours that can put faults between."""
    port = free_port()
    upstream = f"http://127.0.0.1:{port}"
    with serve(upstream=upstream) as web:
        command = [f"{sysconfig.get_path('scripts')}/rustac", "serve", "--create-collections"]
        command += ["--addr", web.url, "--bind", f"127.0.0.1:{port}", str(items)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            _wait_for(port, process)
            yield web
        finally:
            process.terminate()
            process.wait(30)
            process.stderr.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            assert process.stderr is not None
            raise RuntimeError(f"the STAC server ended: {process.stderr.read()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the STAC server does not answer")


def collect_items(catalog: Path, path: Path, url: str) -> Path:
    """Write the items of a static catalogue as one item collection, its hrefs at the server of its folder."""
    features = []
    for item in pystac.Catalog.from_file(str(catalog)).get_items(recursive=True):
        item.make_asset_hrefs_absolute()
        content = item.to_dict(include_self_link=False)
        content["links"] = []
        for asset in content["assets"].values():
            asset["href"] = f"{url}/{Path(asset['href']).relative_to(catalog.parent).as_posix()}"
        features.append(content)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
