"""What kind of file it is, told by how it begins; what to do with one that is no list of books."""

import re
from collections.abc import Collection

TEXT = ""
WORKBOOK = "workbook"
ARCHIVE = "archive"
HEAD_BYTES = 2048
"""Of a file, by which its kind is told."""

_MAGIC = (
    (b"PK\x03\x04", ARCHIVE),
    (b"PK\x05\x06", ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", WORKBOOK),
    (b"%PDF", "is a PDF: export the list as CSV or .xlsx"),
    (b"{\\rtf", "is a text of a word processor: save the list as CSV or .xlsx"),
    (b"\x1f\x8b", "is packed with gzip: gunzip -c FILE | bazar import -"),
    (b"BZh", "is packed with bzip2: bunzip2 -c FILE | bazar import -"),
    (b"\xfd7zXZ\x00", "is packed with xz: xz -dc FILE | bazar import -"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"SQLite format 3\x00", "is a database: export the list as CSV"),
    (b"PAR1", "is a Parquet file: export the list as CSV"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"GIF8", "is a picture"),
)
_TEXTS = (
    (
        re.compile(rb"(?is)<\?xml.*(<\?mso-application|urn:schemas-microsoft-com:office)"),
        "is a spreadsheet in XML: open it there and save it as .xlsx or CSV",
    ),
    (
        re.compile(rb"(?is)(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta)\b"),
        (
            "is a web page, and no list of books; perhaps one that asks to sign in. "
            "A table saved as a page: open it in a spreadsheet, and save it as .xlsx or CSV"
        ),
    ),
    (re.compile(rb"(?s)<(\?xml|[A-Za-z])[^>]*>"), "is XML: export the list as CSV or .xlsx"),
    (
        re.compile(rb'(?s)\[\s*[\[{\]]|\{\s*("[^"]*"\s*:|\})'),
        "is JSON: export the list as CSV or .xlsx",
    ),
    (
        re.compile(rb"[0-9]{5}[acdnp][a-z][a-z ]{2}[ a][0-9]{2}"),
        "is a MARC file: export the list as CSV",
    ),
)
_ARCHIVES = (
    ("xl/workbook.", WORKBOOK),
    ("content.xml", WORKBOOK),
    ("index/document.iwa", "is a document of Numbers or Pages: export it as CSV or Excel"),
    ("index.zip", "is a document of Numbers or Pages: export it as CSV or Excel"),
    ("word/", "is a text of a word processor: save the list as CSV or .xlsx"),
    ("ppt/", "is a presentation"),
    ("meta-inf/container.xml", "is an e-book"),
)


def kind_of(head: bytes) -> str:
    """Return what a file is: TEXT, WORKBOOK, ARCHIVE, or in words why it is none of them.

    Args:
        head: its first 2,048 bytes.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        start = head[2:].replace(b"\0", b"").lstrip()
    return next((kind for pattern, kind in _TEXTS if pattern.match(start)), TEXT)


def archive_kind(names: Collection[str], mime_type: str) -> str:
    """Return WORKBOOK for an archive that is one, or in words why it is not.

    Args:
        names: of what is in it.
        mime_type: what it says of itself; empty where it says nothing.
    """
    if mime_type and "spreadsheet" not in mime_type:
        return f"is no spreadsheet, but {mime_type[:80]}"
    lower = [name.lower() for name in names]
    for beginning, kind in _ARCHIVES:
        if any(name.startswith(beginning) for name in lower):
            return kind
    return "is a zip archive: unpack it first"
