"""Sends what is due: claim, decide once more, render, write the attempt, call, record.

No transaction is open while a provider is called. What one step does, any worker may do at the same
time; a batch belongs to whoever holds its lease.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from notifier import channel as channels
from notifier.channel import Channel, Medium, Outcome
from notifier.clock import Clock, monotonic
from notifier.domain import keys
from notifier.domain.decision import (
    CHANNEL_STOPPED,
    NOT_RECONCILED,
    Defer,
    Drop,
    NextMedium,
    Send,
    decide,
    refuse_person,
)
from notifier.domain.delivery import DeliveryState
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.notice import Recipient
from notifier.domain.outbox import Claimed, Member, Recorded
from notifier.domain.wanted import ForAPerson
from notifier.ports import Renderer, Store, Transaction, Vault
from notifier.usecases import outcomes
from notifier.usecases.reconcile import Setting

#: Calls in a row that could not be made before the account's batches go by another.
FAILURES_BEFORE_FAILOVER = 3
#: How often a batch is sent again under its key before it counts as uncertain.
RESENDS = 4
#: How long a batch rests whose words could not be made.
MENDING = timedelta(minutes=10)


#: Batches in the first step of an account; then as many as it answers in about a second.
_FIRST_DEPTH = 2
_QUICK = 0.4
_SLOW = 1.5


@dataclass(slots=True)
class Outbox:
    """What sending needs. ``fallbacks``: for an account the others of its medium, in order; ``mark``: that
    of the installation, in every key.

    ``held``: the batches that this process works on just now, whose leases are renewed.
    ``depth``: how many batches a step takes by now, up to ``batches_a_step``: so many as a provider
    answers in about a second, since whatever is in hand when a process dies is in doubt.
    """

    store: Store
    channels: Mapping[str, Channel]
    fallbacks: Mapping[str, Sequence[str]]
    setting: Setting
    renderer: Renderer
    vault: Vault
    worker: str
    mark: str
    clock: Clock
    batches_a_step: int = 16
    held: set[int] = field(default_factory=set)
    depth: dict[str, int] = field(default_factory=dict)
    #: Messages by channel and outcome since this process started, for the metrics.
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    _failures: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Call:
    """What leaves in one call."""

    claimed: Claimed
    batch: channels.Batch
    members: Sequence[Member]
    outcomes: Sequence[Outcome] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """What one step did, in messages."""

    claimed: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)


async def dispatch(outbox: Outbox, name: str) -> Dispatched:
    """One step for one account: up to ``batches_a_step`` batches. ``claimed`` is 0 when none is due."""
    clock, setting = outbox.clock, outbox.setting
    now = clock.now()
    async with outbox.store.write() as tx:
        for plan_id in await tx.batches.expire(now):
            await tx.plans.mark(plan_id, now)
        claimed_ids = await tx.batches.claim(
            outbox.worker,
            name,
            now=now,
            wall=clock.wall(),
            lease=setting.lease,
            limit=outbox.depth.get(name, _FIRST_DEPTH),
        )
    if not claimed_ids:
        return Dispatched()
    outbox.held.update(claimed_ids)
    try:
        return await _dispatch(outbox, name, claimed_ids, now)
    finally:
        outbox.held.difference_update(claimed_ids)


async def _dispatch(
    outbox: Outbox, name: str, claimed_ids: Sequence[int], now: datetime
) -> Dispatched:
    clock, setting = outbox.clock, outbox.setting
    capped = bool(setting.policy.caps)
    async with outbox.store.read() as tx:
        loaded = await tx.batches.load(
            claimed_ids, capped_since=now - timedelta(days=1) if capped else None
        )
        states = await tx.journal.channel_states()
    stopped = _is_stopped(states, name)
    other = _healthy(outbox, states, name) if stopped else None
    send: list[Claimed] = []
    put_off: dict[tuple[datetime, str], list[int]] = {}
    never: dict[str, list[int]] = {}
    next_medium: dict[str, list[Claimed]] = {}
    stale: set[int] = set()
    for claimed in loaded:
        sending = replace(claimed.sending, channel_stopped=stopped)
        match decide(sending, setting.policy, now, setting.zone):
            case Send():
                send.append(claimed)
            case Defer(until, why):
                if other is not None and why == CHANNEL_STOPPED:
                    until = now
                put_off.setdefault((until, why), []).append(claimed.batch_id)
                if why == NOT_RECONCILED and sending.settled_revision == sending.plan_revision:
                    stale.add(claimed.plan_id)
            case Drop(why):
                never.setdefault(why, []).append(claimed.batch_id)
            case NextMedium(why):
                next_medium.setdefault(why, []).append(claimed)
    slices: list[Call] = []
    refused: list[Recorded] = []
    speechless: list[tuple[Claimed, str]] = []
    for claimed in tuple(send):
        try:
            made, no = await compose(outbox, name, claimed, now)
        except Exception as fault:  # noqa: BLE001 - one without words must not hold up the others
            send.remove(claimed)
            speechless.append((claimed, type(fault).__name__))
            continue
        slices += made
        refused += no
    async with outbox.store.write() as tx:
        for (until, why), ids in put_off.items():
            await tx.batches.release(outbox.worker, ids, until, why)
        if other is not None:
            await _fail_over(tx, name, other, now)
        for claimed, fault_name in speechless:
            await _ask_to_mend(outbox, tx, claimed, fault_name, now)
        for plan_id in sorted(stale):
            # Reconciling passed over a batch that was in somebody's hands; now it is in nobody's.
            await tx.plans.mark(plan_id, now)
        for why, ids in never.items():
            await tx.batches.drop(outbox.worker, ids, why)
        for why, batches in next_medium.items():
            await tx.batches.give_up(outbox.worker, [item.batch_id for item in batches], why)
        for claimed in [item for batches in next_medium.values() for item in batches]:
            await tx.plans.mark(claimed.plan_id, now)
        if refused:
            await tx.batches.record(refused)
            gone = {item.delivery_id for item in refused}
            for plan_id in {c.plan_id for c in send for m in c.members if m.delivery_id in gone}:
                await tx.plans.mark(plan_id, now + outcomes.COALESCE)
        send = await _within_rate(outbox, tx, name, send)
        if send:
            begun = await tx.batches.begin(
                outbox.worker,
                [(item.batch_id, item.attempts + 1) for item in send],
                name,
                now=now,
                wall=clock.wall(),
                lease=setting.lease,
            )
            # Whose lease ran out meanwhile is in other hands.
            send = [item for item in send if item.batch_id in begun]
    going = {item.batch_id for item in send}
    slices = [item for item in slices if item.claimed.batch_id in going]
    began = monotonic()
    await call(outbox.channels[name], slices)
    if slices:
        _pace(outbox, name, monotonic() - began)
    counted = await _record(outbox, name, send, slices)
    outbox.counted.update({(name, outcome): number for outcome, number in counted.items()})
    return Dispatched(claimed=len(claimed_ids), outcomes=counted)


def _pace(outbox: Outbox, name: str, seconds: float) -> None:
    """Takes more batches a step from a provider that answers quickly, fewer from a slow one."""
    depth = outbox.depth.get(name, _FIRST_DEPTH)
    if seconds < _QUICK:
        depth = min(depth * 2, outbox.batches_a_step)
    elif seconds > _SLOW:
        depth = max(depth // 2, 1)
    outbox.depth[name] = depth


async def _within_rate(
    outbox: Outbox, tx: Transaction, name: str, send: list[Claimed]
) -> list[Claimed]:
    """As many batches as the account's rate bears now; the others are given back."""
    limits = outbox.channels[name].limits
    if limits.per_second <= 0 or not send:
        return send
    wanted = sum(max(1, len(item.members)) for item in send)
    burst = max(limits.batch_size, int(limits.per_second), max(len(i.members) for i in send))
    granted, wait = await tx.reserve(name, limits.per_second, burst, wanted, outbox.clock.wall())
    fitting: list[Claimed] = []
    for item in send:
        granted -= max(1, len(item.members))
        if granted < 0:
            break
        fitting.append(item)
    rest = send[len(fitting) :]
    if granted < 0:
        # Too few for the next batch: kept back they would be lost, and large batches would starve.
        left_over = granted + max(1, len(rest[0].members))
        await tx.refund(name, limits.per_second, left_over)
    if rest:
        wait += timedelta(seconds=len(rest[0].members) / limits.per_second)
        await tx.batches.release(
            outbox.worker, [item.batch_id for item in rest], outbox.clock.now() + wait, "rate"
        )
    return fitting


