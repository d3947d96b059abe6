"""What kind of file it is, by how it begins."""

import pytest

from bazar.formats.kinds import ARCHIVE, TEXT, WORKBOOK, archive_kind, kind_of


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"title,price\n", TEXT),
        (b"\xef\xbb\xbftitle", TEXT),
        ("title".encode("utf-16"), TEXT),
        (b"[sic] a title,price\n", TEXT),
        (b"{a title},price\n", TEXT),
        (b"<3 of hearts,price\n", TEXT),
        (b"", TEXT),
        (b"PK\x03\x04", ARCHIVE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", WORKBOOK),
    ],
)
def test_a_list_is_known(head: bytes, kind: str) -> None:
    """A text may begin with nearly anything."""
    assert kind == kind_of(head)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\xef\xbb\xbf \n<HTML>", "is a web page"),
        (b"<table><tr><td>Title", "is a web page"),
        ("<html>".encode("utf-16"), "is a web page"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "a spreadsheet in XML"),
        (b'<?xml version="1.0"?><ONIXMessage>', "is XML"),
        (b'[{"title": 1}]', "is JSON"),
        (b'{"books": []}', "is JSON"),
        (b"[]", "is JSON"),
        (b"%PDF-1.4", "is a PDF"),
        (b"{\\rtf1", "word processor"),
        (b"\x1f\x8b", "gunzip"),
        (b"\x89PNG\r\n", "is a picture"),
        (b"SQLite format 3\x00", "is a database"),
        (b"01234cam a2200289 a 4500", "is a MARC file"),
    ],
)
def test_what_is_no_list_is_called_by_its_name(head: bytes, told: str) -> None:
    """With what to do about it."""
    assert told in kind_of(head)


@pytest.mark.parametrize(
    ("names", "mime_type", "told"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "", WORKBOOK),
        (["xl/workbook.bin"], "", WORKBOOK),
        (["content.xml"], "application/vnd.oasis.opendocument.spreadsheet", WORKBOOK),
        (["content.xml"], "application/vnd.oasis.opendocument.text", "is no spreadsheet"),
        (["Index/Document.iwa"], "", "Numbers"),
        (["word/document.xml"], "", "word processor"),
        (["books.csv"], "", "is a zip archive: unpack it first"),
    ],
)
def test_an_archive_is_known_by_what_is_in_it(names: list[str], mime_type: str, told: str) -> None:
    """Workbooks are archives; others are told apart."""
    assert told in archive_kind(names, mime_type)
