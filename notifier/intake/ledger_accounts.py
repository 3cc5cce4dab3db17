"""Every account of a ledger once: where it stands, who reaches it, and what repeats or contradicts.

A million of them are kept as columns of numbers, some twenty bytes each. The scan appends to the
columns itself: that is on the path of every row.
"""

from array import array
from collections.abc import Iterator, Set

from notifier.domain.finding import Severity
from notifier.domain.ledger import NONE, Amendment
from notifier.intake.ledger_columns import Field
from notifier.intake.ledger_findings import FindingLog
from notifier.intake.ledger_network import NetworkScan, Spot
from notifier.intake.ledger_row import EXPECTED, Grade

HAS_CONTACT, HAS_PLACE = 1, 2


class Accounts:
    """``numbers`` gives each account its place in the columns beside it; ``grades`` those few that
    are not ordinary; ``places`` the file and sheet of each source."""

    def __init__(self, log: FindingLog, network: NetworkScan) -> None:
        self.numbers: dict[str, int] = {}
        self.areas, self.feeders = array("i"), array("i")
        self.hashes, self.rows = array("q"), array("I")
        self.sources, self.flags = array("H"), bytearray()
        self.grades: dict[int, tuple[int, int, bool]] = {}
        self.places: list[tuple[str, str]] = []
        self._log = log
        self._network = network
        self._contradicted: dict[int, set[str]] = {}
        self._repeated: set[int] = set()
        self._reported: set[tuple[int, int, int]] = set()

    def repeat(
        self,
        row: int,
        account: str,
        number: int,
        content: int,
        spot: Spot,
        grade: Grade,
        flag: int,
    ) -> bool:
        """Report an account that was there before; whether the row adds anything."""
        first = f"第 {self.rows[number]} 行 / row {self.rows[number]}"
        if self.sources[number] != len(self.places) - 1:
            file, sheet = self.places[self.sources[number]]
            first = f"{file} {sheet} {first}".replace("  ", " ")
        if content == self.hashes[number]:
            self._log.add(
                "account.duplicate", Severity.INFO, row, Field.ACCOUNT.value,
                found=f"{account}，与{first}相同 / the same", expected="每户一行 / one row each",
            )  # fmt: skip
            return False
        area_conflict = _conflict(self.areas[number], spot.area)
        feeder_conflict = _conflict(self.feeders[number], spot.feeder)
        if area_conflict or feeder_conflict:
            self._contradicted.setdefault(number, set()).update(
                field
                for field, is_one in (("area", area_conflict), ("feeder", feeder_conflict))
                if is_one
            )
            named = (number, spot.area, spot.feeder)
            if named not in self._reported:
                self._reported.add(named)
                self._log.add(
                    "account.two_areas" if area_conflict else "account.two_feeders",
                    Severity.ERROR, row, Field.AREA.value if area_conflict else Field.FEEDER.value,
                    found=f"{account}：{self._named(spot.area, spot.feeder)}",
                    expected=f"{first}：{self._named(self.areas[number], self.feeders[number])}",
                )  # fmt: skip
        else:
            self._log.add(
                "account.repeated", Severity.WARNING, row, Field.ACCOUNT.value,
                found=f"{account}，与{first}不同 / differs", expected="每户一行 / one row each",
            )  # fmt: skip
        if self.areas[number] == NONE:
            self.areas[number] = spot.area
        if self.feeders[number] == NONE:
            self.feeders[number] = spot.feeder
        self._repeated.add(number)
        known = self.grades.get(number, (0, 0, False))
        self.grades[number] = (
            max(known[0], grade.criticality),
            known[1] or grade.need,
            known[2] or grade.has_standby,
        )
        flags = self.flags[number] | flag
        self.flags[number] = flags & ~HAS_PLACE if area_conflict else flags
        return True

    def _named(self, area: int, feeder: int) -> str:
        parts = (
            self._network.area_name(area) if area != NONE else "",
            self._network.feeder_name(feeder) if feeder != NONE else "",
        )
        return " ".join(part for part in parts if part) or "—"

    def amendments(self) -> Iterator[Amendment]:
        """What later rows changed about accounts whose first row has gone on already."""
        if not self._repeated:
            return
        for account, number in self.numbers.items():
            if number in self._repeated:
                contradicted = self._contradicted.get(number, ())
                criticality, need, has_standby = self.grades[number]
                yield Amendment(
                    number=number,
                    account=account,
                    area=NONE if "area" in contradicted else self.areas[number],
                    feeder=NONE if "feeder" in contradicted else self.feeders[number],
                    criticality=criticality,
                    need=need,
                    has_standby=has_standby,
                )

    def report(self, columns: Set[str], *, has_customers: bool) -> tuple[int, int]:
        """Reports customers in no area of any feeder, and customers whom nothing reaches.

        Answers how many nothing reaches at all, and how many only a poster does.
        """
        tellable = {Field.PHONE.value, Field.OPENID.value, Field.PUSH_TOKEN.value}
        names_people = bool(tellable & columns)
        if has_customers and not names_people:
            self._log.add(
                "phone.no_column", Severity.WARNING, None, Field.PHONE.value, place=("", ""),
                expected="联系电话列：没有它只能张贴 / a column of phones: without it only posters",
            )  # fmt: skip
        unreachable = 0
        for number, flags in enumerate(self.flags):
            if flags == HAS_PLACE and not names_people:
                continue
            if flags & HAS_CONTACT:
                continue
            place = self.places[self.sources[number]]
            if flags:
                self._log.add(
                    "customer.poster_only", Severity.INFO, self.rows[number], Field.PHONE.value,
                    expected="手机号 / a mobile number", place=place,
                )  # fmt: skip
                continue
            unreachable += 1
            self._log.add(
                "customer.unreachable", Severity.WARNING, self.rows[number], Field.PHONE.value,
                expected="手机号、楼栋或台区 / a mobile number, a building or an area", place=place,
            )  # fmt: skip
        for number, feeder in enumerate(self.feeders):
            if feeder == NONE and self.areas[number] == NONE:
                self._log.add(
                    "customer.no_supply", Severity.WARNING, self.rows[number], Field.FEEDER.value,
                    expected=EXPECTED[Field.FEEDER], place=self.places[self.sources[number]],
                )  # fmt: skip
        return unreachable, self.flags.count(HAS_PLACE)


def _conflict(known: int, said: int) -> bool:
    return known != said and NONE not in (known, said)
