"""What a plan did to people follows from its revisions and from what was reported, and from nothing
else."""

from datetime import UTC, datetime, timedelta

from notifier.domain.happened import Chapter, Share, Spell, interruptions, spells
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.plan import Change
from notifier.domain.reliability import InterruptionKind, Quality
from notifier.domain.window import Window

DAY = datetime(2026, 3, 20, tzinfo=UTC)


def at(hour: float, day: int = 0) -> datetime:
    return DAY + timedelta(days=day, hours=hour)


def window(start: float, end: float, day: int = 0) -> Window:
    return Window(at(start, day), at(end, day))


def chapter(
    number: int = 1,
    change: Change = Change.SUBMITTED,
    *,
    made_at: datetime = DAY - timedelta(days=9),
    out: tuple[Window, ...] = (window(8, 18),),
    short: tuple[Window, ...] = (),
    other: ImpactClass | None = None,
    is_firm: bool = True,
    restored_at: datetime | None = None,
) -> Chapter:
    groups = [(ImpactClass.OUT, out), (ImpactClass.SHORT, short)]
    if other is not None:
        groups.append((other, out))
    return Chapter(
        number=number,
        change=change,
        made_at=made_at,
        is_firm=is_firm,
        points_id=7,
        groups={
            n: Group(number=n, impact_class=impact_class, windows=windows)
            for n, (impact_class, windows) in enumerate(groups, start=1)
            if windows
        },
        restored_at=restored_at,
    )


def outs(found: list[Spell]) -> list[Window]:
    return [spell.window for spell in found if spell.kind is InterruptionKind.OUT]


def shorts(found: list[Spell]) -> list[Window]:
    return [spell.window for spell in found if spell.kind is InterruptionKind.SHORT]


def test_every_window_of_an_approved_plan_is_an_interruption() -> None:
    """Two days are two, and where nobody reports otherwise the plan's times stand."""
    found = spells([chapter(out=(window(8, 18), window(8, 18, 1)))])

    assert outs(found) == [window(8, 18), window(8, 18, 1)]
    assert {spell.quality for spell in found} == {Quality.AS_PLANNED}


def test_who_keeps_supply_is_not_interrupted() -> None:
    """A closed transition, a lost second source, a customer beyond what is known: none counts."""
    for other in ImpactClass:
        if other not in (ImpactClass.OUT, ImpactClass.SHORT):
            assert spells([chapter(out=(), other=other)]) == []
            assert len(spells([chapter(other=other)])) == 1


def test_a_transfer_and_the_transfer_back_are_two() -> None:
    """Each is a moment of its own."""
    spans = (window(7.5, 8), window(18, 18.5))

    assert shorts(spells([chapter(out=(), short=spans)])) == list(spans)


def test_early_restoration_ends_the_outage_and_brings_the_load_back() -> None:
    """What begins after it did not happen, but whoever was transferred was transferred back then."""
    story = [
        chapter(out=(window(8, 18), window(8, 18, 1)), short=(window(7.5, 8), window(18, 18.5))),
        chapter(
            2, Change.RESTORED, made_at=at(15.2), restored_at=at(15),
            out=(window(8, 18), window(8, 18, 1)), short=(window(7.5, 8), window(18, 18.5)),
        ),
    ]  # fmt: skip

    found = spells(story)

    assert outs(found) == [window(8, 15)]
    assert shorts(found) == [window(7.5, 8), window(15, 15.5)]
    assert {spell.quality for spell in found} == {Quality.MEASURED}


def test_late_restoration_prolongs_what_was_to_end_last() -> None:
    """Who was to be back at noon was back at noon; the others waited."""
    early = Group(number=1, impact_class=ImpactClass.OUT, windows=(window(8, 12),))
    late = Group(number=2, impact_class=ImpactClass.OUT, windows=(window(8, 18),))
    whole = chapter(2, Change.RESTORED, made_at=at(20), restored_at=at(19.5))
    whole = Chapter(
        number=2, change=Change.RESTORED, made_at=at(20), is_firm=True, points_id=7,
        groups={1: early, 2: late}, restored_at=at(19.5),
    )  # fmt: skip

    assert outs(spells([chapter(), whole])) == [window(8, 12), window(8, 19.5)]


def test_a_delay_corrects_the_revision_before_it_wholly() -> None:
    """The window that ran on is one interruption, however often it was prolonged."""
    story = [
        chapter(out=(window(8, 18, -1), window(8, 18))),
        chapter(2, Change.DELAYED, made_at=at(17), out=(window(8, 18, -1), window(8, 20))),
        chapter(3, Change.DELAYED, made_at=at(19), out=(window(8, 18, -1), window(8, 22))),
    ]

    assert outs(spells(story)) == [window(8, 18, -1), window(8, 22)]


def test_a_revision_changes_the_future_and_not_the_past() -> None:
    """The first day was over when the plan was revised: it happened, whatever the plan says now."""
    story = [
        chapter(out=(window(8, 18), window(8, 18, 1))),
        chapter(2, Change.REVISED, made_at=at(20), out=(window(9, 12, 3),), is_firm=False),
    ]

    found = spells(story)

    assert [(s.window, s.is_firm) for s in found] == [
        (window(8, 18), True),
        (window(9, 12, 3), False),
    ]


def test_what_was_moved_in_time_does_not_happen_twice() -> None:
    """Moved days before, carried out as moved, restored: the first date was no outage."""
    story = [
        chapter(out=(window(8, 18),)),
        chapter(2, Change.REVISED, made_at=at(0, -2), out=(window(8, 18, 1),)),
        chapter(
            3, Change.RESTORED, made_at=at(19, 1), out=(window(8, 18, 1),), restored_at=at(18, 1)
        ),
    ]

    assert outs(spells(story)) == [window(8, 18, 1)]


def test_what_was_never_approved_leaves_nothing_behind() -> None:
    """A draft that was replaced, or whose time passed while it was a draft, interrupted nobody."""
    story = [
        chapter(is_firm=False),
        chapter(2, Change.REVISED, made_at=at(20), out=(window(8, 18, 5),), is_firm=False),
    ]

    assert outs(spells(story)) == [window(8, 18, 5)]
    assert not spells(story)[0].is_firm


def test_cancelling_before_the_outage_leaves_nothing_and_during_it_ends_it() -> None:
    """Whoever was out until the cancellation was out."""
    for cancelled_at, expected in ((at(-30), []), (at(10), [window(8, 10)])):
        story = [chapter(), chapter(2, Change.CANCELLED, made_at=cancelled_at, is_firm=False)]

        assert outs(spells(story)) == expected


def test_spells_fall_on_the_areas_that_are_in_their_group() -> None:
    """An area wholly in the group counts as a whole, another by its frozen customers."""
    told = spells([chapter(short=(window(7.5, 8),))])
    shares = {7: [Share(1, 5, 1, 40, True), Share(2, 5, 1, 3, False), Share(2, 5, 2, 9, False)]}

    found = interruptions(told, shares)

    assert [(i.kind.name, i.area_id, i.customers, i.is_whole) for _, i in found] == [
        ("OUT", 1, 40, True),
        ("OUT", 2, 3, False),
        ("SHORT", 2, 9, False),
    ]
