"""What approving a plan would send: to how many, by which media, in how many parts, at what cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from notifier.channel import Medium
from notifier.domain.finding import Finding
from notifier.domain.notice import Recipient
from notifier.domain.plan import Plan, PlanState, Revision
from notifier.domain.wanted import Decided, Wanted
from notifier.ports import Renderer, Store
from notifier.usecases import grounds, matching, wanting
from notifier.usecases.reconcile import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One notice of the preview. ``parts`` and ``units`` are of one message; times are aware."""

    stage: str
    audience: str
    medium: str
    locale: str
    people: int
    due_at: datetime
    expires_at: datetime
    parts: int
    text: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Everything an approver signs. ``cost`` is in the utility's currency, for the first medium of
    each recipient; ``recipients_hash`` freezes who they are."""

    number: str
    revision: int
    recipients: int
    recipients_hash: str
    lines: tuple[Line, ...]
    skipped: tuple[Decided, ...]
    parts: int
    cost: float
    template_version: str
    policy_version: str
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "revision": self.revision,
            "recipients": self.recipients,
            "recipients_hash": self.recipients_hash,
            "parts": self.parts,
            "cost": self.cost,
            "template_version": self.template_version,
            "policy_version": self.policy_version,
            "lines": [
                {
                    "stage": line.stage,
                    "audience": line.audience,
                    "medium": line.medium,
                    "locale": line.locale,
                    "people": line.people,
                    "due_at": line.due_at.isoformat(),
                    "expires_at": line.expires_at.isoformat(),
                    "parts": line.parts,
                    "title": line.title,
                    "text": line.text,
                }
                for line in self.lines
            ],
            "skipped": [
                {"stage": item.stage, "reason": item.reason, "people": item.people}
                for item in self.skipped
            ],
            "findings": [finding.as_dict() for finding in self.findings],
        }


async def preview(
    store: Store, setting: Setting, renderer: Renderer, plan: Plan, now: datetime
) -> tuple[Preview, Revision]:
    """The preview of the present revision, as if it were approved now. Nothing is scheduled."""
    revision = await matching.ensure_matched(store, plan)
    async with store.read() as tx:
        await setting.refresh(tx)
    ground = await grounds.of(store, _as_approved(plan), revision)
    async with store.desk() as desk:
        gathered = await grounds.gather(desk, ground, wanting.available(setting.accounts))
        recipients_hash = await desk.recipients_hash()
    wants = grounds.want(ground, gathered, setting.policy, now=now, zone=setting.zone)
    hearing = {item.cell for item in wants.wanted}
    lines = [
        _line(item, wants.cells, renderer, now) for item in wants.wanted if item.notice.rung == 0
    ]
    parts = sum(line.parts * line.people for line in lines if line.medium == Medium.SMS.value)
    findings: list[Finding] = []
    for item in wants.wanted:
        for finding in renderer.check(item.notice.template, [item.notice.facts], now=now):
            if finding not in findings:
                findings.append(finding)
    return (
        Preview(
            number=plan.number,
            revision=revision.number,
            recipients=sum(number for cell, number in wants.cells.items() if cell in hearing),
            recipients_hash=recipients_hash,
            lines=tuple(lines),
            skipped=wants.skipped,
            parts=parts,
            cost=round(parts * setting.policy.part_price, 2),
            template_version=renderer.template_version(),
            policy_version=setting.policy.version,
            findings=tuple(findings),
        ),
        revision,
    )


def _as_approved(plan: Plan) -> Plan:
    open_states = (PlanState.DRAFT, PlanState.SUBMITTED)
    return replace(plan, state=PlanState.APPROVED) if plan.state in open_states else plan


def _line(item: Wanted, cells: Mapping[str, int], renderer: Renderer, now: datetime) -> Line:
    notice = item.notice
    rendered = renderer.prepare(notice.template, notice.facts, now=now).render(Recipient())
    return Line(
        stage=notice.stage.value,
        audience=notice.facts.audience.value,
        medium=notice.medium.value,
        locale=notice.locale,
        people=cells[item.cell],
        due_at=notice.due_at,
        expires_at=notice.expires_at,
        parts=rendered.parts,
        text=rendered.text,
        title=rendered.title,
    )
