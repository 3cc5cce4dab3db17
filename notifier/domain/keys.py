"""The keys under which messages and calls are known to providers, and what comes back under them.

An id first, so that people can read them; the installation's mark last: a database that was built anew
counts from 1 again, and providers remember.
"""

#: Ids have at most so many digits; anybody may write anything into a callback.
_DIGITS = 18


def of_message(delivery_id: int, mark: str) -> str:
    """The key of one message, the same for every attempt."""
    return f"{delivery_id}-{mark}"


def of_call(batch_id: int, part: int, mark: str) -> str:
    """The key of one call; ``part`` tells the calls of one batch apart."""
    return f"{batch_id}-{part}-{mark}"


def part_of(delivery_id: int, batch_size: int, call_size: int) -> int:
    """Which of a batch's calls a message belongs to, whatever became of the others meanwhile.

    ``batch_size`` is what the batch was composed for, ``call_size`` what the provider takes at once.
    """
    if call_size <= 1:
        return delivery_id
    return delivery_id % -(-max(1, batch_size) // call_size)


def message_id(key: str, mark: str) -> int | None:
    """The delivery of a message's key; None where it is not ours."""
    return _ours(key, 1, mark)


def batch_id(key: str, mark: str) -> int | None:
    """The batch of a call's key; None where it is not ours."""
    return _ours(key, 2, mark)


def _ours(key: str, place: int, mark: str) -> int | None:
    words = key.split("-")
    if len(words) > place and words[place] != mark:
        return None
    number = words[0]
    is_id = number.isascii() and number.isdecimal() and len(number) <= _DIGITS
    return int(number) if is_id else None
