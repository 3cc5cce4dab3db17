"""``notifier demo``: the command."""

import argparse
import importlib
from pathlib import Path

from notifier.commands import base
from notifier.commands.base import Context


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``demo``."""
    base.command(parser, "notifier demo\nnotifier demo --seconds 90 --exit", run, json=False)
    parser.add_argument("--seed", type=int, default=7, help="随机种子 / another bureau")
    parser.add_argument(
        "--size", type=float, default=1.0, help="规模，1 约两万户 / 1: some 20,000 usage points"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=50.0,
        help="一个月用多少秒，默认 50，机器慢则更长 / how long the month takes (default: 50, longer on a "
        "slow machine)",
    )
    parser.add_argument("--exit", action="store_true", help="演示完即退出 / stop when it is over")
    parser.add_argument("--port", type=int, default=0, help="页面端口 / port of the pages; 0: any")
    parser.add_argument(
        "--folder", type=Path, default=Path("var/demo"), help="文件放在哪里 / where the files go"
    )


async def run(context: Context) -> int:
    """``notifier demo``; 1 when the numbers do not add up."""
    # No other command needs the stage, and it takes a while to load.
    month = importlib.import_module("notifier.demo.month")
    args = context.args
    options = month.Options(
        folder=args.folder,
        seed=args.seed,
        size=args.size,
        seconds=args.seconds,
        port=args.port,
        leave=args.exit,
    )
    faults: int = await month.run(options, context.console)
    return base.FOUND if faults else base.OK
