"""What a command loads before it begins: whoever types it waits for that."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_process import environ

DATA = Path(__file__).parents[3] / "shared" / "data"
WEB = ("aiohttp", "notifier.web")
DATABASE = ("sqlalchemy", "alembic", "notifier.store", "notifier.runtime")
SOLVER = ("ortools", "notifier.solver", "notifier.usecases.coordinate_meeting")

_RUN = """
import json, sys
from notifier import cli
try:
    code = cli.main(sys.argv[1:])
except SystemExit as left:
    code = left.code
json.dump([code, sorted(sys.modules)], sys.stderr)
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command of its own process has loaded by its end."""
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=folder, env=environ(), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    assert code == 0, ran.stderr
    return set(modules)


def among(modules: set[str], unwanted: tuple[str, ...]) -> set[str]:
    """Those of the modules that are, or are below, one of the unwanted."""
    return {m for m in modules if any(m == name or m.startswith(f"{name}.") for name in unwanted)}


def test_help_loads_no_room(tmp_path: Path) -> None:
    """All commands are listed from their names and summaries; settings and the log can wait, too."""
    modules = loaded(tmp_path, "--help")

    assert among(modules, (*WEB, *DATABASE, *SOLVER, "pydantic", "structlog")) == set()
    rooms = {m for m in among(modules, ("notifier.commands",)) if m.count(".") > 1}
    assert rooms == {"notifier.commands.base", "notifier.commands.console"}


@pytest.mark.parametrize("words", [("import", "--help"), ("coordinate", "--help")])
def test_a_group_or_a_choice_loads_none_of_its_rooms(tmp_path: Path, words: tuple[str]) -> None:
    """Options are light; what answers is loaded once it is known which."""
    assert among(loaded(tmp_path, *words), (*WEB, *DATABASE, *SOLVER)) == set()


def test_solving_an_instance_needs_no_database_and_no_web(tmp_path: Path) -> None:
    """``coordinate --instance``: a file and a solver."""
    if not DATA.is_dir():
        pytest.skip("shared/data is not beside the checkout")
    instance = DATA / "coordination" / "n50-s11.json"

    modules = loaded(
        tmp_path, "coordinate", "--instance", str(instance), "--seconds", "2", "--json"
    )

    assert "notifier.solver.solving" in modules
    assert among(modules, (*WEB, *DATABASE, "numpy", "pandas", "jinja2")) == set()


def test_reading_plans_needs_no_store_where_there_is_none(tmp_path: Path) -> None:
    """``import plans --dry-run`` on a machine without a database reads the file, and that is all."""
    (tmp_path / "p.csv").write_text(
        "停电线路,停电时间\n10kV东1线,2026年3月20日8:00-18:00\n", "utf-8"
    )

    modules = loaded(tmp_path, "import", "plans", "p.csv", "--dry-run", "--json")

    assert "notifier.intake.plans" in modules
    assert among(modules, (*WEB, *DATABASE, *SOLVER, "jinja2")) == set()


def test_a_look_at_the_database_loads_no_migration_no_web_and_no_solver(tmp_path: Path) -> None:
    """``status``, once the schema is as it should be."""
    assert "alembic" in loaded(tmp_path, "db", "upgrade")

    modules = loaded(tmp_path, "status", "--json")

    assert "notifier.runtime" in modules
    assert among(modules, (*WEB, *SOLVER, "alembic", "notifier.worker")) == set()
