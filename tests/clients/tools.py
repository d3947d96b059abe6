"""Programs from outside that read the descriptions of the services, and whether they are here.

`make tools` installs them: linters and a maker of TypeScript clients from npm, and a maker of
Python clients with an interpreter of its own.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"
REDOCLY = MODULES / "@redocly/cli/bin/cli.js"
SPECTRAL = MODULES / "@stoplight/spectral-cli/dist/index.js"
OPENAPI_TYPESCRIPT = MODULES / "openapi-typescript/bin/cli.js"
OPENAPI_FETCH = MODULES / "openapi-fetch/package.json"
TSC = MODULES / "typescript/bin/tsc"
PYTHON = ROOT / ".venv/clients/bin/python"
TIMEOUT_S = 100.0
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def need_tools() -> None:
    """Skip where one of the programs is missing; in CI that is a failure."""
    tools = (REDOCLY, SPECTRAL, OPENAPI_TYPESCRIPT, OPENAPI_FETCH, TSC, PYTHON)
    missing = [str(tool.relative_to(ROOT)) for tool in tools if not tool.exists()]
    if shutil.which("node") is None:
        missing.append("node")
    if missing:
        reason = f"{', '.join(missing)} missing: apt-get install npm && make tools"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class Running:
    """A program that is under way."""

    def __init__(self, folder: Path, *words: object, also: Mapping[str, str] | None = None) -> None:
        """Start it in a folder."""
        self._words = [str(word) for word in words]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            self._words,
            cwd=folder,
            env=kept | _QUIET | dict(also or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self) -> str:
        """Wait for its end, once, and return what it printed; it must have been content."""
        said, complaint = self._process.communicate(timeout=TIMEOUT_S)
        assert 0 == self._process.returncode, f"{self._words}:\n{said}{complaint}"
        return said

    def end(self) -> None:
        """End it, where it still runs, and close what it prints into."""
        with self._process:
            self._process.kill()


class _Page(BaseHTTPRequestHandler):
    """Answers every GET with a page that does nothing by itself."""

    def do_GET(self) -> None:
        """Answer."""
        body = b"<!doctype html><title>a page</title>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the same
        """Say nothing."""


@contextmanager
def page_at(origin: str) -> Iterator[None]:
    """Serve a page of an origin of this machine; a browser lets no other ask a shop on it."""
    with ThreadingHTTPServer(("127.0.0.1", int(origin.rpartition(":")[2])), _Page) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def node(folder: Path, *words: object) -> Running:
    """Start a program of node."""
    return Running(folder, "node", *words)
