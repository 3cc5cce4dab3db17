"""Plans by API: strict in, exact out."""

from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest

from notifier.domain.plan import EquipmentKind, PlanKind, Transition
from notifier.intake.plans_json import PlanModel

WINDOW = {"starts_at": "2026-03-05T08:00:00+08:00", "ends_at": "2026-03-05T17:00:00+08:00"}
LATER = {"starts_at": "2026-03-06T08:00:00+08:00", "ends_at": "2026-03-06T17:00:00+08:00"}
LINE = {"name": "10kV科山线", "kind": "feeder", "station": "迎胜站"}
MOVED = {"equipment": [{"name": "化机线"}], "transition": "open", "spans": [WINDOW]}
PLAN = {"number": "A1", "equipment": [LINE], "windows": [WINDOW]}


def test_a_plan_becomes_its_content() -> None:
    """Windows in order and once; names as given."""
    model = PlanModel.model_validate(PLAN | {"windows": [LATER, WINDOW], "transfers": [MOVED]})

    content = model.content()

    assert (content.number, content.kind) == ("A1", PlanKind.PLANNED)
    assert content.equipment[0].kind is EquipmentKind.FEEDER
    assert content.starts_at == datetime(2026, 3, 5, 0, 0, tzinfo=UTC)
    assert [window.starts_at.day for window in content.windows] == [5, 6]
    assert content.transfers[0].transition is Transition.OPEN


@pytest.mark.parametrize(
    "change",
    [
        {"windows": [{"starts_at": "2026-03-05T08:00:00", "ends_at": "2026-03-05T17:00:00"}]},
        {"windows": [{"starts_at": 1772668800, "ends_at": 1772700000}]},
        {"windows": [{"starts_at": "1772668800", "ends_at": "1772700000"}]},
        {"windows": [{"starts_at": WINDOW["ends_at"], "ends_at": WINDOW["starts_at"]}]},
        {"windows": [WINDOW, WINDOW]},
        {"windows": []},
        {"equipment": []},
        {"equipment": [{"name": " "}]},
        {"equipment": ["10kV科山线"]},
        {"number": ""},
        {"kind": "PLANNED"},
        {"priority": "3"},
        {"extra": 1},
        {"transfers": [MOVED | {"spans": []}]},
        {"transfers": [MOVED | {"spans": [WINDOW, LATER, WINDOW]}]},
        {"transfers": [MOVED | {"equipment": []}]},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    """No zone, numbers as times, nothing that is out, words nobody knows."""
    with pytest.raises(pydantic.ValidationError):
        PlanModel.model_validate(PLAN | change)


def test_a_short_transfer_needs_no_outage() -> None:
    """Only transfers: nobody is out for longer than seconds."""
    content = PlanModel.model_validate(
        {"number": "B1", "kind": "short_transfer", "transfers": [MOVED]}
    ).content()

    assert (content.windows, content.equipment) == ((), ())
    assert len(content.all_windows) == 1
