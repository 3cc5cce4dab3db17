"""Coordinating over the API: what else takes the same areas out, and what would be better."""

from pydantic import BaseModel

from notifier.web import answers
from notifier.web.context import CHECKER
from notifier.web.endpoints import OFFICE, Call, Group, Nothing

COORDINATION = Group("coordination")


@COORDINATION.declare(
    "GET",
    "/plans/{number}/coordination",
    "Show what else takes the same areas out, and better times",
    roles=OFFICE,
    answer=answers.FreeAnswer,
    also=(404,),
)
async def check_plan(call: Call[Nothing, Nothing]) -> BaseModel:
    """The online check of a plan as it stands."""
    checked = await call.request.app[CHECKER].check(call.path("number"), call.now)
    return answers.FreeAnswer(**checked.as_dict())
