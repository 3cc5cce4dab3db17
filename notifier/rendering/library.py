"""The template files: where they are, what shadows them, and what they may contain.

A message template is ``messages/<wording>/<medium>.<locale>.txt.j2`` and is called
``<wording>.<medium>.<locale>``. A file in the utility's own folder shadows the shipped one of the
same name, one by one.

What is sent through a gateway has to be registered there as fixed text with variables, so templates
for SMS, WeChat and voice are *flat*: text and ``{{ variable }}``, and nothing else.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

import notifier
from notifier.channel import Medium
from notifier.domain import errors

#: What a template may name; computed in ``variables`` and the same for a whole notice.
NOTICE_VARIABLES = frozenset(
    {
        "number", "utility", "hotline", "link", "what", "when", "until", "told_when",
        "told_until", "told_what", "again", "restored", "where", "works", "advice", "guide",
    }
)  # fmt: skip

#: What a template may name that differs from one recipient to the next.
RECIPIENT_VARIABLES = frozenset({"name", "accounts"})

_FLAT_MEDIA = frozenset({Medium.SMS, Medium.WECHAT, Medium.VOICE})
_PATH = re.compile(r"messages/([a-z_]+)/([a-z]+)\.([A-Za-z-]+)\.txt\.j2")
_MEDIA = frozenset(medium.value for medium in Medium)
_FOLDERS = ("messages", "posting")


class TemplateNotFound(errors.NotFound):
    """There is no such template."""

    code = "template.not_found"


class TemplateUnsound(errors.Invalid):
    """A template contains what it may not, or cannot be read."""

    code = "template.unsound"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTemplate:
    """One template, read and checked. ``variables`` are those of its text, without the title's."""

    name: str
    medium: Medium
    locale: str
    compiled: jinja2.Template
    variables: frozenset[str]
    provider_text: str | None

    @property
    def is_personal(self) -> bool:
        """Whether the text differs from one recipient to the next."""
        return bool(self.variables & RECIPIENT_VARIABLES)


def shipped_folder() -> Path:
    """The folder that comes with the service: inside the wheel, or beside the package in a checkout."""
    package = Path(notifier.__file__).parent
    inside = package / "_templates"
    return inside if inside.is_dir() else package.parent / "templates"


