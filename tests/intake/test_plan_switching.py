"""Switching steps and places of work out of plan files, and what is said about those that cannot be read."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from notifier.domain.plan import PlanDraft, Transition, content_as_dict
from notifier.intake import plans, plans_json
from tests.intake.test_plan_layouts import write

ZONE = ZoneInfo("Asia/Shanghai")
HEAD = [
    "计划编号",
    "停电线路",
    "停电时间",
    "工作内容",
    "操作步骤",
    "恢复操作",
    "转电方式",
    "工作地点",
]


def read(tmp_path: Path, *rows: list[Any]) -> list[PlanDraft]:
    path = write(tmp_path / "plans.xlsx", [HEAD, *rows])
    return list(plans.read_plans(path, zone=ZONE).plans)


def row(
    steps: str, *, back: str = "", how: str = "", place: str = "", number: str = "P1"
) -> list[str]:
    return [number, "10kV城东线", "2026年3月20日8:00-17:30", "更换导线", steps, back, how, place]


def switched(draft: PlanDraft) -> list[str]:
    assert draft.content.switching is not None
    return [str(step) for step in draft.content.switching.steps]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "断开 10kV城东线902开关；合上 联络L12开关",
            ["open 10kV城东线902开关", "close 联络L12开关"],
        ),
        ("1.拉开901、902开关，2.合上L12", ["open 901", "open 902开关", "close L12"]),
        ("①合上L12联络开关 ②断开902开关", ["close L12联络开关", "open 902开关"]),
        ("先合L12，再拉开902和903", ["close L12", "open 902", "open 903"]),
        ("open SW1; close TIE", ["open SW1", "close TIE"]),
        ("断开断路器902\n合上L12", ["open 断路器902", "close L12"]),
    ],
)
def test_steps_are_read_in_the_order_in_which_they_stand(
    tmp_path: Path, text: str, found: list[str]
) -> None:
    """Numbered or not, several switches for one verb, Chinese or English."""
    (draft,) = read(tmp_path, row(text))

    assert switched(draft) == found
    assert not [item for item in draft.findings if item.code.startswith("switching")]


def test_times_hold_until_the_next_and_fall_on_the_day_of_the_window(tmp_path: Path) -> None:
    """8:00 for two steps, noon for the third; the way back with a time of its own."""
    (draft,) = read(
        tmp_path, row("8:00 断开901开关、断开F1；12点30分合上L12", back="17:20断开L12；合上901开关")
    )

    switching = draft.content.switching
    assert switching is not None
    moments = [
        step.planned_at.astimezone(ZONE).strftime("%d %H:%M") if step.planned_at else ""
        for step in (*switching.steps, *switching.back)
    ]
    assert moments == ["20 08:00", "20 08:00", "20 12:30", "20 17:20", "20 17:20"]


def test_the_transition_and_the_place_of_work_are_taken(tmp_path: Path) -> None:
    """合环 is a closed transition of these steps; two places in one cell are two."""
    (draft,) = read(
        tmp_path, row("合上L12；断开902", how="合环转电", place="城东线12号杆至35号杆、城东线T接箱")
    )

    assert draft.content.switching is not None
    assert draft.content.switching.transitions == (("", Transition.CLOSED),)
    assert draft.content.work is not None
    assert draft.content.work.names == ("城东线12号杆至35号杆", "城东线T接箱")
    assert "switching" in plans.PlanFile(plans=(draft,)).as_dict(ZONE)["plans"][0]


def test_what_is_no_step_is_an_error_with_its_place(tmp_path: Path) -> None:
    """The other steps are read; nothing is guessed; the plan is a draft until it is mended."""
    (draft,) = read(tmp_path, row("断开902；验电接地；合上L12"))

    (finding,) = [item for item in draft.findings if item.code == "switching.not_read"]
    assert (finding.severity.value, finding.found, finding.row, finding.column) == (
        "error", "验电接地", 2, "操作步骤",
    )  # fmt: skip
    assert switched(draft) == ["open 902", "close L12"]


def test_steps_back_alone_are_remarked(tmp_path: Path) -> None:
    """They take nothing back."""
    (draft,) = read(tmp_path, row("", back="合上902"))

    assert draft.content.switching is None
    assert "switching.back_alone" in {item.code for item in draft.findings}


def test_rows_of_one_plan_are_one_switching(tmp_path: Path) -> None:
    """Steps in two rows of a number follow each other; the same steps twice are once."""
    (draft,) = read(tmp_path, row("断开902"), row("合上L12"), row("断开902"))

    assert switched(draft) == ["open 902", "close L12"]


# --- JSON -------------------------------------------------------------------------------------------


def body(**more: Any) -> dict[str, Any]:
    return {
        "number": "P1",
        "windows": [
            {"starts_at": "2026-03-20T08:00:00+08:00", "ends_at": "2026-03-20T17:30:00+08:00"}
        ],
        **more,
    }


def test_a_plan_in_json_has_steps_groups_and_a_place_of_work() -> None:
    """Steps and place may stand for equipment; times carry an offset."""
    content = plans_json.PlanModel.model_validate(
        body(
            switching={
                "steps": [
                    {"action": "open", "switch": "901", "planned_at": "2026-03-20T08:00:00+08:00"},
                    {"action": "close", "switch": "L12", "group": "a"},
                ],
                "back": [{"action": "open", "switch": "L12"}],
                "transitions": {"a": "closed"},
            },
            work={"kind": "between", "names": ["12号杆", "35号杆"]},
        )
    ).content()

    said = content_as_dict(content)
    assert said["switching"]["steps"][0] == {
        "action": "open", "switch": "901", "planned_at": "2026-03-20T00:00:00+00:00",
    }  # fmt: skip
    assert said["switching"]["transitions"] == {"a": "closed"}
    assert said["work"] == {"kind": "between", "names": ["12号杆", "35号杆"]}


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"switching": {"steps": []}}, "steps"),
        ({"switching": {"steps": [{"action": "toggle", "switch": "1"}]}}, "action"),
        ({"switching": {"steps": [{"action": "open", "switch": " "}]}}, "switch"),
        (
            {"switching": {"steps": [{"action": "open", "switch": "1", "planned_at": "2026-03-20T08:00"}]}},
            "planned_at",
        ),
        (
            {"switching": {"steps": [{"action": "open", "switch": "1", "planned_at": 1700000000}]}},
            "planned_at",
        ),
        (
            {
                "switching": {
                    "steps": [{"action": "open", "switch": "1"}],
                    "transitions": {"b": "open"},
                }
            },
            "switching",
        ),
        ({"work": {"kind": "between", "names": ["1"]}}, "work"),
        ({"work": {"names": []}}, "names"),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(more: dict[str, Any], place: str) -> None:
    """Strict: nothing unknown, no lax times, no group without a step, no window without anything out."""
    with pytest.raises(ValidationError) as refused:
        plans_json.PlanModel.model_validate(body(**more))

    assert place in ".".join(str(part) for part in refused.value.errors()[0]["loc"])
