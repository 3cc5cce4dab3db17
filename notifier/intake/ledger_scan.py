"""Rows of a ledger into usage points, a chunk at a time, with what only the whole can show at the end.

A million rows pass here: what repeats (network, grades, buildings) is read once and remembered, and
an account costs a place in a dictionary and some twenty bytes.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import cast

from notifier.domain.customer import ContactKind, Criticality, Need, Role
from notifier.domain.finding import Severity
from notifier.domain.ledger import NONE, Amendment, ContactRow, Outline, PointRow
from notifier.intake import ledger_cells as cells
from notifier.intake.ledger_columns import Columns, Field, columns_of
from notifier.intake.ledger_findings import MOST_A_CODE, FindingLog
from notifier.intake.ledger_network import NetworkScan, Spot
from notifier.intake.ledger_people import PeopleScan

CHUNK = 2_000

#: From so many floors on, housing is above 27 m, a high-rise.
HIGH_RISE_FLOORS = 10

_PLAIN_ACCOUNT = re.compile(r"[0-9A-Za-z]{4,32}").fullmatch
_FOOTER = re.compile(
    r"(?:合计|总计|小计|共计|备注|说明|注[:：]|制表|填报|审核|审批|编制|联系人|打印|导出|第\d+页|以上|total\b|note)",
    re.IGNORECASE,
)
_HAS_CONTACT, _HAS_PLACE = 1, 2
_LONGEST = 200
_EDGES = " \t\u3000'"
_MEMO = 200_000

Rows = Iterable[tuple[int, Sequence[str]]]


class _Grade:
    """What a combination of the small columns means."""

    __slots__ = ("category", "criticality", "doubts", "has_standby", "need")

    def __init__(
        self,
        category: str,
        criticality: int,
        need: int,
        has_standby: bool,
        doubts: tuple[tuple[str, Field, str, str], ...],
    ) -> None:
        self.category = category
        self.criticality = criticality
        self.need = need
        self.has_standby = has_standby
        self.doubts = doubts


class LedgerScan:
    """Reads the sheets of a ledger one after another; ``close`` once all of them were read.

    ``region`` is the country whose phone numbers need no prefix (ISO 3166, two letters).
    """

    def __init__(self, region: str = "CN", most_findings: int = MOST_A_CODE) -> None:
        self.log = FindingLog(most_findings)
        self._network = NetworkScan(self.log)
        self._people = PeopleScan(self.log, self._network, region)
        self._numbers: dict[str, int] = {}
        self._areas, self._feeders = array("i"), array("i")
        self._hashes, self._rows = array("q"), array("I")
        self._sources, self._flags = array("H"), bytearray()
        self._grades: dict[int, tuple[int, int, bool]] = {}
        self._offices: set[tuple[tuple[str, ...] | str, int, int]] = set()
        self._contradicted: dict[int, set[str]] = {}
        self._repeated: set[int] = set()
        self._reported: set[tuple[int, int, int]] = set()
        self._places: list[tuple[str, str]] = []
        self._spots: list[Spot] = []
        self._doubtful: set[int] = set()
        self._columns: set[str] = set()
        self._has_customers = False

    # --- Lists without customers ----------------------------------------------------------

    def list_rows(
        self, rows: Rows, columns: Columns, *, carried: frozenset[Field] = frozenset()
    ) -> None:
        """A sheet of areas or of feeders; ``carried`` as for customers."""
        self._begin_sheet(columns)
        one = {field: places[0] for field, places in columns.items()}
        by_position = (
            not {Field.AREA, Field.AREA_CODE} & one.keys()
            and {Field.ROW_NUMBER, Field.EAST, Field.NORTH} <= one.keys()
        )
        above = [""] * (1 + max(place for places in columns.values() for place in places))
        carried_places = tuple((field, one[field]) for field in _CARRY_ORDER if field in carried)

        def cell(field: Field, values: Sequence[str]) -> str:
            place = one.get(field)
            return values[place] if place is not None and place < len(values) else ""

        for row, values in rows:
            if not any(values):
                continue
            if self._is_footer(row, values):
                continue
            if carried_places:
                padded = [*values, *("",) * (len(above) - len(values))]
                values = _carry(padded, above, carried_places)
            station = self._network.station(cell(Field.STATION, values))
            feeder = self._network.feeder(
                cell(Field.FEEDER, values), station, row, Field.FEEDER.value
            )
            code, name = cell(Field.AREA_CODE, values), cell(Field.AREA, values)
            if by_position:
                # A transformer known by its place alone: the running number is unique in the file,
                # the place (whole metres) keeps it apart from other files' numbers.
                code, name = _position(
                    *(cell(field, values) for field in (Field.ROW_NUMBER, Field.EAST, Field.NORTH))
                )
            if feeder == NONE and Field.FEEDER in one:
                self._missing(row, Field.FEEDER)
            self._network.area(
                code,
                name,
                cell(Field.AREA_TYPE, values),
                feeder,
                row,
                Field.AREA.value,
                declares=True,
            )

    # --- Customers ------------------------------------------------------------------------

    def customer_rows(
        self, rows: Rows, columns: Columns, *, carried: frozenset[Field] = frozenset()
    ) -> Iterator[list[PointRow]]:
        """A sheet of customers, in chunks. ``carried`` are columns in which a blank repeats the
        cell above, as where merged cells were exported."""
        self._begin_sheet(columns)
        self._has_customers = True
        source = len(self._places) - 1
        width = 1 + max(place for places in columns.values() for place in places)
        reader = _RowReader(columns)
        people, log = self._people, self.log
        numbers, areas, feeders = self._numbers, self._areas, self._feeders
        hashes, row_numbers, sources = self._hashes, self._rows, self._sources
        flags = self._flags
        take_spot, take_grade = reader.spot.take, reader.grade.take
        take_building = reader.building.take
        spots: dict[tuple[str, ...] | str, Spot] = {}
        grades: dict[tuple[str, ...] | str, _Grade] = {}
        buildings: dict[tuple[tuple[str, ...] | str, int], int] = {}
        boarded: set[int] = set()
        has_people = reader.has_people
        has_buildings = bool(reader.building_places)
        new = tuple.__new__  # half the price of calling the class
        payer, person = int(Role.PAYER), int(ContactKind.PERSON)
        above = [""] * width
        carried_places = tuple(
            (field, columns[field][0])
            for field in _CARRY_ORDER
            if field in carried & columns.keys()
        )
        chunk: list[PointRow] = []
        for row, values in rows:
            if len(values) < width:
                values = [*values, *("",) * (width - len(values))]
            account = values[reader.account]
            if not _PLAIN_ACCOUNT(account):
                account = self._slow_account(row, values, reader)
                if not account:
                    self._row_without_account(row, values, reader, above, carried_places)
                    continue
            if carried_places:
                values = _carry(values, above, carried_places)
            key = take_spot(values)
            spot = spots.get(key)
            if spot is None:
                spot = spots[key] = self._spot(row, reader.spot.spread(key))
                spot.doubts = tuple(
                    (field, severity)
                    for field, severity, is_missing in (
                        (Field.FEEDER, Severity.WARNING, spot.feeder == NONE),
                        (Field.AREA, Severity.INFO, spot.area == NONE),
                    )
                    if is_missing and reader.has(field)
                )
            for field, severity in spot.doubts:
                self._missing(row, field, severity)
            key = take_grade(values)
            grade = grades.get(key)
            if grade is None:
                grade = _read_grade(reader.grade.spread(key))
                if len(grades) < _MEMO:
                    grades[key] = grade
            if grade.doubts:
                for code, field, found, expected in grade.doubts:
                    log.add(
                        code, Severity.WARNING, row, field.value, found=found, expected=expected
                    )
            name = values[reader.name] if reader.name >= 0 else "-"
            if not name:
                self._missing(row, Field.NAME, Severity.INFO)
            elif name == "-":
                name = ""
            elif not (name.isalnum() and unicodedata.is_normalized("NFKC", name)):
                name = cells.clean(name)
            address = values[reader.address] if reader.address >= 0 else ""
            if address and not (
                address.strip(_EDGES) == address and unicodedata.is_normalized("NFKC", address)
            ):
                address = cells.clean(address)
            building = NONE
            if has_buildings:
                stand = (take_building(values), spot.area)
                known = buildings.get(stand)
                if known is None:
                    known = self._building(row, values, reader, spot)
                    if len(buildings) < _MEMO:
                        buildings[stand] = known
                building = known
            contacts: tuple[ContactRow, ...]
            if has_people:
                contacts = self._contacts(row, values, reader, name, spot, building)
            elif reader.phone >= 0:
                phone = values[reader.phone]
                if cells.MAINLAND(phone):
                    contacts = (
                        new(ContactRow, (payer, person, name, "zh", "+86" + phone, "", "", 0)),
                    )
                elif phone:
                    found_phones = people.phones(row, Field.PHONE, (phone,))
                    contacts = people.customer(row, name, found_phones, "", "", "", "")
                else:
                    contacts = ()
            else:
                contacts = ()
            place = spot.area if building == NONE else NONE
            if place != NONE and place not in boarded:
                boarded.add(place)
                people.board(place)

            number = numbers.setdefault(account, len(numbers))
            reachable = contacts and (
                not has_people or any(not c.opted_out or c.reach for c in contacts)
            )
            flag = (_HAS_CONTACT if reachable else 0) | (
                _HAS_PLACE if building != NONE or spot.area != NONE else 0
            )
            content = hash((name, address, spot.area, spot.feeder, building, grade.category,
                            grade.criticality, grade.need, grade.has_standby, contacts))  # fmt: skip
            is_extra = number != len(hashes)
            if not is_extra:
                hashes.append(content)
                areas.append(spot.area)
                feeders.append(spot.feeder)
                row_numbers.append(row)
                sources.append(source)
                flags.append(flag)
                spot.rows += 1
                if grade.criticality:
                    self._grades[number] = (grade.criticality, grade.need, grade.has_standby)
            elif not self._repeat(row, account, number, content, spot, grade, flag):
                continue
            chunk.append(
                new(PointRow, (
                    number, is_extra, account, name, address, spot.area, spot.feeder, building,
                    grade.category, grade.criticality, grade.need, grade.has_standby, contacts,
                ))
            )  # fmt: skip
            if len(chunk) >= CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk
        self._spots.extend(spots.values())

    def _repeat(
        self,
        row: int,
        account: str,
        number: int,
        content: int,
        spot: Spot,
        grade: _Grade,
        flag: int,
    ) -> bool:
        """Report an account that was there before; whether the row adds anything."""
        first = f"第 {self._rows[number]} 行 / row {self._rows[number]}"
        if self._sources[number] != len(self._places) - 1:
            file, sheet = self._places[self._sources[number]]
            first = f"{file} {sheet} {first}".replace("  ", " ")
        if content == self._hashes[number]:
            self.log.add(
                "account.duplicate", Severity.INFO, row, Field.ACCOUNT.value,
                found=f"{account}，与{first}相同 / the same", expected="每户一行 / one row each",
            )  # fmt: skip
            return False
        area_conflict = _conflict(self._areas[number], spot.area)
        feeder_conflict = _conflict(self._feeders[number], spot.feeder)
        if area_conflict or feeder_conflict:
            self._contradicted.setdefault(number, set()).update(
                field
                for field, is_one in (("area", area_conflict), ("feeder", feeder_conflict))
                if is_one
            )
            named = (number, spot.area, spot.feeder)
            if named not in self._reported:
                self._reported.add(named)
                self.log.add(
                    "account.two_areas" if area_conflict else "account.two_feeders",
                    Severity.ERROR, row, Field.AREA.value if area_conflict else Field.FEEDER.value,
                    found=f"{account}：{self._named(spot.area, spot.feeder)}",
                    expected=f"{first}：{self._named(self._areas[number], self._feeders[number])}",
                )  # fmt: skip
        else:
            self.log.add(
                "account.repeated", Severity.WARNING, row, Field.ACCOUNT.value,
                found=f"{account}，与{first}不同 / differs", expected="每户一行 / one row each",
            )  # fmt: skip
        if self._areas[number] == NONE:
            self._areas[number] = spot.area
        if self._feeders[number] == NONE:
            self._feeders[number] = spot.feeder
        self._repeated.add(number)
        known = self._grades.get(number, (0, 0, False))
        self._grades[number] = (
            max(known[0], grade.criticality),
            known[1] or grade.need,
            known[2] or grade.has_standby,
        )
        flags = self._flags[number] | flag
        self._flags[number] = flags & ~_HAS_PLACE if area_conflict else flags
        return True

    def _named(self, area: int, feeder: int) -> str:
        parts = (
            self._network.area_name(area) if area != NONE else "",
            self._network.feeder_name(feeder) if feeder != NONE else "",
        )
        return " ".join(part for part in parts if part) or "—"

    def _contacts(
        self,
        row: int,
        values: Sequence[str],
        reader: "_RowReader",
        name: str,
        spot: Spot,
        building: int,
    ) -> tuple[ContactRow, ...]:
        people = self._people
        phones = people.phones(row, Field.PHONE, reader.texts(values, Field.PHONE))
        contacts = people.customer(
            row, name, phones,
            reader.text(values, Field.OPENID), reader.text(values, Field.PUSH_TOKEN),
            reader.text(values, Field.LOCALE), reader.text(values, Field.OPTED_OUT),
        )  # fmt: skip
        tenant_phones = reader.texts(values, Field.TENANT_PHONE) if reader.has_tenants else ()
        if any(tenant_phones):
            contacts += people.tenants(row, reader.text(values, Field.TENANT), tenant_phones)
        # Thousands of rows name the same manager: all their offices are looked at once.
        offices = (reader.offices.take(values), spot.area, building)
        if offices not in self._offices:
            if len(self._offices) < _MEMO:
                self._offices.add(offices)
            for role, name_field, phone_field in _OFFICES:
                texts = reader.texts(values, phone_field)
                if any(texts):
                    people.office(row, role, reader.text(values, name_field), texts, spot, building)
        return contacts

    def _building(self, row: int, values: Sequence[str], reader: "_RowReader", spot: Spot) -> int:
        floors = cells.read_floors(reader.text(values, Field.FLOORS))
        if floors is None:
            self.log.add(
                "floors.malformed", Severity.WARNING, row, Field.FLOORS.value,
                found=reader.text(values, Field.FLOORS), expected="层数 / a number of floors",
            )  # fmt: skip
        text = reader.text(values, Field.HIGH_RISE)
        is_high = cells.read_yes(text)
        if is_high is None:
            # Some write the number of floors, or 高层 and 超高层, into this column.
            count = cells.read_floors(text)
            floors = floors or count
            is_high = "高层" in text and not text.startswith(("非", "小高层"))
        number = self._network.building(
            reader.text(values, Field.ESTATE), reader.text(values, Field.BUILDING),
            "", floors or 0, bool(is_high) or (floors or 0) >= HIGH_RISE_FLOORS, spot,
        )  # fmt: skip
        if number != NONE:
            self._people.entrance(number, reader.text(values, Field.UNIT))
        return number

    def _spot(self, row: int, key: tuple[str, ...]) -> Spot:
        station_text, feeder_text, code, area_text, kind = key
        station = self._network.station(station_text)
        feeder = self._network.feeder(feeder_text, station, row, Field.FEEDER.value)
        area = self._network.area(
            code, area_text, kind, feeder, row, Field.AREA.value, declares=False
        )
        if feeder == NONE and area != NONE:
            feeder = self._network.feeder_of(area)
        return Spot(feeder, area)

    # --- Rows that are none ---------------------------------------------------------------

    def _slow_account(self, row: int, values: Sequence[str], reader: "_RowReader") -> str:
        account, code = cells.read_account(values[reader.account])
        if account or code == "account.missing":
            return account
        if not self._is_footer(row, values, quiet=True):
            self.log.add(
                code, Severity.ERROR, row, Field.ACCOUNT.value,
                found=cells.mask(values[reader.account]),
                expected="户号，以文本保存 / an account number, kept as text",
            )  # fmt: skip
        return ""

    def _row_without_account(
        self,
        row: int,
        values: Sequence[str],
        reader: "_RowReader",
        above: list[str],
        carried_places: tuple[tuple[Field, int], ...],
    ) -> None:
        """A blank row, a footer, a header once more, an area without customers, or a lost customer."""
        if not any(values) or self._is_footer(row, values):
            return
        if columns_of(values).keys() & {Field.ACCOUNT}:
            self.log.add("row.repeated_header", Severity.INFO, row)
            return
        values = _carry(values, above, carried_places) if carried_places else values
        spot = self._spot(row, reader.spot.spread(reader.spot.take(values)))
        texts = (
            values[place] for place in (reader.name, reader.address, reader.phone) if place >= 0
        )
        if any(cells.clean(text) for text in texts) or cells.clean(values[reader.account]):
            if not cells.clean(values[reader.account]):
                self._missing(row, Field.ACCOUNT, Severity.ERROR)
            self._doubtful.add(spot.feeder)

    def _is_footer(self, row: int, values: Sequence[str], *, quiet: bool = False) -> bool:
        first = next((text for text in values if text), "")
        if not _FOOTER.match(cells.clean(first)):
            return False
        if not quiet:
            self.log.add(
                "row.footer", Severity.INFO, row, found=first[:40],
                expected="数据行 / a row of data",
            )  # fmt: skip
        return True

    def _missing(self, row: int, field: Field, severity: Severity = Severity.WARNING) -> None:
        self.log.add(
            f"{field.value}.missing", severity, row, field.value, expected=_EXPECTED[field]
        )

    def _begin_sheet(self, columns: Columns) -> None:
        self._places.append((self.log.file, self.log.sheet))
        self._columns.update(field.value for field in columns)

    # --- The whole ------------------------------------------------------------------------

    def close(self, files: Sequence[str]) -> Outline:
        """The outline of all that was read, with the findings that only the whole can show."""
        for spot in self._spots:
            self._network.count(spot)
        unreachable, poster_only = self._report_people()
        self._network.close(has_customers=self._has_customers)
        stations, feeders, areas, buildings = self._network.entries()
        return Outline(
            files=tuple(files),
            stations=stations,
            feeders=feeders,
            areas=areas,
            buildings=buildings,
            places=self._people.places(len(buildings)),
            amendments=tuple(self._amendments()),
            points=len(self._numbers),
            unreachable=unreachable,
            poster_only=poster_only,
            doubtful_feeders=frozenset(self._doubtful),
            has_customers=self._has_customers,
            columns=frozenset(self._columns),
            findings=self.log.all(),
            finding_counts=dict(self.log.counts),
        )

    def _amendments(self) -> Iterator[Amendment]:
        if not self._repeated:
            return
        for account, number in self._numbers.items():
            if number in self._repeated:
                contradicted = self._contradicted.get(number, ())
                criticality, need, has_standby = self._grades[number]
                yield Amendment(
                    number=number,
                    account=account,
                    area=NONE if "area" in contradicted else self._areas[number],
                    feeder=NONE if "feeder" in contradicted else self._feeders[number],
                    criticality=criticality,
                    need=need,
                    has_standby=has_standby,
                )

    def _report_people(self) -> tuple[int, int]:
        """Customers in no area of any feeder, and customers whom nothing reaches."""
        tellable = {Field.PHONE.value, Field.OPENID.value, Field.PUSH_TOKEN.value}
        names_people = bool(tellable & self._columns)
        if self._has_customers and not names_people:
            self.log.add(
                "phone.no_column", Severity.WARNING, None, Field.PHONE.value, place=("", ""),
                expected="联系电话列：没有它只能张贴 / a column of phones: without it only posters",
            )  # fmt: skip
        unreachable = 0
        for number, flags in enumerate(self._flags):
            if flags == _HAS_PLACE and not names_people:
                continue
            if flags & _HAS_CONTACT:
                continue
            place = self._places[self._sources[number]]
            if flags:
                self.log.add(
                    "customer.poster_only", Severity.INFO, self._rows[number], Field.PHONE.value,
                    expected="手机号 / a mobile number", place=place,
                )  # fmt: skip
                continue
            unreachable += 1
            self.log.add(
                "customer.unreachable", Severity.WARNING, self._rows[number], Field.PHONE.value,
                expected="手机号、楼栋或台区 / a mobile number, a building or an area", place=place,
            )  # fmt: skip
        for number, feeder in enumerate(self._feeders):
            if feeder == NONE and self._areas[number] == NONE:
                self.log.add(
                    "customer.no_supply", Severity.WARNING, self._rows[number], Field.FEEDER.value,
                    expected=_EXPECTED[Field.FEEDER], place=self._places[self._sources[number]],
                )  # fmt: skip
        return unreachable, self._flags.count(_HAS_PLACE)


class _RowReader:
    """Where the fields of one sheet stand, as getters that take a whole row."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.account = columns[Field.ACCOUNT][0]
        self.name = self._one(Field.NAME)
        self.address = self._one(Field.ADDRESS)
        self.phone = self._one(Field.PHONE)
        self.spot = _Getter(columns, _SPOT_FIELDS)
        self.grade = _Getter(columns, _GRADE_FIELDS)
        self.building_places = [columns[field] for field in _BUILDING_FIELDS if field in columns]
        self.offices = _Getter(columns, _OFFICE_FIELDS)
        self.building = _Getter(columns, (*_BUILDING_FIELDS, Field.UNIT))
        self.has_tenants = Field.TENANT_PHONE in columns
        self.has_people = (
            bool(_PEOPLE_FIELDS & columns.keys()) or len(columns.get(Field.PHONE, ())) > 1
        )

    def has(self, field: Field) -> bool:
        """Whether the sheet has the column, an area's code being as good as its name."""
        return field in self._columns or (field is Field.AREA and Field.AREA_CODE in self._columns)

    def _one(self, field: Field) -> int:
        return self._columns.get(field, (-1,))[0]

    def text(self, values: Sequence[str], field: Field) -> str:
        places = self._columns.get(field)
        return values[places[0]] if places else ""

    def texts(self, values: Sequence[str], field: Field) -> tuple[str, ...]:
        return tuple(values[place] for place in self._columns.get(field, ()))


