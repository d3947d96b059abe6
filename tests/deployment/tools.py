"""The programs that read the files of `deploy/`, each the one of what the file is for.

`make tools` installs those of Python, in a place of their own; systemd's are of the system.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deployment.files import ROOT

PLACE = ROOT / ".venv/deploy/bin"
TIMEOUT_S = 60.0
_GET = {
    "systemd-analyze": "apt-get install systemd",
    "systemd-sysusers": "apt-get install systemd",
}
_PATRONI = ROOT / ".venv/hosts/bin"


def tool(name: str) -> str:
    """Return the path of a program; skip where it is missing, which in CI is a failure."""
    found = shutil.which(
        name, path=os.pathsep.join([str(PLACE), str(_PATRONI), os.environ["PATH"]])
    )
    return found or missing(f"{name} is missing: {_GET.get(name, 'make tools')}")


def missing(reason: str) -> str:
    """Skip for a reason; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def said(folder: Path, *words: object) -> tuple[int, str]:
    """Run a program in a folder; return its exit code and all that it printed."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, f"{done.stdout}{done.stderr}".strip()
