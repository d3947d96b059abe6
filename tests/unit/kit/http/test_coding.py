"""Answers as gzip: for whom, which, and how often they are packed."""

import asyncio
import gzip

import pytest
from starlette.responses import Response

from bazar.kit.http import coding
from bazar.kit.http.answers import json_response, tagged_response
from bazar.kit.http.coding import AT_ONCE_BYTES_MAX, PACKED_BYTES_MIN, Packer, takes_gzip
from bazar.kit.http.conditions import PreconditionFailed, known_by
from support.pages import asked

GZIP = {"accept-encoding": "gzip, deflate, br"}
SMALL = "x" * (PACKED_BYTES_MIN - 2)
"""With its quotes as JSON, of just the least size that is packed."""
LARGE = "x" * AT_ONCE_BYTES_MAX


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("gzip;q=1.000", True),
        ("gzip ; q=0.1", True),
        ("br, gzip;Q=0.5, deflate", True),
        ("*", True),
        ("*;q=0.2", True),
        ("gzip, identity", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity;q=0, gzip", True),
        ("", False),
        ("identity", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("identity;q=0.9, *;q=0.5", False),
        ("gzip;q=2", False),
        ("gzip;q=-1", False),
        ("gzip;q=x", False),
        ("gzip;level=9", False),
        ("not-gzip", False),
        ("gzipped", False),
        ("gzip gzip", False),
    ],
)
def test_who_likes_gzip_gets_it(text: str, wanted: bool) -> None:  # noqa: FBT001
    """By the weights that a client gives; what it does not write properly says nothing."""
    assert wanted is takes_gzip(asked("/", {"accept-encoding": text}))
    assert not takes_gzip(asked())


def described(response: Response) -> dict[str, str]:
    """Return the headers of an answer that tell its form."""
    names = ("content-encoding", "vary", "etag", "content-length")
    return {name: response.headers[name] for name in names if name in response.headers}


@pytest.mark.parametrize("text", [SMALL, LARGE])
async def test_both_forms_say_what_they_are(text: str) -> None:
    """Each has an ETag of its own, its own length, and the same Vary."""
    packer = Packer()
    plain = await packer.coded(asked(), tagged_response(text))
    packed = await packer.coded(asked("/", GZIP), tagged_response(text))
    assert bytes(plain.body) == gzip.decompress(bytes(packed.body))
    tag = plain.headers["etag"]
    assert {"vary": "Accept-Encoding", "etag": tag, "content-length": str(len(text) + 2)} == (
        described(plain)
    )
    assert {
        "content-encoding": "gzip",
        "vary": "Accept-Encoding",
        "etag": f'{tag[:-1]}-gzip"',
        "content-length": str(len(packed.body)),
    } == described(packed)


async def test_what_is_small_or_behind_a_secret_is_sent_as_it_is() -> None:
    """And so is what is no success."""
    for headers, response in (
        (GZIP, tagged_response(SMALL[1:])),
        (GZIP | {"authorization": "Bearer x"}, tagged_response(LARGE)),
        (GZIP, json_response(LARGE, 201)),
        ({"accept-encoding": "gzip;q=0"}, tagged_response(LARGE)),
    ):
        body = bytes(response.body)
        sent = await Packer().coded(asked("/", headers), response)
        assert (body, "Accept-Encoding") == (bytes(sent.body), sent.headers["vary"])
        assert "content-encoding" not in sent.headers


async def test_a_version_is_packed_once_however_many_ask() -> None:
    """One after the other, and all at the same time; without an ETag nobody can tell."""
    packer = Packer()
    for _ in range(3):
        crowd = [packer.coded(asked("/", GZIP), tagged_response(LARGE)) for _ in range(9)]
        assert 1 == len({bytes(one.body) for one in await asyncio.gather(*crowd)})
    assert 1 == packer.packed
    await packer.coded(asked("/", GZIP), tagged_response(LARGE + "y"))
    assert 2 == packer.packed
    for _ in range(2):
        await packer.coded(asked("/", GZIP), json_response(LARGE))
    assert 4 == packer.packed


async def test_whoever_holds_the_packed_form_is_told_so_and_nothing_is_packed() -> None:
    """By the tag of that form, to who would get that form."""
    packer = Packer()
    tag = tagged_response(LARGE).headers["etag"]
    packed_tag = f'{tag[:-1]}-gzip"'
    held = await packer.coded(
        asked("/", GZIP | {"if-none-match": f'"x", {packed_tag}'}), tagged_response(LARGE)
    )
    assert (304, packed_tag, "Accept-Encoding") == (
        held.status_code,
        held.headers["etag"],
        held.headers["vary"],
    )
    assert 0 == packer.packed
    other = await packer.coded(asked("/", {"if-none-match": packed_tag}), tagged_response(LARGE))
    assert 200 == other.status_code


async def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest makes room."""
    monkeypatch.setattr(coding, "HELD_BYTES_MAX", 120)
    packer = Packer()
    for number in (1, 2, 3, 3, 1):
        await packer.coded(asked("/", GZIP), tagged_response(LARGE + str(number)))
        assert packer.bytes <= 120
    assert 4 == packer.packed


def test_a_change_may_be_made_on_either_form() -> None:
    """Whoever read the packed one has seen the same thing."""
    tag = tagged_response(LARGE).headers["etag"]
    known_by(asked("/", {"if-match": f'{tag[:-1]}-gzip"'}))(LARGE)
    with pytest.raises(PreconditionFailed, match="weak"):
        known_by(asked("/", {"if-match": f'W/{tag[:-1]}-gzip"'}))(LARGE)
