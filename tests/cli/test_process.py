"""The program as a shell starts it: output, exit codes, signals."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "notifier"]


def environ(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error::ResourceWarning",
    } | more


def test_a_dry_run_works_on_a_fresh_machine(tmp_path: Path) -> None:
    """Whatever the locale: UTF-8 on standard output and nothing but JSON in it."""
    (tmp_path / "p.csv").write_text(
        "停电线路,停电时间\n10kV东一线,2026年3月20日8:00-18:00\n", "utf-8"
    )

    done = subprocess.run(
        [*COMMAND, "import", "plans", "p.csv", "--dry-run", "--json"],
        cwd=tmp_path,
        env=environ(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    plan = json.loads(done.stdout)["plans"][0]
    assert plan["equipment"][0]["text"] == "10kV东一线"
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_a_refusal_leaves_no_trace(tmp_path: Path) -> None:
    """One line on standard error, exit code 1; what is no command is 2."""
    refused = subprocess.run(
        [*COMMAND, "plan", "show", "none"], cwd=tmp_path, env=environ(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    wrong = subprocess.run(
        [*COMMAND, "nonsense"], cwd=tmp_path, env=environ(), capture_output=True, check=False
    )

    assert (refused.returncode, wrong.returncode) == (1, 2)
    assert refused.stderr.startswith("plan.not_found: ")
    assert refused.stderr.count("\n") == 1


@contextmanager
def serving(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """``notifier serve`` in that folder; killed at the end if it did not end before."""
    running = subprocess.Popen(
        [*COMMAND, "serve", *options],
        cwd=folder,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def test_the_loops_end_on_a_signal(tmp_path: Path) -> None:
    """``serve --worker-only`` runs until SIGTERM, then closes everything and is content."""
    with serving(
        tmp_path, "--worker-only", "--clock-start", "2026-03-01T07:00", "--clock-speed", "3600"
    ) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        running.send_signal(signal.SIGTERM)
        _, rest = running.communicate(timeout=30)

    assert "the loops are running" in line
    assert running.returncode == 0, rest
    assert "Traceback" not in rest


def test_the_service_prints_its_address_and_ends_on_a_signal(tmp_path: Path) -> None:
    """The address comes at once, also into a pipe, and somebody answers there."""
    with serving(tmp_path, "--no-worker", "--port", "0") as running:
        assert running.stdout is not None
        address = running.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}/api/v1/health/live", timeout=10) as answer:  # noqa: S310
            status = answer.status
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=30)

    assert address.startswith("http://127.0.0.1:")
    assert status == 200
    assert running.returncode == 0, said


def test_the_service_ends_with_whoever_holds_its_input(tmp_path: Path) -> None:
    """``--with-stdin``: a child of the demonstration does not outlive it in the same files."""
    with serving(tmp_path, "--no-worker", "--port", "0", "--with-stdin") as running:
        assert running.stdout is not None
        assert running.stdin is not None
        address = running.stdout.readline().strip()
        running.stdin.close()
        running.stdin = None
        _, said = running.communicate(timeout=30)

    assert address.startswith("http://127.0.0.1:")
    assert running.returncode == 0, said


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    """``notifier … | head -1`` ends quietly."""
    rows = "\n".join(f"10kV东{n}线,2026年3月20日8:00-18:00" for n in range(3000))
    (tmp_path / "p.csv").write_text(f"停电线路,停电时间\n{rows}\n", "utf-8")

    with subprocess.Popen(
        [*COMMAND, "import", "plans", "p.csv", "--dry-run", "--json"],
        cwd=tmp_path, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read().decode()
        running.wait(30)

    assert said == ""
