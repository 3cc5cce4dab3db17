"""A joint outage (同停): several plans that take out the same people, told to each of them as one.

Each plan is matched, frozen and approved by itself. For one person, by the groups that the plans put
that person in, it is decided here which plan speaks, for whom, and what the windows come to.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from notifier.domain.impact import Group, ImpactClass, Knowledge
from notifier.domain.plan import PlanKind
from notifier.domain.window import Window, union

#: So many plans at most share an outage: more do not fit into the traits of people.
MOST = 15
#: Groups that several plans speak of are numbered from here on; those of a plan start at 1.
FIRST_NUMBER = 20_000


class Standing(StrEnum):
    """What a plan counts for among those it shares its outage with.

    LIVE: approved. STANDS: was approved, is being revised, and holds as it was approved for those who
    heard of it. ENDED: supply is back. OFF: cancelled, or never approved yet.
    """

    LIVE = "live"
    STANDS = "stands"
    ENDED = "ended"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One plan of a joint outage. ``groups`` are those of the revision that holds, or held last;
    ``points_id`` names its usage points; ``restored_at`` is aware."""

    plan_id: int
    number: str
    kind: PlanKind
    standing: Standing
    works: str = ""
    groups: Mapping[int, Group]
    points_id: int | None
    restored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """How a person stands to a joint outage: the number of the group in each plan (0: in none), the
    place of the plan that spoke last (None where nobody did), and those of all plans for which anything
    was ever said to that person."""

    numbers: tuple[int, ...]
    owner: int | None = None
    heard_of: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Who speaks to these people. ``speaker`` is the place of a plan; ``number`` that of the group for
    whoever speaks (0: no longer affected); ``concerned`` the places of the plans whose words count."""

    speaker: int
    number: int
    concerned: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one plan says for several: the group, the works, and the ids of the other plans."""

    group: Group
    works: str
    speaks_for: tuple[int, ...]

    @property
    def digest(self) -> str:
        """Names all of it: equal digests say the same, for the same plans."""
        said = [self.group.facts_key, self.group.place, self.works, self.speaks_for]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who speaks to whom in the plan that is looked at. ``voices``: by group number, what it says for
    others too; a group of its own that concerns no other plan is not among them."""

    parts: Mapping[Shared, Part]
    voices: Mapping[int, Voice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The plans of a joint outage, in the order of their ids, seen from the one in place ``mine``."""

    members: tuple[Member, ...]
    mine: int

    def cast(self, present: Iterable[Shared]) -> Cast:
        """Decides for everybody; the same whatever the order they are named in."""
        found = {shared: self._scene(shared) for shared in present}
        voices = {
            scene.voice.digest: scene.voice for scene in found.values() if scene.voice is not None
        }
        numbers = {digest: FIRST_NUMBER + at for at, digest in enumerate(sorted(voices))}
        return Cast(
            parts={
                shared: Part(
                    speaker=scene.speaker,
                    number=(
                        shared.numbers[self.mine]
                        if scene.voice is None
                        else numbers[scene.voice.digest]
                    ),
                    concerned=scene.concerned,
                )
                for shared, scene in found.items()
            },
            voices={
                number: replace(voices[digest], group=replace(voices[digest].group, number=number))
                for digest, number in numbers.items()
            },
        )

    def _scene(self, shared: Shared) -> "_Scene":
        groups = {
            place: member.groups[number]
            for place, (member, number) in enumerate(zip(self.members, shared.numbers, strict=True))
            if number
        }
        standing = {place: each for place, each in groups.items() if self._counts(place, shared)}
        closed = {place: groups[place] for place in groups if place not in standing}
        everybody = frozenset(range(len(self.members)))
        if standing:
            return self._told(standing, closed, shared, everybody)
        ended = {place: each for place, each in closed.items() if self._is_ended(place)}
        if ended:  # whoever brings supply back last closes the outage
            speaker = max(ended, key=lambda place: (self._restored(place), -place))
            return self._speaks(speaker, ended[speaker], ended, shared, everybody)
        # Nothing is to come from any of them: whoever said a thing puts it right.
        speaker = self.mine if shared.owner is None else shared.owner
        return _Scene(speaker=speaker, concerned=everybody)

    def _counts(self, place: int, shared: Shared) -> bool:
        """Whether the plan says something of what is to come: what is not approved is not announced."""
        standing = self.members[place].standing
        return standing is Standing.LIVE or (
            standing is Standing.STANDS and place in shared.heard_of
        )

    def _told(
        self,
        standing: Mapping[int, Group],
        closed: Mapping[int, Group],
        shared: Shared,
        everybody: frozenset[int],
    ) -> "_Scene":
        together = list(voices(standing))
        apart = {
            place
            for place, group in closed.items()
            if all(len(list(voices({**part, place: group}))) > 1 for part in together)
        }
        if self.mine in apart:
            return _Scene(speaker=self.mine, concerned=frozenset({self.mine}))
        mine = next((part for part in together if self.mine in part), together[0])
        others = apart | {place for part in together if part is not mine for place in part}
        # Plans that have none of these people, or are closed, are put right by the first voice.
        concerned = everybody - others if mine is together[0] else frozenset(mine)
        live = [place for place in mine if self.members[place].standing is Standing.LIVE]
        speaker = min(live or mine, key=lambda place: self._rank(place, mine[place]))
        group = united(list(mine.values()))
        if mine is together[0]:
            past = [
                self._until_restored(place, each)
                for place, each in closed.items()
                if self._is_ended(place)
            ]
            same = [each for each in past if each and each.impact_class is group.impact_class]
            group = united([group, *same])
        return self._speaks(speaker, group, mine, shared, concerned)

    def _is_ended(self, place: int) -> bool:
        return self.members[place].standing is Standing.ENDED

    def _speaks(
        self,
        speaker: int,
        group: Group,
        spoken_of: Mapping[int, Group],
        shared: Shared,
        concerned: frozenset[int],
    ) -> "_Scene":
        if speaker != self.mine:
            return _Scene(speaker=speaker, concerned=concerned)
        others = set(spoken_of) | (shared.heard_of & concerned)
        own = self.members[speaker].groups[shared.numbers[speaker]]
        if others == {speaker} and group == own:
            return _Scene(speaker=speaker, concerned=concerned)
        return _Scene(
            speaker=speaker,
            concerned=concerned,
            voice=Voice(
                group=group,
                works=_joined(self.members[place].works for place in sorted(spoken_of)),
                speaks_for=tuple(
                    self.members[place].plan_id for place in sorted(others) if place != speaker
                ),
            ),
        )

    def _rank(self, place: int, group: Group) -> tuple[int, int, int]:
        """Whoever takes people out gravest speaks first, then whoever owes notice earliest."""
        return _weight(group), _KINDS.index(self.members[place].kind), place

    def _restored(self, place: int) -> float:
        restored = self.members[place].restored_at
        return 0.0 if restored is None else restored.timestamp()

    def _until_restored(self, place: int, group: Group) -> Group | None:
        """What there was of a group until supply came back; None where it came back before."""
        restored = self.members[place].restored_at
        if restored is None:
            return group
        was = tuple(
            Window(window.starts_at, min(window.ends_at, restored))
            for window in group.windows
            if window.starts_at < restored
        )
        return replace(group, windows=was) if was else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    speaker: int
    concerned: frozenset[int]
    voice: Voice | None = None


