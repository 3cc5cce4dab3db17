"""Where template files come from and what they may contain."""

from pathlib import Path

import pytest

from notifier.domain.notice import Facts, Recipient, Stage
from notifier.rendering.library import Library, TemplateNotFound, TemplateUnsound
from notifier.rendering.messages import MessageRenderer, VariableMissing
from tests.rendering import samples


def own(folder: Path, path: str, content: str) -> Path:
    file = folder / "messages" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return folder


def write(library: Library, template: str, facts: Facts | None = None) -> str:
    renderer = MessageRenderer(library, samples.UTILITY)
    facts = facts or samples.facts(Stage.ADVANCE)
    return renderer.prepare(template, facts, now=samples.NOW).render(Recipient()).text


def test_a_file_of_the_utility_shadows_the_shipped_one_and_no_other(tmp_path: Path) -> None:
    """Changing one sentence takes one file."""
    library = Library(own(tmp_path, "advance/sms.zh.txt.j2", "{{ when }}停电。"))

    assert write(library, "advance.sms.zh") == "11月24日（周二）08:00-17:30停电。"
    assert write(library, "advance.push.zh") == write(Library(), "advance.push.zh")
    assert library.names() == Library().names()


def test_advice_can_be_shadowed_too(tmp_path: Path) -> None:
    """Advice is one file; a utility's own replaces all of it."""
    macros = "".join(
        f"{{% macro {name}(need, audience, impact_class, phase, hotline) %}}请看{{{{ need }}}}。"
        "{% endmacro %}"
        for name in ("advice", "tip", "guide")
    )
    library = Library(own(tmp_path, "_advice.zh.j2", macros))

    assert "请看none。" in write(library, "advance.sms.zh")


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    """An approval is for what people will read: any change voids it, nothing else does."""
    shipped = Library().version()

    changed = Library(own(tmp_path, "late/voice.en.txt.j2", "{{ until }}")).version()

    assert Library().version() == shipped
    assert changed != shipped
    assert len(shipped) == 64


@pytest.mark.parametrize("name", ["nothing.sms.zh", "advance.fax.zh", "advance", "../x.sms.zh", ""])
def test_an_unknown_template_is_refused_by_name(name: str) -> None:
    """A typing error in a setting reads as one."""
    with pytest.raises(TemplateNotFound, match=name or "name"):
        Library().message(name)


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """Else the shipped sentences would go out in the utility's name."""
    with pytest.raises(TemplateNotFound, match="does not exist"):
        Library(tmp_path / "missing")


def test_an_unknown_variable_is_refused_with_template_and_variable(tmp_path: Path) -> None:
    """Before anything is sent, whether or not the branch is ever taken."""
    library = Library(
        own(tmp_path, "advance/email.zh.txt.j2", "{% if False %}{{ wehn }}{% endif %}")
    )

    with pytest.raises(TemplateUnsound, match=r"advance\.email\.zh names wehn") as refusal:
        library.message("advance.email.zh")
    assert refusal.value.code == "template.unknown_variable"


def test_a_variable_these_facts_lack_is_refused_with_template_and_variable(tmp_path: Path) -> None:
    """An advance notice cannot tell when supply came back."""
    library = Library(own(tmp_path, "advance/sms.zh.txt.j2", "{{ restored }}来电"))

    with pytest.raises(VariableMissing, match=r"advance\.sms\.zh.*'restored'"):
        write(library, "advance.sms.zh")


@pytest.mark.parametrize(
    "content",
    [
        "{% if when %}停电{% endif %}",
        "{{ when | upper }}",
        "{{ when ~ where }}",
        "{% set a = 1 %}停电",
    ],
)
def test_gateway_templates_are_text_and_variables(tmp_path: Path, content: str) -> None:
    """What goes through a gateway must be registrable there."""
    library = Library(own(tmp_path, "advance/sms.zh.txt.j2", content))

    with pytest.raises(TemplateUnsound) as refusal:
        library.message("advance.sms.zh")
    assert refusal.value.code == "template.not_flat"


def test_free_text_may_have_conditions_but_not_on_the_recipient(tmp_path: Path) -> None:
    """What differs by recipient is filled in last, after the template has run."""
    folder = own(tmp_path, "advance/email.zh.txt.j2", "{% if works %}{{ name }}{% endif %}停电")
    own(tmp_path, "late/email.zh.txt.j2", "{% if name %}停电{% endif %}")
    library = Library(folder)

    assert write(library, "advance.email.zh") == "客户停电"
    with pytest.raises(TemplateUnsound, match="may only be written out"):
        library.message("late.email.zh")


def test_a_syntax_error_names_template_and_line(tmp_path: Path) -> None:
    """So that whoever wrote it finds it."""
    library = Library(own(tmp_path, "advance/push.zh.txt.j2", "停电\n{{ when"))

    with pytest.raises(TemplateUnsound, match=r"advance\.push\.zh, line 2"):
        library.message("advance.push.zh")


def test_templates_run_in_a_sandbox(tmp_path: Path) -> None:
    """A template is text by an editor, not code by a programmer."""
    library = Library(own(tmp_path, "advance/email.zh.txt.j2", "{{ when.__class__.__mro__ }}停电"))

    with pytest.raises(TemplateUnsound, match="unsafe"):
        write(library, "advance.email.zh")
