"""``notifier coordinate --instance``: the door by which anyone can check the solver."""

import json
from pathlib import Path

import pytest

from bench import coordination_city
from notifier import cli
from notifier.domain.coordination import validator
from notifier.domain.coordination.problem import Assignment
from notifier.intake import instances
from notifier.solver import cpsat


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance of sixty works in a folder without settings."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "city.json"
    path.write_text(json.dumps(coordination_city.city(1, 60)), "utf-8")
    return path


def run(*arguments: object) -> int:
    """The command line as somebody types it."""
    return cli.main(["coordinate", *map(str, arguments)])


def test_the_answer_can_be_checked(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Assignments by the file's ids, with objective, bound, gap and seconds; sound when recomputed."""
    code = run("--instance", instance, "--seconds", "20", "--json")

    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {"assignments", "objective", "bound", "gap", "seconds"} <= answer.keys()
    read = instances.read_instance(instance)
    position = {request.key: number for number, request in enumerate(read.requests)}
    plan = [
        Assignment(position[one["request"]], one["slot"], one["mode"])
        for one in answer["assignments"]
    ]
    verdict = validator.check(read, plan)
    assert verdict.is_sound
    assert verdict.objective == answer["objective"] >= answer["bound"]
    if cpsat.is_installed():
        assert (answer["method"], answer["gap"], answer["reproducible"]) == ("cp-sat", 0, True)


def test_people_see_what_was_asked_beside_it(
    instance: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table with both columns."""
    assert run("--instance", instance) == 0

    shown = capsys.readouterr().out
    assert "as asked" in shown
    assert "repeats" in shown


def test_greed_says_that_it_is_greed(
    instance: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra: ``"method": "greedy"``, and a line on standard error."""
    monkeypatch.setattr(cpsat, "is_installed", lambda: False)

    assert run("--instance", instance, "--json") == 0

    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (answer["method"], answer["bound"]) == ("greedy", 0)
    assert "greedy" in printed.err


def test_a_wrong_file_is_refused_in_one_line(
    instance: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the code, the file and the place."""
    instance.write_text('{"horizon_days": 60}', "utf-8")

    assert run("--instance", instance) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("coordination.unreadable: city.json: weights: ")


@pytest.mark.parametrize("seconds", ["0", "-3", "soon", "nan"])
def test_seconds_are_a_number_above_nought(instance: Path, seconds: str) -> None:
    """Anything else is no command."""
    with pytest.raises(SystemExit) as ended:
        run("--instance", instance, "--seconds", seconds)

    assert ended.value.code == 2
