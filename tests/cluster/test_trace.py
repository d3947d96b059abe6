"""A purchase that is watched: the steps of real services, and what becomes of one that is hit."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec

from bazar.kit.steps import order_name
from bazar.tools.tracing import Sources, Story, find, tell
from support.processes import BAZAR, STOP_TIMEOUT_S, environment, run_bazar, wait_for
from support.running import RunningShop, ThreeServices

PURCHASES = 30


def told(logs: Path, asked: str) -> Story:
    """Tell what the logs of a shop say."""
    with Sources((), logs) as sources:
        return tell(find(sources, asked))


async def test_an_order_whose_catalog_was_killed_is_told_to_its_end(tmp_path: Path) -> None:
    """Every order of a crowd, though the catalog dies in the middle of it; and no secret is told.

    The logs of a process that was killed end with a whole line, and hold all that it did.
    """
    data = tmp_path / "shop"
    logs = data / "logs"
    with RunningShop(data, "--empty", "--log-level", "debug") as shop:
        book_id = shop.add_book(PURCHASES)
        catalog = shop.services()["catalog"]
        order_ids: dict[int, str] = {}

        async def buy(number: int) -> None:
            async with shop.customers() as customer:
                answer = await customer.buy(book_id, f"secret-key-{number}")
            order_ids[number] = answer.json["order_id"]
            if len(order_ids) == 5:
                os.kill(catalog.pid, signal.SIGKILL)

        await asyncio.gather(*(buy(number) for number in range(PURCHASES)))
        assert [] == shop.settled_audit().differences
        wait_for("another catalog", lambda: shop.services()["catalog"] != catalog)
        as_json = run_bazar("trace", order_ids[0], "--data", data, "--json")
        as_text = run_bazar("trace", order_ids[0], "--data", data)
    stories = {number: told(logs, order_id) for number, order_id in order_ids.items()}
    for number, story in stories.items():
        assert [("confirmed", order_name(order_ids[number]))] == [
            (one.status, one.order) for one in story.verdicts
        ]
        steps = [row.step for row in story.rows]
        for earlier, later in (("taken", "stored"), ("stored", "committed"), ("committed", "kept")):
            assert steps.index(earlier) < steps.index(later)
        assert [] == [note for note in story.notes if "clock" in note]
    assert (0, "confirmed") == (
        as_json.code,
        msgspec.json.decode(as_json.out)["verdicts"][0]["status"],
    )
    assert as_text.out.rstrip().endswith(f"order {order_name(order_ids[0])}: confirmed")
    written = {path.name: path.read_text() for path in logs.iterdir()}
    ports = dict(zip(("front", "catalog", "order"), shop.ports, strict=True))
    assert {"bazar.log", *(f"{name}-{port}.log" for name, port in ports.items())} == set(written)
    everything = "".join(written.values())
    for secret in (*order_ids.values(), "secret-key", (data / "secret").read_text().strip()):
        assert secret not in everything
    assert all(text.endswith("\n") for text in written.values() if text)
    assert "event=restarting service=catalog" in written["bazar.log"]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in logs.iterdir()}
    assert 0o700 == stat.S_IMODE(logs.stat().st_mode)


def test_a_service_of_its_own_logs_to_the_file_that_is_named(tmp_path: Path) -> None:
    """As JSON here; its standard output is quiet, and what cannot be written to is refused."""
    services = ThreeServices(tmp_path)
    port = services.addresses.catalog.rpartition(":")[2]
    words = ["serve", "catalog", "--port", port, "--data", str(tmp_path), "--log-level", "debug"]
    words += ["--log-format", "json"]
    refused = run_bazar(*words, "--log-file", tmp_path, env={"BAZAR_SECRET": services.secret})
    assert (1, True) == (refused.code, "cannot write the log file" in refused.err)
    file = tmp_path / "catalog.log"
    started = subprocess.Popen(
        [sys.executable, *BAZAR, *words, "--log-file", str(file)],
        env=environment({"BAZAR_SECRET": services.secret}),
        stdout=subprocess.PIPE,
    )
    try:
        wait_for("it listens", lambda: file.exists() and "listening" in file.read_text())
    finally:
        started.send_signal(signal.SIGTERM)
        shown, _ = started.communicate(timeout=STOP_TIMEOUT_S)
    lines = [msgspec.json.decode(line) for line in file.read_text().splitlines()]
    assert (b"", "stopped") == (shown, lines[-1]["event"])
    assert {f"127.0.0.1:{port}"} == {line["process"].partition("#")[0] for line in lines}


def test_what_is_in_no_log_is_told_in_one_line(tmp_path: Path) -> None:
    """With where it was looked for, or that there is no log."""
    nothing = run_bazar("trace", "K7Q2T4", "--data", tmp_path)
    assert (1, 1) == (nothing.code, len(nothing.err.splitlines()))
    assert "there are no logs in" in nothing.err
    assert "--log-level debug" in nothing.err
    file = tmp_path / "x.log"
    file.write_text("something else\n")
    unknown = run_bazar("trace", "K7Q2T4", file)
    assert (1, f"bazar: no line names K7Q2T4 in {file}\n") == (unknown.code, unknown.err)
