"""Cursors: where a page ended, in a form that nobody is tempted to make up."""

import base64
import binascii

from notifier.domain import errors


class CursorInvalid(errors.Invalid):
    """The cursor did not come from here."""

    code = "request.cursor_invalid"


def encode(*place: int) -> str:
    """A place in a list as a cursor."""
    return base64.urlsafe_b64encode(".".join(map(str, place)).encode()).decode().rstrip("=")


def decode(cursor: str, parts: int) -> tuple[int, ...] | None:
    """The place; None for an empty cursor. Raises ``CursorInvalid``."""
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        place = tuple(int(part) for part in text.split("."))
    except (ValueError, binascii.Error) as error:
        raise CursorInvalid("游标无效 / the cursor is not valid.") from error
    if len(place) != parts or any(abs(part) >= 1 << 62 for part in place):
        raise CursorInvalid("游标无效 / the cursor is not valid.")
    return place
