"""A recipient's traits packed into one integer, so that SQL groups and joins a million people by it.

From the high bits: the place, counted from 1, of the plan that speaks in place of this one where
several share an outage (0: this one speaks), whether nothing but vain tries were made (1) or nobody
answered for the last message (2), impact group, number of the facts last told (or tried, where nothing
was told), number of those on the door where they are others, media that told, role, criticality,
high-rise, need, locale, reach. Zero in group and facts means none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from notifier.domain.cell import Cell
from notifier.domain.customer import Criticality, Need, Reach, Role, audience_of
from notifier.domain.joint import Cast, Joint

LOCALES: Sequence[str] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    size: int


_FIELDS = (
    _Field("speaker", 16),
    _Field("doubt", 3),
    _Field("group_number", 1 << 15),
    _Field("told_number", 1 << 8),
    _Field("paper_number", 1 << 8),
    _Field("told_media", 64),
    _Field("role", 32),
    _Field("criticality", 8),
    _Field("high_rise", 2),
    _Field("need", 8),
    _Field("locale", 4),
    _Field("reach", 64),
)


def packed_sql(columns: Mapping[str, str]) -> str:
    """The SQL expression that packs the given column expressions, one for each field."""
    expression = "CAST(0 AS BIGINT)"
    for field in _FIELDS:
        expression = f"({expression} * {field.size} + {columns[field.name]})"
    return expression


def unpack(traits: int) -> dict[str, int]:
    """The fields of packed traits by name."""
    values: dict[str, int] = {}
    for field in reversed(_FIELDS):
        traits, values[field.name] = divmod(traits, field.size)
    return values


def locale_sql(column: str) -> str:
    """The number of a locale; one that has no templates counts as the first."""
    cases = " ".join(f"WHEN '{name}' THEN {number}" for number, name in enumerate(LOCALES))
    return f"CASE {column} {cases} ELSE 0 END"


@dataclass(frozen=True, slots=True)
class Said:
    """What a number of told facts stands for: their key, and the revision of which the people heard last
    that it does not concern them; 0 for none."""

    key: str
    denied: int = 0


#: The doubt about what somebody was told.
VAIN, UNSURE = 1, 2


def cell_of(
    traits: int,
    said: Mapping[int, Said],
    available: Reach,
    people: int,
    shared: tuple[Joint, Cast] | None = None,
) -> Cell:
    """The cell these traits belong to; media without a channel do not count as reach. ``shared``: the
    plans that share the outage, and who speaks."""
    values = unpack(traits)
    last, paper = said.get(values["told_number"]), said.get(values["paper_number"])
    key = None if last is None else last.key
    is_vain = values["doubt"] == VAIN
    joint, cast = shared or (None, None)
    speaker = values["speaker"]
    voice = None if cast is None else cast.voices.get(values["group_number"])
    return Cell(
        group=values["group_number"] or None,
        told=None if is_vain else key,
        told_media=Reach(values["told_media"]),
        audience=audience_of(
            Role(values["role"]),
            Criticality(values["criticality"]),
            is_high_rise=bool(values["high_rise"]),
        ),
        need=Need(values["need"]),
        locale=LOCALES[values["locale"]],
        reach=Reach(values["reach"]) & available,
        people=people,
        tried=key if is_vain else None,
        paper=None if paper is None else paper.key,
        unsure=values["doubt"] == UNSURE,
        denied=0 if last is None else last.denied,
        joint=voice.digest if voice is not None else "",
        told_with=joint.members[speaker - 1].number if joint is not None and speaker else "",
    )
