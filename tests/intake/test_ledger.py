"""Ledgers out of files: the reference ledgers, their dirty form, and what single columns mean."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from notifier.domain.customer import Criticality, Need, Reach, Role, Subject
from notifier.domain.finding import Severity
from notifier.domain.ledger import KEPT, NONE, PointRow
from notifier.intake import ledger, ledger_sheet

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
HEADER = ["变电站", "线路名称", "台区编号", "台区名称", "户号", "户名"]
ROW = ["110kV东站", "10kV甲01线", "0001", "一号台区", "1001", "张三"]

shared = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not beside the checkout")


def write(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    """A CSV file of these rows."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def read(tmp_path: Path, extra: dict[str, str], row: list[str] | None = None) -> ledger.Ledger:
    """The ledger of one customer with further columns."""
    path = write(tmp_path / "one.csv", [HEADER + list(extra), (row or ROW) + list(extra.values())])
    return ledger.read_ledger(path)


def codes(found: ledger.Ledger) -> dict[str, int]:
    return dict(found.outline.finding_counts)


def cases() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / "grid/ledger/cases.json").read_text("utf-8"))
    return content


@shared
@pytest.mark.parametrize(
    "name", ["ledger_clean.csv", "ledger_clean_gb18030.csv", "ledger_dirty.xlsx"]
)
def test_the_reference_ledger_reads_the_same_in_every_form(name: str) -> None:
    """Encodings, synonyms, merged cells and full-width characters change nothing."""
    expected = cases()
    found = ledger.read_ledger(DATA / "grid/ledger" / name).outline

    assert (found.points, len(found.feeders), len(found.stations)) == (
        expected["customers"],
        expected["feeders"],
        1,
    )
    with_customers = [area for area in found.areas if area.points]
    assert len(with_customers) == expected["areas_with_customers"]
    assert len(found.areas) - len(with_customers) == expected["areas_without_customers"]


@shared
@pytest.mark.parametrize("name", ["ledger_clean.csv", "ledger_dirty.xlsx"])
def test_every_customer_hangs_on_the_feeder_of_the_cases(name: str) -> None:
    """Account by account; those under two areas are held out and reported instead."""
    expected = cases()
    found = ledger.read_ledger(DATA / "grid/ledger" / name)
    held = {amendment.account for amendment in found.outline.amendments}
    for case in expected["cases"]:
        if case["kind"] != "feeder":
            continue
        (feeder,) = (
            number
            for number, entry in enumerate(found.outline.feeders)
            if entry.name == case["plan"]["feeders"][0]
        )
        accounts = {point.account for point in found.points if point.feeder == feeder}

        assert accounts - held == set(case["out"]) - held


@shared
def test_the_dirty_ledger_is_reported_exactly() -> None:
    """17 duplicates, three customers under two areas, one footer; each with its row."""
    issues = cases()["dirty_issues"]
    found = ledger.read_ledger(DATA / "grid/ledger/ledger_dirty.xlsx")
    counts = codes(found)

    assert counts["account.duplicate"] == issues["duplicate"]
    assert counts["row.footer"] == issues["footer_rows"]
    contradictions = [
        finding for finding in found.outline.findings if finding.code == "account.two_areas"
    ]
    assert [finding.severity for finding in contradictions] == [Severity.ERROR] * 3
    assert sorted(finding.found.split("：")[0] for finding in contradictions) == sorted(
        issues["customer_in_two_areas"]
    )
    assert all(amendment.area == NONE for amendment in found.outline.amendments)


@shared
def test_a_ledger_of_transformers_without_customers_is_a_ledger() -> None:
    """Two files with a byte order mark on every row; nothing but feeders and transformer points."""
    folder = DATA / "ledger"
    found = ledger.read_ledger(
        [
            folder / "taipower_KEELUNG_tr_feeder_raw.csv",
            folder / "taipower_KEELUNG_capacity_raw.csv",
        ]
    ).outline

    assert (len(found.areas), len(found.feeders), found.points) == (3222, 225, 0)
    assert found.finding_counts["feeder.missing"] == 7
    assert not found.has_customers