_SPOT_FIELDS = (Field.STATION, Field.FEEDER, Field.AREA_CODE, Field.AREA, Field.AREA_TYPE)
_GRADE_FIELDS = (
    Field.CATEGORY, Field.CRITICAL, Field.SENSITIVE, Field.LIFE_SUPPORT, Field.STANDBY,
)  # fmt: skip
_BUILDING_FIELDS = (Field.ESTATE, Field.BUILDING, Field.FLOORS, Field.HIGH_RISE)
_OFFICES = (
    (Role.PROPERTY_MANAGER, Field.MANAGER, Field.MANAGER_PHONE),
    (Role.VILLAGE_OFFICE, Field.VILLAGE, Field.VILLAGE_PHONE),
    (Role.ACCOUNT_MANAGER, Field.ACCOUNT_MANAGER, Field.ACCOUNT_MANAGER_PHONE),
)
_OFFICE_FIELDS = tuple(field for _, name, phone in _OFFICES for field in (name, phone))
_PEOPLE_FIELDS = frozenset(
    {Field.TENANT_PHONE, Field.MANAGER_PHONE, Field.VILLAGE_PHONE, Field.ACCOUNT_MANAGER_PHONE,
     Field.OPENID, Field.PUSH_TOKEN, Field.LOCALE, Field.OPTED_OUT}
)  # fmt: skip
#: A new cell in one of these makes the carried cells after it forgotten.
_CARRY_ORDER = (Field.STATION, Field.FEEDER, Field.AREA_CODE, Field.AREA)
_EXPECTED = {
    Field.FEEDER: "线路名称 / the feeder's name",
    Field.AREA: "台区，高压专线用户除外 / a transformer area, unless supplied at medium voltage",
    Field.ACCOUNT: "户号 / an account number",
    Field.NAME: "户名 / the customer's name",
}


