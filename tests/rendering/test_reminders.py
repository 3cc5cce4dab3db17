"""A reminder of one day of several: what it names, how it says that others follow, and what it costs."""

import itertools
from dataclasses import replace

import pytest

from notifier.channel import Medium
from notifier.domain import finding
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Recipient, Stage
from notifier.domain.sms_parts import is_gsm
from notifier.domain.window import Window
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer, Rendered
from tests.rendering import samples

RENDERER = MessageRenderer(Library(), samples.UTILITY)


def window(day: int, starts: str = "08:00", ends: str = "17:30", month: int = 11) -> Window:
    return samples.window(
        f"2026-{month:02d}-{day:02d}T{starts}", f"2026-{month:02d}-{day:02d}T{ends}"
    )


MORNING, AFTERNOON = window(24, "08:00", "12:00"), window(24, "14:00", "17:00")
SECOND, THIRD = window(25, "09:15", "12:45"), window(26, "13:20", "18:35")
DAYS = (MORNING, AFTERNOON, SECOND, THIRD)


def reminder(
    windows: tuple[Window, ...], of_day: tuple[Window, ...], impact_class: ImpactClass
) -> Facts:
    facts = samples.facts(Stage.REMINDER, impact_class=impact_class)
    return replace(facts, windows=windows, of_day=of_day)


def write(facts: Facts, medium: Medium, locale: str = "zh") -> Rendered:
    template = f"{facts.wording.value}.{medium.value}.{locale}"
    return RENDERER.prepare(template, facts, now=samples.NOW).render(Recipient())


@pytest.mark.parametrize("locale", samples.LOCALES)
@pytest.mark.parametrize("medium", [m for m in Medium if m is not Medium.POSTING])
@pytest.mark.parametrize("impact_class", [ImpactClass.OUT, ImpactClass.SHORT])
def test_a_reminder_tells_the_hours_of_its_day_alone(
    impact_class: ImpactClass, medium: Medium, locale: str
) -> None:
    """Those of other days would be taken for tomorrow's."""
    facts = reminder(DAYS, (MORNING, AFTERNOON), impact_class)

    text = write(facts, medium, locale).text

    hour = "8点" if medium is Medium.VOICE and locale == "zh" else "08:00"
    assert hour in text
    assert not any(other in text for other in ("09:15", "9点15", "13:20", "13点20")), text


@pytest.mark.parametrize(
    ("days", "chinese", "english"),
    [
        ((24,), "11月24日（周二）08:00-17:30，", "Tue 24 Nov 08:00-17:30."),
        ((24, 25), "（周二）08:00-17:30（另有25日），", "08:00-17:30 (also 25 Nov)."),
        ((24, 25, 26, 27), "（另有25日至27日），", "(also 25-27 Nov)."),
        ((24, 26, 28), "（另有26日、28日），", "(also 26 and 28 Nov)."),
        ((20, 22, 24, 26, 28, 30), "（另有多日至30日），", "(also other days until 30 Nov)."),
    ],
)
def test_later_days_are_named_in_short(days: tuple[int, ...], chinese: str, english: str) -> None:
    """By their dates, those in a row as a range, and of very many the last."""
    windows = tuple(window(day) for day in days)
    facts = reminder(windows, windows[:1] if len(days) > 1 else (), ImpactClass.OUT)

    assert chinese in write(facts, Medium.SMS).text
    assert english in write(facts, Medium.SMS, "en").text


def test_the_last_day_has_no_other_after_it() -> None:
    """Days that are over are not spoken of."""
    text = write(reminder(DAYS, (THIRD,), ImpactClass.OUT), Medium.SMS).text

    assert "11月26日（周四）13:20-18:35，" in text
    assert "另有" not in text


def test_the_next_month_and_the_next_year_are_named() -> None:
    """A 4th alone would be that of this month."""
    december = (window(30), window(4, month=12))
    january = (window(30), samples.window("2027-01-04T08:00", "2027-01-04T12:00"))

    assert (
        "（另有12月4日）"
        in write(reminder(december, december[:1], ImpactClass.OUT), Medium.SMS).text
    )
    assert (
        "（另有2027年1月4日）"
        in write(reminder(january, january[:1], ImpactClass.OUT), Medium.SMS).text
    )
    assert (
        "(also 4 Jan 2027)"
        in write(reminder(january, january[:1], ImpactClass.OUT), Medium.SMS, "en").text
    )


def test_paper_names_every_day() -> None:
    """It hangs until the last of them, and takes the place of the notice that named them all."""
    text = write(reminder(DAYS, (MORNING, AFTERNOON), ImpactClass.OUT), Medium.POSTING).text

    assert "09:15-12:45" in text
    assert "13:20-18:35" in text
    assert "另有" not in text


def test_a_card_has_the_days_that_follow_in_the_place_of_the_second_moment() -> None:
    """It must not say that supply is not switched again."""
    spans = tuple(window(day, "22:00", "22:15") for day in (24, 25, 26))

    first = write(reminder(spans, spans[:1], ImpactClass.SHORT), Medium.WECHAT)
    last = write(reminder(spans, spans[2:], ImpactClass.SHORT), Medium.WECHAT)

    assert first.variables["again"] == "另有25日、26日"
    assert last.variables["again"] == "不再停电"


def test_a_reminder_of_one_day_costs_no_more_than_one_of_all_where_hours_differ() -> None:
    """The first of three days with hours of their own; the last costs less in any case."""
    for locale in samples.LOCALES:
        whole = write(reminder(DAYS, (), ImpactClass.OUT), Medium.SMS, locale)
        first = write(reminder(DAYS, (MORNING, AFTERNOON), ImpactClass.OUT), Medium.SMS, locale)
        last = write(reminder(DAYS, (THIRD,), ImpactClass.OUT), Medium.SMS, locale)

        assert last.units < first.units < whole.units
        assert first.parts <= whole.parts


def test_everybody_is_reminded_in_words_that_fit() -> None:
    """Every audience × need × class × medium × language, with days to come and without."""
    for medium, locale, impact_class, audience, need, of_day in itertools.product(
        Medium,
        samples.LOCALES,
        (ImpactClass.OUT, ImpactClass.SHORT),
        Audience,
        Need,
        ((MORNING, AFTERNOON), (SECOND,), (THIRD,)),
    ):
        facts = replace(reminder(DAYS, of_day, impact_class), audience=audience, need=need)
        template = f"{facts.wording.value}.{medium.value}.{locale}"
        rendered = write(facts, medium, locale)

        assert all(rendered.variables.values()), rendered.variables
        found = RENDERER.check(template, [facts], now=samples.NOW)
        assert not finding.has_errors(found), found
        if medium is Medium.SMS and locale == "zh" and impact_class is ImpactClass.OUT:
            # Gateways in China commonly bound a variable to 35 characters.
            limit = 35 if len(of_day) == 1 else 45
            assert all(len(value) <= limit for value in rendered.variables.values())
        if medium is Medium.SMS and locale == "en":
            plain = replace(facts, where="Mill Lane 1-40", works="transformer replacement")
            assert is_gsm(write(plain, medium, locale).text)
