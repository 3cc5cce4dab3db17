"""Messages: prepared once for a notice, written in microseconds for each of a million people.

A text that names nothing of its recipient is written once and handed out again; in the others the
parts that are the same for everybody are written beforehand.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import jinja2

from notifier.channel import Medium
from notifier.domain import errors
from notifier.domain.finding import Finding, Severity
from notifier.domain.notice import Facts, Recipient
from notifier.domain.sms_parts import signed, sms_parts, utf16_units
from notifier.rendering import variables
from notifier.rendering.library import (
    RECIPIENT_VARIABLES,
    Library,
    MessageTemplate,
    TemplateUnsound,
)
from notifier.rendering.variables import Utility

#: Marks the place of a recipient's variable; control characters never come through ``tidy``.
_MARK = re.compile("\x00([a-z]+)\x00")
_KEPT = 1024


class VariableMissing(errors.Invalid):
    """A template names what the facts of this notice do not have."""

    code = "template.variable_missing"


class TemplateHasConditions(errors.Invalid):
    """A template cannot be written as fixed text with variables."""

    code = "template.not_flat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One message in full and as the variables of the template registered at the gateway.

    ``units`` are UTF-16 units of the text, an SMS with its signature; ``parts`` what is billed
    (1 for other media). The text is without the signature: the gateway puts it in front.
    """

    text: str
    variables: Mapping[str, str]
    title: str
    units: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """What a medium bears; 0 means no limit. Lengths are UTF-16 units, as providers count."""

    max_units: int = 0
    max_parts: int = 0
    max_title: int = 0
    max_variable: int = 0
    allows_newline: bool = True


#: Aliyun takes 500 characters; three parts are the point at which an SMS should be a link.
#: WeChat cuts a field after 20 characters without a word.
LIMITS: Mapping[Medium, TextLimits] = {
    Medium.SMS: TextLimits(max_units=500, max_parts=3, allows_newline=False),
    Medium.WECHAT: TextLimits(max_variable=20, allows_newline=False),
    Medium.PUSH: TextLimits(max_units=300, max_title=40),
    Medium.VOICE: TextLimits(max_units=500, allows_newline=False),
    Medium.EMAIL: TextLimits(max_title=150),
    Medium.POSTING: TextLimits(max_title=60),
}


class PreparedNotice:
    """One notice, ready to be written for each of its recipients."""

    __slots__ = ("_customer", "_format", "_is_sms", "_signature", "_whole")

    def __init__(
        self, whole: Rendered, *, format_: str, customer: str, signature: str, is_sms: bool
    ) -> None:
        self._whole = whole
        self._is_sms = is_sms
        self._format = format_
        self._customer = customer
        self._signature = signature

    @property
    def is_personal(self) -> bool:
        """Whether the text differs from one recipient to the next; if not, one call may serve all."""
        return bool(self._format)

    def render(self, recipient: Recipient) -> Rendered:
        """The message for one recipient; the very same object where it does not depend on them."""
        if not self._format:
            return self._whole
        whole = self._whole
        own = {
            "name": variables.own_name(recipient.name) or self._customer,
            "accounts": str(recipient.accounts),
        }
        text = self._format % own
        filled = {name: own.get(name, value) for name, value in whole.variables.items()}
        return Rendered(
            text=text,
            variables=filled,
            title=whole.title,
            units=utf16_units(signed(text, self._signature)),
            parts=sms_parts(text, self._signature) if self._is_sms else 1,
        )


