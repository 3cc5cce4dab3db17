"""The settings: what beats what, what stops the start, and that the page lists them all."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy import make_url

from notifier import settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "notifier.example.toml"


def every_setting() -> Iterator[tuple[str, str, str]]:
    """Dotted name, default, description, in the order of the tree."""
    for section, field in settings.Settings.model_fields.items():
        prefix, model = section, field.annotation
        if section == "channels":
            prefix, model = "channels.NAME", settings.ChannelSettings
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, setting in model.model_fields.items():
            if name != "options":
                shown = "required" if setting.is_required() else _shown(setting.default)
                yield f"{prefix}.{name}", shown, setting.description or ""


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return '`""`' if value == "" else f"`{value}`"


def load(text: str, folder: Path, **environ: str) -> settings.Settings:
    """Settings from this text as ``notifier.toml`` in the folder."""
    path = folder / "notifier.toml"
    path.write_text(text, "utf-8")
    return settings.load(path, environ=environ)


@pytest.mark.parametrize("row", list(every_setting()), ids=lambda row: row[0])
def test_the_page_lists_every_setting(row: tuple[str, str, str]) -> None:
    """docs/settings.md has one row a setting, with its default and what it means."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")

    expected = "| `{}` | {} | {} |".format(*row)

    assert expected in page.split("\n")


