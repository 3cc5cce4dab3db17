"""Reading a channel's settings: strict, and never repeating a value in an error."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import pydantic

#: What may stand in a header or a query without encoding: printable ASCII without blanks.
Token = Annotated[str, pydantic.StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=256)]
Origin = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[\x21-\x7e]+$")]


class Settings(pydantic.BaseModel):
    """The base of every channel's settings: frozen, unknown names refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


S = TypeVar("S", bound=Settings)


def read(kind: type[S], raw: Mapping[str, Any]) -> S:
    """The settings of a channel out of a file or the environment.

    Raises ``ValueError`` with the name of each wrong setting and never with its value: it may be a secret.
    """
    try:
        return kind.model_validate(dict(raw))
    except pydantic.ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'settings'}: {each['msg']}"
            for each in error.errors(include_input=False, include_context=False, include_url=False)
        )
    raise ValueError(wrong)


class Naming(Settings):
    """How a provider's template is filled: its variables, each from one of ours.

    Given as a list when the names agree, or as a table ``provider's name = our name``.
    ``text``, ``title`` and ``url`` may be named beside the notice's own variables.
    """

    variables: dict[str, str] = pydantic.Field(default_factory=dict)

    @pydantic.field_validator("variables", mode="before")
    @classmethod
    def _list_is_a_table_too(cls, given: object) -> object:
        if isinstance(given, list | tuple):
            return {name: name for name in given}
        return given
