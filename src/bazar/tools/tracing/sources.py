"""Logs as they lie: files, folders of them, or what comes on standard input.

They are read a block at a time, however long they are, and again for each question. So standard
input is kept in a file that has no name and ends with the command.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from bazar.kit.log_file import OLDER_ENDING

BLOCK_BYTES = 1024 * 1024
"""No line that a service writes is as long; of a longer one the rest is left out."""
STANDARD_INPUT = "-"
_ENDING = "*.log"
_TURNED = re.compile(r"(.*?)\.(\d+)")
"""A log that was put aside has a number; the higher it is the older are its lines."""


class NoLogs(Exception):
    """There is nothing to read."""


class Sources:
    """Logs that are open to be looked through."""

    def __init__(self, names: Sequence[Path], folder: Path) -> None:
        """Open logs.

        Args:
            names: files, folders, or `-` for standard input; none: those in the folder.
            folder: where a shop has its logs.

        Raises:
            NoLogs: there are none, or one cannot be read.
        """
        self._open = ExitStack()
        self._files: list[IO[bytes]] = []
        self.names: list[str] = []
        self.bytes = 0
        paths = _in_order([one for name in names or [folder] for one in _files(name)])
        if not paths:
            where = ", ".join(map(str, names)) or str(folder)
            message = f"there are no logs in {where}"
            raise NoLogs(message)
        try:
            for path in paths:
                self._add(path)
        except OSError as error:
            self._open.close()
            message = f"cannot read {error.filename or path}: {error.strerror}"
            raise NoLogs(message) from None

    def __enter__(self) -> Self:
        """Close them at the end."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close them."""
        self._open.close()

    def _add(self, path: Path) -> None:
        file: IO[bytes]
        if str(path) == STANDARD_INPUT:
            file = self._kept(sys.stdin.buffer)
        else:
            file = self._open.enter_context(path.open("rb", buffering=0))
            if not file.seekable():  # a pipe that has a name
                file = self._kept(file)
        self.bytes += file.seek(0, 2)
        self._files.append(file)
        self.names.append(str(path))

    def _kept(self, flow: IO[bytes]) -> IO[bytes]:
        """Keep what can be read only once in a file that ends with us."""
        kept = TemporaryFile()  # noqa: SIM115  the next line closes it
        self._open.callback(kept.close)
        shutil.copyfileobj(flow, kept, BLOCK_BYTES)
        return kept

    def lines_with(self, words: Sequence[bytes]) -> Iterator[tuple[int, int, bytes]]:
        """Yield each line that holds one of some words: number of the file, offset, the line."""
        for number, file in enumerate(self._files):
            for offset, block in _blocks(file):
                for start, end in _lines_with(block, words):
                    yield number, offset + start, block[start:end]

    def last_lines_with(self, words: Sequence[bytes]) -> dict[bytes, tuple[int, int, bytes]]:
        """Return the last line that holds a word, by the word."""
        last: dict[bytes, tuple[int, int, bytes]] = {}
        for number, file in enumerate(self._files):
            for offset, block in _blocks(file):
                for word in words:
                    at = block.rfind(word)
                    if at >= 0:
                        start, end = _line_around(block, at)
                        last[word] = (number, offset + start, block[start:end])
        return last


def _files(name: Path) -> list[Path]:
    """Return what a name stands for: a file, or the logs in a folder."""
    if name.is_dir():
        return [*name.glob(_ENDING), *name.glob(f"{_ENDING}{OLDER_ENDING}")]
    return [name] if name.exists() or str(name) == STANDARD_INPUT else _none(name)


def _none(name: Path) -> list[Path]:
    if name.suffix:
        message = f"there is no file {name}"
        raise NoLogs(message)
    return []


def _in_order(paths: Sequence[Path]) -> list[Path]:
    """Return files once each, those that were put aside before those that follow them."""

    def age(path: Path) -> tuple[str, int]:
        turned = _TURNED.fullmatch(str(path))
        return (turned[1], -int(turned[2])) if turned else (str(path), 0)

    return sorted(dict.fromkeys(paths), key=age)


def _blocks(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield a file as blocks of whole lines, each with where it begins."""
    file.seek(0)
    offset, rest = 0, b""
    while block := file.read(BLOCK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if end == 0 and len(block) > BLOCK_BYTES:  # no line of ours
            end = len(block)
        if end:
            yield offset, block[:end]
        offset, rest = offset + end, block[end:]
    if rest:
        yield offset, rest


def _lines_with(block: bytes, words: Sequence[bytes]) -> list[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for word in words:
        at = block.find(word)
        while at >= 0:
            start, end = _line_around(block, at)
            found.add((start, end))
            at = block.find(word, end)
    return sorted(found)


def _line_around(block: bytes, at: int) -> tuple[int, int]:
    end = block.find(b"\n", at)
    return block.rfind(b"\n", 0, at) + 1, len(block) if end < 0 else end
