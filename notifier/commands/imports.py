"""``notifier import``: one room a kind of file."""

import argparse

from notifier.commands import base


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of the group ``import``."""
    commands = base.group(parser)
    for name, summary, room in (
        (
            "ledger",
            "导入站-线-变-户台账 / import the customer ledger",
            "import_ledger:register",
        ),
        ("plans", "导入停电计划 / import outage plans", "import_plans:register"),
        (
            "network",
            "导入网络模型或开关状态 / import a network model or switch states",
            "networks:register_import",
        ),
        (
            "constraints",
            "导入协调约束 / import what a bureau asks of its works",
            "coordination_meeting:register_import",
        ),
        ("history", "导入历史停电 / import past interruptions", "history:register"),
    ):
        base.later(commands, name, summary, f"notifier.commands.{room}")
