"""What operators and machines ask: exceptions, channels, policy, status, health, metrics, opt-outs."""

from aiohttp import web
from pydantic import BaseModel

from notifier import vault
from notifier.domain import errors
from notifier.domain.customer import REACH_BY_MEDIUM, Reach
from notifier.intake import ledger_cells
from notifier.store import optout, views
from notifier.store.reports import Reports
from notifier.usecases import plans, policies, status
from notifier.web import answers, health, metrics, presenting, requests
from notifier.web.context import OPENAPI, TALLY
from notifier.web.endpoints import OFFICE, WRITERS, Call, Group, Nothing

OPERATIONS = Group("operations")


class ChannelNotFound(errors.NotFound):
    """There is no enabled channel of that name."""

    code = "channel.not_found"


class PhoneUnusable(errors.Invalid):
    """The text is no phone number that takes messages."""

    code = "phone.invalid"


@OPERATIONS.declare(
    "GET", "/exceptions", "List what a person has to see to", roles=OFFICE,
    query=requests.ExceptionsQuery, answer=answers.ExceptionsAnswer, also=(404,),
)  # fmt: skip
async def list_exceptions(call: Call[requests.ExceptionsQuery, Nothing]) -> BaseModel:
    """The most urgent first."""
    store, zone = call.service.store, call.service.setting.zone
    plan_id = None
    if call.query.plan:
        plan_id = (await plans.find(store, call.query.plan)).id
    async with store.read() as tx:
        rows = await tx.journal.exceptions(plan_id=plan_id, only_open=not call.query.closed)
    return answers.ExceptionsAnswer(exceptions=[presenting.exception(row, zone) for row in rows])


@OPERATIONS.declare(
    "POST", "/exceptions/{id:int}/close", "Take an exception off the list", roles=WRITERS,
    body=requests.CloseBody, answer=answers.Done, also=(404,),
)  # fmt: skip
async def close_exception(call: Call[Nothing, requests.CloseBody]) -> BaseModel:
    """Says how it was seen to."""
    await status.close_exception(
        call.service.store,
        call.number("id"),
        how=call.body.how,
        now=call.now,
        actor=call.actor.name,
    )
    return answers.Done()


@OPERATIONS.declare(
    "GET", "/channels", "List the channels and how they do", roles=OFFICE,
    answer=answers.ChannelsAnswer,
)  # fmt: skip
async def list_channels(call: Call[Nothing, Nothing]) -> BaseModel:
    """Every enabled channel, in the order of the settings."""
    return answers.ChannelsAnswer(channels=await channel_views(call.request.app, call))


async def channel_views(
    app: web.Application, call: Call[Nothing, Nothing]
) -> list[answers.ChannelView]:
    """How each channel does."""
    service, zone = call.service, call.service.setting.zone
    well = await health.channels(app)
    async with service.store.read() as tx:
        states = await tx.journal.channel_states()
        gauges = await views.gauges(tx.connection, call.now)
    found = []
    for name, channel in service.switchboard.channels.items():
        state = states.get(name, {})
        found.append(
            answers.ChannelView(
                name=name,
                medium=channel.medium,
                is_well=well[name].is_well and state.get("stopped_at") is None,
                detail=well[name].detail,
                stopped_at=presenting.maybe_local(state.get("stopped_at"), zone),
                stopped_why=state.get("stopped_why", ""),
                batches_due=gauges["backlog"].get(name, (0, None))[0],
            )
        )
    return found


@OPERATIONS.declare(
    "POST", "/channels/{name}/start", "Say that a stopped channel works again", roles=WRITERS,
    answer=answers.Done, also=(404,),
)  # fmt: skip
async def start_channel(call: Call[Nothing, Nothing]) -> BaseModel:
    """What waits for it goes out."""
    name = call.path("name")
    if name not in call.service.switchboard.channels:
        raise ChannelNotFound(f"没有渠道 {name} / there is no channel {name}.")
    await status.start_channel(call.service.store, name, now=call.now, actor=call.actor.name)
    return answers.Done()


@OPERATIONS.declare(
    "GET", "/policy", "Show the policy in force", roles=OFFICE, answer=answers.FreeAnswer
)
async def show_policy(call: Call[Nothing, Nothing]) -> BaseModel:
    """The file as it was applied, by whom, and whether the settings name another that waits."""
    policy = call.service.setting.policy
    async with call.service.store.read() as tx:
        applied = await tx.applied_policy()
        present = await tx.policy_in_force()
        awaiting = await policies.awaiting(tx, call.service.setting.configured)
    return answers.FreeAnswer.model_validate(
        {
            "name": policy.name,
            "version": policy.version,
            "jurisdiction": policy.jurisdiction,
            "approval_threshold": policy.approval_threshold,
            "rules": len(policy.rules),
            "applied": applied,
            "applied_by": None if present is None else present.applied_by,
            "awaiting": awaiting,
        }
    )


