"""What a database URL says, as far as the settings need to know.

A SQLite URL is read without SQLAlchemy, which takes longer to load than most commands take to answer.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote

#: What leads to the file, the file (percent-encoded), options.
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]+)(.*)", re.DOTALL)


def known(url: str) -> str:
    """The URL as it is. Raises ``ValueError`` where it is none, or one of another kind of database."""
    if _SQLITE.fullmatch(url):
        return url
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        kind = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ValueError("this is not a database URL") from error
    if kind not in ("sqlite", "postgresql"):
        raise ValueError("a database URL starts with sqlite:/// or postgresql://")
    return url


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None for one in memory and for another kind."""
    said = _SQLITE.fullmatch(url)
    return Path(unquote(said[2])) if said and said[2] != ":memory:" else None


def from_folder(url: str, folder: Path) -> str:
    """The URL with a relative file made relative to ``folder``."""
    file = file_of(url)
    if file is None:
        return url
    return _SQLITE.sub(lambda said: f"{said[1]}{quote(str(folder / file))}{said[3]}", url)