@pytest.mark.parametrize(
    ("cell", "phones", "doubts"),
    [
        ("13800000001", ["+8613800000001"], {}),
        ("１３８００００００１２", ["+8613800000012"], {}),
        ("138 0000 0001", ["+8613800000001"], {}),
        ("+86-138-0000-0001", ["+8613800000001"], {}),
        ("13800000001.0", ["+8613800000001"], {}),
        ("13800000001/13900000002", ["+8613800000001", "+8613900000002"], {}),
        ("13800000001、13900000002；13700000003", ["+8613800000001", "+8613900000002", "+8613700000003"], {}),
        ("13800000001 13900000002", ["+8613800000001", "+8613900000002"], {}),
        ("13800000001(妻)", ["+8613800000001"], {}),
        ("13800000001、13800000001", ["+8613800000001"], {}),
        ("0571-88888888", [], {"phone.landline": 1}),
        ("13800000001,0571-88888888", ["+8613800000001"], {"phone.landline": 1}),
        ("1380000001", [], {"phone.invalid": 1}),
        ("1.38E+10", [], {"phone.precision_lost": 1}),
        ("无", [], {}),
    ],
)  # fmt: skip
def test_a_phone_cell_is_read_as_people_write_it(
    tmp_path: Path, cell: str, phones: list[str], doubts: dict[str, int]
) -> None:
    """Several numbers, blanks, widths and prefixes; what takes no SMS is a finding, not an address."""
    found = read(tmp_path, {"联系电话": cell})

    assert [contact.phone for contact in found.points[0].contacts] == phones
    assert {code: n for code, n in codes(found).items() if code.startswith("phone.")} == doubts


def test_no_finding_quotes_a_phone(tmp_path: Path) -> None:
    """Masked whatever is wrong with it."""
    found = read(tmp_path, {"联系电话": "057188888888、1380000001", "物业电话": "95598"})

    said = " ".join(finding.found for finding in found.outline.findings)
    assert "88888888" not in said
    assert "1380000001" not in said


@pytest.mark.parametrize(
    ("column", "cell", "criticality", "need"),
    [
        ("重要用户", "特级", Criticality.CRITICAL_SPECIAL, Need.NONE),
        ("重要用户", "一级", Criticality.CRITICAL_1, Need.NONE),
        ("重要用户", "二级重要用户", Criticality.CRITICAL_2, Need.NONE),
        ("重要用户", "临时性", Criticality.CRITICAL_TEMPORARY, Need.NONE),
        ("重要用户", "是", Criticality.CRITICAL_2, Need.NONE),
        ("重要用户", "否", Criticality.ORDINARY, Need.NONE),
        ("敏感用户", "水泵", Criticality.SENSITIVE, Need.PUMP),
        ("敏感用户", "电梯", Criticality.SENSITIVE, Need.LIFT),
        ("敏感用户", "孵化设备", Criticality.SENSITIVE, Need.HATCHERY),
        ("敏感用户", "机房", Criticality.SENSITIVE, Need.DATA_CENTRE),
        ("敏感用户", "冷库", Criticality.SENSITIVE, Need.COLD_STORE),
        ("呼吸机", "是", Criticality.LIFE_SUPPORT, Need.MEDICAL),
        ("呼吸机", "制氧机", Criticality.LIFE_SUPPORT, Need.MEDICAL),
        ("呼吸机", "否", Criticality.ORDINARY, Need.NONE),
    ],
)
def test_what_depends_on_the_supply_is_understood(
    tmp_path: Path, column: str, cell: str, criticality: Criticality, need: Need
) -> None:
    """Grades, sensitive kinds and life support."""
    point = read(tmp_path, {column: cell}).points[0]

    assert (point.criticality, point.need) == (criticality, need)


