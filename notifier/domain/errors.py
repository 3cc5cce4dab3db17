"""Refusals: what the service will not do, each with a stable code and a sentence to act on.

Refusal
├── NotFound        there is no such thing
├── Conflict        it is not in a state in which that can be done
├── Forbidden       this person may not do that
└── Invalid         the request itself is wrong
"""


class Refusal(Exception):
    """Something that was asked for is not done, and nothing was changed.

    ``code`` is dotted and stable (``plan.not_found``); the message is a sentence for a person.
    """

    code: str = "refused"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class NotFound(Refusal):
    """There is no such thing."""

    code = "not_found"


class Conflict(Refusal):
    """It is not in a state in which that can be done."""

    code = "conflict"


class Forbidden(Refusal):
    """This person may not do that."""

    code = "forbidden"


class Invalid(Refusal):
    """The request itself is wrong."""

    code = "invalid"