def voices(groups: Mapping[int, Group]) -> Iterator[dict[int, Group]]:
    """Splits the groups one person is in, by plan, into those that can be told as one, gravest first.

    Windows of one kind of outage are told together. Of a lesser kind are only those that lie within
    the graver ones: whoever is out for hours does not notice the seconds in between.
    """
    left = dict(sorted(groups.items()))
    while left:
        gravest = min(map(_weight, left.values()))
        grave = [group for group in left.values() if _weight(group) == gravest]
        hours = union(window for group in grave for window in group.windows)
        together = {
            place: group
            for place, group in left.items()
            if _weight(group) == gravest or _lies_within(group, hours)
        }
        yield together
        left = {place: group for place, group in left.items() if place not in together}


def united(groups: Sequence[Group]) -> Group:
    """One group that says what these say together; they are of one voice. One alone is itself.

    The number is the first one's.
    """
    first = groups[0]
    if len(groups) == 1:
        return first
    gravest = min(map(_weight, groups))
    grave = [group for group in groups if _weight(group) == gravest]
    classes = [group.impact_class for group in grave]
    traced = all(group.knowledge is Knowledge.TOPOLOGY for group in grave)
    return Group(
        number=first.number,
        impact_class=ImpactClass.OUT if ImpactClass.OUT in classes else classes[0],
        windows=union(window for group in grave for window in group.windows),
        place=_joined(part for group in groups for part in group.place.split(_BETWEEN)),
        knowledge=Knowledge.TOPOLOGY if traced else Knowledge.LEDGER,
    )


_BETWEEN = "、"
_KINDS = list(PlanKind)
_CLASSES = list(ImpactClass)


def _weight(group: Group) -> int:
    """Gravest first. Who may be out is told as out."""
    is_out = group.impact_class in (ImpactClass.OUT, ImpactClass.UNKNOWN)
    return 0 if is_out else _CLASSES.index(group.impact_class)


def _lies_within(group: Group, hours: Sequence[Window]) -> bool:
    return all(
        any(w.starts_at <= window.starts_at and window.ends_at <= w.ends_at for w in hours)
        for window in group.windows
    )


def _joined(parts: Iterable[str]) -> str:
    return _BETWEEN.join(dict.fromkeys(part for part in parts if part))