def test_everybody_around_a_customer_is_found(tmp_path: Path) -> None:
    """Payer with openid and token, tenant, property manager, village office, account manager, door."""
    found = read(
        tmp_path,
        {
            "联系电话": "13800000001", "微信openid": "oABCdef_12345", "RegistrationID": "190e35f7e0",
            "租户": "李四", "租户电话": "13800000002", "小区": "阳光花园", "楼栋": "3号楼",
            "层数": "18", "单元": "1", "物业": "阳光物业", "物业电话": "13800000003",
            "村委": "东村", "村委电话": "13800000004", "客户经理": "王五",
            "客户经理电话": "13800000005", "语言": "英文", "退订": "短信",
        },
    )  # fmt: skip
    payer, tenant = found.points[0].contacts
    places = {(place.subject, place.role): place for place in found.outline.places}

    assert (payer.role, payer.openid, payer.locale) == (Role.PAYER, "oABCdef_12345", "en")
    assert payer.reach == Reach.WECHAT | Reach.PUSH | Reach.VOICE
    assert (tenant.role, tenant.name, tenant.phone) == (Role.TENANT, "李四", "+8613800000002")
    assert set(places) == {
        (Subject.BUILDING, Role.PROPERTY_MANAGER),
        (Subject.AREA, Role.VILLAGE_OFFICE),
        (Subject.AREA, Role.ACCOUNT_MANAGER),
        (Subject.BUILDING, Role.ENTRANCE),
    }
    assert places[(Subject.BUILDING, Role.ENTRANCE)].name == "阳光花园3号楼1单元"
    assert found.outline.buildings[0].is_high_rise


def test_an_area_without_buildings_has_a_notice_board(tmp_path: Path) -> None:
    """Somewhere for the poster to hang."""
    (board,) = read(tmp_path, {}).outline.places

    assert (board.subject, board.role, board.place_key) == (
        Subject.AREA,
        Role.ENTRANCE,
        "board:area:0001",
    )


def test_contradictory_areas_leave_the_area_blank_and_an_agreed_feeder_in_place(
    tmp_path: Path,
) -> None:
    """Nobody picks; the feeder stays where both rows agree on it."""
    same_feeder = ["110kV东站", "10kV甲01线", "0002", "二号台区", "1001", "张三"]
    other_feeder = ["110kV东站", "10kV乙02线", "0003", "三号台区", "1002", "李四"]
    second = ["110kV东站", "10kV甲01线", "0001", "一号台区", "1002", "李四"]
    path = write(tmp_path / "a.csv", [HEADER, ROW, same_feeder, second, other_feeder])

    outline = ledger.read_ledger(path).outline

    amended = {item.account: (item.area, item.feeder) for item in outline.amendments}
    assert amended == {"1001": (NONE, 0), "1002": (NONE, NONE)}
    assert outline.finding_counts["account.two_areas"] == 2


def test_lists_and_customers_in_several_files_are_one_ledger(tmp_path: Path) -> None:
    """The list of areas gives the feeder that the customers' file does not have."""
    customers = write(
        tmp_path / "c.csv",
        [
            ["供电所", "consNo", "consName", "tgId", "tgName"],
            ["城关", "1001", "张三", "0001", "一号"],
        ],
    )
    areas = write(
        tmp_path / "a.csv",
        [["线路名称", "台区编号", "台区名称"], ["10kV甲01线", "0001", "一号台区"]],
    )

    found = ledger.read_ledger([customers, areas])

    assert (len(found.outline.areas), found.points[0].feeder, found.points[0].area) == (1, 0, 0)


def test_an_area_on_another_feeder_than_its_list_says_is_reported(tmp_path: Path) -> None:
    """The area stays where the list has it; the customers' feeder is a finding."""
    areas = write(
        tmp_path / "a.csv",
        [["线路名称", "台区编号", "台区名称"], ["10kV乙02线", "0001", "一号台区"]],
    )
    customers = write(tmp_path / "c.csv", [HEADER, ROW])

    outline = ledger.read_ledger([customers, areas]).outline

    assert outline.finding_counts["customer.feeder_differs"] == 1
    assert outline.feeders[outline.areas[0].feeder].name == "10kV乙02线"


def test_bad_rows_cost_only_themselves(tmp_path: Path) -> None:
    """A lost account is an error, an open quote a repaired row, the rest is read."""
    path = tmp_path / "bad.csv"
    lines = [",".join(HEADER), ",".join(ROW), '110kV东站,10kV甲01线,0001,一号台区,1002,"李四']
    lines += [
        f"110kV东站,10kV甲01线,0001,一号台区,{number},王{number}" for number in range(2000, 2100)
    ]
    lines += [
        "110kV东站,10kV甲01线,0001,一号台区,3.3E+09,赵六",
        "110kV东站,10kV甲01线,0001,一号台区,,钱七",
    ]
    path.write_text("\r\n".join(lines), encoding="utf-8")

    found = ledger.read_ledger(path)

    assert found.outline.points == 102
    assert codes(found)["row.damaged"] == 1
    assert codes(found)["account.precision_lost"] == 1
    assert codes(found)["account.missing"] == 1
    assert found.outline.doubtful_feeders == {0}


