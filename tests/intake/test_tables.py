"""Tables out of any file: what programs save, and what an attacker would send."""

import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.intake import collector, headers, html_table, tables
from tests.intake import old_workbooks


def text_file(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def only(path: Path, limits: tables.TableLimits | None = None) -> tables.Sheet:
    (sheet,) = tables.read_sheets(path, limits or tables.TableLimits())
    return sheet


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_text_in_any_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Chinese text as spreadsheets, editors and old systems save it."""
    lines = [["线路", "范围"], ["科山线", "东街"], ["化机线", "西街"]]
    path = text_file(
        tmp_path / "a.csv", "\r\n".join(delimiter.join(line) for line in lines), encoding
    )

    assert only(path).rows == [tuple(line) for line in lines]


def test_a_mark_on_every_row_is_not_text(tmp_path: Path) -> None:
    """Files glued together carry a byte order mark in front of each row."""
    path = text_file(tmp_path / "a.csv", "\ufeffA,B\r\n\ufeff1,2\r\n\ufeff3,4\r\n")

    assert only(path).rows == [("A", "B"), ("1", "2"), ("3", "4")]


def test_quoted_line_breaks_are_one_row(tmp_path: Path) -> None:
    """Rows are counted as a spreadsheet counts them."""
    path = text_file(tmp_path / "a.csv", 'A,B\n"1\n2",x\n\n3,y\n')

    assert only(path).rows == [("A", "B"), ("1\n2", "x"), (), ("3", "y")]


def test_a_quote_that_never_closes_damages_its_own_row_only(tmp_path: Path) -> None:
    """The rows after it are read, and the damaged one is named."""
    path = text_file(tmp_path / "a.csv", 'A,B\n1,"x\n2,y\n3,"z"\n4,w\n')

    sheet = only(path)

    assert sheet.rows == [("A", "B"), ("1", '"x'), ("2", "y"), ("3", "z"), ("4", "w")]
    assert sheet.damaged == {2}


def test_one_broken_byte_damages_its_own_row_only(tmp_path: Path) -> None:
    """UTF-8 with a cut character stays UTF-8."""
    good = "".join(f"科山线{number},泰前街道迎胜社区\n" for number in range(60)).encode()
    path = tmp_path / "a.csv"
    path.write_bytes(good + "化机线".encode()[:-1] + b",x\n" + good)

    sheet = only(path)

    assert sheet.damaged == {61}
    assert sheet.rows[0] == ("科山线0", "泰前街道迎胜社区")


def test_merged_cells_hold_their_value_everywhere_and_are_known(tmp_path: Path) -> None:
    """Down, across, and where the sheet does not begin at A1."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet["B3"], sheet["C3"], sheet["C4"], sheet["B5"], sheet["D5"] = "a", "x", "y", "wide", "end"
    sheet.merge_cells("B3:B4")
    sheet.merge_cells("B5:C5")
    workbook.save(tmp_path / "a.xlsx")

    found = only(tmp_path / "a.xlsx")

    assert found.rows[2:] == [
        (None, "a", "x", None),
        (None, "a", "y", None),
        (None, "wide", "wide", "end"),
    ]
    assert found.first_row == 1
    assert tables.Merge(first_row=3, first_column=1, last_row=4, last_column=1) in found.merged


def test_a_web_page_called_xls_is_read_as_the_table_it_is(tmp_path: Path) -> None:
    """Old systems export HTML; spans become merged cells."""
    page = """<html><head><meta charset="gb2312"><style>td{}</style></head><body><table>
    <tr><th>日期</th><th>时间</th><th>线路</th></tr>
    <tr><td rowspan=2>10月3日</td><td>8:00-12:00</td><td>科山线<br>化机线</td></tr>
    <tr><td>12:00-19:00</td><td>市委线</td></tr></table></body></html>"""

    sheet = only(text_file(tmp_path / "a.xls", page, "gb18030"))

    assert sheet.rows == [
        ("日期", "时间", "线路"),
        ("10月3日", "8:00-12:00", "科山线\n化机线"),
        ("10月3日", "12:00-19:00", "市委线"),
    ]
    assert sheet.merged == (tables.Merge(first_row=2, first_column=0, last_row=3, last_column=0),)


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table.empty"),
        (b" \r\n\t", "table.empty"),
        (b"PK\x03\x04rubbish", "table.damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "table.damaged"),
        (b"%PDF-1.7 ...", "table.format"),
        (b"<?xml version='1.0'?><Workbook/>", "table.format"),
        (b"<html><body>please log in</body></html>", "table.format"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "table.format"),
        (_zip({"word/document.xml": b"<w/>"}), "table.format"),
        (_zip({"xl/workbook.xml": b"\0" * 300_000_000}), "table.too_large"),
        (_zip({"xl/workbook.xml": b"", "xl/s.xml": b"<c r='XFD1048576'/>"}), "table.too_large"),
        (
            _zip(
                {
                    "content.xml": b"<table:table><table:table-row table:number-rows-repeated='1048575'/>"
                    b"<table:table-row><table:table-cell table:number-columns-repeated='16383'/>"
                    b"<table:table-cell>x</table:table-cell></table:table-row></table:table>"
                }
            ),
            "table.too_large",
        ),
        (b"\xff" * 100, "table.encoding"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_a_code(tmp_path: Path, content: bytes, code: str) -> None:
    """Damaged, foreign, hostile: a sentence and a stable code, and the process lives."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)

    with pytest.raises(tables.TableError) as refusal:
        tables.read_sheets(path)

    assert refusal.value.code == code
    assert refusal.value.sentence


def test_old_workbooks_are_read_under_any_name(tmp_path: Path) -> None:
    """XLS, and ET as WPS saves it, are the same format; merged cells are known there too."""
    cells = [
        (0, 0, "停电线路"),
        (0, 1, "停电时间"),
        (1, 0, "科山线"),
        (1, 1, "8:00"),
        (2, 1, "9:00"),
    ]
    data = old_workbooks.xls(cells, [(1, 2, 0, 0)])

    for name in ("a.xls", "a.et", "a.xlsx"):
        (tmp_path / name).write_bytes(data)
        sheet = only(tmp_path / name)
        assert sheet.rows == [("停电线路", "停电时间"), ("科山线", "8:00"), ("科山线", "9:00")]
        assert sheet.name == "停电计划"


def test_an_old_workbook_that_claims_the_world_is_refused(tmp_path: Path) -> None:
    """One cell in the last corner of the format would end the process that lays it out."""
    path = tmp_path / "a.xls"
    path.write_bytes(old_workbooks.xls([(0, 0, "a"), (65_535, 65_535, "b")]))

    with pytest.raises(tables.TableError) as refusal:
        tables.read_sheets(path)

    assert refusal.value.code == "table.too_large"


def test_open_document_tables_are_read(tmp_path: Path) -> None:
    """The million empty rows at their end are not laid out."""
    path = tmp_path / "a.ods"
    path.write_bytes(old_workbooks.ods([["停电线路", "停电时间"], ["科山线", "8:00-9:00"]]))

    sheet = only(path)

    assert sheet.rows == [("停电线路", "停电时间"), ("科山线", "8:00-9:00")]


def test_sizes_an_archive_states_about_itself_are_not_believed(tmp_path: Path) -> None:
    """The directory says ten bytes; three hundred million come out."""
    honest = bytearray(_zip({"xl/workbook.xml": b"\0" * 300_000_000}))
    directory = honest.rindex(b"PK\x01\x02")
    struct.pack_into("<I", honest, directory + 24, 10)
    path = tmp_path / "a.xlsx"
    path.write_bytes(bytes(honest))

    with pytest.raises(tables.TableError) as refusal:
        tables.read_sheets(path)

    assert refusal.value.code == "table.too_large"


def test_limits_hold_for_bytes_and_rows(tmp_path: Path) -> None:
    """A limit is a refusal, not a shortened table."""
    path = text_file(tmp_path / "a.csv", "a,b\n" * 50)

    for limits in (tables.TableLimits(size=100), tables.TableLimits(rows=49)):
        with pytest.raises(tables.TableError) as refusal:
            tables.read_sheets(path, limits)
        assert refusal.value.code == "table.too_large"
    with pytest.raises(html_table.TooLarge):
        html_table.read_tables("<table><tr><td colspan=60000>x</table>", rows=10, cells=1000)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The sentence names the file."""
    with pytest.raises(tables.TableError) as refusal:
        tables.read_sheets(tmp_path / "none.xlsx")

    assert refusal.value.code == "table.not_found"
    assert "none.xlsx" in refusal.value.sentence


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """A table or a refusal."""
    path = tmp_path_factory.mktemp("bytes") / "a.csv"
    path.write_bytes(data)

    try:
        sheets = tables.read_sheets(path)
    except tables.TableError:
        return
    assert sheets


def test_labels_are_recognised_with_their_ornaments() -> None:
    """Stars, colons, brackets, width and final counts do not hide a column."""
    words = headers.Vocabulary({"phone": ["联系电话"], "line": ["停电线路"]})

    assert words.field_of("*联系电话：") == "phone"
    assert words.field_of("联系电话（必填）") == "phone"
    assert words.field_of("联系电话2") == "phone"
    assert words.field_of("停 电 线 路") == "line"
    assert words.field_of("停电线路长度") is None


def test_the_collector_is_paused_and_runs_again() -> None:
    """Also where readers overlap."""
    import gc

    with collector.paused(), collector.paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_nul_in_a_text_file_is_placed(tmp_path: Path) -> None:
    """One damaged byte in thousands of rows is found by its row and column."""
    path = tmp_path / "plans.csv"
    path.write_bytes("线路,停电时间,工作\n甲线,3月5日,检修\n乙线,3月\0日,检修\n".encode())

    with pytest.raises(tables.TableError, match="row 3, column 2"):
        tables.read_sheets(path)
