"""How much of the machine's memory a process holds."""

from pathlib import Path

from support.processes import Running


def memory_mib(process: Running) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
