"""Every template, for everybody it may be sent to."""

import itertools
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.channel import Medium
from notifier.domain import finding
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import CORRECTIONS, Facts, Recipient, Stage, Wording, wording_of
from notifier.domain.sms_parts import is_gsm
from notifier.domain.window import Window
from notifier.rendering.library import Library
from notifier.rendering.messages import LIMITS, MessageRenderer, Rendered
from tests.rendering import samples

RENDERER = MessageRenderer(Library(), samples.UTILITY)
PLACES = list(itertools.product(Medium, samples.LOCALES))
IDS = [f"{medium.value}.{locale}" for medium, locale in PLACES]
TOLD = [ImpactClass.OUT, ImpactClass.SHORT]


def write(facts: Facts, medium: Medium, locale: str, name: str = "") -> Rendered:
    template = f"{facts.wording.value}.{medium.value}.{locale}"
    return RENDERER.prepare(template, facts, now=samples.NOW).render(Recipient(name=name))


def times(text: str) -> set[str]:
    """The hours a text tells, those for a voice too."""
    spoken = re.findall(r"(\d+)点(?:零?(\d+)分)?", text)
    said = {f"{int(hour):02d}:{int(minute or 0):02d}" for hour, minute in spoken}
    return said | set(re.findall(r"\d\d:\d\d", text))


def test_no_template_is_missing_and_none_is_left_over() -> None:
    """Twelve wordings by six media in two languages, corrections on paper included."""
    wanted = {
        f"{wording.value}.{medium.value}.{locale}"
        for wording in Wording
        for medium, locale in PLACES
    }

    assert set(RENDERER.list_templates()) == wanted


@pytest.mark.parametrize(("medium", "locale"), PLACES, ids=IDS)
def test_everybody_gets_a_message_that_fits(medium: Medium, locale: str) -> None:
    """Every audience × need × class × stage is written, nothing is empty, nothing is over length."""
    for stage, impact_class, audience, need in itertools.product(
        Stage, ImpactClass, Audience, Need
    ):
        facts = samples.facts(stage, impact_class=impact_class, audience=audience, need=need)
        template = f"{wording_of(stage, impact_class).value}.{medium.value}.{locale}"

        rendered = write(facts, medium, locale)

        assert "\n\n\n" not in rendered.text
        assert all(rendered.variables.values()), (template, audience, need, rendered.variables)
        assert not re.search(r"[{}$\x00]|None|  |。。|，。|(?<!\.)\.\.(?!\.)| ,", rendered.text), (
            rendered.text
        )
        found = RENDERER.check(template, [facts], now=samples.NOW)
        wrong = [item for item in found if item.severity is not finding.Severity.INFO]
        assert not wrong or (locale == "en" and medium is Medium.SMS), wrong
        assert not finding.has_errors(found), found


@pytest.mark.parametrize(("medium", "locale"), PLACES, ids=IDS)
@pytest.mark.parametrize("impact_class", TOLD)
@pytest.mark.parametrize("stage", list(Stage))
def test_messages_tell_the_times_of_the_plan(
    stage: Stage, impact_class: ImpactClass, medium: Medium, locale: str
) -> None:
    """New times and old ones where something is put right, and where to ask."""
    facts = samples.facts(stage, impact_class=impact_class)

    rendered = write(facts, medium, locale)

    said = times(rendered.text)
    assert wanted_times(stage, impact_class) <= said, rendered.text
    if medium is Medium.VOICE:
        assert "9 5 5 9 8" in rendered.text
    else:
        assert "95598" in rendered.text


