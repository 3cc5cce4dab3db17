"""The customer ledger (站-线-变-户) as a file states it, before it meets the store.

A ledger of a million customers passes as chunks of ``PointRow``; everything small (stations,
feeders, areas, buildings, places, what several rows say about one account) is the ``Outline`` that
is complete once the last chunk has been read. Rows name the small things by their number in the
outline's tuples; ``NONE`` where the file says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from notifier.domain.customer import Reach, Role, Subject
from notifier.domain.finding import Finding

#: The number of a station, feeder, area or building that a row does not name.
NONE = -1


#: In place of a phone: who is told in this role stays as it was, for the file shows a masked cell.
KEPT = "*"


class ContactRow(NamedTuple):
    """Somebody to be told. ``role`` and ``kind`` are numbers of ``Role`` and ``ContactKind``;
    ``phone`` is E.164 or blank; ``opted_out`` holds ``Reach`` bits.

    A contact is one and the same wherever its phone is the same; without a phone its openid, and
    without that its push token, stand for it.
    """

    role: int
    kind: int
    name: str
    locale: str
    phone: str
    openid: str
    push_token: str
    opted_out: int

    @property
    def reach(self) -> Reach:
        """The media that can reach the contact: what it has, less what it declined."""
        reach = Reach.NONE
        if self.phone:
            reach |= Reach.SMS | Reach.VOICE
        if self.openid:
            reach |= Reach.WECHAT
        if self.push_token:
            reach |= Reach.PUSH
        return reach & ~Reach(self.opted_out)


class PointRow(NamedTuple):
    """One usage point, or more contacts for one that an earlier row named.

    ``number`` counts accounts from 0 in the order of their first rows; a repeated account repeats
    its number, with ``is_extra`` set, and only its contacts count.
    """

    number: int
    is_extra: bool
    account: str
    name: str
    address: str
    area: int
    feeder: int
    building: int
    category: str
    criticality: int
    need: int
    has_standby: bool
    contacts: tuple[ContactRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StationEntry:
    """A substation: its name as first written, and the key of ``names.station_key``."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederEntry:
    """A feeder of station number ``station``."""

    name: str
    key: str
    station: int = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaEntry:
    """A transformer area on feeder number ``feeder``; ``points`` counts the customers named with it.

    ``code`` is the utility's own number, which outlives names and switching; often blank.
    """

    code: str
    name: str
    key: str
    feeder: int = NONE
    is_public: bool = True
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingEntry:
    """A building or an estate. ``floors`` above ground, 0 when unknown."""

    name: str
    key: str
    address: str = ""
    floors: int = 0
    is_high_rise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceEntry:
    """A contact beside the customers: the manager of a building, the office of a village, a door.

    ``subject`` and ``number`` say what it stands at; ``place_key`` is set for a place (an entrance,
    a notice board), ``contact`` for people and offices.
    """

    subject: Subject
    number: int
    role: Role
    name: str
    place_key: str = ""
    contact: ContactRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What holds of an account that several rows name, in place of what its first row says.

    Where the rows contradict each other about area or feeder, that one is ``NONE``: nobody picks.
    """

    number: int
    account: str
    area: int
    feeder: int
    criticality: int
    need: int
    has_standby: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """All of a ledger except its usage points, complete when the last chunk has been read.

    ``doubtful_feeders`` had a row with customers that could not be identified: nobody of theirs is
    called gone; ``NONE`` in it means that it is not known whose such a row was.
    ``has_customers`` is false for a list of feeders or areas only. ``points`` counts the accounts, of
    whom ``unreachable`` cannot be told by any medium and ``poster_only`` by nothing but a poster.
    ``columns`` are the fields found; ``finding_counts`` count what ``findings`` may cut short.
    """

    files: tuple[str, ...] = ()
    stations: tuple[StationEntry, ...] = ()
    feeders: tuple[FeederEntry, ...] = ()
    areas: tuple[AreaEntry, ...] = ()
    buildings: tuple[BuildingEntry, ...] = ()
    places: tuple[PlaceEntry, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    points: int = 0
    unreachable: int = 0
    poster_only: int = 0
    doubtful_feeders: frozenset[int] = frozenset()
    has_customers: bool = False
    columns: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    finding_counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What an import does, or would do, to the ledger in the store; numbers of usage points.

    ``in_scope`` counts the present customers of the feeders that the files speak for, of whom
    ``gone`` are no longer named. ``contacts`` counts those the files name, each once.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    in_scope: int = 0
    contacts: int = 0
    findings: tuple[Finding, ...] = ()
