"""``python -m tests.providers``: the gateway as a process of its own.

Prints one line of JSON with its ports (``{"all": 40001, "control": 40002, "aliyun": …}``) and serves until
it is told to stop (SIGTERM, SIGINT) or, with ``--with-stdin``, until its standard input ends.
"""

import argparse
import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import orjson
import uvloop

from notifier import clock as clocks
from tests.providers.gateway import NAMES, Accounts, Gateway


def main() -> None:
    """Parse the command line and serve."""
    fields = Accounts.__dataclass_fields__
    parser = argparse.ArgumentParser(prog="python -m tests.providers", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="all providers on one port; 0: any")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--control-token", default="", help="Bearer token of the control API")
    parser.add_argument("--print-port", action="store_true", help="only the number of --port")
    parser.add_argument("--sink", action="store_true", help="count, keep nothing")
    parser.add_argument("--verify-every", type=int, default=0, help="signatures: 1 in n")
    parser.add_argument("--clock-start", type=datetime.fromisoformat, help="ISO 8601 with offset")
    parser.add_argument("--clock-speed", type=float, default=1.0)
    parser.add_argument("--clock-began", type=datetime.fromisoformat, help="when it left the start")
    parser.add_argument("--clock-file", type=Path, help="directs the time; speed is for receipts")
    parser.add_argument(
        "--behave",
        default="{}",
        help="settings in JSON, as for POST /_control; with provider, of that one",
    )
    parser.add_argument("--with-stdin", action="store_true")
    for name in NAMES:
        parser.add_argument(f"--callback-{name}", default="", metavar="URL")
    for name in fields:
        parser.add_argument(f"--{name.replace('_', '-')}", default=fields[name].default)
    arguments = parser.parse_args()
    accounts = Accounts(**{name: getattr(arguments, name) for name in fields})
    uvloop.run(serve(arguments, accounts))


async def serve(arguments: argparse.Namespace, accounts: Accounts) -> None:
    """Run until told to stop."""
    clock: clocks.Clock = clocks.SystemClock()
    if arguments.clock_file is not None:
        clock = clocks.DirectedClock(arguments.clock_file)
    elif arguments.clock_start is not None or arguments.clock_speed != 1.0:
        start = arguments.clock_start or clock.now()
        clock = clocks.SimulatedClock(start, arguments.clock_speed, arguments.clock_began)
    gateway = Gateway(
        clock=clock,
        speed=arguments.clock_speed,
        accounts=accounts,
        sink=arguments.sink,
        control_token=arguments.control_token,
        verify_every=arguments.verify_every,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    if arguments.with_stdin:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
    async with gateway.running(port=arguments.port, control_port=arguments.control_port):
        for name, pusher in gateway.pushers.items():
            pusher.url = getattr(arguments, f"callback_{name}")
        settings = orjson.loads(arguments.behave)
        await gateway.behave(settings, provider=settings.pop("provider", "all"))
        ports = gateway.ports()
        print(ports["all"] if arguments.print_port else orjson.dumps(ports).decode(), flush=True)
        await stop.wait()


def _stop_at_end(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stop.set()


if __name__ == "__main__":
    main()
