"""Where the fields of one sheet stand, and what the small columns of a row mean together."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import cast

from notifier.domain.customer import Criticality, Need, Role
from notifier.intake import ledger_cells as cells
from notifier.intake.ledger_columns import Columns, Field

_LONGEST = 200


class RowReader:
    """Where the fields of one sheet stand, as getters that take a whole row."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.account = columns[Field.ACCOUNT][0]
        self.name = self._one(Field.NAME)
        self.address = self._one(Field.ADDRESS)
        self.phone = self._one(Field.PHONE)
        self.spot = Getter(columns, _SPOT_FIELDS)
        self.grade = Getter(columns, _GRADE_FIELDS)
        self.building_places = [columns[field] for field in _BUILDING_FIELDS if field in columns]
        self.offices = Getter(columns, _OFFICE_FIELDS)
        self.building = Getter(columns, (*_BUILDING_FIELDS, Field.UNIT))
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
        """The cell of the field, or nothing."""
        places = self._columns.get(field)
        return values[places[0]] if places else ""

    def texts(self, values: Sequence[str], field: Field) -> tuple[str, ...]:
        """The cells of every column of the field."""
        return tuple(values[place] for place in self._columns.get(field, ()))


_SPOT_FIELDS = (Field.STATION, Field.FEEDER, Field.AREA_CODE, Field.AREA, Field.AREA_TYPE)
_GRADE_FIELDS = (
    Field.CATEGORY, Field.CRITICAL, Field.SENSITIVE, Field.LIFE_SUPPORT, Field.STANDBY,
)  # fmt: skip
_BUILDING_FIELDS = (Field.ESTATE, Field.BUILDING, Field.FLOORS, Field.HIGH_RISE)
OFFICES = (
    (Role.PROPERTY_MANAGER, Field.MANAGER, Field.MANAGER_PHONE),
    (Role.VILLAGE_OFFICE, Field.VILLAGE, Field.VILLAGE_PHONE),
    (Role.ACCOUNT_MANAGER, Field.ACCOUNT_MANAGER, Field.ACCOUNT_MANAGER_PHONE),
)
_OFFICE_FIELDS = tuple(field for _, name, phone in OFFICES for field in (name, phone))
_PEOPLE_FIELDS = frozenset(
    {Field.TENANT_PHONE, Field.MANAGER_PHONE, Field.VILLAGE_PHONE, Field.ACCOUNT_MANAGER_PHONE,
     Field.OPENID, Field.PUSH_TOKEN, Field.LOCALE, Field.OPTED_OUT}
)  # fmt: skip
#: A new cell in one of these makes the carried cells after it forgotten.
CARRY_ORDER = (Field.STATION, Field.FEEDER, Field.AREA_CODE, Field.AREA)
EXPECTED = {
    Field.FEEDER: "线路名称 / the feeder's name",
    Field.AREA: "台区，高压专线用户除外 / a transformer area, unless supplied at medium voltage",
    Field.ACCOUNT: "户号 / an account number",
    Field.NAME: "户名 / the customer's name",
}


def carry(
    values: Sequence[str], above: list[str], places: tuple[tuple[Field, int], ...]
) -> list[str]:
    """The row with its blanks filled from ``above``, which is brought up to date."""
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


class Getter:
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


class Grade:
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


def read_grade(key: tuple[str, ...]) -> Grade:
    """The cells of ``_GRADE_FIELDS``, spread."""
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
    return Grade(
        cells.clean(category)[:_LONGEST], int(criticality), int(need), bool(has_standby),
        tuple(doubts),
    )  # fmt: skip


_NEEDS = (
    "电梯、水泵、设备、孵化、机房、医疗、冷库 /"
    " lift, pump, machine, hatchery, data centre, medical, cold store"
)
