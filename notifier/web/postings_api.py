"""Posting tasks over the API: what a crew's device needs, and the posters to print."""

from datetime import timedelta

from aiohttp import web
from pydantic import BaseModel

from notifier.domain import errors
from notifier.domain.facts_json import facts_from_dict
from notifier.domain.posting import PostingTask, TaskFilter
from notifier.rendering.posters import Sheet
from notifier.store.columns import from_millis, to_millis
from notifier.usecases import plans, postings
from notifier.web import answers, forms, paging, presenting, requests, streaming
from notifier.web.context import PRESS
from notifier.web.endpoints import CREWS, EVERYBODY, Call, Group, Nothing

POSTINGS = Group("postings")


class NoPosters(errors.NotFound):
    """The plan has nothing to be printed."""

    code = "posting.no_posters"


@POSTINGS.declare(
    "GET", "/postings", "List posting tasks", roles=EVERYBODY,
    query=requests.PostingsQuery, answer=answers.TasksPage,
)  # fmt: skip
async def list_postings(call: Call[requests.PostingsQuery, Nothing]) -> BaseModel:
    """Tasks a crew may take or holds; a crew that is confined to areas sees no others."""
    query, service = call.query, call.service
    after = paging.decode(query.cursor, 2)
    me = call.actor.name
    wanted = TaskFilter(
        mine_of=me if query.mine else None,
        available_to=None if query.mine or query.done else me,
        is_done=query.done,
        plan=query.plan,
        building=query.building,
        area=query.area,
        feeder=query.feeder,
        due_before=query.due_before,
    )
    found = await postings.listed(
        service.store,
        service.setting,
        call.actor.crew,
        wanted,
        now=call.now,
        after=None if after is None else (from_millis(after[0]), after[1]),
        limit=query.limit,
    )
    following = ""
    if len(found) == query.limit:
        following = paging.encode(to_millis(found[-1].due_at), found[-1].id)
    return answers.TasksPage(tasks=[_view(call, task) for task in found], next=following)


@POSTINGS.declare(
    "GET", "/postings/{id:int}", "Show a posting task", roles=EVERYBODY, answer=answers.TaskView,
    also=(404,),
)  # fmt: skip
async def show_posting(call: Call[Nothing, Nothing]) -> BaseModel:
    """One task."""
    return _view(call, await _find(call))


@POSTINGS.declare(
    "POST", "/postings/{id:int}/claim", "Claim a task for a while", roles=CREWS,
    body=requests.ClaimBody, answer=answers.TaskView, also=(404, 409),
)  # fmt: skip
async def claim_posting(call: Call[Nothing, requests.ClaimBody]) -> BaseModel:
    """Nobody else gets the task until the lease ends; claiming again extends it."""
    service = call.service
    task = await postings.claim(
        service.store,
        service.setting,
        call.number("id"),
        call.actor.crew,
        lease=timedelta(minutes=call.body.minutes),
        now=call.now,
    )
    return _view(call, task)


@POSTINGS.declare(
    "POST", "/postings/{id:int}/hand-back", "Hand a task back", roles=CREWS,
    body=requests.HandBackBody, answer=answers.TaskView, also=(404, 409),
)  # fmt: skip
async def hand_back_posting(call: Call[Nothing, requests.HandBackBody]) -> BaseModel:
    """The task is anybody's again."""
    service = call.service
    task = await postings.hand_back(
        service.store,
        service.setting,
        call.number("id"),
        call.actor.crew,
        call.body.reason,
        now=call.now,
    )
    return _view(call, task)


@POSTINGS.declare(
    "POST", "/postings/{id:int}/finish", "Finish a task with a photograph", roles=CREWS,
    body=requests.FinishForm, files=("photo",), answer=answers.TaskView, also=(400, 404, 409, 413),
)  # fmt: skip
async def finish_posting(call: Call[Nothing, Nothing]) -> BaseModel:
    """The photograph is the receipt; the same one twice is the same finish."""
    service = call.service
    most = service.settings.uploads.max_photo_bytes
    form = await forms.read(call.request, most=most, files={"photo": None})
    form.file_name("photo")
    said = forms.fitted(requests.FinishForm, form.fields)
    task = await postings.finish(
        service.store,
        service.setting,
        call.number("id"),
        call.actor.crew,
        postings.Finish(
            photo=form.held["photo"],
            taken_at=said.taken_at,
            latitude=said.latitude,
            longitude=said.longitude,
            poster=said.poster,
            note=said.note,
        ),
        now=call.now,
        max_photo_bytes=most,
    )
    return _view(call, task)


@POSTINGS.declare(
    "GET", "/postings/{id:int}/photo", "The photograph of a finished task", roles=EVERYBODY,
    produces=("image/jpeg", "image/png"), also=(404,),
)  # fmt: skip
async def show_photo(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The photograph as it came."""
    task = await _find(call)
    async with call.service.store.read() as tx:
        photo = None if task.photo is None else await tx.postings.photo(task.photo)
    if photo is None:
        raise postings.TaskNotFound("没有照片 / there is no photograph.")
    content_type, body = photo
    return web.Response(
        body=body, content_type=content_type, headers={"Cache-Control": "private, max-age=86400"}
    )


@POSTINGS.declare(
    "GET", "/postings/{id:int}/poster.pdf", "The poster of a task, to print", roles=EVERYBODY,
    produces=("application/pdf",), also=(404,),
)  # fmt: skip
async def show_poster(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """One A4 page."""
    return await _print(call, [await _find(call)], f"poster-{call.path('id')}.pdf")


@POSTINGS.declare(
    "GET", "/plans/{number}/posters.pdf", "All posters of a plan that are still to be put up",
    roles=EVERYBODY, query=requests.PostersQuery, produces=("application/pdf",), also=(404,),
)  # fmt: skip
async def show_posters(call: Call[requests.PostersQuery, Nothing]) -> web.StreamResponse:
    """A page a door."""
    service = call.service
    plan = await plans.find(service.store, call.path("number"))
    found = await postings.listed(
        service.store,
        service.setting,
        call.actor.crew,
        TaskFilter(plan=plan.number, is_open=True),
        now=call.now,
        limit=call.query.limit,
    )
    if call.query.stage is not None:
        found = [task for task in found if task.stage is call.query.stage]
    if not found:
        raise NoPosters(f"计划 {plan.number} 没有待张贴的通知 / plan {plan.number} has no poster.")
    return await _print(call, found, f"posters-{plan.number}.pdf")


async def _print(
    call: Call[requests.PostersQuery, Nothing] | Call[Nothing, Nothing],
    tasks: list[PostingTask],
    filename: str,
) -> web.StreamResponse:
    sheets = [
        Sheet(facts=facts_from_dict(dict(task.facts)), place=task.place, task=str(task.id))
        for task in tasks
    ]
    pdf = await call.request.app[PRESS].print(sheets, now=call.now)
    return web.Response(
        body=pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": streaming.disposition(filename, "inline")},
    )


async def _find(call: Call[Nothing, Nothing]) -> PostingTask:
    service = call.service
    return await postings.find(service.store, service.setting, call.number("id"), call.actor.crew)


def _view(
    call: Call[requests.PostingsQuery, Nothing]
    | Call[Nothing, requests.ClaimBody]
    | Call[Nothing, requests.HandBackBody]
    | Call[Nothing, Nothing],
    task: PostingTask,
) -> answers.TaskView:
    return presenting.task(task, call.service.setting.zone, call.now)
