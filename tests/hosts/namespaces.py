"""A world of its own for a run: namespaces of network, mounts and processes, with no way out.

How it works: the run is in a process namespace of its own, and so is whatever it starts. When the
run ends, however that happens, the kernel ends all of that, and with the last process go the
networks, their addresses and their rules. Nothing has a name outside, so two runs
cannot meet. Where the user is not root, a user namespace makes him root inside, and only there.

Source: pid_namespaces(7), network_namespaces(7), user_namespaces(7)
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Where the tools are: a user's own path may leave out what only root needs elsewhere."""
TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "nft": "nftables"}
"""What is used, and the package that has it."""
GRACE_S = 20.0
"""How long a run that was told to end may take to say what it knows; then it is killed."""
_FIRST = ("sh", "-c", '"$@"; exit "$?"', "first")
"""The first process. It waits for whatever has lost its parent, as that of a machine does: Patroni
would hold a server that ended, and that nobody waited for, for one that still runs."""
_TRY = """
ip link add name try type bridge && ip link add one type veth peer name two
nft add table inet try && mount --bind /etc/hosts /etc/hosts
"""


def why_not() -> str:
    """Return why nobody can make such a world on this machine; empty where one can."""
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool, path=PATH)}
    if missing:
        return f"hosts in namespaces need tools: apt-get install {' '.join(sorted(missing))}"
    tried = subprocess.run(
        [*_words(), "sh", "-e", "-c", _TRY],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        said = " ".join((tried.stderr or f"status {tried.returncode}").split())
        return f"this system allows no network namespaces: {said}"
    return ""


def run_inside(command: Sequence[str], environment: Mapping[str, str], within_s: float) -> int:
    """Run a command in a world of its own, and return its exit code.

    Told to end by Ctrl-C, which reaches the command too, it waits for a while; then it kills.

    Args:
        command: its first process.
        environment: of the command; it may use what `PATH` here leads to.
        within_s: after that it is killed, and fails.
    """
    process = subprocess.Popen(
        [*_words(), *command], env={**environment, "PATH": PATH}, stdin=subprocess.DEVNULL
    )
    try:
        return process.wait(within_s)
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(GRACE_S)
        raise
    finally:
        process.kill()
        process.wait()


def exited(number: int) -> int:
    """Return the exit code of a program that a signal ends."""
    return 128 + number


def _words() -> list[str]:
    """Return the words before a command that give it a world of its own.

    The command dies with who waits for it, and all that it started dies with the command.
    """
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    tied = ["setpriv", "--pdeathsig", signal.Signals(signal.SIGKILL).name.removeprefix("SIG")]
    spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*tied, "unshare", *mapped, *spaces, *_FIRST]
