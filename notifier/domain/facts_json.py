"""The facts of a notice as plain JSON values, for the ledger, the evidence and the interfaces."""

from datetime import UTC, datetime
from typing import Any

from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Stage
from notifier.domain.window import Window, showable


def facts_as_dict(facts: Facts) -> dict[str, Any]:
    """Words and numbers only; times are ISO 8601 in UTC, so that equal facts read alike."""
    return {
        "number": facts.number,
        "stage": facts.stage.value,
        "impact_class": facts.impact_class.value,
        "windows": [_window_as_list(window) for window in facts.windows],
        "told_windows": [_window_as_list(window) for window in facts.told_windows],
        "audience": facts.audience.value,
        "need": facts.need.value,
        "where": facts.where,
        "works": facts.works,
        "revision": facts.revision,
        "restored_at": None if facts.restored_at is None else _in_utc(facts.restored_at),
        **({} if facts.told_class is None else {"told_class": facts.told_class.value}),
        **(
            {"of_day": [_window_as_list(window) for window in facts.of_day]} if facts.of_day else {}
        ),
    }


def facts_from_dict(raw: dict[str, Any]) -> Facts:
    """The inverse of ``facts_as_dict``. Raises ``KeyError`` or ``ValueError`` on anything else."""
    restored_at, told_class = raw["restored_at"], raw.get("told_class")
    return Facts(
        number=raw["number"],
        stage=Stage(raw["stage"]),
        impact_class=ImpactClass(raw["impact_class"]),
        windows=tuple(_window_from_list(item) for item in raw["windows"]),
        told_windows=tuple(_window_from_list(item) for item in raw["told_windows"]),
        audience=Audience(raw["audience"]),
        need=Need(raw["need"]),
        where=raw["where"],
        works=raw["works"],
        revision=raw["revision"],
        restored_at=None if restored_at is None else showable(datetime.fromisoformat(restored_at)),
        told_class=None if told_class is None else ImpactClass(told_class),
        of_day=tuple(_window_from_list(item) for item in raw.get("of_day", ())),
    )


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _window_as_list(window: Window) -> list[str]:
    return [_in_utc(window.starts_at), _in_utc(window.ends_at)]


def _window_from_list(raw: list[str]) -> Window:
    starts_at, ends_at = raw
    return Window.from_text(starts_at, ends_at)
