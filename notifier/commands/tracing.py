"""``notifier trace``: switching cases against a network folder, the door for checking the topology."""

import argparse
import asyncio
from pathlib import Path

from notifier.commands import base
from notifier.commands.base import Context
from notifier.intake import network_folder
from notifier.usecases import trace


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``trace``."""
    base.command(
        parser,
        "notifier trace grid/edge --cases grid/edge/cases.json --csv\n"
        "notifier trace grid/edge --cases grid/edge/cases.json --svg edge-004 > case.svg",
        show,
        json=False,
    )
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="节点支路表或 CIM / CSV folder or CIM"
    )
    parser.add_argument("--cases", type=Path, required=True, metavar="F", help="cases.json")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="全部结果 / everything")
    shape.add_argument("--csv", action="store_true", help="case_id,customer_id,…")
    shape.add_argument("--svg", metavar="CASE", help="单线图 / the diagram of one case")
    parser.add_argument("--order", metavar="NAME", help="与 --svg 合用 / which order to draw")


async def show(context: Context) -> int:
    """``notifier trace``."""
    args, out = context.args, context.console
    report = await asyncio.to_thread(
        trace.trace_folder, args.folder, args.cases, reader=network_folder
    )
    if args.svg:
        out.say(report.as_svg(args.svg, args.order).rstrip("\n"))
        return base.OK
    if args.csv:
        for line in report.as_csv():
            out.out.write(line)
        return base.OK
    shown = report.as_json()
    if args.json:
        out.json(shown)
        return base.OK
    out.table(
        ("案例 case", "类型 kind", "顺序 order", "影响 customers", "疑问 findings"),
        (
            (
                case["id"],
                case["kind"],
                name,
                ", ".join(
                    f"{kind} {number}" for kind, number in order["customers"].items() if number
                ),
                ", ".join(item["code"] for item in order.get("findings", ())),
            )
            for case in shown["cases"]
            for name, order in case["orders"].items()
        ),
    )
    out.findings(shown["findings"])
    return base.OK
