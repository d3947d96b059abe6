"""Workbooks as spreadsheets save them, in the least that a reader wants of one.

Source: ECMA-376, part 1, section 12
"""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Cell = str | int | float
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}">
<sheets><sheet name="Books" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
</Relationships>""",
}


def write_workbook(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write a workbook of one sheet; numbers are numbers in it, and texts are texts."""
    lines = "".join(
        f'<row r="{number}">{"".join(map(_cell, cells))}</row>'
        for number, cells in enumerate(rows, 1)
    )
    sheet = f'<worksheet xmlns="{_SHEET}"><sheetData>{lines}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as workbook:
        for name, text in (_PARTS | {"xl/worksheets/sheet1.xml": sheet}).items():
            workbook.writestr(name, f"{_HEAD}\n{text}")


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"
