"""``notifier`` token, audit, db, trace: the house itself."""

import json
import sqlite3
from pathlib import Path

import pytest

from notifier import cli
from tests.cli.conftest import Desk

GRID = Path(__file__).parents[1] / "data" / "grid" / "edge"


def test_a_token_is_shown_once_and_revoked(desk: Desk) -> None:
    """Its secret is in no list; the same name is not given twice."""
    made = desk.json("token", "create", "crew-3", "--role", "crew", "--area", "001", "--as", "wang")
    twice = desk.run("token", "create", "crew-3", "--role", "crew")
    listed = desk.run("token", "list")
    gone = desk.run("token", "revoke", "crew-3", "--as", "wang")

    assert made["token"].startswith("ntf_")
    assert twice.err.startswith("token.name_taken: ")
    assert "crew-3" in listed.out
    assert made["token"] not in listed.out
    assert gone.code == 0
    assert desk.json("token", "list")["tokens"][0]["revoked_at"] is not None
    assert desk.run("token", "create", "x", "--role", "read_only").out.startswith("ntf_")


def test_the_audit_chain_is_walked(desk: Desk) -> None:
    """A row that was changed is named, and the exit code is 1."""
    desk.run("token", "create", "a", "--role", "crew")
    whole = desk.json("audit", "verify")
    connection = sqlite3.connect(desk.url.removeprefix("sqlite:///"))
    connection.execute("UPDATE audit SET actor = 'somebody else'")
    connection.commit()
    connection.close()

    broken = desk.run("audit", "verify")

    assert whole["holds"]
    assert broken.code == 1
    assert "row 1" in broken.out


def test_a_database_is_made_where_the_command_line_says(desk: Desk) -> None:
    """``--database`` beats the settings, before or behind the command."""
    url = f"sqlite:///{desk.folder}/new/other.db"

    first = desk.run("--database", url, "db", "upgrade")
    second = desk.run("db", "upgrade", "--database", url)

    assert (first.code, second.code) == (0, 0)
    assert (desk.folder / "new" / "other.db").is_file()


def test_a_wrong_setting_is_a_refusal(desk: Desk) -> None:
    """By its name, before anything is opened."""
    desk.file("wrong.toml", "[web]\nport = 'x'\n")

    answer = desk.run("status", "--config", desk.folder / "wrong.toml")

    assert answer.code == 1
    assert answer.err.startswith("settings.invalid: Setting web.port")


def test_a_database_that_is_none_is_a_refusal(desk: Desk) -> None:
    """One line, no trace."""
    desk.file("text.db", "this is no database, but long enough to be taken for one" * 20)

    answer = desk.run("status", "--database", f"sqlite:///{desk.folder}/text.db")

    assert answer.code == 1
    assert answer.err.startswith("store.unavailable: ")
    assert "Traceback" not in answer.err


@pytest.mark.skipif(not GRID.is_dir(), reason="no network to trace beside the tests")
def test_cases_are_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, as CSV, as a diagram, as a table; no database is made."""
    monkeypatch.chdir(tmp_path)
    command = ["trace", str(GRID), "--cases", str(GRID / "cases.json")]

    assert cli.main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert cli.main([*command, "--csv"]) == 0
    table = capsys.readouterr().out
    assert cli.main([*command, "--svg", found["cases"][0]["id"]]) == 0
    drawn = capsys.readouterr().out
    assert cli.main(command) == 0
    spoken = capsys.readouterr().out

    assert table.startswith("case_id,customer_id,")
    assert drawn.startswith("<svg") or "<svg" in drawn
    assert found["cases"][0]["id"] in spoken
    assert list(tmp_path.iterdir()) == []


def test_contacts_without_a_meter_are_forgotten(desk: Desk) -> None:
    """Counted first (the town has one of its own); the audit trail names numbers only."""
    connection = sqlite3.connect(desk.url.removeprefix("sqlite:///"))
    connection.execute("INSERT INTO contact (kind, name) VALUES (0, '王五')")
    connection.commit()

    foreseen = desk.json("purge", "--dry-run")
    left = connection.execute("SELECT count(*) FROM contact WHERE name = '王五'").fetchone()[0]
    done = desk.run("purge", "--as", "wang")
    gone = connection.execute("SELECT count(*) FROM contact WHERE name = '王五'").fetchone()[0]
    noted = connection.execute(
        "SELECT detail FROM audit WHERE action = 'contact.purged'"
    ).fetchall()
    connection.close()

    assert (foreseen["removed"], foreseen["dry_run"], left) == (2, True, 1)
    assert "removed 2" in done.out
    assert gone == 0
    assert json.loads(noted[0][0])["removed"] == 2
