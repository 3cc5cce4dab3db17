"""Plans and revisions as JSON: the shapes of ``docs/doors.md``."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from notifier.commands.console import iso
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import Plan, PlanContent, Revision, Switching, content_as_dict
from notifier.domain.window import Window


def plan_as_dict(plan: Plan, zone: ZoneInfo) -> dict[str, Any]:
    """One plan as lists show it."""
    return {
        "number": plan.number,
        "kind": plan.kind.value,
        "department": plan.department,
        "state": plan.state.value,
        "revision": plan.revision,
        "settled_revision": plan.settled_revision,
        "starts_at": iso(plan.starts_at, zone),
        "ends_at": iso(plan.ends_at, zone),
        "restored_at": iso(plan.restored_at, zone),
        "created_at": iso(plan.created_at, zone),
        "submitted_by": plan.submitted_by,
    }


def revision_as_dict(revision: Revision, zone: ZoneInfo) -> dict[str, Any]:
    """One revision with its content; its windows in local time."""
    return {
        "number": revision.number,
        "change": revision.change.value,
        "note": revision.note,
        "created_at": iso(revision.created_at, zone),
        "created_by": revision.created_by,
        "digest": revision.digest,
        "content": content_as_dict(revision.content)
        | {"windows": [window.as_dict(zone) for window in revision.content.windows]},
        "source": revision.source,
        "findings": list(revision.findings),
        "points": dict(revision.counts.get("points", {})),
        "difference": dict(revision.difference),
    }


def approval_as_dict(approval: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """One signature."""
    return {
        "revision": approval["revision"],
        "approved_by": approval["approved_by"],
        "approved_at": iso(approval["approved_at"], zone),
        "recipients": approval["recipients"],
        "recipients_hash": approval["recipients_hash"],
        "parts": approval["parts"],
        "cost": approval["cost"],
        "template_version": approval["template_version"],
        "policy_version": approval["policy_version"],
        "voided_at": iso(approval["voided_at"], zone),
        "voided_why": approval["voided_why"] or "",
    }


def switching_in_words(switching: Switching, zone: ZoneInfo) -> str:
    """The steps in one line for people, those back behind a bar; times local."""

    def said(step: Step) -> str:
        verb = "拉开 open" if step.action is Action.OPEN else "合上 close"
        at = "" if step.planned_at is None else f"{step.planned_at.astimezone(zone):%m-%d %H:%M} "
        return f"{at}{verb} {step.switch}"

    out = "；".join(map(said, switching.steps))
    return f"{out} | {'；'.join(map(said, switching.back))}" if switching.back else out


def windows_in_words(content: PlanContent, zone: ZoneInfo) -> str:
    """All windows in one line for people, local time."""
    return "；".join(window_in_words(window, zone) for window in content.all_windows)


def window_in_words(window: Window, zone: ZoneInfo) -> str:
    """``2026-03-05 08:00–17:30``; the end's day only where it is another."""
    start, end = window.starts_at.astimezone(zone), window.ends_at.astimezone(zone)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M}–{until}"
