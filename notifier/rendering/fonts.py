"""Finds a font that has Chinese, which no PDF should be printed without."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from notifier.domain import errors

_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts"),
    Path("~/.fonts"),
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)

#: In order of preference: a file, the family it holds, and whether the family has a bold face.
_KNOWN = (
    ("NotoSansCJK-Regular.ttc", "Noto Sans CJK SC", "NotoSansCJK-Bold.ttc"),
    ("NotoSansCJKsc-Regular.otf", "Noto Sans CJK SC", "NotoSansCJKsc-Bold.otf"),
    ("SourceHanSansSC-Regular.otf", "Source Han Sans SC", "SourceHanSansSC-Bold.otf"),
    ("wqy-microhei.ttc", "WenQuanYi Micro Hei", ""),
    ("wqy-zenhei.ttc", "WenQuanYi Zen Hei", ""),
    ("msyh.ttc", "Microsoft YaHei", "msyhbd.ttc"),
    ("PingFang.ttc", "PingFang SC", ""),
)


class FontMissing(errors.Refusal):
    """No font with Chinese characters is installed."""

    code = "poster.font_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Font:
    """A font family with Chinese, the folder it is in, and whether it has a bold face."""

    family: str
    folder: Path
    has_bold: bool


def find(folders: Sequence[Path] = _FOLDERS) -> Font:
    """The best font installed. Raises ``FontMissing`` with the packages that bring one."""
    files: dict[str, Path] = {}
    for folder in folders:
        root = folder.expanduser()
        if root.is_dir():
            for path in sorted(root.rglob("*")):
                files.setdefault(path.name, path)
    for name, family, bold in _KNOWN:
        if name in files:
            return Font(family=family, folder=files[name].parent, has_bold=bold in files)
    raise FontMissing(
        "no font with Chinese characters is installed:"
        " install the package fonts-wqy-microhei (5 MB) or fonts-noto-cjk (91 MB, with a bold face)"
    )