def test_a_file_that_is_no_ledger_is_a_finding_not_a_fault(tmp_path: Path) -> None:
    """Nothing is raised for what a file may hold."""
    text = tmp_path / "letter.csv"
    text.write_text("Dear all,\nno table here\n", encoding="utf-8")

    found = ledger.read_ledger([text, tmp_path / "missing.csv"])

    assert set(codes(found)) == {"ledger.no_header", "table.not_found"}


def test_a_damaged_row_number_is_that_of_the_file(tmp_path: Path) -> None:
    """Title rows above the header count."""
    path = write(tmp_path / "t.csv", [["台账"], [], HEADER, ROW, [*ROW[:4], "a b?", "x"]])

    (finding,) = (
        item
        for item in ledger.read_ledger(path).outline.findings
        if item.code.startswith("account.")
    )

    assert (finding.row, finding.code) == (5, "account.malformed")


def test_the_correction_sheet_comes_back_as_the_same_ledger(tmp_path: Path) -> None:
    """Exported with phones it is imported again unchanged; formulas arrive as text."""
    path = write(
        tmp_path / "l.csv",
        [
            [*HEADER, "联系电话", "地址"],
            [*ROW, "13800000001、1380", "=1+1"],
            [*ROW[:4], "1002", "李四", "", ""],
        ],
    )
    found = ledger.read_ledger(path)
    target = tmp_path / "fix.xlsx"

    marked = ledger_sheet.write_corrections(
        [path], found.outline.findings, target, with_phones=True
    )
    again = ledger.read_ledger(target)

    assert marked == 2
    assert _said(again.points) == _said(found.points)
    assert again.outline.finding_counts == found.outline.finding_counts


def test_a_masked_correction_sheet_leaves_everybody_their_phone(tmp_path: Path) -> None:
    """A masked cell says that the phone is as it was, and is told of."""
    path = write(tmp_path / "l.csv", [[*HEADER, "联系电话"], [*ROW, "13800000001"]])
    target = tmp_path / "fix.xlsx"

    ledger_sheet.write_corrections([path], (), target)
    again = ledger.read_ledger(target)

    assert [contact.phone for contact in again.points[0].contacts] == [KEPT]
    assert again.outline.finding_counts["phone.masked"] == 1


def test_merged_and_float_cells_of_a_workbook_are_read(tmp_path: Path) -> None:
    """Really merged stations and areas, phones and accounts kept as numbers."""
    path = tmp_path / "m.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        page = workbook.add_worksheet("台账")
        for place, heading in enumerate([*HEADER, "联系电话"]):
            page.write(0, place, heading)
        page.merge_range(1, 0, 3, 0, "110kV东站")
        page.merge_range(1, 1, 3, 1, "10kV甲01线")
        page.merge_range(1, 2, 2, 2, "0001")
        page.merge_range(1, 3, 2, 3, "一号台区")
        for row in (1, 2, 3):
            page.write(row, 4, 3300000000 + row)
            page.write(row, 6, 13800000000.0 + row)

    found = ledger.read_ledger(path)

    assert [(point.account, point.area) for point in found.points] == [
        ("3300000001", 0),
        ("3300000002", 0),
        ("3300000003", NONE),
    ]
    assert found.points[2].contacts[0].phone == "+8613800000003"


def _said(points: tuple[PointRow, ...]) -> list[tuple[Any, ...]]:
    return [(p.account, p.name, p.contacts, p.area, p.feeder, p.address) for p in points]


def test_findings_name_a_column_as_the_file_does(tmp_path: Path) -> None:
    """Whoever corrects the file looks for that heading, not for our word for the field."""
    path = write(tmp_path / "l.csv", [[*HEADER, "联系电话", "重要等级"], [*ROW, "1380", "甚重要"]])

    found = ledger.read_ledger(path).outline.findings

    columns = {item.code: item.column for item in found}
    assert columns["phone.invalid"] == "联系电话"
    assert {"phone", "critical"}.isdisjoint(columns.values())
