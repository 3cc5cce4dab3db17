"""Revisions about to be written, as rows for one statement each, however many there are."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, or_, update

from notifier.domain import plan as plans
from notifier.domain.impact import MatchRecord
from notifier.store import schema
from notifier.store.columns import UtcTime

_PLAN = schema.plan
_REVISION = schema.plan_revision


def is_wished_later(at: Any) -> ColumnElement[bool]:
    """Whether reconciling a plan at ``at`` has to be asked for; see ``Plans.mark``."""
    return or_(
        _PLAN.c.reconcile_at.is_(None),
        _PLAN.c.reconcile_at > at,
        _PLAN.c.reconcile_worker.is_not(None),
    )


def revision(new: plans.NewRevision, now: datetime, actor: str) -> dict[str, Any]:
    """The row of a revision."""
    return {
        "plan_id": new.plan_id,
        "number": new.number,
        "change": new.change.value,
        "note": new.note,
        "content": plans.content_as_dict(new.content),
        "digest": plans.content_digest(new.content),
        "source": dict(new.source),
        "findings": [dict(finding) for finding in new.findings],
        "created_at": now,
        "created_by": actor,
    }


_AT = bindparam("at", type_=UtcTime())

#: Makes a revision its plan's present one; takes rows of ``present``.
PRESENT = (
    update(_PLAN)
    .where(_PLAN.c.id == bindparam("plan"))
    .values(
        revision=bindparam("new_number"),
        kind=bindparam("new_kind"),
        department=bindparam("new_department"),
        state=bindparam("new_state"),
        starts_at=bindparam("first"),
        ends_at=bindparam("last"),
        restored_at=func.coalesce(bindparam("back", type_=UtcTime()), _PLAN.c.restored_at),
        reconcile_at=case((is_wished_later(_AT), _AT), else_=_PLAN.c.reconcile_at),
    )
)


def present(new: plans.NewRevision, now: datetime) -> dict[str, Any]:
    """What a plan takes over from its new revision."""
    windows = new.content.all_windows
    return {
        "plan": new.plan_id,
        "new_number": new.number,
        "new_kind": new.content.kind.value,
        "new_department": new.content.department,
        "new_state": new.state.value,
        "first": min((window.starts_at for window in windows), default=None),
        "last": max((window.ends_at for window in windows), default=None),
        "back": new.restored_at,
        "at": now,
    }


_OF_MATCH = ("points_id", "counts", "difference", "findings", "network_id", "network_overlay")

#: Puts what matching found beside a revision; takes rows of ``matched``.
MATCHED = (
    update(_REVISION)
    .where(_REVISION.c.id == bindparam("revision"))
    .values({name: bindparam(f"new_{name}") for name in _OF_MATCH})
)


def matched(record: MatchRecord) -> dict[str, Any]:
    """What matching found."""
    version, overlay = record.network or (None, None)
    return {
        "revision": record.revision_id,
        "new_points_id": record.points_id,
        "new_counts": dict(record.counts),
        "new_difference": dict(record.difference),
        "new_findings": list(record.findings),
        "new_network_id": version,
        "new_network_overlay": overlay,
    }
