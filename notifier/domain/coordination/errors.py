"""What coordinating works refuses."""

from collections.abc import Sequence

from notifier.domain import errors


class NoPlan(errors.Conflict):
    """No plan that keeps every rule was found; ``requests`` found no place."""

    code = "coordination.no_plan"

    def __init__(self, requests: Sequence[int] = ()) -> None:
        self.requests = tuple(requests)
        named = ", ".join(map(str, self.requests[:10]))
        super().__init__(
            f"找不到满足全部约束的方案{'：' + named if named else ''} / no plan keeps every rule"
            f"{': no place for request ' + named if named else ''}"
        )
