"""Whose an interruption of the past was: by the ledger, the closest that is named, and never guessed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.domain.history import Attributed, Known, Reported, attribute
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.domain.reliability import InterruptionKind, Quality

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2025, 3, 5, tzinfo=UTC)
INDEX = NetworkIndex.of(
    [Station(id=1, name="东站", key="东"), Station(id=2, name="西站", key="西")],
    [Feeder(id=1, name="甲线", key="甲", station_id=1, points=3),
     Feeder(id=2, name="甲线", key="甲", station_id=2),
     Feeder(id=3, name="乙线", key="乙", station_id=1)],
    [Area(id=1, code="1", name="一里", key="一里", feeder_id=1, points=10),
     Area(id=2, code="2", name="二里", key="二里", feeder_id=1, points=20),
     Area(id=3, code="3", name="三里", key="三里", feeder_id=3, points=5)],
)  # fmt: skip
ACCOUNTS = {"A1": Known(7, 1, 1)}


def row(number: int = 2, **what: Any) -> Reported:
    plain = {
        "file": "h.csv", "sheet": "", "row": number, "starts_at": START,
        "ends_at": START + timedelta(hours=2), "kind": InterruptionKind.OUT,
    }  # fmt: skip
    return Reported(**(plain | what))


def made(*rows: Reported) -> Attributed:
    return attribute(rows, INDEX, ACCOUNTS, now=NOW)


def test_an_account_counts_for_one_customer() -> None:
    """Its area and feeder come from the ledger, whatever else the row says."""
    item = made(row(account="A1", feeder="乙线")).entries[0].interruption

    assert (item.usage_point_id, item.area_id, item.feeder_id, item.customers) == (7, 1, 1, 1)
    assert item.quality is Quality.MEASURED


def test_an_area_without_a_number_was_out_as_a_whole() -> None:
    """With a smaller number, only the number is known; with a larger one it is doubted."""
    whole, part, more = made(
        row(2, area="三里"), row(3, area="二里", customers=4), row(4, area="一里", customers=12)
    ).entries

    assert (whole.interruption.is_whole, whole.interruption.customers) == (True, 5)
    assert (part.interruption.is_whole, part.interruption.customers) == (False, 4)
    assert (more.interruption.is_whole, more.interruption.customers) == (True, 12)
    assert made(row(area="一里", customers=12)).findings[0].code == "history.customers_exceed"


def test_a_feeder_s_number_is_kept_as_it_was_reported() -> None:
    """Nobody knows whose it was; a number that is all of them falls on every area."""
    part = made(row(feeder="甲线", station="东站", customers=12)).entries
    whole = made(row(feeder="甲线", station="东站", customers=33)).entries

    assert [(e.interruption.area_id, e.interruption.customers) for e in part] == [(None, 12)]
    assert [(e.interruption.area_id, e.interruption.customers) for e in whole] == [
        (1, 10), (2, 20), (None, 3),
    ]  # fmt: skip
    assert [e.interruption.is_whole for e in whole] == [True, True, True]


def test_what_is_not_known_is_not_counted() -> None:
    """Unknown, ambiguous, nameless, numberless or yet to come: a finding of severity error each."""
    found = made(
        row(2, feeder="丙线", customers=1),
        row(3, feeder="甲线", customers=1),
        row(4, area="四里"),
        row(5, account="A9"),
        row(6),
        row(7, feeder="乙线"),
        row(8, area="三里", starts_at=NOW + timedelta(days=1), ends_at=None),
    )

    assert (found.entries, found.rows) == ((), 0)
    assert [(f.code, f.row, f.severity.value) for f in found.findings] == [
        ("history.feeder_unknown", 2, "error"),
        ("history.feeder_ambiguous", 3, "error"),
        ("history.area_unknown", 4, "error"),
        ("history.account_unknown", 5, "error"),
        ("history.place_missing", 6, "error"),
        ("history.customers_missing", 7, "error"),
        ("history.in_future", 8, "error"),
    ]


def test_a_row_said_twice_counts_once() -> None:
    """Two rows of one feeder and moment are two where their numbers differ: parts of one outage."""
    twice = made(row(2, feeder="乙线", customers=2), row(3, feeder="乙线", customers=2))
    parts = made(row(2, feeder="乙线", customers=2), row(3, feeder="乙线", customers=3))

    assert (twice.rows, [f.code for f in twice.findings]) == (1, ["history.duplicate"])
    assert (parts.rows, parts.findings) == (2, ())


def test_a_corrected_row_keeps_its_key() -> None:
    """An end that was mended, and a number where a place is named, are the same interruption; so is
    whatever has the file's own name."""

    def key(**what: Any) -> str:
        return made(row(**what)).entries[0].key

    later = START + timedelta(hours=5)
    assert key(area="三里") == key(area="三里", ends_at=later) == key(area="三里", customers=2)
    assert key(area="三里") != key(area="一里")
    assert key(area="三里") != key(area="三里", starts_at=later, ends_at=None)
    assert key(feeder="乙线", customers=2, event="E1") == key(
        feeder="乙线", customers=3, event="E1", starts_at=later, ends_at=None
    )