def test_the_page_lists_nothing_else() -> None:
    """A setting that is gone leaves the page."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")

    rows = {line.split("`")[1] for line in page.split("\n") if line.startswith("| `")}

    assert rows == {name for name, _, _ in every_setting()}


def test_the_example_loads_and_names_every_section() -> None:
    """deploy/notifier.example.toml is a start, not a riddle."""
    loaded = settings.load(EXAMPLE, environ={})

    assert set(tomllib.loads(EXAMPLE.read_text("utf-8"))) == set(settings.Settings.model_fields)
    assert loaded.channels["sms"].type == "aliyun_sms"
    assert loaded.database.url == f"sqlite:///{EXAMPLE.parent / 'var' / 'notifier.db'}"


def test_later_beats_earlier(tmp_path: Path) -> None:
    """Defaults, file, environment, command line."""
    path = tmp_path / "notifier.toml"
    path.write_text("[web]\nport = 1\nhost = '::1'\n[utility]\nname = 'A'\n", "utf-8")

    loaded = settings.load(
        path, environ={"NOTIFIER_WEB__PORT": "2", "HOME": "x"}, overrides={"web.port": 3}
    )
    unchanged = settings.load(path, environ={}, overrides={"web.port": None})

    assert (loaded.web.port, loaded.web.host, loaded.utility.name) == (3, "::1", "A")
    assert unchanged.web.port == 1


def test_the_working_folder_s_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --config, ./notifier.toml is read; without that, the defaults hold."""
    monkeypatch.chdir(tmp_path)
    before = settings.load(environ={})
    (tmp_path / "notifier.toml").write_text("[web]\nport = 9\n")

    assert before.web.port == 8080
    assert settings.load(environ={}).web.port == 9


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """A database URL is percent-encoded; the file it leads to, and the keys beside it, are not."""
    folder = tmp_path / "100% 停电?"
    folder.mkdir()

    loaded = load("[database]\nurl='sqlite:///var/a%20b.db?timeout=9'\n", folder)

    url = make_url(loaded.database.url)
    assert url.database == f"{folder}/var/a b.db"
    assert url.query == {"timeout": "9"}
    assert loaded.key_file == folder / "var" / "a b.keys.json"


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """The same file means the same database, wherever the command is typed."""
    loaded = load("[database]\nurl='sqlite:///var/a.db'\n[templates]\nfolder='words'\n", tmp_path)

    assert loaded.database.url == f"sqlite:///{tmp_path}/var/a.db"
    assert loaded.templates.folder == tmp_path / "words"
    assert loaded.key_file == tmp_path / "var" / "a.keys.json"


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    """A ``_file`` setting reads the value; printing the tree shows none of them."""
    (tmp_path / "url").write_text("postgresql://u:hidden1@h/d\n")
    (tmp_path / "key").write_text("hidden2\n")
    text = (
        "[database]\nurl_file='url'\n[vault]\nkey_file='k.json'\n"
        "[channels.sms]\ntype='aliyun_sms'\naccess_key_secret_file='key'\nca_file='ca.pem'\n"
        "callback_secret='hidden3-hidden3-hidden3'\n"
    )

    loaded = load(text, tmp_path, NOTIFIER_CHANNELS__SMS__ACCESS_KEY_ID="hidden4")

    assert loaded.database.url == "postgresql://u:hidden1@h/d"
    assert loaded.channels["sms"].options == {
        "access_key_id": "hidden4",
        "access_key_secret": "hidden2",
        "ca_file": "ca.pem",
    }
    assert loaded.vault.key_file == tmp_path / "k.json"
    assert "hidden" not in repr(loaded)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[web]\nport = 'x'", "web.port"),
        ("[web]\nprot = 1", "web.prot"),
        ("[wbe]\nport = 1", "wbe"),
        ("web = 1", "web"),
        ("[utility]\nzone = 'Mars/Base'", "utility.zone"),
        ("[utility]\npublic_url = 'ftp://x'", "utility.public_url"),
        ("[database]\nurl = 'mysql://u:hidden@h/d'", "database.url"),
        ("[database]\nurl = 'nonsense'", "database.url"),
        ("[database]\nurl_file = 'none'", "database.url_file"),
        ("[clock]\nstart = 2026", "clock.start"),
        ("[clock]\nstart = '2026'", "clock.start"),
        ("[clock]\nspeed = 0", "clock.speed"),
        ("[worker]\nlease_seconds = 1", "worker.heartbeat_seconds"),
        ("[channels.sms]\nx = 1", "channels.sms.type"),
        ("[channels.'S M S']\ntype = 'x'", "channels.S M S"),
        ("[channels.sms]\ntype = 'x'\nkey_file = 'none'", "channels.sms.key_file"),
        ("[channels.sms]\ntype = 'x'\ncallback_secret = 'hidden'", "channels.sms.callback_secret"),
        ("nonsense", "--config"),
    ],
)
def test_a_wrong_setting_stops_the_start_by_its_name(text: str, name: str, tmp_path: Path) -> None:
    """The refusal names the setting, has a stable code, and repeats no secret."""
    with pytest.raises(settings.WrongSetting) as refusal:
        load(text, tmp_path)

    assert refusal.value.name == name
    assert refusal.value.code == "settings.invalid"
    assert name in refusal.value.sentence
    assert "hidden" not in refusal.value.sentence


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("NOTIFIER_WEB__PORT", "x", "web.port"),
        ("NOTIFIER_WEB", "1", "web"),
        ("NOTIFIER_NOTHING", "1", "nothing"),
        ("NOTIFIER_WEB__TRUSTED_PROXIES", "[1", "web.trusted_proxies"),
        ("NOTIFIER_WEB__PORT__X", "1", "web.port"),
    ],
)
def test_a_wrong_variable_does_too(variable: str, value: str, name: str, tmp_path: Path) -> None:
    """Also one that is misspelt."""
    with pytest.raises(settings.WrongSetting) as refusal:
        load("[web]\nport = 1", tmp_path, **{variable: value})

    assert refusal.value.name == name


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A file named on the command line must be there."""
    with pytest.raises(settings.WrongSetting, match="cannot be read"):
        settings.load(tmp_path / "none.toml", environ={})


def test_postgresql_needs_a_key_file(tmp_path: Path) -> None:
    """No place for the keys follows from such a database."""
    loaded = load("[database]\nurl='postgresql://u@h/d'", tmp_path)

    with pytest.raises(settings.WrongSetting, match=r"vault\.key_file"):
        _ = loaded.key_file


def test_a_clock_without_an_offset_starts_in_the_utility_s_zone(tmp_path: Path) -> None:
    """People write the time on their wall."""
    wall = load("", tmp_path, NOTIFIER_CLOCK__START="2026-03-05T08:00")
    offset = load("", tmp_path, NOTIFIER_CLOCK__START="2026-03-05T08:00+01:00")
    written = load("[clock]\nstart = 2026-03-05T08:00:00", tmp_path)

    assert wall.clock_start == datetime(2026, 3, 5, 0, 0, tzinfo=UTC)
    assert offset.clock_start == datetime(2026, 3, 5, 7, 0, tzinfo=UTC)
    assert written.clock_start == wall.clock_start
    assert load("", tmp_path).clock_start is None


def test_networks_and_lists_come_from_variables_as_json(tmp_path: Path) -> None:
    """A list is written as JSON."""
    loaded = load("", tmp_path, NOTIFIER_WEB__TRUSTED_PROXIES='["10.0.0.0/8"]')

    assert [str(network) for network in loaded.web.trusted_proxies] == ["10.0.0.0/8"]
