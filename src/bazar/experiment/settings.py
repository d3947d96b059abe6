"""What can be varied in an experiment, and which experiments there are."""

from dataclasses import dataclass
from typing import Literal, get_args

Name = Literal["cache", "consistency", "crash", "replicas", "clients"]
"""Of an experiment."""
NAMES: tuple[Name, ...] = get_args(Name)
Service = Literal["catalog", "order", "front"]
Fault = Literal["kill", "hang"]
"""What strikes a service: it is killed, or it stands still and stays there."""
LISTED_MAX = 8
"""Figures in a list that is varied."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run of an experiment does; each experiment has its own usual values."""

    duration_s: float = 2.0
    """Of one turn; of a crash, of the whole timeline."""
    rounds: int = 3
    clients: int = 4
    seed: int = 1
    zipf: float = 1.0
    books: int = 20
    rate: float = 100.0
    """Customers arriving a second."""
    updates: tuple[int, ...] = (0, 10, 100)
    """A second, one figure for each row."""
    replicas: tuple[int, ...] = (1, 2, 4)
    service: Service = "order"
    fault: Fault = "kill"


def figures_of(text: str, least: int, most: int) -> tuple[int, ...]:
    """Return the whole numbers of a list such as `1,2,4`, ascending, each once.

    Raises:
        ValueError: it is no such list; the message says what one is.
    """
    parts = [part.strip() for part in text.split(",")]
    plain = all(part.isascii() and part.isdigit() and len(part) < LISTED_MAX for part in parts)
    found = sorted({int(part) for part in parts}) if plain else []
    if not found or len(found) > LISTED_MAX or found[0] < least or found[-1] > most:
        message = (
            f"it takes 1 to {LISTED_MAX} whole numbers from {least:,} to {most:,} with commas "
            f"between them, not {text[:40]!r}"
        )
        raise ValueError(message)
    return tuple(found)
