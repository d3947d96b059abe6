"""Workbooks as spreadsheet programs save them, as small as they can be."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Value = str | float | None
Rows = Sequence[Sequence[Value]]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"


def xlsx(sheets: Mapping[str, Rows], hidden: Sequence[str] = ()) -> bytes:
    """Return an .xlsx file with these sheets."""
    named = list(enumerate(sheets.items(), 1))
    tags = [
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"'
        f"{' state=' + chr(34) + 'hidden' + chr(34) if name in hidden else ''}/>"
        for n, (name, _rows) in named
    ]
    links = [
        f'<Relationship Id="r{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _sheet in named
    ]
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
            f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            f"{''.join(tags)}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
            f"{''.join(links)}</Relationships>",
            **{f"xl/worksheets/sheet{n}.xml": _sheet(rows) for n, (_name, rows) in named},
        }
    )


def ods(rows: Rows) -> bytes:
    """Return an .ods file with one sheet; a text such as 1999-05-01 is a date in it."""
    cells = "".join(
        f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows
    )
    names = "".join(f' xmlns:{name}="{_OASIS}:{name}:1.0"' for name in ("office", "table", "text"))
    return packed(
        {
            "mimetype": _ODS,
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="{_OASIS}:manifest:1.0">'
            f'<m:file-entry m:full-path="/" m:media-type="{_ODS}"/></m:manifest>',
            "content.xml": f"<office:document-content{names}><office:body><office:spreadsheet>"
            f'<table:table table:name="Books">{cells}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def packed(files: Mapping[str, str]) -> bytes:
    """Return an archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def cell(place: str, value: Value) -> str:
    """Return a cell of an .xlsx sheet, such as B7."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def _sheet(rows: Rows) -> str:
    lines = [
        f'<row r="{n}">{"".join(cell(f"{chr(64 + c)}{n}", v) for c, v in enumerate(row, 1))}</row>'
        for n, row in enumerate(rows, 1)
    ]
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _ods_cell(value: Value) -> str:
    if value is None:
        return "<table:table-cell/>"
    kind, attribute = "string", ""
    if not isinstance(value, str):
        kind, attribute = "float", f' office:value="{value}"'
    elif value[4:5] == "-":
        kind, attribute = "date", f' office:date-value="{value}"'
    return (
        f'<table:table-cell office:value-type="{kind}"{attribute}>'
        f"<text:p>{value}</text:p></table:table-cell>"
    )