def _carry(
    values: Sequence[str], above: list[str], places: tuple[tuple[Field, int], ...]
) -> list[str]:
    filled = list(values)
    is_new = False
    for field, place in places:
        text = filled[place]
        if text.strip():
            if text != above[place] and field in (Field.STATION, Field.FEEDER):
                is_new = True
            above[place] = text
        elif is_new and field is not Field.STATION:
            above[place] = ""
        else:
            filled[place] = above[place]
    return filled


class _Getter:
    """Takes the cells of some fields out of a row: ``take`` those that the sheet has, quickly;
    ``spread`` lays them out again with blanks where it lacks a column."""

    __slots__ = ("_fields", "_present", "take")

    def __init__(self, columns: Columns, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._present = [field for field in fields if field in columns]
        places = [columns[field][0] for field in self._present]
        # One place makes an itemgetter answer the bare cell: both shapes are keys, and spread.
        self.take: Callable[[Sequence[str]], tuple[str, ...] | str] = (
            itemgetter(*places) if places else _nothing
        )

    def spread(self, taken: tuple[str, ...] | str) -> tuple[str, ...]:
        cells_taken = (taken,) if isinstance(taken, str) else taken
        by_field = dict(zip(self._present, cells_taken, strict=True))
        return tuple(by_field.get(field, "") for field in self._fields)


def _nothing(_values: Sequence[str]) -> tuple[str, ...]:
    return ()


_NEEDS = (
    "电梯、水泵、设备、孵化、机房、医疗、冷库 /"
    " lift, pump, machine, hatchery, data centre, medical, cold store"
)


def _read_grade(key: tuple[str, ...]) -> _Grade:
    category, critical, sensitive, life_support, standby = key
    doubts: list[tuple[str, Field, str, str]] = []
    reading = cells.read_grade(critical)
    if reading.code:
        doubts.append((reading.code, Field.CRITICAL, critical[:40], reading.expected))
    criticality = cast(Criticality, reading.value)
    is_sensitive, need, code = cells.read_need(sensitive)
    if code:
        doubts.append(
            (code, Field.SENSITIVE, sensitive[:40],
             _NEEDS)
        )  # fmt: skip
    if is_sensitive:
        criticality = max(criticality, Criticality.SENSITIVE)
    if life_support and cells.read_yes(life_support) is not False:
        criticality, need = Criticality.LIFE_SUPPORT, Need.MEDICAL
    has_standby = cells.read_standby(standby)
    if has_standby is None:
        doubts.append(("standby.unknown", Field.STANDBY, standby[:40], "是或否 / yes or no"))
    return _Grade(
        cells.clean(category)[:_LONGEST], int(criticality), int(need), bool(has_standby),
        tuple(doubts),
    )  # fmt: skip


def _conflict(known: int, said: int) -> bool:
    return known != said and NONE not in (known, said)


def _position(number: str, east: str, north: str) -> tuple[str, str]:
    try:
        place = f"{float(east):.0f},{float(north):.0f}"
    except ValueError:
        return "", ""
    return f"{number}@{place}", f"TR {number}"
