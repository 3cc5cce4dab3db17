"""Messages prepared once and written for each recipient."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channel import Medium
from notifier.domain.finding import Severity
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Recipient, Stage
from notifier.domain.sms_parts import sms_parts, utf16_units
from notifier.rendering import variables
from notifier.rendering.library import Library
from notifier.rendering.messages import (
    MessageRenderer,
    TemplateHasConditions,
    TextLimits,
    VariableMissing,
)
from tests.rendering import samples

RENDERER = MessageRenderer(Library(), samples.UTILITY)
ADVANCE = samples.facts(Stage.ADVANCE)


def test_a_text_without_recipient_variables_is_written_once() -> None:
    """A million people get the same object: it costs nothing to hand out."""
    prepared = RENDERER.prepare("advance.sms.zh", ADVANCE, now=samples.NOW)

    one = prepared.render(Recipient(name="王芳"))
    other = prepared.render(Recipient(name="李雷", accounts=3))

    assert one is other
    assert not prepared.is_personal


def test_a_name_is_filled_in_where_the_template_asks_for_it() -> None:
    """In text and variables; without one, the word customer stands there."""
    prepared = RENDERER.prepare("advance.email.zh", ADVANCE, now=samples.NOW)

    named = prepared.render(Recipient(name="王芳"))
    nameless = prepared.render(Recipient())

    assert prepared.is_personal
    assert named.text.startswith("王芳，您好")
    assert named.variables["name"] == "王芳"
    assert nameless.text.startswith("客户，您好")
    assert nameless.variables["name"] == "客户"


@given(st.text(max_size=60))
def test_no_name_can_break_a_message(name: str) -> None:
    """Percent signs, braces, newlines and zeros are but characters, and few of them."""
    prepared = RENDERER.prepare("advance.voice.zh", ADVANCE, now=samples.NOW)
    plain = prepared.render(Recipient()).text

    rendered = prepared.render(Recipient(name=name))

    assert "\n" not in rendered.text
    assert "\x00" not in rendered.text
    assert rendered.text.endswith(plain.removeprefix("客户"))
    assert rendered.units <= utf16_units(plain) + 20


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_plan_can_break_a_message(where: str, works: str) -> None:
    """Whatever a spreadsheet cell holds, an SMS is one line of bounded length."""
    facts = samples.facts(Stage.ADVANCE, where=where, works=works)

    rendered = RENDERER.prepare("advance.sms.zh", facts, now=samples.NOW).render(Recipient())

    assert rendered.text.isprintable()
    assert all(rendered.variables.values())
    assert rendered.units <= 150


def test_rare_characters_count_as_providers_count_them() -> None:
    """Names of places have characters beyond the basic plane, two units each."""
    facts = samples.facts(Stage.ADVANCE, where="𡐓𣲘" * 20)

    rendered = RENDERER.prepare("advance.wechat.zh", facts, now=samples.NOW).render(Recipient())

    assert rendered.variables["where"] == "𡐓𣲘" * 4 + "𡐓等"
    assert utf16_units(rendered.variables["where"]) <= 20


def test_parts_and_units_count_the_signature() -> None:
    """What is billed is what arrives."""
    rendered = RENDERER.prepare("advance.sms.zh", ADVANCE, now=samples.NOW).render(Recipient())

    assert rendered.units == len(rendered.text) + len("【南州供电】")
    assert rendered.parts == sms_parts(rendered.text, "南州供电")
    assert "【" not in rendered.text


@pytest.mark.parametrize("template", RENDERER.list_templates())
def test_the_registered_text_filled_in_is_the_message(template: str) -> None:
    """What the gateway makes of its template and our variables is what we think we said."""
    wording, medium, _ = template.split(".")
    prefix, _, stage = wording.removesuffix("_today").removesuffix("_for_good").rpartition("_")
    impact_class = {"short": ImpactClass.SHORT, "live": ImpactClass.TRANSFERRED_LIVE}.get(prefix)
    facts = samples.facts(Stage(stage), impact_class=impact_class or ImpactClass.OUT)

    rendered = RENDERER.prepare(template, facts, now=samples.NOW).render(Recipient(name="王芳"))
    registered = RENDERER.provider_text(template)

    named = set(re.findall(r"\$\{(\w+)\}", registered))
    filled = re.sub(r"\$\{(\w+)\}", lambda match: rendered.variables[match[1]], registered)
    assert filled == rendered.text
    assert named == set(rendered.variables)
    assert rendered.title or medium in (Medium.SMS, Medium.VOICE)


def test_conditions_cannot_be_registered(tmp_path: Path) -> None:
    """Asked for the text of such a template, the renderer refuses."""
    file = tmp_path / "messages" / "advance" / "push.zh.txt.j2"
    file.parent.mkdir(parents=True)
    file.write_text("{% if works %}停电{% endif %}", encoding="utf-8")
    renderer = MessageRenderer(Library(tmp_path), samples.UTILITY)

    with pytest.raises(TemplateHasConditions, match="free text only"):
        renderer.provider_text("advance.push.zh")


def test_a_correction_that_does_not_know_what_it_corrects_is_refused() -> None:
    """Rather than a message that says: moved from nothing."""
    facts = replace(samples.facts(Stage.RESCHEDULED), told_windows=())

    with pytest.raises(VariableMissing, match="told_when"):
        RENDERER.prepare("rescheduled.sms.zh", facts, now=samples.NOW)


def test_what_was_prepared_is_kept_for_the_day() -> None:
    """Preparing the same notice for the next batch costs a look-up; at new year it is done anew."""
    first = RENDERER.prepare("advance.sms.zh", ADVANCE, now=samples.NOW)

    assert RENDERER.prepare("advance.sms.zh", ADVANCE, now=samples.NOW) is first
    later = RENDERER.prepare("advance.sms.zh", ADVANCE, now=samples.NOW + timedelta(days=60))
    assert later.render(Recipient()).text.startswith("2026年11月24日")


def test_a_late_notice_names_the_window_that_runs_over() -> None:
    """Of several days, the end that changed."""
    facts = replace(
        samples.facts(Stage.LATE),
        told_windows=(*samples.OLD, *samples.NEW),
        windows=(*samples.LATE, *samples.NEW),
    )

    text = RENDERER.prepare("late.sms.zh", facts, now=samples.NOW).render(Recipient()).text

    assert "原定11月24日17:30" in text
    assert "延迟至11月24日19:45" in text


def test_over_length_is_found_before_approval() -> None:
    """Units, parts, titles and fields against the limits of the medium."""
    facts = samples.facts(Stage.ADVANCE)

    tight = TextLimits(max_units=50, max_parts=1, max_variable=5)
    found = RENDERER.check("advance.sms.zh", [facts], now=samples.NOW, limits=tight)

    codes = {item.code: item for item in found}
    assert codes["message.too_long"].severity is Severity.ERROR
    assert codes["message.too_many_parts"].severity is Severity.WARNING
    assert {item.column for item in found if item.code == "message.variable_too_long"} >= {"when"}
    assert codes["message.too_long"].sheet == "advance.sms.zh"
    assert RENDERER.check("advance.sms.zh", [facts], now=samples.NOW) == ()


def test_a_shortened_place_is_shown_to_the_approver() -> None:
    """It fits, and says 等 where the plan has more: somebody should have seen that."""
    long = "、".join(f"东风路{n}号公变" for n in range(1, 40))
    facts = samples.facts(Stage.ADVANCE, where=long)

    (found,) = RENDERER.check("advance.sms.zh", [facts], now=samples.NOW)

    assert (found.code, found.severity, found.column) == (
        "message.shortened", Severity.INFO, "where",
    )  # fmt: skip
    assert found.found == "东风路1号公变、东风路2号公变、东风路3号公变、东风路4号公变等"
    assert found.expected == long


def test_a_missing_variable_is_a_finding_of_the_check() -> None:
    """So that one bad sample does not hide the others."""
    facts = replace(samples.facts(Stage.LATE), told_windows=())

    found = RENDERER.check("late.sms.zh", [facts], now=samples.NOW)

    assert [item.code for item in found] == ["template.variable_missing"]


@pytest.mark.parametrize(
    ("works", "tidied"),
    [
        ("因更换变压器停电。", "更换变压器"),
        ("  更换\n导线；", "更换 导线"),
        ("停电", ""),
        ("由于市政施工需要", "市政施工需要"),
    ],
)
def test_works_are_made_to_fit_their_place_in_the_sentence(works: str, tidied: str) -> None:
    """因…停电 is the template's; the plan's own are taken off."""
    assert variables.tidy_works(works) == tidied


def test_the_link_carries_the_number_safely() -> None:
    """A number with a slash or Chinese in it stays one path segment."""
    assert samples.UTILITY.link_to("检/1") == "https://example.org/o/%E6%A3%80%2F1"
