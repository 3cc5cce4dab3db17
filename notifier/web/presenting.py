"""From domain values to the models of the API."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.facts_json import facts_from_dict
from notifier.domain.network.steps import Step
from notifier.domain.plan import Equipment, Plan, Revision, Switching
from notifier.domain.posting import SENTENCES, PostingTask
from notifier.domain.window import Window
from notifier.web import answers


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment with the offset of the zone."""
    return moment.astimezone(zone)


def maybe_local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """As ``local``, where there is a moment."""
    return None if moment is None else moment.astimezone(zone)


def windows(found: Iterable[Window], zone: ZoneInfo) -> list[answers.WindowView]:
    """Windows in local time, in order."""
    return [
        answers.WindowView(starts_at=local(w.starts_at, zone), ends_at=local(w.ends_at, zone))
        for w in sorted(found)
    ]


def plan_fields(plan: Plan, zone: ZoneInfo) -> dict[str, Any]:
    """The fields of a ``PlanView``."""
    return {
        "number": plan.number,
        "kind": plan.kind,
        "department": plan.department,
        "state": plan.state,
        "revision": plan.revision,
        "settled_revision": plan.settled_revision,
        "starts_at": maybe_local(plan.starts_at, zone),
        "ends_at": maybe_local(plan.ends_at, zone),
        "restored_at": maybe_local(plan.restored_at, zone),
        "created_at": local(plan.created_at, zone),
        "submitted_by": plan.submitted_by,
    }


def plan(found: Plan, zone: ZoneInfo) -> answers.PlanView:
    """A plan on the list."""
    return answers.PlanView(**plan_fields(found, zone))


def _equipment(items: Iterable[Equipment]) -> list[answers.EquipmentView]:
    return [
        answers.EquipmentView(name=item.name, kind=item.kind.value, station=item.station)
        for item in items
    ]


def _switching(found: Switching | None, zone: ZoneInfo) -> answers.SwitchingView | None:
    def steps(listed: Iterable[Step]) -> list[answers.StepView]:
        return [
            answers.StepView(
                action=step.action.value,
                switch=step.switch,
                group=step.group,
                planned_at=maybe_local(step.planned_at, zone),
            )
            for step in listed
        ]

    if found is None:
        return None
    return answers.SwitchingView(
        steps=steps(found.steps),
        back=steps(found.back),
        transitions={group: how.value for group, how in found.transitions},
    )


def revision(found: Revision, zone: ZoneInfo) -> answers.RevisionView:
    """One revision with what it says and whom it touches."""
    content = found.content
    return answers.RevisionView(
        number=found.number,
        change=found.change,
        note=found.note,
        created_at=local(found.created_at, zone),
        created_by=found.created_by,
        windows=windows(content.windows, zone),
        equipment=_equipment(content.equipment),
        transfers=[
            answers.TransferView(
                equipment=_equipment(item.equipment),
                transition=item.transition.value,
                spans=windows(item.spans, zone),
            )
            for item in content.transfers
        ],
        switching=_switching(content.switching, zone),
        work=None
        if content.work is None
        else answers.WorkView(kind=content.work.kind.value, names=list(content.work.names)),
        network=None
        if found.network is None
        else answers.NetworkView(version=found.network[0], overlay=found.network[1]),
        scope=content.scope,
        works=content.works,
        priority=content.priority,
        crew=content.crew,
        points=found.counts.get("points", {}),
        difference=found.difference,
        findings=[dict(item) for item in found.findings],
        source=found.source,
    )


def approval(row: Mapping[str, Any], zone: ZoneInfo) -> answers.ApprovalView:
    """One signature."""
    return answers.ApprovalView(
        revision=row["revision"],
        approved_by=row["approved_by"],
        approved_at=local(row["approved_at"], zone),
        recipients=row["recipients"],
        recipients_hash=row["recipients_hash"],
        parts=row["parts"],
        cost=row["cost"],
        voided_at=maybe_local(row["voided_at"], zone),
        voided_why=row["voided_why"],
    )


def exception(row: Mapping[str, Any], zone: ZoneInfo) -> answers.ExceptionView:
    """One entry of the list for people."""
    return answers.ExceptionView(
        id=row["id"],
        plan=row["plan"],
        kind=row["kind"],
        subject=row["subject"],
        people=row["people"],
        sentence=row["sentence"],
        owner=row["owner"],
        due_at=maybe_local(row["due_at"], zone),
        opened_at=local(row["opened_at"], zone),
        closed_at=maybe_local(row["closed_at"], zone),
        closed_by=row["closed_by"],
        closed_how=row["closed_how"],
    )


def task(found: PostingTask, zone: ZoneInfo, now: datetime) -> answers.TaskView:
    """One posting task as a crew sees it."""
    facts = facts_from_dict(dict(found.facts))
    chinese, english = SENTENCES[found.todo]
    return answers.TaskView(
        id=found.id,
        plan=found.plan_number,
        revision=found.revision,
        stage=found.stage.value,
        state=found.state(now),
        place=found.place,
        building=found.building,
        area=found.area,
        address=found.address,
        todo=found.todo,
        todo_zh=chinese,
        todo_en=english,
        where=facts.where,
        windows=windows(facts.windows, zone),
        told_windows=windows(facts.told_windows, zone),
        due_at=local(found.due_at, zone),
        expires_at=local(found.expires_at, zone),
        poster=found.poster,
        poster_url=f"/api/v1/postings/{found.id}/poster.pdf",
        crew=found.holder(now) or (found.crew if found.finished_at is not None else None),
        lease_until=maybe_local(found.lease_until, zone) if found.holder(now) else None,
        finished_at=maybe_local(found.finished_at, zone),
        photo_url=f"/api/v1/postings/{found.id}/photo" if found.photo else "",
        latitude=found.latitude,
        longitude=found.longitude,
        handed_back=found.handed_back,
        note=found.note,
    )
