"""What the service says while it works: one JSON object a line, or coloured lines for people.

Events are dotted and stable (``delivery.accepted``); everything else is a field.
Whatever looks like a phone number is masked on its way out, whoever wrote it, traces included.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog

from notifier import clock, vault

#: Fields that hold our own identifiers or digests, never a number somebody could call.
_PLAIN = frozenset({"timestamp", "level", "event", "logger", "key", "digest", "hash", "id"})
_DEPTH = 6


def configure(
    *,
    format: Literal["json", "console"] = "json",  # noqa: A002 - the setting's name
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Set up logging once, for structlog and the standard library alike. Times are real, in UTC.

    ``stream`` is standard error unless given. Raises ``KeyError`` for an unknown level.
    """
    output = stream if stream is not None else sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _timestamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_personal_data,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(format, output),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # These say at "info" what a person debugging them wants; an operator does not.
    for noisy in ("aiosqlite", "alembic", "asyncio", "aiohttp.access", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, _LEVELS[level]))


_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def mask_personal_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The structlog processor that lets no phone number through."""
    for name, value in event.items():
        if name == "event" and isinstance(value, str):
            event[name] = vault.mask_within(value)
        elif name not in _PLAIN and not name.startswith("_") and not name.endswith("_id"):
            event[name] = _masked(value, _DEPTH)
    return event


def _masked(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float | datetime):
        return value
    if isinstance(value, int):
        masked = vault.mask_within(str(value))
        return value if masked == str(value) else masked
    if isinstance(value, str):
        return vault.mask_within(value)
    if depth and isinstance(value, Mapping):
        return {
            vault.mask_within(str(key)): _masked(inner, depth - 1) for key, inner in value.items()
        }
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner, depth - 1) for inner in value]
    return vault.mask_within(str(value))


def _timestamp(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # The time outside, also under a simulated clock: it is compared with other machines' logs.
    event["timestamp"] = _CLOCK.now().astimezone(UTC).isoformat(timespec="milliseconds")
    return event


_CLOCK = clock.SystemClock()


def _renderer(format: str, output: TextIO) -> structlog.typing.Processor:  # noqa: A002
    if format == "console":
        return structlog.dev.ConsoleRenderer(colors=output.isatty())
    return structlog.processors.JSONRenderer(serializer=_dump)


def _dump(event: Any, **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