async def compose(
    outbox: Outbox, name: str, claimed: Claimed, now: datetime, *, again: bool = False
) -> tuple[list[Call], list[Recorded]]:
    """The calls for one batch, and the members who may not be sent to after all; where the calls are
    made ``again``, these were in them and are named in them as absent."""
    facts = facts_from_dict(claimed.facts)
    prepared = outbox.renderer.prepare(claimed.template, facts, now=now)
    limits = outbox.channels[name].limits
    cap = outbox.setting.policy.caps.get(claimed.medium)
    stage, medium = claimed.sending.stage, claimed.medium
    messages: list[channels.Message] = []
    going: list[Member] = []
    refused: list[Recorded] = []
    absent: dict[int, list[channels.Message]] = {}
    for member in claimed.members:
        address = address_of(outbox.vault, medium, member)
        why = refuse_person(medium, stage, member.reach, address, member.sent_today, cap)
        if why is not None:
            refused.append(
                Recorded(delivery_id=member.delivery_id, state=DeliveryState.DROPPED, code=why)
            )
            if not again:
                continue
        rendered = prepared.render(Recipient(name=member.name))
        message = channels.Message(
            key=keys.of_message(member.delivery_id, outbox.mark),
            address=address,
            text=rendered.text,
            variables=rendered.variables,
            title=rendered.title,
        )
        if why is not None:
            part = keys.part_of(member.delivery_id, claimed.size, limits.batch_size)
            absent.setdefault(part, []).append(message)
            continue
        messages.append(message)
        going.append(member)
    await outbox.clock.pause(0)  # a batch is a few milliseconds of work: let others have their turn
    parts: dict[int, list[int]] = {}
    for place, member in enumerate(going):
        part = keys.part_of(member.delivery_id, claimed.size, limits.batch_size)
        parts.setdefault(part, []).append(place)
    slices = [
        Call(
            claimed=claimed,
            batch=channels.Batch(
                key=keys.of_call(claimed.batch_id, part, outbox.mark),
                template=claimed.template,
                messages=[messages[place] for place in places],
                absent=absent.get(part, ()),
            ),
            members=[going[place] for place in places],
        )
        for part, places in sorted(parts.items())
    ]
    return slices, refused


