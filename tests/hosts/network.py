"""Hosts on a bridge: each has a network of its own, an address, and what runs on it.

A host is a network namespace. It can lose its power, stand still, change its address, or have its
link to others cut, in both directions or in one; its own rules drop the packets, so that nobody
is told. Names stand for addresses as in a small name server: all hosts read them from one file.

Source: ip-link(8), nft(8), nsenter(1)
"""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from support.processes import WAIT_S, wait_for

NETWORK = "10.77"
"""The first half of all addresses; they exist inside the run alone."""
OURS = f"{NETWORK}.0.1"
"""Where the clients are."""
HOSTS_MAX = 32
NAMES_BYTES = 4096
BRIDGE = "shop"
_CARD = "eth0"

Way = Literal["both ways", "what it hears", "what it says"]
"""Which packets of a host are dropped."""
_CHAINS: Mapping[Way, Sequence[tuple[str, str]]] = {
    "both ways": (("hears", "saddr"), ("says", "daddr")),
    "what it hears": (("hears", "saddr"),),
    "what it says": (("says", "daddr"),),
}
_RULES = """
add table inet cuts
add chain inet cuts hears { type filter hook input priority 0; }
add chain inet cuts says { type filter hook output priority 0; }
"""


@dataclass(frozen=True)
class Program:
    """What runs on a host whenever it has power."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class Host:
    """A machine on the bridge."""

    def __init__(self, name: str, number: int) -> None:
        """Plug it in, with the address of its number."""
        self.name = name
        self.address = f"{NETWORK}.0.{number}"
        self.programs: dict[str, Program] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._heart = subprocess.Popen(
            ["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        wait_for(f"{name} has a network", lambda: self._space() not in {"", _space("self")})
        port = f"to-{number}"
        self.card(f"link add {port} type veth peer name {_CARD} netns {self._heart.pid}", here=True)
        self.card(f"link set {port} master {BRIDGE} up", here=True)
        self.card("link set lo up", f"address add {self.address}/16 dev {_CARD}")
        self.card(f"link set {_CARD} up")
        self._rules(_RULES)

    def start(self, program: Program) -> None:
        """Have a program run, now and whenever the host gets its power back."""
        self.programs[program.name] = program
        with program.log.open("ab") as output:
            self.running[program.name] = subprocess.Popen(
                [*self._inside(), *program.command],
                env={**program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, command: Sequence[str], log: Path) -> int:
        """Run a command on it to its end, and return its exit code."""
        with log.open("ab") as output:
            return subprocess.run(
                [*self._inside(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=WAIT_S,
                check=False,
            ).returncode

    def kill_all(self, *names: str) -> None:
        """Kill every process with one of these names, whoever started it."""
        wait_for(f"the end of {names}", lambda: not self._kill_all(names))
        for name in set(names) & set(self.running):
            self.running[name].wait(WAIT_S)

    def _kill_all(self, names: Sequence[str]) -> list[int]:
        found = [pid for pid in self.pids() if _name(pid) in names]
        for pid in found:
            _send(pid, signal.SIGKILL)
        return found

    def restart(self, *names: str) -> None:
        """Start programs again that were killed."""
        for name in names:
            self.start(self.programs[name])

    def lose_power(self) -> None:
        """Be gone at once: no packet says so."""
        self.card(f"link set {_CARD} down")
        self._kill()
        wait_for(f"{self.name} is dark", lambda: not self.pids())

    def get_power(self) -> None:
        """Start everything again."""
        self.card(f"link set {_CARD} up")
        self.restart(*self.programs)

    def stand_still(self) -> None:
        """Stop in the middle of whatever it does; its network card still says that it is there."""
        seen: set[int] = set()
        while found := set(self.pids()) - seen:  # one may have started another meanwhile
            for pid in found:
                _send(pid, signal.SIGSTOP)
            seen |= found

    def go_on(self) -> None:
        """Go on as if no time had passed."""
        for pid in self.pids():
            _send(pid, signal.SIGCONT)

    def cut(self, others: Iterable[str], way: Way = "both ways") -> None:
        """Drop the packets between this host and some addresses."""
        listed = ", ".join(others)
        rules = (
            f"add rule inet cuts {chain} ip {end} {{ {listed} }} drop"
            for chain, end in _CHAINS[way]
        )
        self._rules("\n".join([*rules, ""]))

    def mend(self) -> None:
        """Drop nothing any more."""
        self._rules("flush chain inet cuts hears\nflush chain inet cuts says\n")

    def move(self, address: str) -> None:
        """Take another address instead of the one that it has."""
        old, self.address = self.address, address
        self.card(f"address del {old}/16 dev {_CARD}", f"address add {address}/16 dev {_CARD}")

    def pids(self) -> list[int]:
        """Return the processes that run on it."""
        space = self._space()
        found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in found if pid != self._heart.pid and space == _space(str(pid))]

    def end(self) -> None:
        """Be gone for good."""
        self._kill()
        self._heart.kill()
        self._heart.wait(WAIT_S)

    def _kill(self) -> None:
        """Kill what runs on it, and what is only on its way there."""
        for process in self.running.values():
            process.kill()
        for pid in self.pids():
            _send(pid, signal.SIGKILL)
        for process in self.running.values():
            process.wait(WAIT_S)

    def card(self, *lines: str, here: bool = False) -> None:
        """Have `ip` do something on it, or `here`, at the other end of its cable."""
        _feed([*([] if here else self._inside()), "ip", "-batch", "-"], "\n".join([*lines, ""]))

    def _rules(self, text: str) -> None:
        _feed([*self._inside(), "nft", "-f", "-"], text)

    def _inside(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._heart.pid}/ns/net"]

    def _space(self) -> str:
        return _space(str(self._heart.pid))


class Network:
    """All hosts, and the names of some of their addresses."""

    def __init__(self, folder: Path) -> None:
        """Keep the names in a file of this folder; a `with` builds the bridge."""
        self.hosts: dict[str, Host] = {}
        self._names: dict[str, list[Host]] = {}
        self._file = folder / "names"

    def __enter__(self) -> Self:
        """Build the bridge, and stand at it ourselves."""
        words = ["link set lo up", f"link add {BRIDGE} type bridge"]
        words += [f"address add {OURS}/16 dev {BRIDGE}", f"link set {BRIDGE} up"]
        _feed(["ip", "-batch", "-"], "\n".join([*words, ""]))
        self.tell()
        subprocess.run(["mount", "--bind", str(self._file), "/etc/hosts"], check=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all hosts."""
        for host in self.hosts.values():
            host.end()

    def add(self, name: str, *names: str) -> Host:
        """Return a new host; more hosts may share a name with it."""
        number = 11 + len(self.hosts)
        assert len(self.hosts) < HOSTS_MAX
        host = self.hosts[name] = Host(name, number)
        for shared in names:
            self._names.setdefault(shared, []).append(host)
        self.tell()
        return host

    def move(self, name: str) -> None:
        """Give a host another address, which its names stand for from then on."""
        host = self.hosts[name]
        near, number = host.address.rsplit(".", 1)
        host.move(f"{NETWORK}.{int(near.rpartition('.')[2]) + 1}.{number}")
        self.tell()

    def tell(self) -> None:
        """Write down what the names stand for; always as many bytes, so that none is read twice."""
        lines = ["127.0.0.1 localhost"]
        lines += [f"{host.address} {name}" for name, hosts in self._names.items() for host in hosts]
        text = "\n".join([*lines, ""]).encode().ljust(NAMES_BYTES, b"\n")
        with self._file.open("r+b" if self._file.exists() else "xb", buffering=0) as file:
            file.write(text)


def _space(pid: str) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    return ""


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    return ""


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _feed(command: Sequence[str], text: str) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)} failed: {done.stderr}\n{text}"
        raise RuntimeError(message)
