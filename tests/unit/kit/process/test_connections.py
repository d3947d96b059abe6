"""Connections: as many as open files allow, and who only holds them gives way."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from time import sleep

import pytest

from bazar.kit.process import connections
from bazar.kit.process.connections import Crowding, connections_max, raise_file_limit


@pytest.mark.parametrize(
    ("files", "places"), [(1024, 384), (256, 96), (20_000, 8192), (16_640, 8192), (4, 1), (1, 1)]
)
def test_connections_fit_the_limit_of_open_files(files: int, places: int) -> None:
    """Each caller may need a connection to another service, and something is kept besides."""
    assert places == connections_max(files)
    assert files < 8 or 2 * connections_max(files) + min(256, files // 4) <= files


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """Most systems start a process with 1,024 and let it have many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        limit = raise_file_limit()
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert hard == now
    assert limit >= min(now, 16_640) or now == resource.RLIM_INFINITY


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as opened:
        yield opened


def test_idle_connections_give_way_and_busy_ones_do_not(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that said nothing, that were answered, or that stopped half-way; never who waits."""
    monkeypatch.setattr(connections, "IDLE_MS_MIN", 100)
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def connect() -> tuple[socket.socket, socket.socket]:
        client = stack.enter_context(socket.create_connection(listening.getsockname()))
        server, _ = listening.accept()
        client.settimeout(5)
        server.settimeout(5)
        return client, stack.enter_context(server)

    silent, answered, waiting, again, half, second_half = (connect() for _ in range(6))
    for client, server in (answered, waiting, again, second_half):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.recv(100)
    half[0].sendall(b"GET / HTTP/1.1\r\nHo")
    for client, server in (answered, again, second_half):
        sleep(0.02)
        server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        client.recv(100)
    sleep(0.1)
    again[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
    again[1].recv(100)
    second_half[0].sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
    sleep(0.2)
    asked = {client.getsockname()[1] for client, _server in (waiting, again)}
    assert 0 == Crowding(listening, 1000, list).relieve(asked)
    assert 4 == Crowding(listening, 1, list).relieve(asked)
    for client, server in (silent, answered, half, second_half):
        server.recv(100)
        assert b"" == server.recv(1)
        assert b"" == client.recv(1)
    for client, server in (waiting, again):
        server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 204")


def test_a_young_connection_keeps_its_place(stack: ExitStack) -> None:
    """Whoever has just come is about to ask."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    stack.enter_context(socket.create_connection(listening.getsockname()))
    stack.enter_context(listening.accept()[0])
    assert 0 == Crowding(listening, 1, list).relieve(())