def address_of(vault: Vault, medium: Medium, member: Member) -> str:
    """Where a member is reached by this medium; empty: nowhere any more."""
    match medium:
        case Medium.WECHAT:
            return member.openid or ""
        case Medium.PUSH:
            return member.push_token or ""
        case Medium.POSTING:
            return member.name
        case _:
            return vault.open(member.phone_sealed) if member.phone_sealed else ""


async def call(channel: Channel, slices: Sequence[Call]) -> None:
    """Calls the provider, as many at once as it bears; an adapter's fault is an uncertain outcome."""
    lanes = asyncio.Semaphore(max(1, channel.limits.lanes))

    async def one(item: Call) -> None:
        async with lanes:
            try:
                answers = await channel.send(item.batch)
            except Exception as fault:  # noqa: BLE001 - whatever it was, the request may have left
                answers = [channels.Uncertain(code="adapter.fault", detail=type(fault).__name__)]
                answers *= len(item.members)
            if len(answers) != len(item.members):
                answers = [channels.Uncertain(code="adapter.miscounted")] * len(item.members)
            item.outcomes = answers

    await asyncio.gather(*(one(item) for item in slices))


async def _record(
    outbox: Outbox, name: str, send: Sequence[Claimed], slices: Sequence[Call]
) -> dict[str, int]:
    """Writes every outcome of the step in one transaction."""
    now = outbox.clock.now()
    limits = outbox.channels[name].limits
    members: dict[int, list[Member]] = {item.batch_id: [] for item in send}
    said: dict[int, list[Outcome]] = {item.batch_id: [] for item in send}
    for item in slices:
        members[item.claimed.batch_id] += item.members
        said[item.claimed.batch_id] += item.outcomes
    answers = [
        outcomes.answered(item, members[item.batch_id], said[item.batch_id]) for item in send
    ]
    counted: Counter[str] = Counter()
    for answer in answers:
        counted.update(answer.kinds)
    said_stop = (o for each in slices for o in each.outcomes if isinstance(o, channels.ChannelStop))
    stop = next(said_stop, None)
    async with outbox.store.write() as tx:
        await outcomes.record(tx, outbox.worker, name, answers, limits, now)
        await note_health(outbox, tx, name, counted, stop, now)
    return dict(counted)


