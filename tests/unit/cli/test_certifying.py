"""The command that makes certificates: what it prints, and how it refuses."""

from pathlib import Path

import msgspec
from typer.testing import CliRunner

from bazar.cli.main import app

RUN = CliRunner()


def test_it_tells_until_when_they_hold_and_where_each_belongs(tmp_path: Path) -> None:
    """A line a certificate, and a line a host; and where the key that signs must not be."""
    folder = tmp_path / "tls"
    made = RUN.invoke(app, ["certificates", str(folder)])
    assert 0 == made.exit_code
    rows = {line.split()[0]: line.split() for line in made.stdout.splitlines() if line.strip()}
    names = ("ca.pem", "front.pem", "catalog.pem", "order.pem", "keeper.pem")
    assert ["made"] * 5 == [rows[name][1] for name in names]
    assert ["ca.pem", "catalog.pem", "catalog.key"] == rows["catalog"][1:]
    told = "".join(made.stdout.split())  # wherever a narrow terminal has folded it
    assert f"Keep{folder / 'ca.key'}awayfromthem" in told


def test_programs_get_json(tmp_path: Path) -> None:
    """Dates as such, and what was done."""
    RUN.invoke(app, ["certificates", str(tmp_path)])
    again = RUN.invoke(app, ["certificates", str(tmp_path), "--json"])
    found = msgspec.json.decode(again.stdout)
    assert ["ca", "front", "catalog", "order", "keeper"] == [one["role"] for one in found]
    assert {"kept"} == {one["done"] for one in found}
    assert {"file", "role", "done", "ends_at", "days_left"} == set(found[0])


def test_what_it_refuses_is_one_line(tmp_path: Path) -> None:
    """And exit code 1."""
    (tmp_path / "front.pem").write_text("my notes", "utf-8")
    refused = RUN.invoke(app, ["certificates", str(tmp_path)])
    assert 1 == refused.exit_code
    assert refused.stderr.startswith(f"bazar: {tmp_path} holds front.pem and no ca.key")
    assert 1 == refused.stderr.count("\n")
