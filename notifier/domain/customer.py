"""Customers: where supply is delivered, who is to be told about it, and what depends on it."""

from enum import IntEnum, IntFlag, StrEnum

from notifier.channel import Medium


class Criticality(IntEnum):
    """重要用户 and 敏感用户, in rising order of what a missed notice can do.

    Grades after GB/T 29328; SENSITIVE is the utility's own register; LIFE_SUPPORT a person at home
    who depends on a powered device.
    """

    ORDINARY = 0
    SENSITIVE = 1
    CRITICAL_TEMPORARY = 2
    CRITICAL_2 = 3
    CRITICAL_1 = 4
    CRITICAL_SPECIAL = 5
    LIFE_SUPPORT = 6


class Need(IntEnum):
    """What at the customer suffers, which decides the advice given."""

    NONE = 0
    LIFT = 1
    PUMP = 2
    MACHINE = 3
    HATCHERY = 4
    DATA_CENTRE = 5
    MEDICAL = 6
    COLD_STORE = 7


class ContactKind(IntEnum):
    """A person, an organisation, or a place: an entrance is told by a poster."""

    PERSON = 0
    ORGANISATION = 1
    PLACE = 2


class Role(IntEnum):
    """In what capacity a contact is told. The first three stand at a usage point, the rest at a
    building or a transformer area."""

    PAYER = 0
    TENANT = 1
    CARER = 2
    PROPERTY_MANAGER = 10
    VILLAGE_OFFICE = 11
    ACCOUNT_MANAGER = 12
    ENTRANCE = 20


class Subject(IntEnum):
    """What a contact beside the customers stands for."""

    BUILDING = 1
    AREA = 2


class Reach(IntFlag):
    """The media by which a contact can be told; a contact who opted out of one lacks its bit."""

    NONE = 0
    SMS = 1
    WECHAT = 2
    PUSH = 4
    VOICE = 8
    EMAIL = 16
    POSTING = 32


REACH_BY_MEDIUM = {
    Medium.SMS: Reach.SMS,
    Medium.WECHAT: Reach.WECHAT,
    Medium.PUSH: Reach.PUSH,
    Medium.VOICE: Reach.VOICE,
    Medium.EMAIL: Reach.EMAIL,
    Medium.POSTING: Reach.POSTING,
}


class Audience(StrEnum):
    """Who is spoken to, which decides stages, media and words."""

    ORDINARY = "ordinary"
    HIGH_RISE = "high_rise"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"
    LIFE_SUPPORT = "life_support"
    PROPERTY_MANAGER = "property_manager"
    VILLAGE_OFFICE = "village_office"
    ACCOUNT_MANAGER = "account_manager"
    ENTRANCE = "entrance"


_AUDIENCE_BY_ROLE = {
    Role.PROPERTY_MANAGER: Audience.PROPERTY_MANAGER,
    Role.VILLAGE_OFFICE: Audience.VILLAGE_OFFICE,
    Role.ACCOUNT_MANAGER: Audience.ACCOUNT_MANAGER,
    Role.ENTRANCE: Audience.ENTRANCE,
}


def audience_of(role: Role, criticality: Criticality, *, is_high_rise: bool) -> Audience:
    """The audience of a contact; the gravest reason wins."""
    if role in _AUDIENCE_BY_ROLE:
        return _AUDIENCE_BY_ROLE[role]
    if criticality is Criticality.LIFE_SUPPORT:
        return Audience.LIFE_SUPPORT
    if criticality >= Criticality.CRITICAL_TEMPORARY:
        return Audience.CRITICAL
    if criticality is Criticality.SENSITIVE:
        return Audience.SENSITIVE
    return Audience.HIGH_RISE if is_high_rise else Audience.ORDINARY
