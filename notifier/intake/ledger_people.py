"""Who is to be told, from the columns of one row: customers, tenants, managers, offices, doors."""

from collections.abc import Sequence

from notifier.domain import names
from notifier.domain.customer import ContactKind, Reach, Role, Subject
from notifier.domain.finding import Severity
from notifier.domain.ledger import KEPT, NONE, ContactRow, PlaceEntry
from notifier.intake import ledger_cells as cells
from notifier.intake.ledger_columns import Field
from notifier.intake.ledger_findings import FindingLog
from notifier.intake.ledger_network import NetworkScan, Spot

_PHONE_EXPECTED = {
    "phone.landline": "手机号，座机收不到短信 / a mobile: a landline takes no SMS",
    "phone.invalid": "11 位手机号 / a mobile number of 11 digits",
    "phone.precision_lost": "文本格式的手机号 / the number as text: digits were lost",
}
_PAYER, _TENANT, _PERSON = int(Role.PAYER), int(Role.TENANT), int(ContactKind.PERSON)


class PeopleScan:
    """Reads contacts; remembers those that stand at buildings and areas, each once."""

    def __init__(self, log: FindingLog, network: NetworkScan, region: str) -> None:
        self._log = log
        self._network = network
        self._region = region
        self._places: dict[tuple[Subject, int, Role, str], PlaceEntry] = {}
        self._with_entrance: set[int] = set()
        self._boards: set[int] = set()
        #: Columns of offices with a masked cell: they do not say who is there no longer.
        self.silent: set[str] = set()

    def phones(self, row: int, field: Field, texts: Sequence[str]) -> tuple[str, ...]:
        """The mobile numbers of one person's cells, and ``KEPT`` for a masked one; everything else in
        them becomes a finding."""
        found: dict[str, None] = {}
        for text in texts:
            if not text:
                continue
            if cells.is_masked(text):
                found[KEPT] = None
                self._masked(row, field, text)
                continue
            numbers, doubts = cells.read_phones(text, self._region)
            found.update(dict.fromkeys(numbers))
            for code, doubt in doubts:
                self._log.add(
                    code, Severity.WARNING, row, field.value,
                    found=cells.mask(doubt), expected=_PHONE_EXPECTED[code],
                )  # fmt: skip
        return tuple(found)

    def customer(
        self,
        row: int,
        name: str,
        phones: tuple[str, ...],
        openid: str,
        token: str,
        locale: str,
        opted_out: str,
    ) -> tuple[ContactRow, ...]:
        """The payer's contacts: one a phone; the first of them has the openid and the token."""
        kept = KEPT in phones or cells.is_masked(openid) or cells.is_masked(token)
        phones = tuple(phone for phone in phones if phone != KEPT)
        openid = self._identity(row, Field.OPENID, openid)
        token = self._identity(row, Field.PUSH_TOKEN, token)
        language = cells.read_locale(locale) if locale else "zh"
        if language is None:
            self._log.add(
                "locale.unknown", Severity.WARNING, row, Field.LOCALE.value,
                found=locale, expected="zh, en",
            )  # fmt: skip
            language = "zh"
        declined = cells.read_opt_out(opted_out) if opted_out else Reach.NONE
        if declined is None:
            self._log.add(
                "opted_out.unknown", Severity.WARNING, row, Field.OPTED_OUT.value,
                found=opted_out, expected="是、否或媒介名 / yes, no or the media's names",
            )  # fmt: skip
            declined = Reach.NONE
        as_it_was = (ContactRow(_PAYER, _PERSON, "", "zh", KEPT, "", "", 0),) if kept else ()
        if not phones and not openid and not token:
            return as_it_was
        first, *others = phones or ("",)
        head = ContactRow(_PAYER, _PERSON, name, language, first, openid, token, int(declined))
        return (
            head,
            *(
                ContactRow(_PAYER, _PERSON, name, language, phone, "", "", int(declined))
                for phone in others
            ),
            *as_it_was,
        )

    def _identity(self, row: int, field: Field, text: str) -> str:
        fits = cells.OPENID if field is Field.OPENID else cells.PUSH_TOKEN
        # A token with its middle masked looks like one.
        if cells.is_masked(text):
            self._masked(row, field, text)
            return ""
        if not text or fits(text):
            return text
        value = cells.clean(text)
        if not value or fits(value):
            return value
        self._log.add(
            f"{field.value}.malformed", Severity.WARNING, row, field.value,
            found=cells.mask(value), expected="平台给出的标识 / the identity the platform gave",
        )  # fmt: skip
        return ""

    def _masked(self, row: int, field: Field, text: str) -> None:
        self._log.add(
            "phone.masked", Severity.WARNING, row, field.value, found=cells.mask(text),
            expected="完整内容；未写则沿用原有的 / in full; as it stands, what was known before holds",
        )  # fmt: skip

    def tenants(self, row: int, name: str, texts: Sequence[str]) -> tuple[ContactRow, ...]:
        """The tenant's contacts."""
        return tuple(
            ContactRow(_TENANT, _PERSON, cells.clean(name), "zh", phone, "", "", 0)
            for phone in self.phones(row, Field.TENANT_PHONE, texts)
        )

    def office(
        self, row: int, role: Role, name: str, texts: tuple[str, ...], spot: Spot, building: int
    ) -> None:
        """A manager of the building, or an office or account manager of the area.

        A property manager of a customer without a building stands at the area instead.
        """
        at_building = role is Role.PROPERTY_MANAGER and building != NONE
        subject = Subject.BUILDING if at_building else Subject.AREA
        number = building if at_building else spot.area
        field = _PHONE_FIELD[role]
        phones = self.phones(row, field, texts)
        if KEPT in phones:
            self.silent.add(field.value)
            phones = tuple(phone for phone in phones if phone != KEPT)
        if number == NONE:
            if phones:
                self._log.add(
                    "place.unknown", Severity.WARNING, row, field.value, found=cells.clean(name),
                    expected="台区或楼栋 / a transformer area or building to stand at",
                )  # fmt: skip
            return
        kind = ContactKind.PERSON if role is Role.ACCOUNT_MANAGER else ContactKind.ORGANISATION
        for phone in phones:
            contact = ContactRow(int(role), int(kind), cells.clean(name), "zh", phone, "", "", 0)
            self._places.setdefault(
                (subject, number, role, phone),
                PlaceEntry(
                    subject=subject, number=number, role=role, name=contact.name, contact=contact
                ),
            )

    def entrance(self, building: int, unit: str) -> None:
        """A door of the building where a poster can hang."""
        if not (name := cells.clean(unit)):
            return
        if name.isdigit():
            name = f"{int(name)}单元"
        self._with_entrance.add(building)
        self._add_door(building, name)

    def _add_door(self, building: int, name: str) -> None:
        entry = self._network.building_entry(building)
        key = f"entrance:{entry.key}/{names.fold(name)}"
        self._places.setdefault(
            (Subject.BUILDING, building, Role.ENTRANCE, key),
            PlaceEntry(
                subject=Subject.BUILDING, number=building, role=Role.ENTRANCE,
                name=f"{entry.name}{name}", place_key=key,
            ),
        )  # fmt: skip

    def board(self, area: int) -> None:
        """The area has customers in no building: they read its notice board."""
        self._boards.add(area)

    def places(self, buildings: int) -> tuple[PlaceEntry, ...]:
        """All that stands at buildings and areas; a building without named entrances has one."""
        for number in range(buildings):
            if number not in self._with_entrance:
                self._add_door(number, "")
        boards = tuple(
            PlaceEntry(
                subject=Subject.AREA,
                number=area,
                role=Role.ENTRANCE,
                name=f"{self._network.area_name(area)}公告栏",
                place_key=f"board:{self._network.area_key(area)}",
            )
            for area in sorted(self._boards)
        )
        return (*self._places.values(), *boards)


_PHONE_FIELD = {
    Role.PROPERTY_MANAGER: Field.MANAGER_PHONE,
    Role.VILLAGE_OFFICE: Field.VILLAGE_PHONE,
    Role.ACCOUNT_MANAGER: Field.ACCOUNT_MANAGER_PHONE,
}
