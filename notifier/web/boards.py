"""What the console shows, put together for its templates: the board, and one plan in full."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from notifier.domain import errors
from notifier.domain.cell import Cell
from notifier.domain.impact import Group, ImpactClass
from notifier.domain.plan import Plan, Revision
from notifier.domain.window import Window
from notifier.store import views
from notifier.usecases import basis, proposals
from notifier.web import health, pages, words
from notifier.web.context import SERVICE, Service
from notifier.web.pages import Part

#: Plans on the board at once; older ones are behind "all".
A_PAGE = 40
_RECENT = timedelta(days=2)
_HOLDS = 1.5

#: The parts of a bar in their order: colour, words, the states of deliveries that count in it.
PARTS: Sequence[tuple[str, words.Words, frozenset[str]]] = (
    ("told", ("已送达", "delivered"), frozenset({"delivered"})),
    ("sent", ("已发出", "sent"), frozenset({"accepted", "unconfirmed"})),
    ("unsure", ("待查", "uncertain"), frozenset({"uncertain"})),
    ("going", ("发送中", "sending"), frozenset({"sending"})),
    ("waiting", ("待发送", "scheduled"), frozenset({"scheduled"})),
    ("failed", ("未送达", "failed"), frozenset({"failed"})),
    ("off", ("不再发送", "dropped"), frozenset({"dropped"})),
    ("gone", ("已撤回", "withdrawn"), frozenset({"withdrawn"})),
)
_POSTED = (
    ("posted", ("已张贴", "posted"), frozenset({"delivered"})),
    ("todo", ("待张贴", "to be posted"), frozenset({"accepted", "scheduled", "sending"})),
    ("failed", ("未张贴", "not posted"), frozenset({"unconfirmed", "failed", "dropped"})),
    ("gone", ("已撤回", "withdrawn"), frozenset({"withdrawn"})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """A plan on the board. ``told`` are deliveries to people, ``posted`` posters, as bars."""

    plan: Plan
    zh: str
    en: str
    works: str
    people: int
    points: int
    told: Sequence[Part]
    posted: Sequence[Part]
    exceptions: int
    is_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The first page: plans, what a person has to see to, channels, and a sum."""

    at: datetime
    plans: Sequence[PlanLine]
    exceptions: Sequence[Mapping[str, Any]]
    channels: Sequence[Mapping[str, Any]]
    sums: Mapping[str, int]
    has_more: bool


async def board(app: web.Application, *, everything: bool = False) -> Board:
    """The board; computed once however many look at it."""
    name = "board.all" if everything else "board"
    found: Board = await health.remembered(
        app, name, _HOLDS, lambda: _board(app, everything=everything)
    )
    return found


async def _board(app: web.Application, *, everything: bool) -> Board:
    service = app[SERVICE]
    now = service.clock.now()
    limit = 500 if everything else A_PAGE
    well = await health.channels(app)
    async with service.store.read() as tx:
        places = await views.plans_page(
            tx.connection, ending_after=None if everything else now - _RECENT, limit=limit + 1
        )
        plans = await tx.plans.by_ids([plan_id for plan_id, _ in places[:limit]])
        revisions = {p.id: await tx.plans.revision(p.id, p.revision) for p in plans}
        cells = {p.id: await tx.plans.cells(revisions[p.id].id) for p in plans}
        counted = await views.progress(tx.connection, [plan.id for plan in plans])
        exceptions = await tx.journal.exceptions()
        states = await tx.journal.channel_states()
        gauges = await views.gauges(tx.connection, now)
    opened = Counter(item["plan_id"] for item in exceptions)
    lines = []
    sums: Counter[str] = Counter()
    for plan in plans:
        content = revisions[plan.id].content
        windows = content.all_windows
        is_short = not content.windows
        zh, en = pages.told_times(windows, zone=service.setting.zone, now=now, is_short=is_short)
        rows = counted.get(plan.id, [])
        told = bar_of([row for row in rows if row["medium"] != "posting"], PARTS)
        posted = bar_of([row for row in rows if row["medium"] == "posting"], _POSTED)
        for part in (*told, *posted):
            sums[part.colour] += part.count
        # Every door that was to have a poster, whatever became of it.
        sums["doors"] += sum(part.count for part in posted if part.colour != "gone")
        lines.append(
            PlanLine(
                plan=plan,
                zh=zh,
                en=en,
                works=content.works,
                people=sum((cells[plan.id] or {}).values()),
                points=sum(revisions[plan.id].counts.get("points", {}).values()),
                told=told,
                posted=posted,
                exceptions=opened[plan.id],
                is_running=any(window.contains(now) for window in windows),
            )
        )
    return Board(
        at=now,
        plans=lines,
        exceptions=exceptions[:100],
        channels=[
            {
                "name": name,
                "medium": channel.medium.value,
                "is_well": well[name].is_well,
                "detail": well[name].detail,
                "stopped_at": states.get(name, {}).get("stopped_at"),
                "stopped_why": states.get(name, {}).get("stopped_why", ""),
                "due": gauges["backlog"].get(name, (0, None))[0],
            }
            for name, channel in service.switchboard.channels.items()
        ],
        sums={**sums, "exceptions": len(exceptions), "reconcile": gauges["reconcile"]},
        has_more=len(places) > limit,
    )


