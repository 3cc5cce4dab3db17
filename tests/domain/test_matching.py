"""Who is affected by what a plan names: account by account, and never guessed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain import matching, names
from notifier.domain.finding import Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.network_index import Area, Feeder, NetworkIndex, Station
from notifier.domain.plan import (
    Equipment,
    EquipmentKind,
    PlanContent,
    PlanKind,
    Transfer,
    Transition,
)
from notifier.domain.window import Window
from notifier.intake.ledger_process import LedgerReader
from notifier.intake.plan_equipment import read_equipment
from notifier.store import engine
from notifier.store.ledger import Ledger
from notifier.store.ledger_load import LedgerLoader
from notifier.usecases import ledger, submitting
from notifier.usecases import matching as matches
from notifier.vault import Vault

LEDGER = Path(__file__).parents[2] / ".." / "shared" / "data" / "grid" / "ledger"
NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
OUTAGE = Window(NOW + timedelta(days=20), NOW + timedelta(days=20, hours=10))
SPANS = (
    Window(OUTAGE.starts_at - timedelta(minutes=15), OUTAGE.starts_at),
    Window(OUTAGE.ends_at, OUTAGE.ends_at + timedelta(minutes=15)),
)


def station(number: int, name: str) -> Station:
    return Station(id=number, name=name, key=names.station_key(name))


def feeder(number: int, name: str, station_id: int | None = 1, points: int = 0) -> Feeder:
    return Feeder(
        id=number, name=name, key=names.feeder_key(name), station_id=station_id, points=points
    )


def area(number: int, name: str, feeder_id: int | None, points: int = 10) -> Area:
    return Area(
        id=number,
        code=f"00{number}",
        name=name,
        key=names.area_key(name),
        feeder_id=feeder_id,
        points=points,
    )


TOWN = NetworkIndex.of(
    [station(1, "110kV城关变"), station(2, "110kV城南变")],
    [
        feeder(1, "10kV城东线"),
        feeder(2, "10kV中05线", points=3),
        feeder(3, "10kV河07线", 1),
        feeder(4, "10kV河07线", 2),
        feeder(5, "花城Ⅰ回", 2),
        feeder(6, "花城Ⅱ回", 2),
        feeder(7, "化肥厂线", 2),
    ],
    [
        area(1, "一里台区", 1),
        area(2, "二里台区", 1),
        area(3, "三里台区", 2),
        area(4, "同名台区", 3),
        area(5, "同名台区", 4),
        area(6, "化肥厂专变", 7),
        area(7, "空台区", 7, points=0),
    ],
)


def content(
    *equipment: Equipment,
    transfers: Sequence[Transfer] = (),
    windows: Sequence[Window] = (OUTAGE,),
    kind: PlanKind = PlanKind.PLANNED,
) -> PlanContent:
    return PlanContent(
        number="P1",
        kind=kind,
        equipment=equipment,
        windows=tuple(windows),
        transfers=tuple(transfers),
    )


def named(
    name: str, kind: EquipmentKind = EquipmentKind.UNKNOWN, station_name: str = ""
) -> Equipment:
    return Equipment(name=name, kind=kind, station=station_name)


def codes(match: matching.Match) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in match.findings]


# --- The reference ledger ---------------------------------------------------------------------------


async def _accounts(store: Ledger, number: str, case: dict[str, Any], *, as_unknown: bool) -> Any:
    """Out, short and the codes of the errors, through a submitted plan and its frozen points."""

    def assets(key: str, kind: EquipmentKind) -> tuple[Equipment, ...]:
        kind = EquipmentKind.UNKNOWN if as_unknown else kind
        return tuple(Equipment(name=name, kind=kind) for name in case["plan"].get(key, ()))

    moved = assets("transferred_areas", EquipmentKind.AREA)
    transition = Transition(case["plan"].get("transition", "open"))
    plan = PlanContent(
        number=number,
        kind=PlanKind.PLANNED,
        equipment=(
            *assets("feeders", EquipmentKind.FEEDER),
            *assets("areas", EquipmentKind.AREA),
            *assets("substations", EquipmentKind.STATION),
        ),
        windows=(OUTAGE,),
        transfers=(Transfer(equipment=moved, transition=transition, spans=SPANS),) if moved else (),
    )
    _, submitted = await submitting.submit(
        store, submitting.Incoming(content=plan, source={}), now=NOW, actor="wang"
    )
    assert submitted is not None
    revision = await matches.ensure_matched(store, submitted)
    found: dict[ImpactClass, set[str]] = {kind: set() for kind in ImpactClass}
    async with store.read() as tx:
        assert revision.points_id is not None
        async for account, group in tx.impacts.points(revision.id, revision.points_id):
            found[group.impact_class].add(account)
            expected = SPANS if group.impact_class is ImpactClass.SHORT else (OUTAGE,)
            if group.impact_class is not ImpactClass.TRANSFERRED_LIVE:
                assert group.windows == expected
    errors = [item["code"] for item in revision.findings if item["severity"] == "error"]
    return found[ImpactClass.OUT], found[ImpactClass.SHORT], errors


@pytest.mark.skipif(not LEDGER.exists(), reason="the shared data is not beside the checkout")
@pytest.mark.parametrize(
    ("file", "as_unknown"),
    [
        ("ledger_clean.csv", False),
        ("ledger_clean_gb18030.csv", True),
        ("ledger_dirty.xlsx", False),
    ],
)
async def test_every_reference_case_gives_its_accounts_and_no_other(
    sqlite_database: engine.Database, vault: Vault, file: str, as_unknown: bool
) -> None:
    """23 cases by feeder, area, station and transfer, from the file to the frozen points; of the dirty
    file the accounts under two areas are reported and belong to neither."""
    reference = json.loads((LEDGER / "cases.json").read_text("utf-8"))
    await ledger.import_ledger(
        LedgerLoader(sqlite_database, vault), LedgerReader([LEDGER / file]), now=NOW, actor="test"
    )
    store = Ledger(sqlite_database)
    doubtful: set[str] = set()
    if file == "ledger_dirty.xlsx":
        doubtful = set(reference["dirty_issues"]["customer_in_two_areas"])

    assert len(reference["cases"]) == 23
    for case in reference["cases"]:
        out, short, errors = await _accounts(store, case["id"], case, as_unknown=as_unknown)

        assert out - doubtful == set(case["out"]) - doubtful, case["id"]
        assert short - doubtful == set(case["short"]) - doubtful, case["id"]
        nobody = case["kind"] in ("unknown_feeder", "area_without_customers")
        assert bool(errors) is nobody, (case["id"], errors)
        if case["kind"] == "unknown_feeder":
            assert "equipment.unknown" in errors


# --- Never guessed ----------------------------------------------------------------------------------


def test_an_unknown_name_matches_nothing_and_is_an_error() -> None:
    """With the names that look like it."""
    match = matching.match(content(named("10kV城冻线", EquipmentKind.FEEDER)), TOWN)

    assert match.groups == ()
    assert codes(match)[0] == ("equipment.unknown", Severity.ERROR)
    assert "城东线" in match.findings[0].expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("10kV河07线", EquipmentKind.FEEDER),
        ("河07", EquipmentKind.UNKNOWN),
        ("同名台区", EquipmentKind.AREA),
        ("化肥厂", EquipmentKind.UNKNOWN),
    ],
)
def test_a_name_that_could_be_several_assets_is_refused(name: str, kind: EquipmentKind) -> None:
    """Two feeders of two stations, two areas, or a feeder and the area that has its name."""
    match = matching.match(content(named(name, kind)), TOWN)

    assert (match.areas, match.feeders) == ({}, {})
    assert codes(match)[0] == ("equipment.ambiguous", Severity.ERROR)


def test_the_station_tells_two_feeders_of_one_name_apart() -> None:
    """And two areas of one name, by the station that supplies them."""
    line = matching.match(content(named("河07线", EquipmentKind.FEEDER, "城南变")), TOWN)
    place = matching.match(content(named("同名台区", EquipmentKind.AREA, "城关变")), TOWN)

    assert set(line.feeders) == {4}
    assert set(place.areas) == {4}


@pytest.mark.parametrize(
    ("name", "kind"), [("城东线", EquipmentKind.FEEDER), ("一里台区", EquipmentKind.AREA)]
)
def test_a_station_that_contradicts_the_ledger_is_not_overlooked(
    name: str, kind: EquipmentKind
) -> None:
    """The only asset of that name belongs elsewhere: perhaps another one is meant."""
    match = matching.match(content(named(name, kind, "城南变")), TOWN)

    assert match.groups == ()
    assert codes(match)[0] == ("equipment.unknown", Severity.ERROR)


def test_a_ledger_that_knows_no_stations_is_asked_by_name_alone() -> None:
    """A ledger of lines and areas only still finds what a plan calls 城关变10kV城东线."""
    bare = NetworkIndex.of([], [feeder(1, "10kV城东线", None)], [area(1, "一里台区", 1)])

    line = matching.match(content(named("城东线", EquipmentKind.FEEDER, "城关变")), bare)
    place = matching.match(content(named("一里台区", EquipmentKind.AREA, "城关变")), bare)

    assert set(line.areas) == set(place.areas) == {1}


@pytest.mark.parametrize(
    "section",
    ["10kV中05线甲支线", "中05线23号杆以下", "10kV中05线#12杆后段", "城关变10kV中05线三里分支"],
)
def test_a_section_counts_as_its_whole_feeder_and_says_so(section: str) -> None:
    """The ledger knows no switches: rather too many told than too few, and somebody looks."""
    (item,) = read_equipment(section, EquipmentKind.UNKNOWN).equipment

    match = matching.match(content(item), TOWN)

    assert item.kind is EquipmentKind.SECTION
    assert (set(match.areas), set(match.feeders)) == ({3}, {2})
    assert codes(match) == [("equipment.section_as_feeder", Severity.WARNING)]


@pytest.mark.parametrize(
    "section", ["城东二线甲支线", "小城东线甲支线", "中050线甲支线", "城东12线甲支线", "河07线支线"]
)
def test_a_section_of_a_feeder_that_is_not_in_the_ledger_is_not_given_to_a_neighbour(
    section: str,
) -> None:
    """城东二线 is not 城东线 with something behind it; and 河07线 stands there twice."""
    match = matching.match(content(named(section, EquipmentKind.SECTION)), TOWN)

    assert match.groups == ()
    assert codes(match)[0] == ("equipment.unknown", Severity.ERROR)


# --- Classes ----------------------------------------------------------------------------------------


def _transfer(transition: Transition, *areas: str, spans: Sequence[Window] = SPANS) -> Transfer:
    return Transfer(
        equipment=tuple(named(name, EquipmentKind.AREA) for name in areas),
        transition=transition,
        spans=tuple(spans),
    )


@pytest.mark.parametrize(
    ("transition", "expected"),
    [
        (Transition.OPEN, (ImpactClass.SHORT, SPANS)),
        (Transition.CLOSED, (ImpactClass.TRANSFERRED_LIVE, SPANS)),
    ],
)
def test_an_area_listed_as_transferred_is_not_out_with_its_feeder(
    transition: Transition, expected: tuple[ImpactClass, tuple[Window, ...]]
) -> None:
    """The closer naming wins."""
    plan = content(
        named("城东线", EquipmentKind.FEEDER), transfers=[_transfer(transition, "二里台区")]
    )

    match = matching.match(plan, TOWN)

    by_number = {g.number: (g.impact_class, g.windows) for g in match.groups}
    assert by_number[match.areas[1]] == (ImpactClass.OUT, (OUTAGE,))
    assert by_number[match.areas[2]] == expected
    assert match.findings == ()


def test_an_area_named_both_out_and_transferred_is_out_and_somebody_looks() -> None:
    """Of two contradicting claims the graver one, with a finding."""
    plan = content(
        named("二里台区", EquipmentKind.AREA), transfers=[_transfer(Transition.OPEN, "二里台区")]
    )

    match = matching.match(plan, TOWN)

    assert [g.impact_class for g in match.groups] == [ImpactClass.OUT]
    assert codes(match) == [("impact.contradictory", Severity.WARNING)]


def test_a_transfer_without_spans_is_expected_around_both_ends_of_the_outage() -> None:
    """Assumed, and said so."""
    plan = content(
        named("城东线", EquipmentKind.FEEDER),
        transfers=[_transfer(Transition.OPEN, "二里台区", spans=())],
    )

    match = matching.match(plan, TOWN)

    short = next(g for g in match.groups if g.impact_class is ImpactClass.SHORT)
    at_start, at_end = short.windows
    assert at_start.contains(OUTAGE.starts_at)
    assert at_end.contains(OUTAGE.ends_at)
    assert ("transfer.span_assumed", Severity.WARNING) in codes(match)


def test_a_short_transfer_without_more_words_moves_what_it_names() -> None:
    """Its windows are the spans in which the seconds fall."""
    plan = content(
        named("城东线", EquipmentKind.FEEDER), kind=PlanKind.SHORT_TRANSFER, windows=SPANS
    )

    match = matching.match(plan, TOWN)

    assert [(g.impact_class, g.windows) for g in match.groups] == [(ImpactClass.SHORT, SPANS)]


def test_areas_without_customers_are_noted_and_nobody_at_all_is_an_error() -> None:
    """An empty impact forbids approval; one empty area among others is looked at."""
    some = matching.match(
        content(named("空台区", EquipmentKind.AREA), named("一里台区", EquipmentKind.AREA)), TOWN
    )
    nobody = matching.match(content(named("空台区", EquipmentKind.AREA)), TOWN)

    assert codes(some) == [("area.without_customers", Severity.WARNING)]
    assert codes(nobody) == [("impact.empty", Severity.ERROR)]


@given(st.permutations(["城东线", "中05线", "一里台区", "三里台区", "花城Ⅰ回"]))
def test_the_order_in_which_a_plan_names_things_does_not_matter(order: list[str]) -> None:
    """Nor does naming an area whose feeder is out as well."""
    expected = matching.match(content(*(named(name) for name in sorted(order))), TOWN)

    match = matching.match(content(*(named(name) for name in order)), TOWN)

    assert (match.areas, match.feeders) == (expected.areas, expected.feeders)
    assert set(match.areas) == {1, 2, 3}
    assert len(match.groups) == 1
