"""Posters: the notice on paper, an A4 page a door, with a QR code to what holds now.

Typst draws them from ``templates/posting/poster.typ``; equal sheets give equal bytes. It uses every
core by itself, so one worker thread is enough and more would only wait.
"""

import asyncio
import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import segno
import typst

from notifier.channel import Medium
from notifier.domain import errors
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Recipient, Stage
from notifier.domain.timetext import Teller
from notifier.rendering import fonts, variables
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility

_TEMPLATE = "posting/poster.typ"

#: What the page looks like, by what it says; corrections are told apart across a corridor.
_STYLES = {
    Stage.ADVANCE: ("notice", "notice"),
    Stage.REMINDER: ("notice", "notice"),
    Stage.STARTED: ("notice", "notice"),
    Stage.RESCHEDULED: ("changed", "changed"),
    Stage.LATE: ("late", "late"),
    Stage.REMOVED: ("good", "good"),
    Stage.CANCELLED: ("good", "good"),
    Stage.RESTORED: ("good", "good"),
}

#: A posting template ends with telephone and number, which have their own place on the page; its
#: first line is the sentence, and each line between them a note.
_FOOT_LINES = 2

#: Enough for a village's areas at the smallest size; the rest is behind the QR code.
_MOST_WHERE = 700

#: Beside the two spans of a transfer.
_MOMENTS = ("切换 transfer", "切回 back")


class PosterFailed(errors.Invalid):
    """A poster could not be drawn from its template."""

    code = "poster.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: what it says, the door it is for, and the crew's task with the address behind its
    code (none where empty)."""

    facts: Facts
    place: str
    task: str = ""
    task_link: str = ""


class PosterPress:
    """Prints posters for one utility. Raises ``fonts.FontMissing`` when first asked to print on a
    machine without Chinese characters."""

    def __init__(self, library: Library, renderer: MessageRenderer, utility: Utility) -> None:
        self._library = library
        self._renderer = renderer
        self._utility = utility
        self._font: fonts.Font | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="posters")

    async def print(self, sheets: Sequence[Sheet], *, now: datetime) -> bytes:
        """``render_posters`` away from the event loop, one job after another."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, lambda: self.render_posters(sheets, now=now)
        )

    def close(self) -> None:
        """Waits for the job in hand and lets the thread go."""
        self._thread.shutdown()

    def render_posters(self, sheets: Sequence[Sheet], *, now: datetime) -> bytes:
        """All sheets as one PDF, a page each, in order. Of ``now`` only the local day counts.

        Raises ``fonts.FontMissing``, ``PosterFailed``, and what ``MessageRenderer.prepare`` raises;
        ``ValueError`` on no sheet.
        """
        return self._typeset(sheets, now, "pdf")

    def render_image(self, sheet: Sheet, *, now: datetime, ppi: int = 144) -> bytes:
        """The sheet as a PNG, for a screen."""
        return self._typeset([sheet], now, "png", ppi)

    def _typeset(
        self,
        sheets: Sequence[Sheet],
        now: datetime,
        kind: Literal["pdf", "png"],
        ppi: int | None = None,
    ) -> bytes:
        if not sheets:
            raise ValueError("a poster job has at least one sheet")
        if self._font is None:
            self._font = fonts.find()
        template = self._library.path(_TEMPLATE)
        job = {
            "title": self._title(sheets),
            "author": self._utility.name,
            "fonts": [self._font.family],
            "fake_bold": not self._font.has_bold,
            "sheets": [self._page(sheet, now) for sheet in sheets],
        }
        root = str(template.parent)
        fonts_in = [str(self._font.folder)]
        try:
            result: object = typst.compile(
                str(template),
                None,
                root=root,
                font_paths=fonts_in,
                ignore_system_fonts=True,
                format=kind,
                ppi=ppi,
                sys_inputs={"job": json.dumps(job, ensure_ascii=False, sort_keys=True)},
                # The day is on the page; a time of printing would make every copy another file.
                timestamp=0,
            )
        except RuntimeError as error:
            raise PosterFailed(f"{_TEMPLATE}: {error}") from error
        if not isinstance(result, bytes):
            raise PosterFailed(f"{_TEMPLATE} gave {kind} pages where one document was expected")
        return result

    def _title(self, sheets: Sequence[Sheet]) -> str:
        numbers = dict.fromkeys(sheet.facts.number for sheet in sheets)
        return "、".join(numbers)

    def _page(self, sheet: Sheet, now: datetime) -> dict[str, Any]:
        facts = sheet.facts
        style, colour = _STYLES[facts.stage]
        is_short = facts.impact_class is ImpactClass.SHORT
        link = self._utility.link_to(facts.number)
        return {
            "style": style,
            "colour": "short" if is_short and style == "notice" else colour,
            "is_short": is_short,
            "tells_where": facts.stage not in (Stage.REMOVED, Stage.CANCELLED),
            "tells_why": style in ("notice", "changed"),
            "zh": self._language(facts, "zh", now),
            "en": self._language(facts, "en", now),
            "utility": self._utility.name,
            "hotline": self._utility.hotline,
            "number": facts.number,
            "place": variables.tidy(sheet.place),
            "task": sheet.task,
            "qr": qr_code(link),
            "task_qr": qr_code(sheet.task_link) if sheet.task_link else "",
        }

    def _language(self, facts: Facts, locale: str, now: datetime) -> dict[str, Any]:
        wording = facts.wording
        name = f"{wording.value}.{Medium.POSTING.value}.{locale}"
        message = self._renderer.prepare(name, facts, now=now).render(Recipient())
        values = self._renderer.variables(name, facts, Recipient(), now=now)
        teller = Teller(zone=self._utility.zone, now=now, locale=locale)
        rows = teller.lines(facts.windows) if facts.windows else ()
        lines = [line for line in message.text.splitlines() if line.strip()]
        lines = lines[: max(1, len(lines) - _FOOT_LINES)]
        is_off = facts.stage in (Stage.REMOVED, Stage.CANCELLED)
        is_there_and_back = facts.impact_class is ImpactClass.SHORT and sum(
            len(row.hours) for row in rows
        ) == len(facts.windows) == len(_MOMENTS)
        return {
            "title": message.title,
            "text": lines,
            "lead": lines[0] if is_off else "",
            "notes": lines[1:],
            "rows": [
                {
                    "days": row.days,
                    "hours": list(row.hours),
                    "is_daily": row.is_daily,
                    "is_long": row.is_long,
                }
                for row in rows
            ],
            "moments": len(facts.windows),
            "marks": list(_MOMENTS) if is_there_and_back else [],
            "told": values.get("told_when", ""),
            "told_until": values.get("told_until", ""),
            "until": values.get("until", ""),
            "restored": values.get("restored", "") if facts.stage is Stage.RESTORED else "",
            "where": variables.clip(values["where"], _MOST_WHERE, "等"),
            "works": values["works"],
        }


def qr_code(content: str) -> str:
    """The content as a QR code in SVG, correct with a quarter of it torn off or scribbled on."""
    buffer = io.BytesIO()
    code = segno.make(content, error="q", micro=False, boost_error=False)
    code.save(buffer, kind="svg", border=2, xmldecl=False, svgns=True)
    return buffer.getvalue().decode()
