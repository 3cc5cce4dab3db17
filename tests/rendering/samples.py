"""Facts of every kind, and a utility to speak."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import CORRECTIONS, Facts, Stage
from notifier.domain.window import Window
from notifier.rendering.variables import Utility

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 18, 9, 0, tzinfo=ZONE)
LOCALES = ("zh", "en")

UTILITY = Utility(
    name="南州供电局",
    signature="南州供电",
    hotline="95598",
    link="https://example.org/o/{number}",
    zone=ZONE,
    english_name="Nanzhou Power",
)


def window(starts: str, ends: str) -> Window:
    """Local times without zone."""
    return Window(
        datetime.fromisoformat(starts).replace(tzinfo=ZONE).astimezone(UTC),
        datetime.fromisoformat(ends).replace(tzinfo=ZONE).astimezone(UTC),
    )


OLD = (window("2026-11-24T08:00", "2026-11-24T17:30"),)
NEW = (window("2026-11-26T09:00", "2026-11-26T18:15"),)
LATE = (window("2026-11-24T08:00", "2026-11-24T19:45"),)
SPANS = (
    window("2026-11-24T22:00", "2026-11-24T22:15"),
    window("2026-11-25T05:45", "2026-11-25T06:00"),
)
NEW_SPANS = (
    window("2026-11-26T22:30", "2026-11-26T22:45"),
    window("2026-11-27T05:15", "2026-11-27T05:30"),
)


def facts(
    stage: Stage,
    *,
    impact_class: ImpactClass = ImpactClass.OUT,
    audience: Audience = Audience.ORDINARY,
    need: Need = Need.NONE,
    where: str = "10kV中05线东风路1号公变、东风路2号公变",
    works: str = "更换变压器",
    number: str = "NZ-2026-1124-03",
) -> Facts:
    """What the rules would hand over at that stage."""
    is_short = impact_class is ImpactClass.SHORT
    before, after = (SPANS, NEW_SPANS) if is_short else (OLD, NEW)
    windows = {
        Stage.RESCHEDULED: after,
        Stage.LATE: NEW_SPANS if is_short else LATE,
        Stage.REMOVED: (),
        Stage.CANCELLED: (),
    }.get(stage, before)
    return Facts(
        number=number,
        stage=stage,
        impact_class=impact_class,
        windows=windows,
        told_windows=before if stage in CORRECTIONS | {Stage.RESTORED} else (),
        audience=audience,
        need=need,
        where=where,
        works=works,
        revision=2,
        restored_at=datetime(2026, 11, 24, 8, 40, tzinfo=UTC) if stage is Stage.RESTORED else None,
    )