class MessageRenderer:
    """Writes messages for one utility. Cheap to ask twice: what was prepared is kept."""

    def __init__(self, library: Library, utility: Utility) -> None:
        self._library = library
        self._utility = utility
        self._prepared: OrderedDict[tuple[str, Facts, date], PreparedNotice] = OrderedDict()

    def prepare(self, template: str, facts: Facts, *, now: datetime) -> PreparedNotice:
        """The notice ready for its recipients. Of ``now`` only the local day counts.

        Raises ``TemplateNotFound``, ``TemplateUnsound``, or ``VariableMissing`` naming template and
        variable where the facts lack what the text says.
        """
        key = (template, facts, now.astimezone(self._utility.zone).date())
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = self._prepare(template, facts, now)
            if len(self._prepared) > _KEPT:
                self._prepared.popitem(last=False)
        return prepared

    def variables(
        self, template: str, facts: Facts, recipient: Recipient, *, now: datetime
    ) -> dict[str, str]:
        """Every variable the template could name, in the form its medium has room for."""
        found = self._library.message(template)
        return self._values(found, facts, now) | variables.recipient_variables(
            self._library, found.locale, recipient.name, recipient.accounts
        )

    def provider_text(self, template: str) -> str:
        """The text to register at a gateway, its variables as ``${name}``.

        Raises ``TemplateHasConditions`` for one of the media that take free text.
        """
        text = self._library.message(template).provider_text
        if text is None:
            raise TemplateHasConditions(f"{template} has conditions: it is sent as free text only")
        return text

    def template_version(self) -> str:
        """A digest over every template file."""
        return self._library.version()

    def list_templates(self) -> tuple[str, ...]:
        """The names of all message templates, sorted."""
        return self._library.names()

    def check(
        self,
        template: str,
        samples: Iterable[Facts],
        *,
        now: datetime,
        limits: TextLimits | None = None,
    ) -> tuple[Finding, ...]:
        """What would go wrong at sending, found before anybody approves it.

        Each of the samples is written for the recipient with the longest name. An ERROR is a
        message that cannot be sent as it stands, a WARNING one that costs too much, an INFO one that
        names fewer places than the plan does for want of room.
        ``limits`` are those of the medium unless given. Raises as ``prepare`` for a template that
        cannot be used at all, but for a variable that is missing.
        """
        medium = self._library.message(template).medium
        limits = limits if limits is not None else LIMITS[medium]
        longest = Recipient(name="名" * variables.NAME_UNITS, accounts=99)
        findings: list[Finding] = []
        for facts in samples:
            try:
                rendered = self.prepare(template, facts, now=now).render(longest)
            except VariableMissing as refusal:
                findings.append(_finding(refusal.code, template, "", refusal.sentence, ""))
                continue
            findings += _over_length(template, rendered, limits)
            findings += _shortened(template, rendered, facts)
        return tuple(dict.fromkeys(findings))

    def _values(self, template: MessageTemplate, facts: Facts, now: datetime) -> dict[str, str]:
        return variables.notice_variables(
            self._library,
            self._utility,
            facts,
            medium=template.medium,
            locale=template.locale,
            now=now,
        )

    def _prepare(self, name: str, facts: Facts, now: datetime) -> PreparedNotice:
        template = self._library.message(name)
        values = self._values(template, facts, now)
        marked = values | {variable: f"\x00{variable}\x00" for variable in RECIPIENT_VARIABLES}
        try:
            module = template.compiled.make_module(marked)
        except jinja2.UndefinedError as error:
            raise VariableMissing(
                f"{name}: {error.message} in a notice of stage {facts.stage.value}"
            ) from error
        except jinja2.TemplateError as error:
            raise TemplateUnsound(f"{name}: {error.message}") from error
        text = str(module).strip()
        customer = variables.customer(self._library, template.locale)
        signature = self._utility.signature if template.medium is Medium.SMS else ""
        sample = {"name": customer, "accounts": "1"}
        plain = _MARK.sub(lambda mark: sample[mark[1]], text)
        used = values | sample
        whole = Rendered(
            text=plain,
            variables={variable: used[variable] for variable in sorted(template.variables)},
            title=" ".join(str(getattr(module, "title", "")).split()),
            units=utf16_units(signed(plain, signature)),
            parts=sms_parts(plain, signature) if template.medium is Medium.SMS else 1,
        )
        format_ = ""
        if template.is_personal:
            format_ = _MARK.sub(r"%(\1)s", text.replace("%", "%%"))
        return PreparedNotice(
            whole,
            format_=format_,
            customer=customer,
            signature=signature,
            is_sms=template.medium is Medium.SMS,
        )


def _over_length(template: str, rendered: Rendered, limits: TextLimits) -> Iterable[Finding]:
    if limits.max_units and rendered.units > limits.max_units:
        yield _finding(
            "message.too_long", template, "",
            f"{rendered.units} units", f"at most {limits.max_units}",
        )  # fmt: skip
    if limits.max_parts and rendered.parts > limits.max_parts:
        long = _finding(
            "message.too_many_parts", template, "",
            f"{rendered.parts} parts", f"at most {limits.max_parts}",
        )  # fmt: skip
        yield replace(long, severity=Severity.WARNING)
    if limits.max_title and utf16_units(rendered.title) > limits.max_title:
        yield _finding(
            "message.title_too_long", template, "title",
            f"{utf16_units(rendered.title)} units", f"at most {limits.max_title}",
        )  # fmt: skip
    for name, value in rendered.variables.items():
        if limits.max_variable and utf16_units(value) > limits.max_variable:
            yield _finding(
                "message.variable_too_long", template, name,
                f"{utf16_units(value)} units", f"at most {limits.max_variable}",
            )  # fmt: skip
        if not limits.allows_newline and "\n" in value:
            yield _finding("message.variable_has_newline", template, name, "", "one line")


def _shortened(template: str, rendered: Rendered, facts: Facts) -> Iterable[Finding]:
    """What the message says in fewer words than the plan: right, but for the approver to see."""
    for name, full in (("where", facts.where), ("works", facts.works)):
        said = rendered.variables.get(name)
        if said is not None and len(variables.tidy(full)) > len(said):
            whole = variables.tidy_works(full) if name == "works" else variables.tidy(full)
            if said != whole:
                cut = _finding("message.shortened", template, name, said, whole)
                yield replace(cut, severity=Severity.INFO)


def _finding(code: str, template: str, variable: str, found: str, expected: str) -> Finding:
    """The template stands in the place of the sheet, the variable in that of the column."""
    return Finding(
        code=code,
        severity=Severity.ERROR,
        found=found,
        expected=expected,
        sheet=template,
        column=variable,
    )
