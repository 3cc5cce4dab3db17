"""A made-up county bureau: three stations, eight feeders, some 20,000 usage points, and its bad data.

Everything follows from a seed, so a demonstration can be told again. ``write`` makes the ledger the
way bureaus hand it over: a workbook for two stations, a GB18030 text file for the third.
"""

import csv
import random
from dataclasses import dataclass, field
from pathlib import Path

import xlsxwriter

#: Numbers that end so take messages that never arrive; see ``notifier.demo.month``.
DEAD = "0404"
#: Numbers that end so are refused by the provider at once.
ILLEGAL = "0400"

HEADINGS = (
    "变电站", "所属线路", "台区编号", "台区名称", "公专变", "户号", "户名", "用电地址", "用电类别",
    "重要用户等级", "敏感用户类型", "生命支持", "双电源", "小区", "楼栋", "层数", "单元", "联系电话",
    "租户", "租户电话", "物业", "物业电话", "村委会", "村委电话", "客户经理", "客户经理电话",
    "微信openid", "推送token", "语言", "退订",
)  # fmt: skip

_FEEDERS = (
    ("110kV城北变", "10kV人民线", "urban"),
    ("110kV城北变", "10kV学府线", "urban"),
    ("110kV城北变", "10kV工业线", "works"),
    ("110kV湖东变", "10kV湖滨线", "urban"),
    ("110kV湖东变", "10kV新城线", "urban"),
    ("110kV湖东变", "10kV物流线", "works"),
    ("35kV青山变", "10kV青溪线", "rural"),
    ("35kV青山变", "10kV茶场线", "rural"),
)
_ESTATES = (
    "锦绣花园 翠湖苑 金桂家园 阳光水岸 文昌里 书香门第 育才苑 桃李园 紫薇庭 丁香苑 云锦台 梧桐湾 "
    "听涛阁 望湖轩 碧波苑 芙蓉里 明月湾 清风苑 兰亭序 知春里 安宁小区 和平里 幸福家园 光明苑 "
    "长乐坊 永兴里 新城华府 世纪名门 龙腾苑 凤鸣轩 朝阳里 晨曦苑 星河湾 银杏园 枫林晚 海棠苑"
)
_PARKS = (
    "东区工业园 西区工业园 南港园 北环商贸城 建材市场 汽配城 纺织园 光电园 物流园 冷链园 机械厂宿舍 "
    "粮油市场 食品园 包装园 五金城 铁路货场 保税园 电商园"
)
_VILLAGES = (
    "李家村 王家坳 上溪村 下溪村 石桥村 杨梅岭 竹山村 桐树湾 大塘村 高坪村 青石村 古井村 新联村 "
    "胜利村 团结村 黄泥塘 梨树坪 茶园村"
)
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国志红文斌"
_SHOPS = ("便利店", "理发店", "面馆", "药店", "五金店", "茶楼", "洗衣店", "水果店")
_PLANTS = (
    ("精密铸造厂", "精密机床", "二级"),
    ("纺织有限公司", "纺织生产线", ""),
    ("冷链仓储中心", "冷库", ""),
    ("云计算数据中心", "数据中心机房", "一级"),
    ("自来水厂取水泵站", "供水泵站", "一级"),
    ("玻璃制品厂", "玻璃熔炉设备", "二级"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A transformer area; ``place`` is its estate, park or village."""

    code: str
    name: str
    station: str
    feeder: str
    kind: str
    place: str
    is_public: bool = True


@dataclass(slots=True, kw_only=True)
class Bureau:
    """The ledger as rows in the order of ``HEADINGS``; a phone may be a float, as sheets have it.

    ``homes``: where the meter of each account really hangs, whatever the ledger says of it.
    """

    areas: list[Area] = field(default_factory=list)
    rows: list[list[str | float]] = field(default_factory=list)
    homes: dict[str, Area] = field(default_factory=dict)

    def areas_of(self, feeder: str) -> list[Area]:
        """The public areas of a feeder, in the order of their codes."""
        return [area for area in self.areas if area.feeder == feeder and area.is_public]


def build(seed: int, size: float = 1.0) -> Bureau:
    """The bureau of a seed: the same one every time. ``size``: how many homes, 1 is some 20,000."""
    return _Builder(random.Random(seed), size).build()


def write(bureau: Bureau, folder: Path) -> list[Path]:
    """Writes ``ledger.xlsx`` and ``ledger.csv``; answers their paths. Blocks for about two seconds."""
    book, text = folder / "ledger.xlsx", folder / "ledger.csv"
    country = [row for row in bureau.rows if row[0] == "35kV青山变"]
    town = [row for row in bureau.rows if row[0] != "35kV青山变"]
    with xlsxwriter.Workbook(book, {"constant_memory": True}) as workbook:
        bold = workbook.add_format({"bold": True, "bg_color": "#DDEBF7"})
        sheet = workbook.add_worksheet("站线变户台账")
        sheet.merge_range(0, 0, 0, len(HEADINGS) - 1, "示范县供电公司站-线-变-户台账", bold)
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(1, column, heading, bold)
        for number, row in enumerate(town, start=2):
            for column, value in enumerate(row):
                if isinstance(value, float):
                    sheet.write_number(number, column, value)
                elif value:
                    sheet.write_string(number, column, value)
    with text.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows(country)
    return [book, text]


class _Builder:
    def __init__(self, rng: random.Random, size: float) -> None:
        self._rng = rng
        self._size = size
        self._bureau = Bureau()
        self._phones: set[str] = set()
        self._account = 3300100000

    def build(self) -> Bureau:
        places = {
            "urban": iter(_ESTATES.split()),
            "works": iter(_PARKS.split()),
            "rural": iter(_VILLAGES.split()),
        }
        for number, (station, feeder, kind) in enumerate(_FEEDERS, start=1):
            for place_number in range(9):
                self._place(station, feeder, kind, next(places[kind]), number, place_number)
            self._plants(station, feeder, number)
        self._spoil()
        return self._bureau

    def _place(
        self, station: str, feeder: str, kind: str, place: str, number: int, order: int
    ) -> None:
        """An estate, a park or a village with three areas, its manager and its account manager."""
        offices = {
            "客户经理": self._person(),
            "客户经理电话": self._phone(),
        }
        if kind == "rural":
            offices |= {"村委会": f"{place}村委会", "村委电话": self._phone()}
        else:
            offices |= {"物业": f"{place}物业服务中心", "物业电话": self._phone()}
        is_high = kind == "urban" and order % 2 == 0
        for turn in range(1, 4):
            area = Area(
                code=f"{number:02d}{order:02d}{turn:03d}",
                name=f"{place}{turn}号公变",
                station=station,
                feeder=feeder,
                kind=kind,
                place=place,
            )
            self._bureau.areas.append(area)
            if kind == "rural":
                for house in range(self._homes(90, 104)):
                    self._household(area, offices, address=f"{place}{house + 1}号")
                self._farm(area, offices, turn)
            elif kind == "works":
                for shop in range(self._homes(84, 96)):
                    self._shop(area, offices, shop)
            else:
                self._buildings(area, offices, is_high, turn)

    def _homes(self, least: int, most: int) -> int:
        return max(8, round(self._rng.randint(least, most) * self._size))

    def _buildings(self, area: Area, offices: dict[str, str], is_high: bool, turn: int) -> None:
        rng = self._rng
        flats = self._homes(90, 100)
        floors = rng.choice((18, 24, 26, 33)) if is_high else 6
        units = 2 if is_high else 4
        blocks = 1 if is_high else 2
        for number in range(flats):
            block = turn if is_high else turn * 2 - 1 + number % blocks
            unit = number // blocks % units + 1
            home = {
                "小区": area.place,
                "楼栋": f"{block}号楼",
                "层数": str(floors),
                "单元": f"{unit}单元",
            }
            address = f"{area.place}{block}号楼{unit}单元{number // units % floors + 1:02d}0{unit}"
            self._household(area, offices | home, address=address)
        if is_high:
            common = {"小区": area.place, "楼栋": f"{turn}号楼", "层数": str(floors)}
            for name, need in (("电梯", "电梯"), ("二次供水泵房", "二次加压水泵")):
                self._row(
                    area,
                    offices | common,
                    户名=f"{area.place}{turn}号楼{name}",
                    用电类别="非居民",
                    敏感用户类型=need,
                    联系电话=self._phone(),
                )

    def _household(self, area: Area, more: dict[str, str], *, address: str) -> None:
        rng = self._rng
        values = {"户名": self._person(), "用电类别": "居民", "用电地址": address}
        luck = rng.random()
        if luck > 0.04:
            values["联系电话"] = self._phone()
        if 0.10 < luck < 0.34:
            values["微信openid"] = self._openid()
        if 0.30 < luck < 0.44:
            values["推送token"] = self._token()
        if 0.50 < luck < 0.56:
            values |= {"租户": self._person(), "租户电话": self._phone()}
        if 0.60 < luck < 0.62:
            values["联系电话"] += f"、{self._phone()}"
        if 0.70 < luck < 0.705:
            values["语言"] = "英文"
        if 0.80 < luck < 0.81:
            values["退订"] = "短信" if luck < 0.807 else "是"
        if luck > 0.998:
            values["生命支持"] = "呼吸机"
        self._row(area, more, **values)
        if 0.90 < luck < 0.915:
            # The landlord of the flat has a second one: one phone, two meters.
            again = {key: values[key] for key in ("户名", "联系电话", "用电类别")}
            self._row(area, more, 用电地址=f"{address}附", **again)

    def _shop(self, area: Area, offices: dict[str, str], number: int) -> None:
        rng = self._rng
        name = f"{area.place}{rng.choice(_SHOPS)}{number + 1}"
        values = {"户名": name, "用电类别": "商业", "用电地址": f"{area.place}{number + 1}号"}
        if rng.random() > 0.03:
            values["联系电话"] = self._phone()
        if rng.random() < 0.2:
            values["微信openid"] = self._openid()
        if number == 5:
            values |= {"敏感用户类型": rng.choice(("精密设备", "冷库", "注塑机")), "双电源": "否"}
        self._row(area, offices, **values)

    def _farm(self, area: Area, offices: dict[str, str], turn: int) -> None:
        kind, need = (
            ("孵化场", "孵化"),
            ("茶叶冷库", "冷库"),
            ("灌溉泵站", "水泵"),
        )[turn - 1]
        self._row(
            area,
            offices,
            户名=f"{area.place}{kind}",
            用电类别="农业",
            敏感用户类型=need,
            联系电话=self._phone(),
        )

    def _plants(self, station: str, feeder: str, number: int) -> None:
        """Customers with a transformer of their own; a hospital on each feeder of the town."""
        line = feeder.removeprefix("10kV").removesuffix("线")
        for order, (kind, need, grade) in enumerate(_PLANTS, start=1):
            name = f"{line}{kind}"
            area = Area(
                code=f"{number:02d}99{order:03d}",
                name=f"{name}专变",
                station=station,
                feeder=feeder,
                kind="works",
                place=name,
                is_public=False,
            )
            self._bureau.areas.append(area)
            self._row(
                area,
                {"客户经理": self._person(), "客户经理电话": self._phone()},
                户名=name,
                用电类别="大工业",
                敏感用户类型=need,
                重要用户等级=grade,
                双电源="是" if grade else "否",
                联系电话=f"{self._phone()}/{self._phone()}",
            )
        first = self._bureau.areas_of(feeder)[0]
        self._row(
            first,
            {},
            户名=f"{line}人民医院",
            用电类别="非居民",
            重要用户等级="特级" if number == 1 else "一级",
            敏感用户类型="医疗手术室",
            双电源="是",
            联系电话=self._phone(),
        )

    def _row(self, area: Area, more: dict[str, str], **values: str) -> None:
        self._account += 1
        known = {
            "变电站": area.station,
            "所属线路": area.feeder,
            "台区编号": area.code,
            "台区名称": area.name,
            "公专变": "公变" if area.is_public else "专变",
            "户号": str(self._account),
        }
        known |= more | values
        self._bureau.homes[known["户号"]] = area
        self._bureau.rows.append([known.get(heading, "") for heading in HEADINGS])

    # --- Bad data ---------------------------------------------------------------------------

    def _spoil(self) -> None:
        """What every real ledger has; each kind becomes a finding, none of them a wrong message."""
        rng, rows = self._rng, self._bureau.rows
        phone, area = HEADINGS.index("联系电话"), HEADINGS.index("台区名称")
        code, account = HEADINGS.index("台区编号"), HEADINGS.index("户号")
        plain = [row for row in rows if len(str(row[phone])) == 11]
        for row in rng.sample(plain, min(60, len(plain) // 20)):
            row[phone] = float(row[phone])
        for row in rng.sample(plain, min(25, len(plain) // 50)):
            row[phone] = rng.choice(
                ("1380000", "待核实", "0571-88886666", "13 8O0 1234567", "1.38E+10")
            )
        for row in rng.sample(plain, min(20, len(plain) // 50)):
            row[phone] = "".join(chr(ord(digit) + 0xFEE0) for digit in str(row[phone])[:11])
        for row in rng.sample(rows, 10):
            row[area] = row[code] = ""
        for row in rng.sample(rows, 15):
            rows.append(list(row))
        first, other = self._bureau.areas_of("10kV人民线")[:2]
        for row in [row for row in rows if row[code] == first.code][:2]:
            moved = list(row)
            moved[area], moved[code] = other.name, other.code
            rows.append(moved)
        broken = list(rows[0])
        broken[account] = ""
        rows.append(broken)

    # --- People -----------------------------------------------------------------------------

    def _person(self) -> str:
        rng = self._rng
        return rng.choice(_SURNAMES) + "".join(rng.sample(_GIVEN, rng.randint(1, 2)))

    def _phone(self) -> str:
        """A number nobody else has; one in two hundred is dead, one in two thousand impossible."""
        rng = self._rng
        while True:
            number = f"1{rng.choice('3589')}{rng.randrange(10**9):09d}"
            luck = rng.random()
            if luck < 0.005:
                number = number[:-4] + DEAD
            elif luck < 0.0055:
                number = number[:-4] + ILLEGAL
            if number not in self._phones:
                self._phones.add(number)
                return number

    def _openid(self) -> str:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789"
        return "o" + "".join(self._rng.choices(letters, k=27))

    def _token(self) -> str:
        return f"1a0018970a{self._rng.randrange(16**9):09x}"
