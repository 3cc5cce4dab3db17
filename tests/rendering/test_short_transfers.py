"""The words for seconds: both moments named, what was said before, and advice that fits."""

from dataclasses import replace

import pytest

from notifier.channel import Medium
from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Recipient, Stage, Wording, wording_of
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer, Rendered
from tests.rendering import samples

RENDERER = MessageRenderer(Library(), samples.UTILITY)
ONE_DAY = (
    samples.window("2026-11-24T07:45", "2026-11-24T08:15"),
    samples.window("2026-11-24T17:15", "2026-11-24T17:45"),
)
FREE = (Medium.SMS, Medium.PUSH, Medium.EMAIL, Medium.POSTING, Medium.VOICE)


def write(facts: Facts, medium: Medium, locale: str = "zh") -> Rendered:
    wording = wording_of(facts.stage, facts.impact_class)
    template = f"{wording.value}.{medium.value}.{locale}"
    return RENDERER.prepare(template, facts, now=samples.NOW).render(Recipient())


def short(stage: Stage = Stage.ADVANCE, **more: object) -> Facts:
    made = samples.facts(stage, impact_class=ImpactClass.SHORT, **more)  # type: ignore[arg-type]
    return replace(made, windows=ONE_DAY)


def test_a_text_message_says_which_moment_is_which() -> None:
    """Over to the other line in the morning, back in the evening: seconds each time."""
    text = write(short(), Medium.SMS).text

    assert (
        "将短时停电：11月24日（周二）07:45-08:15之间切换、17:15-17:45之间切回，各停约几秒钟。"
        in text
    )
    english = write(short(), Medium.SMS, "en").text
    assert (
        "off for a few seconds twice, within Tue 24 Nov 07:45-08:15 (transfer)"
        " and 17:15-17:45 (back)" in english
    )


@pytest.mark.parametrize("medium", FREE)
@pytest.mark.parametrize("stage", [Stage.ADVANCE, Stage.REMINDER, Stage.RESCHEDULED])
def test_nobody_who_is_out_for_seconds_is_told_of_the_day(stage: Stage, medium: Medium) -> None:
    """Nor that lines may come back early, or to store water."""
    text = write(short(stage), medium).text

    assert "切换" in text
    assert "切回" in text
    assert "约几秒钟" in text
    for wrong in ("07:45-17:45", "可能提前送电", "蓄水", "每天"):
        assert wrong not in text


def test_wechat_names_each_moment_in_a_field_of_its_own() -> None:
    """And says so where there is but one, or where there are more than it has fields for."""
    both = write(short(), Medium.WECHAT)
    once = write(replace(short(), windows=ONE_DAY[:1]), Medium.WECHAT)
    often = write(replace(short(), windows=(*ONE_DAY, *samples.NEW_SPANS)), Medium.WECHAT)

    assert "切换时段：11月24日07:45-08:15\n切回时段：11月24日17:15-17:45" in both.text
    assert "约几秒钟" in both.title
    assert "切回时段：不再停电" in once.text
    assert "切换时段：11月24日07:45起，共4次\n切回时段：已含在上述次数内" in often.text


@pytest.mark.parametrize(
    ("audience", "need", "words"),
    [
        (Audience.PROPERTY_MANAGER, Need.LIFT, "请停用电梯"),
        (Audience.HIGH_RISE, Need.LIFT, "这段时间请勿乘电梯"),
        (Audience.SENSITIVE, Need.PUMP, "水泵可能停转"),
        (Audience.SENSITIVE, Need.MACHINE, "设备可能停机"),
        (Audience.SENSITIVE, Need.HATCHERY, "请随后检查风机和温控"),
        (Audience.SENSITIVE, Need.DATA_CENTRE, "请确认UPS正常"),
        (Audience.SENSITIVE, Need.MEDICAL, "请确认医疗设备后备电源"),
        (Audience.SENSITIVE, Need.COLD_STORE, "请随后检查制冷机"),
        (Audience.LIFE_SUPPORT, Need.MEDICAL, "请备好设备电池"),
        (Audience.ORDINARY, Need.NONE, "勿乘电梯"),
    ],
)
@pytest.mark.parametrize("medium", [Medium.SMS, Medium.WECHAT])
def test_advice_for_seconds_fits_the_customer(
    audience: Audience, need: Need, words: str, medium: Medium
) -> None:
    """Nobody fetches a generator for seconds; a fan that stopped must be started again."""
    text = write(short(audience=audience, need=need), medium).text

    assert words in text
    assert not any(wrong in text for wrong in ("发电机", "蓄水", "提前停机", "提前送电"))


@pytest.mark.parametrize("medium", FREE)
def test_hours_that_became_seconds_say_what_was_said_before(medium: Medium) -> None:
    """A healthy part that is transferred after all."""
    facts = replace(short(Stage.RESCHEDULED), told_windows=samples.OLD, told_class=ImpactClass.OUT)

    text = write(facts, medium).text

    assert text.index("停电") >= 0
    before, after = text.split("改为", 1)
    assert "原定" in before
    assert "短时停电" not in before.split("原定", 1)[1]
    assert "切换" in after


@pytest.mark.parametrize("medium", FREE)
def test_seconds_that_became_hours_say_what_was_said_before(medium: Medium) -> None:
    """So that nobody takes the new time for seconds too."""
    facts = replace(
        samples.facts(Stage.RESCHEDULED), told_windows=samples.SPANS, told_class=ImpactClass.SHORT
    )

    text = write(facts, medium).text

    assert "短时停电" in text
    assert "改为" in text
    assert "09:00" in text or "9点" in text


@pytest.mark.parametrize("medium", [*FREE, Medium.WECHAT])
def test_where_supply_stays_on_nothing_speaks_of_an_outage(medium: Medium) -> None:
    """A closed transition, for those whom the policy has hear of it."""
    facts = samples.facts(Stage.ADVANCE, impact_class=ImpactClass.TRANSFERRED_LIVE)

    rendered = write(facts, medium)

    assert wording_of(facts.stage, facts.impact_class) is Wording.LIVE_ADVANCE
    assert "供电不中断" in rendered.text
    assert "电压" in rendered.text
    for wrong in ("停电通知", "提前送电", "蓄水", "停机"):
        assert wrong not in rendered.text + rendered.title