class Library:
    """All template files, those of ``own_folder`` before the shipped ones.

    Files are read once: a changed file counts after a restart, so that what was approved is what is
    sent. Raises ``TemplateNotFound`` when ``own_folder`` is given and no folder.
    """

    def __init__(self, own_folder: Path | None = None) -> None:
        if own_folder is not None and not own_folder.is_dir():
            raise TemplateNotFound(f"the template folder {own_folder} does not exist")
        self._folders = [own_folder] if own_folder is not None else []
        self._folders.append(shipped_folder())
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader([str(folder) for folder in self._folders]),
            undefined=jinja2.StrictUndefined,
            autoescape=jinja2.select_autoescape(("html", "html.j2", "xml", "xml.j2")),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._messages: dict[str, MessageTemplate] = {}
        self._version = ""

    def names(self) -> tuple[str, ...]:
        """The names of all message templates, sorted."""
        found = (_PATH.fullmatch(path) for path in self._paths())
        return tuple(sorted(".".join(match.groups()) for match in found if match is not None))

    def version(self) -> str:
        """A digest over every template file; an approval holds for the version it was given for."""
        if not self._version:
            digest = hashlib.sha256()
            for path in sorted(self._paths()):
                content = self.path(path).read_bytes()
                digest.update(f"{path}\0{len(content)}\0".encode())
                digest.update(content)
            self._version = digest.hexdigest()
        return self._version

    def path(self, name: str) -> Path:
        """The file that counts for a path below the folder. Raises ``TemplateNotFound``."""
        for folder in self._folders:
            path = folder / name
            if path.is_file():
                return path
        raise TemplateNotFound(f"there is no template {name}")

    def words(self, kind: str, locale: str) -> Any:
        """The macros of ``messages/_<kind>.<locale>.j2``. Raises ``TemplateNotFound``."""
        path = f"messages/_{kind}.{locale}.j2"
        try:
            return self._environment.get_template(path).module
        except jinja2.TemplateNotFound:
            raise TemplateNotFound(f"there is no template {path}") from None
        except jinja2.TemplateError as error:
            raise TemplateUnsound(f"{path}: {error}") from error

    def message(self, name: str) -> MessageTemplate:
        """The message template, checked when first asked for.

        Raises ``TemplateNotFound`` or ``TemplateUnsound`` with the template and what is wrong in it.
        """
        template = self._messages.get(name)
        if template is None:
            template = self._messages[name] = self._read(name)
        return template

    def _paths(self) -> Iterator[str]:
        seen: set[str] = set()
        for folder in self._folders:
            for below in _FOLDERS:
                for path in (folder / below).rglob("*"):
                    name = path.relative_to(folder).as_posix()
                    if path.is_file() and name not in seen:
                        seen.add(name)
                        yield name

    def _read(self, name: str) -> MessageTemplate:
        path = f"messages/{name.replace('.', '/', 1)}.txt.j2"
        found = _PATH.fullmatch(path)
        if found is None or found[2] not in _MEDIA:
            raise TemplateNotFound(f"{name} is not the name of a message template")
        source = self.path(path).read_text(encoding="utf-8")
        medium = Medium(found[2])
        try:
            tree = self._environment.parse(source)
            compiled = self._environment.get_template(path)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateUnsound(f"{name}, line {error.lineno}: {error.message}") from error
        unknown = meta.find_undeclared_variables(tree) - NOTICE_VARIABLES - RECIPIENT_VARIABLES
        if unknown:
            known = ", ".join(sorted(NOTICE_VARIABLES | RECIPIENT_VARIABLES))
            raise TemplateUnsound(
                f"{name} names {', '.join(sorted(unknown))}; a template may name {known}",
                code="template.unknown_variable",
            )
        text = _flat_text(tree)
        if text is None and medium in _FLAT_MEDIA:
            raise TemplateUnsound(
                f"{name} goes through a gateway that knows text and variables only:"
                " it may hold {{ variable }} and a title, no conditions, filters or macros",
                code="template.not_flat",
            )
        _check_personal(name, tree)
        return MessageTemplate(
            name=name,
            medium=medium,
            locale=found[3],
            compiled=compiled,
            variables=_variables(tree),
            provider_text=text,
        )


def _is_title(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.AssignBlock)
        and isinstance(node.target, nodes.Name)
        and node.target.name == "title"
    )


def _flat_text(tree: nodes.Template) -> str | None:
    """The text with ``${variables}``, None when the template holds more than that."""
    words: list[str] = []
    for node in tree.body:
        if _is_title(node):
            continue
        if not isinstance(node, nodes.Output):
            return None
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                words.append(part.data)
            elif isinstance(part, nodes.Name):
                words.append(f"${{{part.name}}}")
            else:
                return None
    return "".join(words).strip()


def _variables(tree: nodes.Template) -> frozenset[str]:
    names: set[str] = set()
    for node in tree.body:
        if not _is_title(node):
            names |= {found.name for found in node.find_all(nodes.Name)}
            if isinstance(node, nodes.Name):
                names.add(node.name)
    return frozenset(names & (NOTICE_VARIABLES | RECIPIENT_VARIABLES))


def _check_personal(name: str, tree: nodes.Template) -> None:
    """A recipient's own variables are filled in last, so they stand alone and never in a title."""
    everywhere = [node for node in tree.find_all(nodes.Name) if node.name in RECIPIENT_VARIABLES]
    in_titles = [
        found
        for title in tree.find_all(nodes.AssignBlock)
        for found in title.find_all(nodes.Name)
        if found.name in RECIPIENT_VARIABLES
    ]
    alone = [
        part
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
        if isinstance(part, nodes.Name) and part.name in RECIPIENT_VARIABLES
    ]
    if in_titles or len(alone) != len(everywhere):
        raise TemplateUnsound(
            f"{name}: name and accounts may only be written out, in the text and not in the title",
            code="template.personal_logic",
        )
