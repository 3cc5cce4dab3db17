"""Posters, read back as a passer-by and a phone would read them."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from notifier.domain.customer import Audience
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Stage
from notifier.rendering import fonts
from notifier.rendering.library import Library
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.posters import PosterFailed, PosterPress, Sheet
from tests.rendering import samples

PLACE = "东风小区3栋2单元"


def has_font() -> bool:
    try:
        fonts.find()
    except fonts.FontMissing:
        return False
    return True


needs_font = pytest.mark.skipif(
    not has_font(), reason="no Chinese font: install fonts-wqy-microhei"
)
needs_pdftotext = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext is not here: install poppler-utils"
)
needs_zbar = pytest.mark.skipif(
    shutil.which("zbarimg") is None, reason="zbarimg is not here: install zbar-tools"
)


@pytest.fixture
def press() -> Iterator[PosterPress]:
    library = Library()
    press = PosterPress(library, MessageRenderer(library, samples.UTILITY), samples.UTILITY)
    yield press
    press.close()


def sheet(facts: Facts, task: str = "T-17") -> Sheet:
    return Sheet(facts=facts, place=PLACE, task=task, task_link=f"https://example.org/crew/{task}")


def at_door(stage: Stage, impact_class: ImpactClass = ImpactClass.OUT, where: str = "") -> Facts:
    if where:
        return samples.facts(
            stage, impact_class=impact_class, audience=Audience.ENTRANCE, where=where
        )
    return samples.facts(stage, impact_class=impact_class, audience=Audience.ENTRANCE)


def read(pdf: bytes, tmp_path: Path) -> str:
    """The text without blanks: the typesetter puts some between 汉字 and digits."""
    file = tmp_path / "poster.pdf"
    file.write_bytes(pdf)
    run = subprocess.run(
        ["pdftotext", "-layout", str(file), "-"], check=True, capture_output=True, text=True
    )
    return "".join(run.stdout.split())


CASES = [
    (Stage.ADVANCE, ImpactClass.OUT, ["停电通知", "11月24日（周二）", "08:00-17:30", "更换变压器"]),
    (Stage.RESCHEDULED, ImpactClass.OUT, ["停电改期", "08:00-17:30", "11月26日", "09:00-18:15"]),
    (Stage.CANCELLED, ImpactClass.OUT, ["停电取消", "供电正常", "11月24日（周二）08:00-17:30"]),
    (Stage.REMOVED, ImpactClass.OUT, ["不再受影响", "供电正常"]),
    (Stage.LATE, ImpactClass.OUT, ["延迟送电", "11月24日17:30", "11月24日19:45"]),
    (Stage.RESTORED, ImpactClass.OUT, ["已恢复供电", "11月24日16:40"]),
    (
        Stage.ADVANCE,
        ImpactClass.SHORT,
        ["短时停电通知", "22:00-22:15", "05:45-06:00", "每次约几秒钟", "电梯"],
    ),
]


@needs_font
@needs_pdftotext
@pytest.mark.parametrize(("stage", "impact_class", "words"), CASES)
def test_a_poster_says_what_holds(
    press: PosterPress, tmp_path: Path, stage: Stage, impact_class: ImpactClass, words: list[str]
) -> None:
    """One page with times, hotline, the door and the plan's number."""
    pdf = press.render_posters([sheet(at_door(stage, impact_class))], now=samples.NOW)

    text = read(pdf, tmp_path)
    for word in [*words, "95598", "NZ-2026-1124-03", "T-17", PLACE, "南州供电局"]:
        assert word in text, (word, text)


@needs_font
def test_every_stage_and_class_has_a_page(press: PosterPress) -> None:
    """Crews are never without paper, least of all for a correction."""
    sheets = [
        sheet(at_door(stage, impact_class)) for stage in Stage for impact_class in ImpactClass
    ]

    pdf = press.render_posters(sheets, now=samples.NOW)

    assert pages(pdf) == len(sheets)


def pages(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


@needs_font
@needs_pdftotext
def test_a_village_full_of_names_still_fits_one_page(press: PosterPress, tmp_path: Path) -> None:
    """Type shrinks before a page overflows, and the foot stays."""
    long = "、".join(f"东风路{n}号公变" for n in range(1, 90))

    pdf = press.render_posters([sheet(at_door(Stage.ADVANCE, where=long))], now=samples.NOW)

    assert pages(pdf) == 1
    text = read(pdf, tmp_path)
    assert "东风路60号公变" in text
    assert "treatlinesandequipmentaslive" in text, "the last line of the page is not cut off"
    assert "95598" in text


@needs_font
def test_equal_sheets_give_equal_bytes(press: PosterPress) -> None:
    """A poster can be printed again and be known for the same."""
    one = press.render_posters([sheet(at_door(Stage.ADVANCE))], now=samples.NOW)
    again = press.render_posters([sheet(at_door(Stage.ADVANCE))], now=samples.NOW)

    assert one == again
    assert one.startswith(b"%PDF-")


@needs_font
@needs_zbar
def test_a_phone_reads_both_codes(press: PosterPress, tmp_path: Path) -> None:
    """The public one leads to the outage, the crew's to its task."""
    file = tmp_path / "poster.png"
    file.write_bytes(press.render_image(sheet(at_door(Stage.ADVANCE)), now=samples.NOW))

    run = subprocess.run(
        ["zbarimg", "--quiet", "--raw", str(file)], check=True, capture_output=True, text=True
    )

    assert sorted(run.stdout.split()) == [
        "https://example.org/crew/T-17",
        "https://example.org/o/NZ-2026-1124-03",
    ]


@needs_font
async def test_the_press_runs_beside_the_event_loop(press: PosterPress) -> None:
    """Many doors, one file, in order."""
    sheets = [sheet(at_door(Stage.ADVANCE), task=f"T-{n}") for n in range(3)]

    pdf = await press.print(sheets, now=samples.NOW)

    assert pages(pdf) == 3
    assert pdf == press.render_posters(sheets, now=samples.NOW)


def test_nothing_to_print_is_a_mistake(press: PosterPress) -> None:
    """An empty PDF would look like a job done."""
    with pytest.raises(ValueError, match="at least one sheet"):
        press.render_posters([], now=samples.NOW)


@needs_font
def test_a_broken_template_of_the_utility_is_named(tmp_path: Path) -> None:
    """The refusal carries the typesetter's own words."""
    (tmp_path / "posting").mkdir()
    (tmp_path / "posting" / "poster.typ").write_text("#let x = ", encoding="utf-8")
    library = Library(tmp_path)
    press = PosterPress(library, MessageRenderer(library, samples.UTILITY), samples.UTILITY)

    with pytest.raises(PosterFailed, match=r"posting/poster\.typ"):
        press.render_posters([sheet(at_door(Stage.ADVANCE))], now=samples.NOW)
    press.close()


def test_a_missing_font_says_which_package_to_install(tmp_path: Path) -> None:
    """A page of empty boxes on a door would be worse than none."""
    with pytest.raises(fonts.FontMissing, match="fonts-wqy-microhei"):
        fonts.find([tmp_path])


def test_a_font_with_a_bold_face_is_preferred(tmp_path: Path) -> None:
    """Noto before WenQuanYi; the stroke that stands in for bold is used only without."""
    for name in ("wqy-microhei.ttc", "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"):
        (tmp_path / name).touch()

    found = fonts.find([tmp_path])

    assert (found.family, found.has_bold) == ("Noto Sans CJK SC", True)
