"""Names of lines, areas and sections as cells hold them."""

import pytest

from notifier.domain.plan import EquipmentKind
from notifier.intake.plan_equipment import feeder_of, read_equipment

FIVE = ("科山线", "化机线", "市委线", "二棉线", "南路线")
FEEDER, UNKNOWN, AREA = EquipmentKind.FEEDER, EquipmentKind.UNKNOWN, EquipmentKind.AREA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("迎胜站10KV科山线", [("feeder", "迎胜站", "10KV科山线")]),
        ("临河西郊110KV变9211花城Ⅰ回", [("feeder", "临河西郊110KV变", "9211花城Ⅰ回")]),
        ("临河西郊110KV变924南路线", [("feeder", "临河西郊110KV变", "924南路线")]),
        ("110kV仿真变 10kV中05线", [("feeder", "110kV仿真变", "10kV中05线")]),
        ("杨村变电所10kV杨村549线", [("feeder", "杨村变电所", "10kV杨村549线")]),
        (
            "新桥变电站 新林一专线、新林三专线",
            [("feeder", "新桥变电站", "新林一专线"), ("feeder", "新桥变电站", "新林三专线")],
        ),
        ("万界变电所10kV盈通564线露茜化妆支线", [("section", "万界变电所", "10kV盈通564线露茜化妆支线")]),
        ("韩通站937宋北线主干13号杆开关以下", [("section", "韩通站", "937宋北线主干13号杆开关以下")]),
        ("110KV丫学线路(原110KV嘉农7741线路)", [("feeder", "", "110KV丫学线路")]),
        ("10kV科山线全线停电", [("feeder", "", "10kV科山线")]),
        ("1#开闭所", [("station", "", "1#开闭所")]),
        ("科山线，化机线；市委线/二棉线\n南路线", [("feeder", "", name) for name in FIVE]),
        ("科山线和化机线", [("feeder", "", "科山线"), ("feeder", "", "化机线")]),
        ("和平线", [("feeder", "", "和平线")]),
        ("人和线", [("feeder", "", "人和线")]),
        ("站前线", [("feeder", "", "站前线")]),
        ("花城Ⅰ、Ⅱ回", [("feeder", "", "花城Ⅰ回"), ("feeder", "", "花城Ⅱ回")]),
        ("1、科山线\n2、化机线", [("feeder", "", "科山线"), ("feeder", "", "化机线")]),
        ("科山线、科山线", [("feeder", "", "科山线")]),
        ("科山线 化机线　10kV市委线", [("feeder", "", name) for name in ("科山线", "化机线", "10kV市委线")]),
        ("10kV 科 山 线", [("feeder", "", "10kV 科 山 线")]),
        ("110kV城南站10kV人民线", [("feeder", "110kV城南站", "10kV人民线")]),
    ],
)  # fmt: skip
def test_cells_of_a_line_column(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Each name once, with its station apart, and sections told from whole lines."""
    found = read_equipment(text, FEEDER).equipment

    assert [(item.kind.value, item.station, item.name) for item in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("城关1、2号公变", [("area", "城关1号公变"), ("area", "城关2号公变")]),
        ("东马台区、10kV科山线", [("area", "东马台区"), ("feeder", "10kV科山线")]),
        ("人民路台区 建设路台区", [("area", "人民路台区"), ("area", "建设路台区")]),
        ("人民线 中心台区", [("area", "人民线 中心台区")]),
        ("科山线 东支线", [("section", "科山线 东支线")]),
        ("ТП-2718", [("area", "ТП-2718")]),
        ("РУ-10/0,4кВ ТП-1721", [("area", "ТП-1721")]),
        ("ТП-3678,3679,3114", [("area", "ТП-3678"), ("area", "ТП-3679"), ("area", "ТП-3114")]),
        ("ВЛ-0,4кВ ТП-1319 вых. Юг", [("section", "ВЛ-0,4кВ ТП-1319 вых. Юг")]),
        ("ВЛ-10кВ ф.4-127А,14-171А", [("feeder", "ф.4-127А"), ("feeder", "ф.14-171А")]),
        ("Trạm Ông Mẫn B trụ 478-480PT/52 tuyến 478PT.", [("area", "Trạm Ông Mẫn B")]),
    ],
)
def test_cells_of_an_equipment_column(text: str, expected: list[tuple[str, str]]) -> None:
    """What the column leaves open, the name says."""
    found = read_equipment(text, UNKNOWN).equipment

    assert [(item.kind.value, item.name) for item in found] == expected


@pytest.mark.parametrize(
    ("section", "feeder"),
    [
        ("10kV盈通564线露茜化妆支线", "10kV盈通564线"),
        ("937宋北线主干13号杆开关以下", "937宋北线"),
        ("10kV前后付分支", ""),
    ],
)
def test_the_feeder_of_a_section_is_recognisable(section: str, feeder: str) -> None:
    """A section is named whole; its feeder is the beginning of its name."""
    assert feeder_of(section) == feeder


def test_a_list_that_ends_in_and_others_says_so() -> None:
    """等 means that more is out than is named."""
    assert read_equipment("科山线、化机线等", FEEDER).is_open
    assert read_equipment("ТП-4492; ТП-4374 и др.", UNKNOWN).is_open
    assert not read_equipment("科山线、化机线", FEEDER).is_open


def test_old_names_in_brackets_are_kept_apart() -> None:
    """(原…线路) is no second line."""
    found = read_equipment("110KV丫学线路(原110KV嘉农7741线路)", FEEDER)

    assert found.old_names == ("110KV嘉农7741线路",)
    assert len(found.equipment) == 1


@pytest.mark.parametrize("text", ["", "、、", " \n", "；/"])
def test_nothing_is_nothing(text: str) -> None:
    """Joints alone name no asset."""
    assert read_equipment(text, AREA).equipment == ()