@OPERATIONS.declare(
    "GET", "/status", "How everything stands", roles=OFFICE, answer=answers.FreeAnswer
)
async def show_status(call: Call[Nothing, Nothing]) -> BaseModel:
    """Deliveries by state, medium and reason, per plan and in all; and everything that waits."""

    async def compute() -> dict[str, object]:
        async with call.service.store.read() as tx:
            found = await status.status(
                tx,
                Reports(tx.connection),
                call.now,
                configured=call.service.setting.configured,
            )
        return found.as_dict(call.service.setting.zone)

    shown = await health.remembered(call.request.app, "status", 1.0, compute)
    return answers.FreeAnswer.model_validate(shown)


@OPERATIONS.declare("GET", "/health/live", "The process is there", answer=answers.HealthAnswer)
async def show_live(call: Call[Nothing, Nothing]) -> BaseModel:
    """Nothing is asked but this process."""
    return answers.HealthAnswer(status="ok", parts={})


@OPERATIONS.declare(
    "GET", "/health/ready", "Store, keys and channels work", answer=answers.HealthAnswer,
    also=(503,),
)  # fmt: skip
async def show_ready(call: Call[Nothing, Nothing]) -> BaseModel | web.StreamResponse:
    """503 where the store or the keys do not work; a channel that is unwell degrades only, and so does a
    policy in the settings that is not in force."""
    service = call.service
    parts = {"store": await store_part(call), "vault": health.vault_is_well(service)}
    essential = all(parts.values())
    if essential:
        parts["policy"] = await health.policy_is_applied(service)
    well = await health.channels(call.request.app)
    parts |= {f"channel.{name}": item.is_well for name, item in well.items()}
    answer = answers.HealthAnswer(
        status="down" if not essential else "ok" if all(parts.values()) else "degraded",
        parts=parts,
    )
    if essential:
        return answer
    return web.Response(
        status=503, body=answer.model_dump_json().encode(), content_type="application/json"
    )


async def store_part(call: Call[Nothing, Nothing]) -> bool:
    """Whether the store answers and can be written."""
    return await health.store_is_well(call.request.app)


@OPERATIONS.declare(
    "GET", "/metrics", "Metrics for Prometheus", roles=OFFICE, produces=("text/plain",)
)
async def show_metrics(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Counters of this process and backlogs of the service."""

    async def compute() -> object:
        async with call.service.store.read() as tx:
            return await views.gauges(tx.connection, call.now)

    gauges = await health.remembered(call.request.app, "gauges", 1.0, compute)
    body = metrics.render(call.service, call.request.app[TALLY], gauges)
    return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})


@OPERATIONS.declare(
    "POST", "/optouts", "Remember that somebody wants to hear no more", roles=WRITERS,
    body=requests.OptOutBody, answer=answers.OptOutAnswer,
)  # fmt: skip
async def opt_out(call: Call[Nothing, requests.OptOutBody]) -> BaseModel:
    """By these media; checked once more just before anything leaves."""
    numbers, _ = ledger_cells.read_phones(call.body.phone)
    if len(numbers) != 1:
        raise PhoneUnusable(
            "不是一个可接收短信的号码 / this is not one number that takes messages."
        )
    media = Reach.NONE
    for medium in call.body.media:
        media |= REACH_BY_MEDIUM[medium]
    async with call.service.store.write() as tx:
        contact_id = await optout.set_opt_out(
            tx.connection,
            call.service.vault.fingerprint(numbers[0]),
            media,
            undo=False,
            now=call.now,
        )
        if contact_id is not None:
            await tx.audited(
                at=call.now,
                actor=call.actor.name,
                action="contact.opted_out",
                subject=f"contact:{contact_id}",
                detail={
                    "phone": vault.mask(numbers[0]),
                    "media": sorted(medium.value for medium in call.body.media),
                    "reason": vault.mask_within(call.body.reason),
                },
            )
    return answers.OptOutAnswer(known=contact_id is not None)


@OPERATIONS.declare(
    "GET", "/openapi.json", "This interface as OpenAPI 3.1", answer=answers.FreeAnswer
)
async def show_openapi(call: Call[Nothing, Nothing]) -> BaseModel:
    """Made from the very declarations that requests are checked by."""
    return answers.FreeAnswer.model_validate(call.request.app[OPENAPI])
