"""What is wrong with a database in a PostgreSQL is told at the start, in one line."""

from pathlib import Path

import pytest

from bazar.kit.data import postgres_opening
from bazar.kit.data.postgres_opening import check_postgres
from bazar.kit.errors import StartupError
from support.postgres import RELEASES, server
from support.processes import free_ports

SHOWN = "postgresql://shown/it"


@pytest.mark.parametrize("release", sorted(RELEASES.values()))
async def test_a_database_that_will_do_is_let_pass(release: int, tmp_path: Path) -> None:
    """On the oldest release and the newest."""
    await check_postgres(server(release).url(tmp_path), SHOWN)


async def test_what_no_patience_helps_against_is_told_at_once(tmp_path: Path) -> None:
    """A database that is not there, and a user whom nobody knows."""
    url = server(18).url(tmp_path)
    with pytest.raises(StartupError, match=r'shown/it cannot be used: .*"nowhere" does not exist'):
        await check_postgres(server(18).url_of("nowhere"), SHOWN)
    with pytest.raises(StartupError, match=r'"nobody" does not exist'):
        await check_postgres(url.replace("bazar@", "nobody@"), SHOWN)


async def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever; no password is in what is said then."""
    monkeypatch.setattr(postgres_opening, "PATIENCE_S", 0.3)
    (port,) = free_ports(1)
    with pytest.raises(StartupError, match="shown/it cannot be used: ") as caught:
        await check_postgres(f"postgresql://u:pass@127.0.0.1:{port}/it", SHOWN)
    assert "pass" not in str(caught.value)


async def test_a_database_of_another_encoding_is_refused(tmp_path: Path) -> None:
    """A title may have letters that it cannot keep."""
    running = server(18)
    running.url(tmp_path)
    running.execute("CREATE DATABASE odd TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StartupError, match="has the encoding LATIN1"):
            await check_postgres(running.url_of("odd"), SHOWN)
    finally:
        running.execute("DROP DATABASE odd")


async def test_a_server_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its release is named, and the oldest that will do."""
    monkeypatch.setattr(postgres_opening, "VERSION_MIN", 99)
    with pytest.raises(StartupError, match=r"is in PostgreSQL 18; 99 or newer is needed"):
        await check_postgres(server(18).url(tmp_path), SHOWN)
