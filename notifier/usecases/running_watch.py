"""What only a person can see to about running outages: ends that nobody confirmed, outages to move."""

from datetime import datetime

from notifier.domain import running
from notifier.domain.plan import PlanState
from notifier.domain.running import Phase
from notifier.domain.wanted import ForAPerson
from notifier.usecases.coordinate_contracts import WorkBook
from notifier.usecases.reconcile import Setting
from notifier.usecases.running import PUSHED, UNCONFIRMED, Running, look
from notifier.usecases.running_contracts import Store


async def watch(store: Store, works: WorkBook, setting: Setting, now: datetime) -> int:
    """Lists ends that nobody confirmed and outages that must move, and takes off what was seen to.

    An end that was never confirmed lapses with ``running.SHOWN_AFTER``. Answers how many entries
    changed. Cheap when nothing runs: one read.
    """
    if not setting.policy.asking.before:
        return 0
    async with store.read() as tx:
        listed = await tx.running.listed([UNCONFIRMED, PUSHED])
        ids = await tx.running.begun(now, ending_after=now - running.SHOWN_AFTER)
    if not listed and not ids:
        return 0
    seen = await look(store, works, setting, now)
    wanted = _alarms(seen, setting)
    fresh = {key: item for key, item in wanted.items() if key not in listed}
    solved = {key: entry for key, entry in listed.items() if key not in wanted}
    if not fresh and not solved:
        return 0
    async with store.write() as tx:
        for (plan_id, _, _), item in fresh.items():
            await tx.journal.open(plan_id, [item], now=now)
        for (plan_id, kind, _), entry in solved.items():
            how = "solved"
            if kind == UNCONFIRMED and plan_id not in ids:
                plan = await tx.plans.by_id(plan_id)
                how = "lapsed" if plan.state is PlanState.APPROVED else how
            await tx.journal.close(entry, by="service", how=how, now=now)
    return len(fresh) + len(solved)


def _alarms(seen: Running, setting: Setting) -> dict[tuple[int, str, str], ForAPerson]:
    owner, zone = setting.policy.owner, setting.zone
    found: dict[tuple[int, str, str], ForAPerson] = {}
    for line in seen.lines:
        item = line.under_way
        number = item.plan.number
        if line.phase in running.ALARMING:
            crew = item.content.crew or "—"
            ends = item.promised_at.astimezone(zone)
            subject = f"{ends:%m-%d %H:%M}"
            is_over = line.phase is Phase.OVERDUE
            sentence = (
                f"预计 {ends:%H:%M} 送电，无人确认，请联系施工班组（{crew}） / nobody has confirmed "
                f"that supply is back by {ends:%H:%M}: call the crew"
                if not is_over
                else f"{ends:%H:%M} 应已送电，无人确认，请立即核实（{crew}） / supply was due back at "
                f"{ends:%H:%M} and nobody has said so: find out"
            )
            found[item.plan.id, UNCONFIRMED, subject] = ForAPerson(
                kind=UNCONFIRMED,
                subject=subject,
                people=item.points.get("out", 0),
                sentence=sentence,
                owner=owner,
                due_at=item.promised_at,
            )
        for push in () if line.is_foreseen else line.pushes:
            to = push.suggested.starts_at.astimezone(zone)
            found[push.plan.id, PUSHED, number] = ForAPerson(
                kind=PUSHED,
                subject=number,
                people=0,
                sentence=f"{number} 延时送电，本计划建议改到 {to:%m-%d %H:%M} 开始 / {number} ends "
                f"later: begin this one at {to:%m-%d %H:%M}",
                owner=owner,
                due_at=push.window.starts_at,
            )
    return found
