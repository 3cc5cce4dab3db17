"""What all pages share: templates, words, times, bars; and errors as pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from aiohttp import web

from notifier.clock import SimulatedClock
from notifier.domain import errors as refusals
from notifier.domain.timetext import Teller
from notifier.domain.window import Window
from notifier.rendering.library import shipped_folder
from notifier.web import errors, words
from notifier.web.context import PAGES, SERVICE, Principal

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a bar: ``colour`` names a class of the style sheet, ``x`` and ``width`` are of 1000."""

    label: str
    count: int
    colour: str
    x: float
    width: float


def environment(own_folder: Path | None, zone: ZoneInfo) -> jinja2.Environment:
    """The templates of pages, those of ``own_folder`` before the shipped ones."""
    folders = [shipped_folder() / "web"]
    if own_folder is not None:
        folders.insert(0, own_folder / "web")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
    )
    made.filters["time"] = lambda at: "" if at is None else f"{at.astimezone(zone):%m-%d %H:%M}"
    made.filters["hour"] = lambda at: "" if at is None else f"{at.astimezone(zone):%H:%M}"
    made.filters["field"] = lambda at: f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"
    made.filters["stamp"] = lambda at: (
        "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    )
    made.filters["iso"] = lambda at: at.astimezone(zone).isoformat(timespec="seconds")
    made.filters["thousands"] = lambda number: f"{number:,}"
    made.globals["words"] = words.words
    made.globals["W"] = words
    return made


def render(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    who: Principal | None = None,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> web.Response:
    """A page or a part of one."""
    service = request.app[SERVICE]
    text = (
        request.app[PAGES]
        .get_template(template)
        .render(
            utility=service.settings.utility,
            who=who,
            now=service.clock.now(),
            is_simulated=isinstance(service.clock, SimulatedClock),
            speed=service.clock.speed if isinstance(service.clock, SimulatedClock) else 1.0,
            path=request.path,
            status=status,
            **values,
        )
    )
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers=headers
    )


def bar(parts: Iterable[tuple[str, int, str]]) -> list[Part]:
    """Counts as parts of a bar of width 1000; what is there is never too thin to be seen."""
    present = [(label, count, colour) for label, count, colour in parts if count > 0]
    total = sum(count for _, count, _ in present)
    found, x = [], 0.0
    widths = [max(8.0, 1000 * count / total) for _, count, _ in present]
    scale = 1000 / sum(widths) if widths else 1.0
    for (label, count, colour), width in zip(present, widths, strict=True):
        wide = width * scale
        found.append(
            Part(label=label, count=count, colour=colour, x=round(x, 1), width=round(wide, 1))
        )
        x += wide
    return found


def told_times(
    windows: Sequence[Window], *, zone: ZoneInfo, now: datetime, is_short: bool = False
) -> tuple[str, str]:
    """Windows in words, Chinese and English; empty where there is none."""
    if not windows:
        return "", ""
    chinese = Teller(zone=zone, now=now, locale="zh")
    english = Teller(zone=zone, now=now, locale="en")
    if is_short:
        return chinese.moments(windows), english.moments(windows)
    return chinese.windows(windows), english.windows(windows)


def error_page(request: web.Request, status: int, sentence: str | None) -> web.StreamResponse:
    """An error for people."""
    titles = {
        403: ("不允许", "Not allowed"),
        404: ("没有找到", "Not found"),
        405: ("不支持的操作", "Not supported"),
        409: ("当前状态不允许", "Not in this state"),
        413: ("内容过大", "Too large"),
        422: ("内容有误", "Not valid"),
        500: ("服务内部错误", "A fault of ours"),
    }
    title = titles.get(status, ("出错了", "Something went wrong"))
    return render(request, "error.html.j2", status=status, title=title, sentence=sentence or "")


def of_refusal(request: web.Request, refusal: refusals.Refusal) -> web.StreamResponse:
    """What the service will not do, for people; whoever is nobody is asked to log in."""
    if isinstance(refusal, errors.Unauthenticated):
        to = request.path_qs if request.method == "GET" else "/"
        location = request.rel_url.with_path("/login").with_query({"to": to})
        raise web.HTTPSeeOther(str(location))
    return error_page(request, errors.status_of(refusal), refusal.sentence)
