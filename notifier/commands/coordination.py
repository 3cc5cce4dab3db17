"""``notifier coordinate``: its questions and their options."""

import argparse
from datetime import datetime
from pathlib import Path

from notifier.commands import base
from notifier.commands.base import Context


def register(parser: argparse.ArgumentParser) -> None:
    """Completes ``coordinate``."""
    base.command(
        parser,
        "notifier coordinate --check JX-2026-031 --json\n"
        "notifier coordinate --from 2026-03-10 --to 2026-04-10 --svg march.svg\n"
        "notifier coordinate --from 2026-03-10 --to 2026-04-10 --pin P1=2026-03-12T08:00 --crew 一班=2\n"
        "notifier coordinate --accept 3 --only JX-2026-031\n"
        "notifier coordinate --instance n500.json --seconds 30 --json",
        _chosen,
        acts=True,
    )
    question = parser.add_mutually_exclusive_group(required=True)
    _add_instance(parser, question)
    question.add_argument(
        "--check",
        metavar="NUMBER",
        help="同一台区的其他停电与更好的日子 / what else takes the same areas out, and better days",
    )
    _add_meeting(parser, question)


def _add_instance(parser: argparse.ArgumentParser, question: base.Subparsers) -> None:
    """Adds the question ``--instance`` and what goes with it."""
    question.add_argument(
        "--instance", type=Path, metavar="FILE", help="求解算例 / solve an instance given as JSON"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="时限，默认 30 / at most so long (default: 30)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="随机种子 / random seed")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="线程数，不影响结果 / threads; the answer is the same for any number",
    )


def _add_meeting(parser: argparse.ArgumentParser, question: base.Subparsers) -> None:
    """Adds the questions ``--from``, ``--run`` and ``--accept``, and what goes with them."""
    question.add_argument(
        "--from", dest="first", type=base.day, metavar="DAY",
        help="平衡会：从此日起 / hold a meeting: from this day",
    )  # fmt: skip
    question.add_argument("--run", type=int, metavar="N", help="查看第 N 次方案 / show a proposal")
    question.add_argument(
        "--accept", type=int, metavar="N", help="采纳第 N 次方案 / accept what a meeting proposed"
    )
    parser.add_argument(
        "--to",
        dest="last",
        type=base.day,
        metavar="DAY",
        help="到此日（含） / to this day, included",
    )
    parser.add_argument(
        "--pin", action="append", default=[], type=_pin, metavar="NUMBER=TIME",
        help="固定某计划，可重复 / hold a plan at a start; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--as-asked", action="append", default=[], metavar="NUMBER",
        help="某计划不换方式，可重复 / not to be done in another way; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--crew", action="append", default=[], type=_crew, metavar="NAME=N",
        help="假设班组每日可做 N 项 / suppose that a crew does N works a day",
    )  # fmt: skip
    parser.add_argument(
        "--region-per-shift", type=int, metavar="N",
        help="假设每区域每班次限 N 项 / suppose another limit of regions",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", metavar="NUMBER",
        help="只采纳这些计划，可重复 / accept these plans only; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="前后对照图 / the works before and after, drawn"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise ValueError(text)
    return value


def _pin(text: str) -> tuple[str, datetime]:
    number, _, at = text.rpartition("=")
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r}: a pin reads like P1=2026-03-12T08:00")
    return number, base.moment(at)


def _crew(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a crew reads like 一班=2")
    return name, int(number)


async def _chosen(context: Context) -> int:
    """One of the questions was asked. Each has a room of its own, loaded for it: the solver needs no
    database, the database no solver."""
    if context.args.instance is not None:
        from notifier.commands import coordinate_instance

        return await coordinate_instance.solve(context)
    if context.args.check is not None:
        from notifier.commands import coordination_check

        return await coordination_check.check(context)
    from notifier.commands import coordination_meeting

    return await coordination_meeting.answer(context)
