"""Hours that become seconds, or seconds that become hours: every message says what it was and is."""

import itertools
import re
from dataclasses import replace

import pytest

from notifier.channel import Medium
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Recipient, Stage
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from tests.rendering import samples

RENDERER = MessageRenderer(Library(), samples.UTILITY)
PLACES = list(itertools.product(Medium, samples.LOCALES))
#: What stands for seconds, and what for hours: 短时停电 holds 停电.
SECONDS = {"zh": "短时停电|几秒钟", "en": "short interruption|seconds"}
HOURS = {"zh": "(?<!短时)停电", "en": "power cut"}


def _text(impact_class: ImpactClass, told: ImpactClass, medium: Medium, locale: str) -> str:
    facts = replace(samples.facts(Stage.RESCHEDULED, impact_class=impact_class), told_class=told)
    template = f"{facts.wording.value}.{medium.value}.{locale}"
    return RENDERER.prepare(template, facts, now=samples.NOW).render(Recipient(name="")).text


@pytest.mark.parametrize(("medium", "locale"), PLACES)
def test_seconds_that_become_hours_are_named_both(medium: Medium, locale: str) -> None:
    """Whoever did not prepare for seconds has to prepare now."""
    text = _text(ImpactClass.OUT, ImpactClass.SHORT, medium, locale)

    assert re.search(HOURS[locale], text, re.IGNORECASE), text
    if medium is not Medium.WECHAT or locale == "zh":
        assert re.search(SECONDS[locale], text, re.IGNORECASE), text


@pytest.mark.parametrize(("medium", "locale"), PLACES)
def test_hours_that_become_seconds_are_named_both(medium: Medium, locale: str) -> None:
    """Whoever prepared for hours need not."""
    text = _text(ImpactClass.SHORT, ImpactClass.OUT, medium, locale)

    assert re.search(SECONDS[locale], text, re.IGNORECASE), text
    if medium is not Medium.WECHAT or locale == "zh":
        assert re.search(HOURS[locale], text, re.IGNORECASE), text


def test_a_card_says_it_where_the_advice_stood() -> None:
    """Twenty characters, and only where the kind has changed."""
    turned = _text(ImpactClass.OUT, ImpactClass.SHORT, Medium.WECHAT, "zh")
    moved = _text(ImpactClass.OUT, ImpactClass.OUT, Medium.WECHAT, "zh")

    assert "由短时停电改为停电" in turned
    assert "改为停电" not in moved
