"""Rows of a ledger into usage points, a chunk at a time, with what only the whole can show at the end.

A million rows pass here: what repeats (network, grades, buildings) is read once and remembered, and
an account costs a place in a dictionary and some twenty bytes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from notifier.domain.customer import ContactKind, Role
from notifier.domain.finding import Severity
from notifier.domain.ledger import NONE, ContactRow, Outline, PointRow
from notifier.intake import ledger_cells as cells
from notifier.intake.ledger_accounts import HAS_CONTACT, HAS_PLACE, Accounts
from notifier.intake.ledger_columns import Columns, Field, columns_of
from notifier.intake.ledger_findings import MOST_A_CODE, FindingLog
from notifier.intake.ledger_network import NetworkScan, Spot
from notifier.intake.ledger_people import PeopleScan
from notifier.intake.ledger_row import (
    CARRY_ORDER,
    EXPECTED,
    OFFICES,
    Grade,
    RowReader,
    carry,
    read_grade,
)

CHUNK = 2_000

#: From so many floors on, housing is above 27 m, a high-rise.
HIGH_RISE_FLOORS = 10

_PLAIN_ACCOUNT = re.compile(r"[0-9A-Za-z]{4,32}").fullmatch
_FOOTER = re.compile(
    r"(?:合计|总计|小计|共计|备注|说明|注[:：]|制表|填报|审核|审批|编制|联系人|打印|导出|第\d+页|以上|total\b|note)",
    re.IGNORECASE,
)
_EDGES = " \t\u3000'"
_MEMO = 200_000

Rows = Iterable[tuple[int, Sequence[str]]]


class LedgerScan:
    """Reads the sheets of a ledger one after another; ``close`` once all of them were read.

    ``region`` is the country whose phone numbers need no prefix (ISO 3166, two letters).
    """

    def __init__(self, region: str = "CN", most_findings: int = MOST_A_CODE) -> None:
        self.log = FindingLog(most_findings)
        self._network = NetworkScan(self.log)
        self._people = PeopleScan(self.log, self._network, region)
        self._accounts = Accounts(self.log, self._network)
        self._offices: set[tuple[tuple[str, ...] | str, int, int]] = set()
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
        carried_places = tuple((field, one[field]) for field in CARRY_ORDER if field in carried)

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
                values = carry(padded, above, carried_places)
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
        accounts = self._accounts
        source = len(accounts.places) - 1
        width = 1 + max(place for places in columns.values() for place in places)
        reader = RowReader(columns)
        people, log = self._people, self.log
        numbers, areas, feeders = accounts.numbers, accounts.areas, accounts.feeders
        hashes, row_numbers, sources = accounts.hashes, accounts.rows, accounts.sources
        flags = accounts.flags
        take_spot, take_grade = reader.spot.take, reader.grade.take
        take_building = reader.building.take
        spots: dict[tuple[str, ...] | str, Spot] = {}
        grades: dict[tuple[str, ...] | str, Grade] = {}
        buildings: dict[tuple[tuple[str, ...] | str, int], int] = {}
        boarded: set[int] = set()
        has_people = reader.has_people
        has_buildings = bool(reader.building_places)
        new = tuple.__new__  # half the price of calling the class
        payer, person = int(Role.PAYER), int(ContactKind.PERSON)
        above = [""] * width
        carried_places = tuple(
            (field, columns[field][0]) for field in CARRY_ORDER if field in carried & columns.keys()
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
                values = carry(values, above, carried_places)
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
                grade = read_grade(reader.grade.spread(key))
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
            flag = (HAS_CONTACT if reachable else 0) | (
                HAS_PLACE if building != NONE or spot.area != NONE else 0
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
                    accounts.grades[number] = (grade.criticality, grade.need, grade.has_standby)
            elif not accounts.repeat(row, account, number, content, spot, grade, flag):
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

    def _contacts(
        self,
        row: int,
        values: Sequence[str],
        reader: RowReader,
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
            for role, name_field, phone_field in OFFICES:
                texts = reader.texts(values, phone_field)
                if any(texts):
                    people.office(row, role, reader.text(values, name_field), texts, spot, building)
        return contacts

    def _building(self, row: int, values: Sequence[str], reader: RowReader, spot: Spot) -> int:
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

    def _slow_account(self, row: int, values: Sequence[str], reader: RowReader) -> str:
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
        reader: RowReader,
        above: list[str],
        carried_places: tuple[tuple[Field, int], ...],
    ) -> None:
        """A blank row, a footer, a header once more, an area without customers, or a lost customer."""
        if not any(values) or self._is_footer(row, values):
            return
        if columns_of(values).keys() & {Field.ACCOUNT}:
            self.log.add("row.repeated_header", Severity.INFO, row)
            return
        values = carry(values, above, carried_places) if carried_places else values
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
        self.log.add(f"{field.value}.missing", severity, row, field.value, expected=EXPECTED[field])

    def _begin_sheet(self, columns: Columns) -> None:
        self._accounts.places.append((self.log.file, self.log.sheet))
        self._columns.update(field.value for field in columns)

    # --- The whole ------------------------------------------------------------------------

    def close(self, files: Sequence[str]) -> Outline:
        """The outline of all that was read, with the findings that only the whole can show."""
        for spot in self._spots:
            self._network.count(spot)
        unreachable, poster_only = self._accounts.report(
            self._columns, has_customers=self._has_customers
        )
        self._network.close(has_customers=self._has_customers)
        stations, feeders, areas, buildings = self._network.entries()
        return Outline(
            files=tuple(files),
            stations=stations,
            feeders=feeders,
            areas=areas,
            buildings=buildings,
            places=self._people.places(len(buildings)),
            amendments=tuple(self._accounts.amendments()),
            points=len(self._accounts.numbers),
            unreachable=unreachable,
            poster_only=poster_only,
            doubtful_feeders=frozenset(self._doubtful),
            has_customers=self._has_customers,
            columns=frozenset(self._columns - self._people.silent),
            findings=self.log.all(),
            finding_counts=dict(self.log.counts),
        )


def _position(number: str, east: str, north: str) -> tuple[str, str]:
    try:
        place = f"{float(east):.0f},{float(north):.0f}"
    except ValueError:
        return "", ""
    return f"{number}@{place}", f"TR {number}"
