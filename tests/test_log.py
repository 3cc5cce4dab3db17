"""The log: machine-readable, and without personal data."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from notifier import log

PHONE = "13800000001"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What was logged; the standard library's logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    yield output
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Every line as an object."""
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_with_time_level_and_event(stream: io.StringIO) -> None:
    """Whoever collects logs needs no parser of their own."""
    log.configure(stream=stream)

    structlog.get_logger().info("delivery.accepted", plan="2026-0001", count=3)

    (line,) = lines(stream)
    assert line["event"] == "delivery.accepted"
    assert (line["level"], line["plan"], line["count"]) == ("info", "2026-0001", 3)
    assert str(line["timestamp"]).endswith("+00:00")


def test_no_phone_number_gets_through(stream: io.StringIO) -> None:
    """Whoever writes it, wherever it stands: event, field, nested, number, trace, foreign logger."""
    log.configure(stream=stream)
    logger = structlog.get_logger()

    logger.info(f"to {PHONE}", to=f"+86{PHONE}", many=[{PHONE: {"x": (PHONE,)}}], n=int(PHONE))
    logger.info("bytes", raw=PHONE.encode(), error=ValueError(f"bad {PHONE}"))
    logging.getLogger("library").warning("sent to %s", PHONE)
    try:
        raise ValueError(f"no such number {PHONE}")
    except ValueError:
        logger.exception("fault")

    assert PHONE not in stream.getvalue()
    assert stream.getvalue().count("138****0001") >= 8
    assert "ValueError" in stream.getvalue()


def test_our_own_numbers_stay(stream: io.StringIO) -> None:
    """Identifiers are needed to find what happened."""
    log.configure(stream=stream)

    structlog.get_logger().info("x", batch_id=13800000001, key="b-13800000001", took=0.123456789)

    (line,) = lines(stream)
    assert (line["batch_id"], line["key"], line["took"]) == (
        13800000001,
        "b-13800000001",
        0.123456789,
    )


def test_the_level_is_kept(stream: io.StringIO) -> None:
    """Below the level nothing is written, libraries are quieter still."""
    log.configure(level="info", stream=stream)

    structlog.get_logger().debug("hidden")
    logging.getLogger("aiosqlite").info("hidden")

    assert stream.getvalue() == ""


def test_people_get_lines_to_read(stream: io.StringIO) -> None:
    """The console form is text, masked as well."""
    log.configure(format="console", stream=stream)

    structlog.get_logger().info("delivery.accepted", to=PHONE)

    assert "delivery.accepted" in stream.getvalue()
    assert PHONE not in stream.getvalue()
