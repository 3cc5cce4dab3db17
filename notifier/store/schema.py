"""Every table, declared once; ``docs/schema.md`` draws them.

Large tables hold small integers where the value is an ``IntEnum`` of the domain, small tables words.
Times are milliseconds since 1970 UTC (``columns.UtcTime``).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from notifier.store.columns import Id, Json, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- The customer ledger (站-线-变-户) ---------------------------------------------------------

station = Table(
    "station",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
)

feeder = Table(
    "feeder",
    metadata,
    Column("id", Id, primary_key=True),
    Column("station_id", Id, ForeignKey("station.id")),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("key", "station_id"),
)

area = Table(
    "area",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("feeder_id", Id, ForeignKey("feeder.id")),
    Column("is_public", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("code", "key", "feeder_id"),
    Index(None, "key"),
    Index(None, "feeder_id"),
)

building = Table(
    "building",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("address", Text, nullable=False, server_default=""),
    Column("floors", SmallInteger, nullable=False, server_default="0"),
    Column("is_high_rise", Boolean, nullable=False, server_default=text("false")),
)

usage_point = Table(
    "usage_point",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("area_id", Id, ForeignKey("area.id")),
    Column("feeder_id", Id, ForeignKey("feeder.id")),
    Column("building_id", Id, ForeignKey("building.id")),
    Column("category", Text, nullable=False, server_default=""),
    Column("criticality", SmallInteger, nullable=False, server_default="0"),
    Column("need", SmallInteger, nullable=False, server_default="0"),
    Column("has_standby", Boolean, nullable=False, server_default=text("false")),
    Column("row_hash", LargeBinary, nullable=False),
    Column("gone_at", UtcTime),
    Index(None, "area_id"),
    Index("ix_usage_point_feeder_only", "feeder_id", sqlite_where=text("area_id IS NULL"),
          postgresql_where=text("area_id IS NULL")),
)  # fmt: skip

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("locale", Text, nullable=False, server_default="zh"),
    Column("reach", SmallInteger, nullable=False, server_default="0"),
    Column("phone_hmac", LargeBinary, unique=True),
    Column("phone_sealed", LargeBinary),
    Column("openid", Text),
    Column("push_token", Text),
    Column("place_key", Text, unique=True),
    Column("opted_out", SmallInteger, nullable=False, server_default="0"),
    Index("ix_contact_openid", "openid", sqlite_where=text("openid IS NOT NULL"),
          postgresql_where=text("openid IS NOT NULL")),
)  # fmt: skip

point_contact = Table(
    "point_contact",
    metadata,
    Column("usage_point_id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", Id, primary_key=True, autoincrement=False),
    Column("role", SmallInteger, nullable=False),
    Index(None, "contact_id"),
    sqlite_with_rowid=False,
)

place_contact = Table(
    "place_contact",
    metadata,
    Column("subject", SmallInteger, primary_key=True, autoincrement=False),
    Column("subject_id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", Id, primary_key=True, autoincrement=False),
    Column("role", SmallInteger, nullable=False),
    Index(None, "contact_id"),
    sqlite_with_rowid=False,
)

ledger_import = Table(
    "ledger_import",
    metadata,
    Column("id", Id, primary_key=True),
    Column("imported_at", UtcTime, nullable=False),
    Column("imported_by", Text, nullable=False),
    Column("files", Json, nullable=False),
    Column("counts", Json, nullable=False),
    Column("findings", Json, nullable=False),
)

# --- The network: nodes, branches, switches, beside the ledger ----------------------------------

network_version = Table(
    "network_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("as_of", UtcTime),
    Column("read_at", UtcTime, nullable=False),
    Column("read_by", Text, nullable=False),
    Column("confirmed_at", UtcTime, nullable=False),
    Column("digest", Text, nullable=False),
    Column("files", Json, nullable=False),
    Column("counts", Json, nullable=False),
    Column("difference", Json),
    Column("findings", Json, nullable=False),
    Column("is_ready", Boolean, nullable=False),
)

network_part = Table(
    "network_part",
    metadata,
    Column("version_id", Id, ForeignKey("network_version.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

switch_status = Table(
    "switch_status",
    metadata,
    Column("version_id", Id, ForeignKey("network_version.id"), primary_key=True),
    Column("switch", Text, primary_key=True),
    Column("is_open", Boolean, nullable=False),
    Column("as_of", UtcTime),
    Column("is_good", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

switch_status_import = Table(
    "switch_status_import",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version_id", Id, ForeignKey("network_version.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("is_full", Boolean, nullable=False),
    Column("as_of", UtcTime),
    Column("read_at", UtcTime, nullable=False),
    Column("read_by", Text, nullable=False),
    Column("counts", Json, nullable=False),
    Column("findings", Json, nullable=False),
    UniqueConstraint("version_id", "digest"),
)

# --- Plans, their revisions, and whom each touches ---------------------------------------------

source_file = Table(
    "source_file",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("received_by", Text, nullable=False),
    Column("outcome", Json, nullable=False),
)

plan = Table(
    "plan",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("department", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("settled_revision", Integer, nullable=False, server_default="0"),
    Column("joint_change", Integer, nullable=False, server_default="0"),
    Column("settled_joint_change", Integer, nullable=False, server_default="0"),
    Column("counted_revision", Integer, nullable=False, server_default="0"),
    Column("counted_state", Text, nullable=False, server_default=""),
    Column("starts_at", UtcTime),
    Column("ends_at", UtcTime),
    Column("restored_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("reconcile_at", UtcTime),
    Column("reconcile_worker", Text),
    Column("reconcile_lease_until", UtcTime),
    CheckConstraint(
        "state IN ('draft', 'submitted', 'approved', 'cancelled', 'done')", name="state"
    ),
    Index("ix_plan_reconcile_at", "reconcile_at", sqlite_where=text("reconcile_at IS NOT NULL"),
          postgresql_where=text("reconcile_at IS NOT NULL")),
    Index("ix_plan_uncounted", "id",
          sqlite_where=text("counted_revision <> revision OR counted_state <> state"),
          postgresql_where=text("counted_revision <> revision OR counted_state <> state")),
    Index(None, "starts_at"),
)  # fmt: skip

plan_revision = Table(
    "plan_revision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, ForeignKey("plan.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("change", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("content", Json, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source", Json, nullable=False),
    Column("findings", Json, nullable=False),
    Column("points_id", Id),
    Column("cells", Json),
    Column("counts", Json),
    Column("difference", Json),
    Column("network_id", Id, ForeignKey("network_version.id")),
    Column("network_overlay", Id),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("plan_id", "number"),
)

impact_group = Table(
    "impact_group",
    metadata,
    Column("revision_id", Id, ForeignKey("plan_revision.id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("class", Text, nullable=False),
    Column("windows", Json, nullable=False),
    Column("facts_key", Text, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
    Column("knowledge", Text, nullable=False, server_default="ledger"),
)

impact_area = Table(
    "impact_area",
    metadata,
    Column("points_id", Id, primary_key=True, autoincrement=False),
    Column("area_id", Id, primary_key=True, autoincrement=False),
    Column("group_number", SmallInteger, nullable=False),
    Index(None, "area_id"),
    sqlite_with_rowid=False,
)

impact_point = Table(
    "impact_point",
    metadata,
    Column("points_id", Id, primary_key=True, autoincrement=False),
    Column("usage_point_id", Id, primary_key=True, autoincrement=False),
    Column("group_number", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

# --- What people went without, and will ---------------------------------------------------------

interruption = Table(
    "interruption",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, ForeignKey("plan.id")),
    Column("revision", Integer),
    Column("file_digest", Text),
    Column("file_sheet", Text),
    Column("file_row", Integer),
    Column("kind", SmallInteger, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("is_firm", Boolean, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime),
    Column("feeder_id", Id),
    Column("area_id", Id),
    Column("usage_point_id", Id),
    Column("customers", Integer, nullable=False),
    Column("is_whole", Boolean, nullable=False),
    Column("points_id", Id),
    Column("group_number", SmallInteger),
    Column("cause", Text, nullable=False, server_default=""),
    Column("event_key", Text, unique=True),
    CheckConstraint("kind IN (0, 1)", name="kind"),
    CheckConstraint("quality IN (0, 1, 2)", name="quality"),
    CheckConstraint("(plan_id IS NULL) <> (file_digest IS NULL)", name="source"),
    Index(None, "starts_at"),
    Index("ix_interruption_area", "area_id", "starts_at"),
    Index("ix_interruption_feeder", "feeder_id", "starts_at"),
    Index("ix_interruption_plan", "plan_id"),
)

# --- Joint outages (同停): several plans, told to each person as one ----------------------------

joint_outage = Table(
    "joint_outage",
    metadata,
    Column("plan_id", Id, ForeignKey("plan.id"), primary_key=True, autoincrement=False),
    Column("joint_id", Id, nullable=False),
    Column("joined_at", UtcTime, nullable=False),
    Column("joined_by", Text, nullable=False),
    Index(None, "joint_id"),
)

joint_group = Table(
    "joint_group",
    metadata,
    Column("plan_id", Id, ForeignKey("plan.id"), primary_key=True, autoincrement=False),
    Column("facts_key", Text, primary_key=True),
    Column("class", Text, nullable=False),
    Column("windows", Json, nullable=False),
    Column("place", Text, nullable=False),
)

spoken_for = Table(
    "spoken_for",
    metadata,
    Column("plan_id", Id, primary_key=True, autoincrement=False),
    Column("notice_id", Id, primary_key=True, autoincrement=False),
    Index(None, "notice_id"),
    sqlite_with_rowid=False,
)

approval = Table(
    "approval",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision_id", Id, ForeignKey("plan_revision.id"), nullable=False),
    Column("recipients_hash", Text, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("cost", Float, nullable=False),
    Column("template_version", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", UtcTime, nullable=False),
    Column("voided_at", UtcTime),
    Column("voided_why", Text),
    Index(None, "revision_id"),
)

end_report = Table(
    "end_report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("plan_id", Id, ForeignKey("plan.id"), nullable=False),
    Column("promised_at", UtcTime, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", UtcTime),
    Column("said_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("outcome", Text, nullable=False),
    CheckConstraint("answer IN ('on_time', 'late', 'restored')", name="answer"),
    CheckConstraint("(answer = 'on_time') = (at IS NULL)", name="at"),
    CheckConstraint("outcome IN ('confirmed', 'delayed', 'restored', 'noted')", name="outcome"),
    Index(None, "plan_id"),
)

# --- What is to be said, and what was said -----------------------------------------------------

campaign = Table(
    "campaign",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, ForeignKey("plan.id"), nullable=False),
    Column("stage", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("rung", SmallInteger, nullable=False),
    UniqueConstraint("plan_id", "stage", "occasion", "rung"),
)

notice = Table(
    "notice",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, ForeignKey("plan.id"), nullable=False),
    Column("revision_id", Id, ForeignKey("plan_revision.id"), nullable=False),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("cell", Text, nullable=False),
    Column("medium", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("facts_key", Text, nullable=False),
    Column("facts", Json, nullable=False),
    Column("confirm", Boolean, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("matters_at", UtcTime, nullable=False),
    Column("give_up_at", UtcTime),
    Column("ignores_quiet_hours", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("revision_id", "campaign_id", "cell", "medium"),
    Index(None, "plan_id"),
    Index("ix_notice_posting", "expires_at", sqlite_where=text("medium = 'posting'"),
          postgresql_where=text("medium = 'posting'")),
)  # fmt: skip

batch = Table(
    "batch",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, nullable=False),
    Column("notice_id", Id, ForeignKey("notice.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("size", SmallInteger, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("worker", Text),
    Column("lease_until", UtcTime),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("sent_at", UtcTime),
    CheckConstraint("state BETWEEN 0 AND 7", name="state"),
    Index(None, "notice_id"),
    Index("ix_batch_due", "channel", "due_at", sqlite_where=text("state = 0"),
          postgresql_where=text("state = 0")),
    Index("ix_batch_leased", "lease_until", sqlite_where=text("state IN (1, 2)"),
          postgresql_where=text("state IN (1, 2)")),
    Index("ix_batch_uncertain", "due_at", sqlite_where=text("state = 3"),
          postgresql_where=text("state = 3")),
    Index("ix_batch_sent", "due_at", sqlite_where=text("state = 4"),
          postgresql_where=text("state = 4")),
    Index(None, "plan_id"),
)  # fmt: skip

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("batch_id", Id, nullable=False),
    Column("campaign_id", Id, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("code", Text),
    Column("reference", Text),
    CheckConstraint("state BETWEEN 0 AND 7", name="state"),
    UniqueConstraint("contact_id", "campaign_id"),
    Index(None, "batch_id"),
)

#: Messages that were sent again in another batch: a late receipt names the call they left in before.
earlier_call = Table(
    "earlier_call",
    metadata,
    Column("delivery_id", Id, primary_key=True, autoincrement=False),
    Column("batch_id", Id, primary_key=True, autoincrement=False),
    Index(None, "batch_id"),
    sqlite_with_rowid=False,
)

attempt = Table(
    "attempt",
    metadata,
    Column("batch_id", Id, primary_key=True, autoincrement=False),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("outcomes", Json),
    sqlite_with_rowid=False,
)

receipt = Table(
    "receipt",
    metadata,
    Column("delivery_id", Id, primary_key=True, autoincrement=False),
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("at", UtcTime),
    Column("received_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

stray_receipt = Table(
    "stray_receipt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    UniqueConstraint("channel", "identity", "status", "code"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id, nullable=False),
    Column("revision_id", Id, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("stage", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("until", UtcTime),
    Index(None, "plan_id"),
)

exception = Table(
    "exception",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", Id),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("people", Integer, nullable=False, server_default="0"),
    Column("sentence", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due_at", UtcTime),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("closed_by", Text),
    Column("closed_how", Text),
    UniqueConstraint("plan_id", "kind", "subject"),
)

posting_task = Table(
    "posting_task",
    metadata,
    Column("delivery_id", Id, primary_key=True, autoincrement=False),
    Column("crew", Text),
    Column("lease_until", UtcTime),
    Column("finished_at", UtcTime),
    Column("photo", Text),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("handed_back", Integer, nullable=False, server_default="0"),
    Column("note", Text, nullable=False, server_default=""),
)

photo = Table(
    "photo",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
)

# --- Coordinating works: what a bureau asks, what was proposed, what became of it ----------------

coordination_rules = Table(
    "coordination_rules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("imported_at", UtcTime, nullable=False),
    Column("imported_by", Text, nullable=False),
)

coordination_run = Table(
    "coordination_run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("rules_id", Id, ForeignKey("coordination_rules.id")),
    Column("options", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Json),
    Column("looked_at", UtcTime, nullable=False),
    Column("stop_asked_at", UtcTime),
    Column("summary", Json),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("finished_at", UtcTime),
    CheckConstraint("state IN ('running', 'done', 'stopped', 'failed')", name="state"),
)

coordination_item = Table(
    "coordination_item",
    metadata,
    Column("run_id", Id, ForeignKey("coordination_run.id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("plan_id", Id, ForeignKey("plan.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Json, nullable=False),
    Column("decision", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    Column("decided_at", UtcTime),
    Column("decided_by", Text),
    Column("new_revision", Integer),
    CheckConstraint("decision IN ('', 'accepted', 'refused')", name="decision"),
    Index(None, "number"),
)

# --- The house itself -----------------------------------------------------------------------

policy = Table(
    "policy",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("applied_at", UtcTime, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("configured", Text, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("mark", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("number = 1", name="number"),
)

channel_state = Table(
    "channel_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("stopped_at", UtcTime),
    Column("stopped_why", Text, nullable=False, server_default=""),
    Column("paused_until", UtcTime),
    Column("failures", Integer, nullable=False, server_default="0"),
)

rate = Table(
    "rate",
    metadata,
    Column("account", Text, primary_key=True),
    Column("arrival_micros", BigInteger, nullable=False),
)

id_block = Table(
    "id_block",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_id", BigInteger, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("areas", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    CheckConstraint(
        "role IN ('operations', 'approver', 'crew', 'admin', 'read_only')", name="role"
    ),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Json, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Index(None, "subject"),
)
