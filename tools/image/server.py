"""Start JupyterLab and use it as a browser does: by its REST API, and by the web sockets of kernels and terminals."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import requests
import websocket

from glaciersar.errors import InputError

COMMAND = (sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", "--no-browser")
PATIENCE = 300
"""Seconds that a server may take to start, and a cell to run."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A JupyterLab that runs."""

    port: int
    token: str
    pid: int

    def get(self, path: str) -> requests.Response:
        """Ask for a page; anything but 200 is an error."""
        answer = requests.get(self._url(path), headers=self._headers(), timeout=PATIENCE)
        answer.raise_for_status()
        return answer

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have something made, such as a session of a notebook."""
        answer = requests.post(self._url(path), headers=self._headers(), json=body, timeout=PATIENCE)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    def run_notebook(self, path: Path, *, root: Path) -> int:
        """Run the code cells of a notebook in a kernel of its own, one after the other.

        Returns:
            How many cells ran.

        Raises:
            InputError: A cell fails.
        """
        name = path.relative_to(root).as_posix()
        body = {"path": name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
        session = self.post("api/sessions", body)
        kernel = session["kernel"]["id"]
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        try:
            with self._socket(f"api/kernels/{kernel}/channels") as channel:
                for number, source in enumerate(cells, start=1):
                    if failure := _execute(channel, source):
                        raise InputError(f"{name}: code cell {number} of {len(cells)} fails: {failure}")
        finally:
            requests.delete(self._url(f"api/sessions/{session['id']}"), headers=self._headers(), timeout=PATIENCE)
        return len(cells)

    def ask_terminal(self, command: str) -> list[str]:
        """Type a command into a terminal of JupyterLab.

        Returns:
            The words that the command prints.

        Raises:
            InputError: The command fails.
        """
        name, shown, ended = self.post("api/terminals", {})["name"], "", None
        with self._socket(f"terminals/websocket/{name}") as channel:
            channel.send(json.dumps(["stdin", f"echo be''gin; {command}; echo status=$?.\r"]))
            while not ended:
                kind, *text = json.loads(channel.recv())
                shown += ESCAPES.sub("", str(text[0])) if kind == "stdout" else ""
                ended = re.search(r"begin\s+(.*?)\s*status=(\d+)\.", shown, re.DOTALL)
        if ended[2] != "0":
            raise InputError(f"{command}: status {ended[2]} in a terminal of JupyterLab: {ended[1]}")
        return ended[1].split()

    @contextmanager
    def _socket(self, path: str) -> Iterator[websocket.WebSocket]:
        url = self._url(path).replace("http", "ws", 1)
        channel = websocket.create_connection(url, timeout=PATIENCE, header=self._headers())
        try:
            yield channel
        finally:
            channel.close()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}


@contextmanager
def running(root: Path, log: Path) -> Iterator[Server]:
    """Run JupyterLab in a folder, on a free port of this machine, as long as the block lasts.

    Raises:
        InputError: It doesn't answer.
    """
    token, port = secrets.token_hex(), _free_port()
    command = [*COMMAND, f"--port={port}"]
    environment = os.environ | {"JUPYTER_TOKEN": token}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=root, stdout=file, stderr=subprocess.STDOUT, env=environment)
    server = Server(port=port, token=token, pid=process.pid)
    try:
        _wait(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            server.get("api/status")
        except requests.RequestException:
            time.sleep(0.2)
        else:
            return
    raise InputError(f"JupyterLab doesn't answer on its port; its last words: {log.read_text()[-500:]}")


def _execute(channel: websocket.WebSocket, source: str) -> str:
    """Run a cell; give what is wrong, nothing if it ran."""
    request = secrets.token_hex(8)
    header = {"msg_id": request, "msg_type": "execute_request", "username": "", "session": request, "version": "5.3"}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    channel.send(json.dumps(message))
    failure, pending = "", {"execute_reply", "idle"}
    while pending:
        answer = json.loads(channel.recv())
        if answer["parent_header"].get("msg_id") != request:
            continue
        kind, told = answer["header"]["msg_type"], answer["content"]
        if kind == "execute_reply" and told["status"] != "ok":
            failure = f"{told.get('ename')}: {told.get('evalue')}"
        pending -= {kind, told.get("execution_state")}
    return failure


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