async def note_health(
    outbox: Outbox,
    tx: Transaction,
    name: str,
    counted: Counter[str],
    stop: channels.ChannelStop | None,
    now: datetime,
) -> None:
    """Stops a channel that says it is misconfigured; leaves one that keeps failing to the next."""
    if stop is not None:
        await tx.journal.set_channel(name, stopped_at=now, stopped_why=f"{stop.code} {stop.detail}")
        await tx.audited(
            at=now,
            actor="service",
            action="channel.stopped",
            subject=name,
            detail={"code": stop.code},
        )
    if counted["Accepted"] or counted["Permanent"]:
        outbox._failures.pop(name, None)
    elif counted["RetryAfter"] or counted["Uncertain"]:
        outbox._failures[name] += 1
    if stop is not None or outbox._failures[name] >= FAILURES_BEFORE_FAILOVER:
        other = _healthy(outbox, await tx.journal.channel_states(), name)
        if other is not None:
            await _fail_over(tx, name, other, now)
            outbox._failures.pop(name, None)


def _is_stopped(states: Mapping[str, Mapping[str, object]], name: str) -> bool:
    return states.get(name, {}).get("stopped_at") is not None


def _healthy(outbox: Outbox, states: Mapping[str, Mapping[str, object]], name: str) -> str | None:
    """The first other account of the medium that is not stopped itself."""
    others = outbox.fallbacks.get(name, ())
    return next((other for other in others if not _is_stopped(states, other)), None)


async def _fail_over(tx: Transaction, name: str, other: str, now: datetime) -> None:
    """Everything unsent of one account goes by the other."""
    moved = await tx.batches.move_channel(name, other)
    if moved:
        await tx.audited(
            at=now,
            actor="service",
            action="channel.failover",
            subject=name,
            detail={"to": other, "batches": moved},
        )


async def _ask_to_mend(
    outbox: Outbox, tx: Transaction, claimed: Claimed, fault: str, now: datetime
) -> None:
    """A batch whose words cannot be made rests, and somebody is told why."""
    await tx.batches.release(outbox.worker, [claimed.batch_id], now + MENDING, "fault.words")
    item = ForAPerson(
        kind="no_words",
        subject=claimed.template,
        people=len(claimed.members),
        sentence=f"模板 {claimed.template} 出错（{fault}），请修复 / no words can be made: mend it",
        owner=outbox.setting.policy.owner,
        due_at=claimed.sending.matters_at,
    )
    await tx.journal.open(claimed.plan_id, [item], now=now)
