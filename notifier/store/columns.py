"""Column types that both databases store alike."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from notifier.domain import window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

#: SQLite makes only INTEGER PRIMARY KEY the row id; PostgreSQL wants eight bytes.
Id = BigInteger().with_variant(Integer, "sqlite")


def to_millis(moment: datetime) -> int:
    """Aware time to whole milliseconds since 1970-01-01 UTC. Raises ``ValueError`` when naive."""
    if moment.tzinfo is None:
        raise ValueError("a stored time needs a time zone")
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """Milliseconds since 1970-01-01 UTC to aware UTC, or to the nearest time that can be shown."""
    return _EPOCH + timedelta(milliseconds=min(max(millis, _FIRST), _LAST))


_FIRST, _LAST = to_millis(window.EARLIEST), to_millis(window.LATEST)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as milliseconds since 1970 so that both databases compare it as a number."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_millis(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_millis(value)


class Json(TypeDecorator[Any]):
    """A JSON document as text with sorted keys: read whole, never searched inside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)
