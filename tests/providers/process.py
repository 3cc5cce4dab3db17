"""Starts ``python -m tests.providers`` and steers it: for tests, the demo and the benchmarks."""

import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

ROOT = Path(__file__).parents[2]


class GatewayProcess:
    """The gateway in another process, as a context manager. Calls block; they take about a millisecond.

    It ends with the block, and by itself when this process dies: its standard input ends then.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.providers", "--with-stdin", *self._arguments]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the gateway did not start")
        self.ports = orjson.loads(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.terminate()
        self._process.wait(10)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def url(self, name: str = "all") -> str:
        """The address of ``all``, ``control`` or a provider."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def control(self, **settings: Any) -> dict[str, Any]:
        """``POST /_control``."""
        return self._call("/_control", orjson.dumps(settings))

    def stats(self) -> dict[str, Any]:
        """``GET /_control/stats``."""
        return self._call("/_control/stats")

    def messages(self, **wanted: str) -> list[dict[str, Any]]:
        """``GET /_control/messages``; ``wanted`` is its query."""
        query = urllib.parse.urlencode({"limit": "1000000", **wanted})
        found: list[dict[str, Any]] = self._call(f"/_control/messages?{query}")["messages"]
        return found

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self.url("control") + path, data=body)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            content: dict[str, Any] = orjson.loads(answer.read())
        return content