def wanted_times(stage: Stage, impact_class: ImpactClass) -> set[str]:
    is_short = impact_class is ImpactClass.SHORT
    old = {"22:00", "05:45"} if is_short else {"08:00", "17:30"}
    if stage in (Stage.ADVANCE, Stage.REMINDER):
        return old
    if stage is Stage.RESCHEDULED:
        return {"22:30", "05:15"} if is_short else old | {"09:00", "18:15"}
    if stage is Stage.LATE:
        # The last moment of the first span that changed; what was said before stands beside it.
        return {"22:45", "22:15"} if is_short else {"17:30", "19:45"}
    if stage is Stage.RESTORED:
        return {"16:40"}
    if stage is Stage.STARTED:
        return {"22:15"} if is_short else {"17:30"}
    return {"22:00"} if is_short else old


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.PUSH, Medium.EMAIL, Medium.POSTING])
def test_corrections_say_what_became_of_it(medium: Medium) -> None:
    """Moved, cancelled, no longer affected, late: in the words people look for."""
    words = {
        Stage.RESCHEDULED: ("原定", "改为"),
        Stage.CANCELLED: ("取消", "供电正常"),
        Stage.REMOVED: ("不再受影响",),
        Stage.LATE: ("预计延迟至",),
    }
    assert set(words) == CORRECTIONS

    for stage, wanted in words.items():
        text = write(samples.facts(stage), medium, "zh").text
        assert all(word in text for word in wanted), text


def test_a_planned_outage_promises_no_dead_line() -> None:
    """Power may come back early: every announcement of hours without it says so."""
    for stage, medium in itertools.product(
        (Stage.ADVANCE, Stage.REMINDER, Stage.STARTED, Stage.RESCHEDULED),
        (Medium.SMS, Medium.PUSH, Medium.EMAIL, Medium.POSTING, Medium.VOICE),
    ):
        text = write(samples.facts(stage), medium, "zh").text
        assert "可能提前送电" in text, text
        assert "接触" in text


def test_a_short_transfer_is_told_as_seconds_at_both_moments() -> None:
    """Not as an outage from the first span to the last."""
    for stage, medium in itertools.product(
        (Stage.ADVANCE, Stage.REMINDER, Stage.RESCHEDULED), Medium
    ):
        rendered = write(samples.facts(stage, impact_class=ImpactClass.SHORT), medium, "zh")
        assert "约几秒钟" in rendered.text + rendered.title
        assert len(times(rendered.text)) >= 4, rendered.text


@pytest.mark.parametrize(
    ("need", "word"),
    [
        (Need.LIFT, "电梯"),
        (Need.PUMP, "水泵"),
        (Need.MACHINE, "设备"),
        (Need.HATCHERY, "风机"),
        (Need.DATA_CENTRE, "UPS"),
        (Need.MEDICAL, "医疗"),
        (Need.COLD_STORE, "制冷"),
    ],
)
def test_advice_fits_what_the_customer_depends_on(need: Need, word: str) -> None:
    """Seconds stop a lift with people in it, a pump, a machine."""
    facts = samples.facts(
        Stage.ADVANCE, impact_class=ImpactClass.SHORT, audience=Audience.SENSITIVE, need=need
    )

    assert word in write(facts, Medium.SMS, "zh").text


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        (Audience.PROPERTY_MANAGER, ("停用电梯", "张贴", "水泵", "门禁")),
        (Audience.CRITICAL, ("确认收到",)),
        (Audience.LIFE_SUPPORT, ("后备电源", "95598")),
        (Audience.VILLAGE_OFFICE, ("转告",)),
        (Audience.ACCOUNT_MANAGER, ("签收",)),
    ],
)
def test_advice_fits_who_is_spoken_to(audience: Audience, words: tuple[str, ...]) -> None:
    """Managers act for a building, critical customers confirm, life support gets help."""
    text = write(samples.facts(Stage.ADVANCE, audience=audience), Medium.SMS, "zh").text

    assert all(word in text for word in words), text