def bar_of(
    rows: Iterable[Mapping[str, Any]],
    parts: Sequence[tuple[str, words.Words, frozenset[str]]],
) -> list[Part]:
    """Counted deliveries as a bar."""
    counts: Counter[str] = Counter()
    for row in rows:
        for colour, _, states in parts:
            if row["state"] in states:
                counts[colour] += row["deliveries"]
                break
    return pages.bar((f"{zh} {en}", counts[colour], colour) for colour, (zh, en), _ in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumLine:
    """One stage and medium of a plan as a bar, with the reasons for what did not arrive."""

    stage: str
    medium: str
    total: int
    parts: Sequence[Part]
    reasons: Sequence[tuple[str, str, int]]


async def plan_page(service: Service, plan: Plan) -> dict[str, Any]:
    """Everything the page of one plan shows, but what may be changed on it."""
    now, zone = service.clock.now(), service.setting.zone
    async with service.store.read() as tx:
        revisions = await tx.plans.revisions(plan.id)
        present = revisions[-1]
        points_id = present.points_id
        groups = await tx.impacts.groups(present.id)
        areas = await tx.impacts.by_area(present.id, points_id) if points_id else []
        counted = (await views.progress(tx.connection, [plan.id])).get(plan.id, [])
        decided = await views.decisions(tx.connection, plan.id)
        happened = await views.timeline(tx.connection, plan.id, plan.number)
        approvals = await tx.plans.approvals(plan.id)
        exceptions = await tx.journal.exceptions(plan_id=plan.id, only_open=False)
        sharing = await tx.joints.members(plan.id)
        joint = [await tx.plans.by_id(each) for each in sharing if each != plan.id]
    content = present.content
    zh, en = pages.told_times(content.all_windows, zone=zone, now=now, is_short=not content.windows)
    return {
        "plan": plan,
        "present": present,
        "zh": zh,
        "en": en,
        "is_running": any(window.contains(now) for window in content.all_windows),
        "revisions": [
            {
                "it": item,
                "times": pages.told_times(
                    item.content.all_windows, zone=zone, now=now,
                    is_short=not item.content.windows,
                )[0],
            }
            for item in reversed(revisions)
        ],
        "groups": [_group(group, zone=zone, now=now) for _, group in sorted(groups.items())],
        "areas": areas,
        "lines": _lines(counted),
        "decisions": _decisions(decided),
        "timeline": list(reversed(happened))[:200],
        "approvals": approvals,
        "exceptions": exceptions,
        "joint": joint,
    }  # fmt: skip


#: A plan that goes by ledger until one of its proposals is confirmed.
_WAITING = "trace.proposal_waiting"


async def network_part(service: Service, plan: Plan, revision: Revision) -> dict[str, Any]:
    """What the page of a plan shows of the network: how the impact is known, whether there is a
    picture, and what switching is proposed for its place of work."""
    rests_on = await basis.basis(service.store, revision)
    found: dict[str, Any] = {
        "basis": rests_on,
        "words": rests_on.words(service.setting.zone),
        "has_diagram": revision.network is not None and revision.content.switching is not None,
        "proposals": None,
        "no_proposal": "",
    }
    if any(item["code"] == _WAITING for item in revision.findings):
        try:
            found["proposals"] = await proposals.propose(service.store, plan.number)
        except errors.Refusal as refusal:
            found["no_proposal"] = refusal.sentence
    return found


def _group(group: Group, *, zone: Any, now: datetime) -> dict[str, Any]:
    is_short = group.impact_class is ImpactClass.SHORT
    windows: tuple[Window, ...] = group.windows
    zh, en = pages.told_times(windows, zone=zone, now=now, is_short=is_short)
    return {"it": group, "zh": zh, "en": en}


def _lines(counted: Sequence[Mapping[str, Any]]) -> list[MediumLine]:
    by_line: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in counted:
        by_line[row["stage"], row["medium"]].append(row)
    order = list(words.STAGES)
    media = list(words.MEDIA)
    found = []
    for (stage, medium), rows in sorted(
        by_line.items(), key=lambda item: (order.index(item[0][0]), media.index(item[0][1]))
    ):
        reasons: Counter[tuple[str, str]] = Counter()
        for row in rows:
            if row["reason"] and row["state"] != "delivered":
                reasons[row["state"], row["reason"]] += row["deliveries"]
        found.append(
            MediumLine(
                stage=stage,
                medium=medium,
                total=sum(row["deliveries"] for row in rows),
                parts=bar_of(rows, _POSTED if medium == "posting" else PARTS),
                reasons=[(state, why, n) for (state, why), n in reasons.most_common(6)],
            )
        )
    return found


def _decisions(decided: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The last word on each stage and reason, with the audiences it is about."""
    last: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in decided:
        key = (row["stage"], row["verdict"], row["reason"])
        shown = last.get(key)
        if shown is None or shown["revision"] != row["revision"]:
            shown = last[key] = {**row, "people": 0, "audiences": Counter()}
        shown["at"] = row["at"]
        shown["people"] += row["people"]
        if row["cell"]:
            shown["audiences"][Cell.named(row["cell"]).audience.value] += row["people"]
    return sorted(last.values(), key=lambda row: row["at"], reverse=True)
