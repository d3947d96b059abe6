"""Load by wrk: what is asked, how wrk is told, and what it counted."""

import json
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from bench.client import SUCCESS, ask
from bench.processes import BenchError, environment

THREADS = 1
TIMEOUT_S = 30
GRACE_S = 60.0
MARK = "RESULT "
"""Begins the line in which a script tells what it counted."""

_GET = """
local paths, ready, sent = { %(paths)s }, {}, 0

function init(arguments)
  for index, path in ipairs(paths) do ready[index] = wrk.format("GET", path) end
end

function request()
  sent = sent + 1
  return ready[sent %% #ready + 1]
end
"""

_POST = """
local paths, ready, sent = { %(paths)s }, {}, 0

function init(arguments)
  for index, path in ipairs(paths) do
    ready[index] = "POST " .. path .. " HTTP/1.1\\r\\nHost: " .. wrk.headers["Host"]
      .. "\\r\\nContent-Length: 0\\r\\nIdempotency-Key: \\"" .. arguments[1] .. "-"
  end
end

function request()
  sent = sent + 1
  return ready[sent %% #ready + 1] .. sent .. "\\"\\r\\n\\r\\n"
end
"""

_DONE = """
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '%(mark)s{"requests":%%d,"us":%%d,"p50_us":%%d,"p99_us":%%d,"not 2xx":%%d,' ..
    '"timeouts":%%d,"connect errors":%%d,"read errors":%%d,"write errors":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.timeout, errors.connect, errors.read, errors.write))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that go round a list of paths; each POST has an idempotency key of its own."""

    name: str
    method: str
    paths: tuple[str, ...]

    def script(self) -> str:
        """Return the Lua that makes wrk ask this; its argument is unique to the run."""
        body = _POST if self.method == "POST" else _GET
        paths = ", ".join(json.dumps(path) for path in self.paths)
        return body % {"paths": paths} + _DONE % {"mark": MARK}

    def probe(self, url: str) -> bytes:
        """Ask once, and return the body of the answer.

        Raises:
            BenchError: the answer is no success.
        """
        headers = {"Idempotency-Key": f'"{new_nonce()}"'}
        try:
            status, body = ask(url + self.paths[0], self.method, headers)
        except (OSError, HTTPException) as error:
            message = f"{self.method} {url}{self.paths[0]} was not answered: {error!r}"
            raise BenchError(message) from error
        if status not in SUCCESS:
            message = f"{self.method} {url}{self.paths[0]} answered {status}: {body[:300]!r}"
            raise BenchError(message)
        return body


@dataclass(frozen=True, slots=True)
class Tally:
    """What wrk counted in one run."""

    requests: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    errors: Mapping[str, int]
    """By kind, only those that happened."""

    @property
    def requests_s(self) -> float:
        """Return the answers in a second."""
        return self.requests / self.duration_s

    @property
    def successes(self) -> int:
        """Return the answers that were a success."""
        return self.requests - self.errors.get("not 2xx", 0)


def new_nonce() -> str:
    """Return the beginning of idempotency keys that nobody has used."""
    return f"bench-{secrets.token_hex(6)}"


def drive(load: Load, url: str, clients: int, duration_s: int, folder: Path) -> Tally:
    """Let wrk ask for some time.

    Args:
        load: what to ask.
        url: of the server, without a path.
        clients: connections; each waits for its answer before it asks again.
        duration_s: at least 1.
        folder: takes wrk's script.

    Raises:
        BenchError: wrk failed.
    """
    counted = run_wrk(load.script(), url, clients, duration_s, folder, new_nonce())
    requests, us = counted.pop("requests"), counted.pop("us")
    p50_us, p99_us = counted.pop("p50_us"), counted.pop("p99_us")
    errors = {kind: count for kind, count in counted.items() if count}
    return Tally(requests, us / 1e6, p50_us / 1e3, p99_us / 1e3, errors)


def run_wrk(
    script: str, url: str, clients: int, duration_s: int, folder: Path, *arguments: str
) -> dict[str, int]:
    """Let wrk run a script, and return what that counted: the line with our mark.

    Raises:
        BenchError: wrk failed.
    """
    file = folder / f"wrk-{secrets.token_hex(4)}.lua"
    file.write_text(script)
    command = ["wrk", f"-t{THREADS}", f"-c{clients}", f"-d{duration_s}s", "--timeout"]
    command += [f"{TIMEOUT_S}s", "-s", str(file), url, "--", *arguments]
    done = subprocess.run(
        command,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=duration_s + GRACE_S,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        message = f"wrk ended with {done.returncode}: {done.stderr}{done.stdout}"
        raise BenchError(message)
    counted: dict[str, int] = json.loads(lines[0].removeprefix(MARK))
    return counted