def test_ordinary_chinese_sms_cost_two_parts_at_most() -> None:
    """134 units with the signature, for a typical place, at every stage and for every need."""
    for stage, impact_class, need in itertools.product(Stage, TOLD, Need):
        rendered = write(
            samples.facts(stage, impact_class=impact_class, need=need), Medium.SMS, "zh"
        )
        limit = 3 if (stage, impact_class) == (Stage.RESCHEDULED, ImpactClass.SHORT) else 2
        assert rendered.parts <= limit, rendered.text


def test_english_sms_stay_within_the_gsm_alphabet() -> None:
    """One stray dash would turn two parts into four."""
    for stage, impact_class, audience, need in itertools.product(
        Stage, ImpactClass, Audience, Need
    ):
        facts = samples.facts(
            stage, impact_class=impact_class, audience=audience, need=need,
            where="Mill Lane 1-40", works="transformer replacement",
        )  # fmt: skip
        text = write(facts, Medium.SMS, "en").text
        assert is_gsm(text), text
        assert len(text) <= 306, text


def test_gateway_variables_are_short() -> None:
    """Gateways in China commonly bound a variable to 35 characters; where and advice keep to it."""
    long = "、".join(f"东风路{n}号公变" for n in range(1, 40))
    for stage, audience, need in itertools.product(Stage, Audience, Need):
        facts = samples.facts(stage, audience=audience, need=need, where=long, works="更换" * 30)
        rendered = write(facts, Medium.SMS, "zh")
        for name, value in rendered.variables.items():
            assert len(value) <= 35, (name, value)


def test_wechat_fields_fit_whatever_the_plan_says() -> None:
    """Twenty characters and no newline, or WeChat cuts without a word."""
    limit = LIMITS[Medium.WECHAT].max_variable
    many = tuple(samples.window(f"2027-0{n}-15T22:00", f"2027-0{n}-16T06:00") for n in range(1, 5))
    for stage, locale in itertools.product(Stage, samples.LOCALES):
        facts = samples.facts(
            stage, where="一条没有标点而且很长很长的线路名称" * 3, works="检修\n" * 9
        )
        if stage not in (Stage.REMOVED, Stage.CANCELLED):
            facts = facts_with(facts, many)
        for value in write(facts, Medium.WECHAT, locale).variables.values():
            assert len(value) <= limit, value
            assert "\n" not in value


def facts_with(facts: Facts, windows: tuple[samples.Window, ...]) -> Facts:
    return Facts(
        number=facts.number,
        stage=facts.stage,
        impact_class=facts.impact_class,
        windows=windows,
        told_windows=facts.told_windows and windows[:2],
        audience=facts.audience,
        need=facts.need,
        where=facts.where,
        works=facts.works,
        revision=facts.revision,
        restored_at=facts.restored_at,
    )


@pytest.mark.parametrize(("medium", "locale"), PLACES, ids=IDS)
def test_a_restoration_says_what_becomes_of_the_days_to_come(medium: Medium, locale: str) -> None:
    """They stand, with their times; or they are off. It fits wherever a plain restoration does."""
    day = timedelta(days=1)
    plain = samples.facts(Stage.RESTORED)
    assert plain.restored_at is not None
    to_come = tuple(Window(w.starts_at + day, w.ends_at + day) for w in plain.told_windows)
    said = (*plain.told_windows, *to_come)
    stands = replace(plain, windows=to_come, told_windows=said)
    off = replace(plain, windows=plain.told_windows, told_windows=said)

    today, for_good = (write(facts, medium, locale) for facts in (stands, off))

    assert (stands.wording, off.wording) == (Wording.RESTORED_TODAY, Wording.RESTORED_FOR_GOOD)
    assert {"16:40", "08:00", "17:30"} <= times(today.text)
    assert "16:40" in times(for_good.text)
    assert "17:30" not in times(for_good.text)
    assert ("不再" if locale == "zh" else "off") in for_good.text
    for facts in (stands, off):
        template = f"{facts.wording.value}.{medium.value}.{locale}"
        found = RENDERER.check(template, [facts], now=samples.NOW)
        assert not finding.has_errors(found), found
