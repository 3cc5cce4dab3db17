"""What is answered over the API, as models; times have the utility's offset."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from notifier.channel import Medium
from notifier.domain.plan import Change, PlanKind, PlanState
from notifier.domain.posting import TaskState, Todo


class Answer(BaseModel):
    """An answer of the API."""

    model_config = ConfigDict(frozen=True)


class WindowView(Answer):
    """A half-open period."""

    starts_at: datetime
    ends_at: datetime


class EquipmentView(Answer):
    """What a plan names."""

    name: str
    kind: str
    station: str


class TransferView(Answer):
    """A load transfer inside a plan."""

    equipment: list[EquipmentView]
    transition: str
    spans: list[WindowView]


class PlanView(Answer):
    """A plan on the list."""

    number: str
    kind: PlanKind
    department: str
    state: PlanState
    revision: int
    settled_revision: int
    starts_at: datetime | None
    ends_at: datetime | None
    restored_at: datetime | None
    created_at: datetime
    submitted_by: str


class JointAnswer(Answer):
    """The other plans of a joint outage; empty where the plan is told for itself."""

    number: str
    joint: list[PlanView]


class StepView(Answer):
    """One switch operated."""

    action: str
    switch: str
    group: str = ""
    planned_at: datetime | None = None


class SwitchingView(Answer):
    """The steps, those that restore where they are written, and how groups of steps are moved."""

    steps: list[StepView]
    back: list[StepView]
    transitions: Mapping[str, str]


class WorkView(Answer):
    """What is worked on."""

    kind: str
    names: list[str]


class NetworkView(Answer):
    """A version of the network model; ``overlay`` numbers the last status file laid over it."""

    version: int
    overlay: int


class GroupView(Answer):
    """What becomes of a usage point, when, and how that is known."""

    impact_class: str
    knowledge: str
    windows: list[WindowView]


class RevisionView(Answer):
    """One revision; ``points`` counts usage points by class, ``difference`` against the one before.
    ``network`` is the version it was matched on, null where it went by ledger."""

    number: int
    change: Change
    note: str
    created_at: datetime
    created_by: str
    windows: list[WindowView]
    equipment: list[EquipmentView]
    transfers: list[TransferView]
    switching: SwitchingView | None
    work: WorkView | None
    network: NetworkView | None
    scope: str
    works: str
    priority: int
    crew: str
    points: Mapping[str, int]
    difference: Mapping[str, int]
    findings: list[dict[str, Any]]
    source: Mapping[str, Any]


class ApprovalView(Answer):
    """A signature under a frozen set of recipients."""

    revision: int
    approved_by: str
    approved_at: datetime
    recipients: int
    recipients_hash: str
    parts: int
    cost: float
    voided_at: datetime | None
    voided_why: str | None


class PlanDetail(PlanView):
    """A plan with its present revision and what was signed."""

    present: RevisionView
    approvals: list[ApprovalView]


class PlansPage(Answer):
    """``next`` is the cursor of the next page; empty: this was the last."""

    plans: list[PlanView]
    next: str


class RevisionsAnswer(Answer):
    """Every revision, oldest first."""

    revisions: list[RevisionView]


class SubmittedAnswer(Answer):
    """What became of a plan that came in: new, revised, unchanged or refused; ``coordination``: what
    else takes the same areas out, and better times."""

    outcome: str
    plan: PlanView | None
    coordination: dict[str, Any] | None = None


class UploadAnswer(Answer):
    """What a file held, and what became of each plan. A dry run stores nothing."""

    file: str
    dry_run: bool
    counts: Mapping[str, int]
    taken: list[dict[str, Any]]
    plans: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    before: dict[str, Any] | None = None


class PreviewAnswer(Answer):
    """What approving would send; ``recipients_hash`` freezes to whom."""

    number: str
    revision: int
    recipients: int
    recipients_hash: str
    parts: int
    cost: float
    template_version: str
    policy_version: str
    lines: list[dict[str, Any]]
    skipped: list[dict[str, Any]]
    findings: list[dict[str, Any]]


class ImpactAreaView(Answer):
    """One transformer area and what becomes of it; one whose customers fare differently stands once for
    each class."""

    code: str
    name: str
    feeder: str
    impact_class: str
    knowledge: str
    windows: list[WindowView]
    points: int


class ImpactAnswer(Answer):
    """Whom the present revision touches. ``knowledge`` says how that is known, ``network`` on which
    version of the model, ``newer`` which other version is in force by now."""

    number: str
    revision: int
    knowledge: list[str]
    network: dict[str, Any] | None
    newer: dict[str, Any] | None
    points: Mapping[str, int]
    difference: Mapping[str, int]
    areas: list[ImpactAreaView]


class ChangedAccount(Answer):
    """An account that matching anew would treat differently; null is not affected."""

    account: str
    before: GroupView | None
    now: GroupView | None


class ComparisonAnswer(Answer):
    """The frozen impact against ledger and network as they are now; the first thousand accounts."""

    number: str
    revision: int
    frozen_on: NetworkView | None
    now_on: NetworkView | None
    counts: Mapping[str, int]
    accounts: list[ChangedAccount]
    findings: list[dict[str, Any]]


class ProposedStep(Answer):
    """One switch to operate; ``name`` is what the dispatcher calls it."""

    action: str
    switch: str
    name: str


class ProposalView(Answer):
    """One way to make the place of work dead; counts are customers of the network model."""

    number: int
    order: str
    steps: list[ProposedStep]
    out: int
    short: int
    unaffected: int
    classes: Mapping[str, int]
    alternatives: Mapping[str, list[str]]


class ProposalsAnswer(Answer):
    """All proposals, fewest people out first; ``key`` names just these."""

    number: str
    revision: int
    work: str
    network: NetworkView
    key: str
    proposals: list[ProposalView]


class NoticeView(Answer):
    """One thing that is said to one kind of recipient, in full."""

    id: int
    revision: int
    stage: str
    occasion: str
    rung: int
    medium: str
    audience: str
    impact_class: str
    template: str
    title: str
    text: str
    due_at: datetime
    expires_at: datetime
    deliveries: int


class NoticesAnswer(Answer):
    """Every notice of a plan, the newest revision first."""

    notices: list[NoticeView]


class DeliveryView(Answer):
    """One notice to one contact; the address is masked."""

    id: int
    revision: int
    stage: str
    occasion: str
    rung: int
    medium: str
    channel: str
    to: str
    state: str
    reason: str
    reference: str
    due_at: datetime
    sent_at: datetime | None
    receipt_at: datetime | None


class DeliveriesPage(Answer):
    """``next`` is the cursor of the next page; empty: this was the last."""

    deliveries: list[DeliveryView]
    next: str


class ExceptionView(Answer):
    """Something only a person can see to."""

    id: int
    plan: str | None
    kind: str
    subject: str
    people: int
    sentence: str
    owner: str
    due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_how: str | None


class ExceptionsAnswer(Answer):
    """The list, the most urgent first."""

    exceptions: list[ExceptionView]


class TaskView(Answer):
    """One posting task: a building and a door, never a customer."""

    id: int
    plan: str
    revision: int
    stage: str
    state: TaskState
    place: str
    building: str
    area: str
    address: str
    todo: Todo
    todo_zh: str
    todo_en: str
    where: str
    windows: list[WindowView]
    told_windows: list[WindowView]
    due_at: datetime
    expires_at: datetime
    poster: int
    poster_url: str
    crew: str | None
    lease_until: datetime | None
    finished_at: datetime | None
    photo_url: str
    latitude: float | None
    longitude: float | None
    handed_back: int
    note: str


class TasksPage(Answer):
    """``next`` is the cursor of the next page; empty: this was the last."""

    tasks: list[TaskView]
    next: str


class ChannelView(Answer):
    """A configured channel and how it does."""

    name: str
    medium: Medium
    is_well: bool
    detail: str
    stopped_at: datetime | None
    stopped_why: str
    batches_due: int


class ChannelsAnswer(Answer):
    """Every enabled channel."""

    channels: list[ChannelView]


class Done(Answer):
    """It is done."""

    done: bool = True


class OptOutAnswer(Answer):
    """Whether the number belongs to somebody here; what is remembered is remembered for them only."""

    known: bool


class HealthAnswer(Answer):
    """Whether the service works, part by part."""

    status: Literal["ok", "degraded", "down"]
    parts: Mapping[str, bool]


class FreeAnswer(BaseModel):
    """A document whose inner shape is described in docs/api.md."""

    model_config = ConfigDict(extra="allow")
