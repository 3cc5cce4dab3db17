"""The first schema.

Written by ``notifier.store.migrations.initial``; types are spelled out so that later changes to
``store/columns.py`` leave this revision as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table and index."""
    op.create_table(
        "attempt",
        sa.Column("batch_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcomes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_table(
        "building",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("floors", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("is_high_rise", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_building")),
        sa.UniqueConstraint("key", name=op.f("uq_building_key")),
    )
    op.create_table(
        "channel_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_why", sa.Text(), server_default="", nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channel_state")),
    )
    op.create_table(
        "contact",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("locale", sa.Text(), server_default="zh", nullable=False),
        sa.Column("reach", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("phone_hmac", sa.LargeBinary(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("openid", sa.Text(), nullable=True),
        sa.Column("push_token", sa.Text(), nullable=True),
        sa.Column("place_key", sa.Text(), nullable=True),
        sa.Column("opted_out", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("phone_hmac", name=op.f("uq_contact_phone_hmac")),
        sa.UniqueConstraint("place_key", name=op.f("uq_contact_place_key")),
    )
    op.create_index(
        "ix_contact_openid",
        "contact",
        ["openid"],
        unique=False,
        sqlite_where=sa.text("openid IS NOT NULL"),
        postgresql_where=sa.text("openid IS NOT NULL"),
    )
    op.create_table(
        "coordination_rules",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coordination_rules")),
    )
    op.create_table(
        "decision",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("revision_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    op.create_index(op.f("ix_decision_plan_id"), "decision", ["plan_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.CheckConstraint("state BETWEEN 0 AND 7", name=op.f("ck_delivery_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "contact_id", "campaign_id", name=op.f("uq_delivery_contact_id_campaign_id")
        ),
    )
    op.create_index(op.f("ix_delivery_batch_id"), "delivery", ["batch_id"], unique=False)
    op.create_table(
        "earlier_call",
        sa.Column("delivery_id", ID, autoincrement=False, nullable=False),
        sa.Column("batch_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "batch_id", name=op.f("pk_earlier_call")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_earlier_call_batch_id"), "earlier_call", ["batch_id"], unique=False)
    op.create_table(
        "exception",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_how", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception")),
        sa.UniqueConstraint(
            "plan_id", "kind", "subject", name=op.f("uq_exception_plan_id_kind_subject")
        ),
    )
    op.create_table(
        "id_block",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_id_block")),
    )
    op.create_table(
        "impact_area",
        sa.Column("points_id", ID, autoincrement=False, nullable=False),
        sa.Column("area_id", ID, autoincrement=False, nullable=False),
        sa.Column("group_number", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("points_id", "area_id", name=op.f("pk_impact_area")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_impact_area_area_id"), "impact_area", ["area_id"], unique=False)
    op.create_table(
        "impact_point",
        sa.Column("points_id", ID, autoincrement=False, nullable=False),
        sa.Column("usage_point_id", ID, autoincrement=False, nullable=False),
        sa.Column("group_number", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("points_id", "usage_point_id", name=op.f("pk_impact_point")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "installation",
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("number = 1", name=op.f("ck_installation_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_installation")),
    )
    op.create_table(
        "ledger_import",
        sa.Column("id", ID, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_import")),
    )
    op.create_table(
        "network_version",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("difference", sa.Text(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_version")),
    )
    op.create_table(
        "photo",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_photo")),
    )
    op.create_table(
        "place_contact",
        sa.Column("subject", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", ID, autoincrement=False, nullable=False),
        sa.Column("contact_id", ID, autoincrement=False, nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "subject", "subject_id", "contact_id", name=op.f("pk_place_contact")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_place_contact_contact_id"), "place_contact", ["contact_id"], unique=False
    )
    op.create_table(
        "plan",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("settled_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("joint_change", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled_joint_change", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_state", sa.Text(), server_default="", nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("restored_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("reconcile_at", sa.BigInteger(), nullable=True),
        sa.Column("reconcile_worker", sa.Text(), nullable=True),
        sa.Column("reconcile_lease_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'approved', 'cancelled', 'done')",
            name=op.f("ck_plan_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("number", name=op.f("uq_plan_number")),
    )
    op.create_index(
        "ix_plan_reconcile_at",
        "plan",
        ["reconcile_at"],
        unique=False,
        sqlite_where=sa.text("reconcile_at IS NOT NULL"),
        postgresql_where=sa.text("reconcile_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_plan_starts_at"), "plan", ["starts_at"], unique=False)
    op.create_index(
        "ix_plan_uncounted",
        "plan",
        ["id"],
        unique=False,
        sqlite_where=sa.text("counted_revision <> revision OR counted_state <> state"),
        postgresql_where=sa.text("counted_revision <> revision OR counted_state <> state"),
    )
    op.create_table(
        "point_contact",
        sa.Column("usage_point_id", ID, autoincrement=False, nullable=False),
        sa.Column("contact_id", ID, autoincrement=False, nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("usage_point_id", "contact_id", name=op.f("pk_point_contact")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_point_contact_contact_id"), "point_contact", ["contact_id"], unique=False
    )
    op.create_table(
        "policy",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.Column("configured", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_table(
        "posting_task",
        sa.Column("delivery_id", ID, autoincrement=False, nullable=False),
        sa.Column("crew", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("photo", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("handed_back", sa.Integer(), server_default="0", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_posting_task")),
    )
    op.create_table(
        "rate",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("arrival_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_rate")),
    )
    op.create_table(
        "receipt",
        sa.Column("delivery_id", ID, autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "status", "code", name=op.f("pk_receipt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "source_file",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_source_file")),
    )
    op.create_table(
        "spoken_for",
        sa.Column("plan_id", ID, autoincrement=False, nullable=False),
        sa.Column("notice_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "notice_id", name=op.f("pk_spoken_for")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spoken_for_notice_id"), "spoken_for", ["notice_id"], unique=False)
    op.create_table(
        "station",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station")),
        sa.UniqueConstraint("key", name=op.f("uq_station_key")),
    )
    op.create_table(
        "stray_receipt",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray_receipt")),
        sa.UniqueConstraint(
            "channel",
            "identity",
            "status",
            "code",
            name=op.f("uq_stray_receipt_channel_identity_status_code"),
        ),
    )
    op.create_table(
        "token",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("areas", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "role IN ('operations', 'approver', 'crew', 'admin', 'read_only')",
            name=op.f("ck_token_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_token_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_token_name")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("rung", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_campaign_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint(
            "plan_id",
            "stage",
            "occasion",
            "rung",
            name=op.f("uq_campaign_plan_id_stage_occasion_rung"),
        ),
    )
    op.create_table(
        "coordination_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("first_day", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Text(), nullable=False),
        sa.Column("rules_id", ID, nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("stop_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'stopped', 'failed')",
            name=op.f("ck_coordination_run_state"),
        ),
        sa.ForeignKeyConstraint(
            ["rules_id"], ["coordination_rules.id"], name=op.f("fk_coordination_run_rules_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coordination_run")),
    )
    op.create_table(
        "end_report",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("promised_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.CheckConstraint("(answer = 'on_time') = (at IS NULL)", name=op.f("ck_end_report_at")),
        sa.CheckConstraint(
            "answer IN ('on_time', 'late', 'restored')", name=op.f("ck_end_report_answer")
        ),
        sa.CheckConstraint(
            "outcome IN ('confirmed', 'delayed', 'restored', 'noted')",
            name=op.f("ck_end_report_outcome"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_end_report_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_end_report")),
        sa.UniqueConstraint("key", name=op.f("uq_end_report_key")),
    )
    op.create_index(op.f("ix_end_report_plan_id"), "end_report", ["plan_id"], unique=False)
    op.create_table(
        "feeder",
        sa.Column("id", ID, nullable=False),
        sa.Column("station_id", ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_feeder_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeder")),
        sa.UniqueConstraint("key", "station_id", name=op.f("uq_feeder_key_station_id")),
    )
    op.create_table(
        "interruption",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("file_digest", sa.Text(), nullable=True),
        sa.Column("file_sheet", sa.Text(), nullable=True),
        sa.Column("file_row", sa.Integer(), nullable=True),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("is_firm", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("feeder_id", ID, nullable=True),
        sa.Column("area_id", ID, nullable=True),
        sa.Column("usage_point_id", ID, nullable=True),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("points_id", ID, nullable=True),
        sa.Column("group_number", sa.SmallInteger(), nullable=True),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("event_key", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(plan_id IS NULL) <> (file_digest IS NULL)", name=op.f("ck_interruption_source")
        ),
        sa.CheckConstraint("kind IN (0, 1)", name=op.f("ck_interruption_kind")),
        sa.CheckConstraint("quality IN (0, 1, 2)", name=op.f("ck_interruption_quality")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_interruption_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interruption")),
        sa.UniqueConstraint("event_key", name=op.f("uq_interruption_event_key")),
    )
    op.create_index("ix_interruption_area", "interruption", ["area_id", "starts_at"], unique=False)
    op.create_index(
        "ix_interruption_feeder", "interruption", ["feeder_id", "starts_at"], unique=False
    )
    op.create_index("ix_interruption_plan", "interruption", ["plan_id"], unique=False)
    op.create_index(op.f("ix_interruption_starts_at"), "interruption", ["starts_at"], unique=False)
    op.create_table(
        "joint_group",
        sa.Column("plan_id", ID, autoincrement=False, nullable=False),
        sa.Column("facts_key", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("windows", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_joint_group_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "facts_key", name=op.f("pk_joint_group")),
    )
    op.create_table(
        "joint_outage",
        sa.Column("plan_id", ID, autoincrement=False, nullable=False),
        sa.Column("joint_id", ID, nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("joined_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_joint_outage_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_joint_outage")),
    )
    op.create_index(op.f("ix_joint_outage_joint_id"), "joint_outage", ["joint_id"], unique=False)
    op.create_table(
        "network_part",
        sa.Column("version_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["network_version.id"], name=op.f("fk_network_part_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "kind", name=op.f("pk_network_part")),
    )
    op.create_table(
        "plan_revision",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("points_id", ID, nullable=True),
        sa.Column("cells", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("difference", sa.Text(), nullable=True),
        sa.Column("network_id", ID, nullable=True),
        sa.Column("network_overlay", ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["network_version.id"], name=op.f("fk_plan_revision_network_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_revision_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_revision")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_plan_revision_plan_id_number")),
    )
    op.create_table(
        "switch_status",
        sa.Column("version_id", ID, nullable=False),
        sa.Column("switch", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["network_version.id"], name=op.f("fk_switch_status_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "switch", name=op.f("pk_switch_status")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "switch_status_import",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["network_version.id"], name=op.f("fk_switch_status_import_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switch_status_import")),
        sa.UniqueConstraint(
            "version_id", "digest", name=op.f("uq_switch_status_import_version_id_digest")
        ),
    )
    op.create_table(
        "approval",
        sa.Column("id", ID, nullable=False),
        sa.Column("revision_id", ID, nullable=False),
        sa.Column("recipients_hash", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("template_version", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.Column("voided_at", sa.BigInteger(), nullable=True),
        sa.Column("voided_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["plan_revision.id"], name=op.f("fk_approval_revision_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_revision_id"), "approval", ["revision_id"], unique=False)
    op.create_table(
        "area",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("feeder_id", ID, nullable=True),
        sa.Column("is_public", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["feeder_id"], ["feeder.id"], name=op.f("fk_area_feeder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("code", "key", "feeder_id", name=op.f("uq_area_code_key_feeder_id")),
    )
    op.create_index(op.f("ix_area_feeder_id"), "area", ["feeder_id"], unique=False)
    op.create_index(op.f("ix_area_key"), "area", ["key"], unique=False)
    op.create_table(
        "coordination_item",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("new_revision", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('', 'accepted', 'refused')", name=op.f("ck_coordination_item_decision")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_coordination_item_plan_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["coordination_run.id"], name=op.f("fk_coordination_item_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_coordination_item")),
    )
    op.create_index(
        op.f("ix_coordination_item_number"), "coordination_item", ["number"], unique=False
    )
    op.create_table(
        "impact_group",
        sa.Column("revision_id", ID, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("windows", sa.Text(), nullable=False),
        sa.Column("facts_key", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("knowledge", sa.Text(), server_default="ledger", nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["plan_revision.id"], name=op.f("fk_impact_group_revision_id")
        ),
        sa.PrimaryKeyConstraint("revision_id", "number", name=op.f("pk_impact_group")),
    )
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("revision_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("facts_key", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("confirm", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("matters_at", sa.BigInteger(), nullable=False),
        sa.Column("give_up_at", sa.BigInteger(), nullable=True),
        sa.Column("ignores_quiet_hours", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_notice_campaign_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_notice_plan_id")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["plan_revision.id"], name=op.f("fk_notice_revision_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "revision_id",
            "campaign_id",
            "cell",
            "medium",
            name=op.f("uq_notice_revision_id_campaign_id_cell_medium"),
        ),
    )
    op.create_index(op.f("ix_notice_plan_id"), "notice", ["plan_id"], unique=False)
    op.create_index(
        "ix_notice_posting",
        "notice",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("medium = 'posting'"),
        postgresql_where=sa.text("medium = 'posting'"),
    )
    op.create_table(
        "batch",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("notice_id", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state BETWEEN 0 AND 7", name=op.f("ck_batch_state")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_batch_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(
        "ix_batch_due",
        "batch",
        ["channel", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index(
        "ix_batch_leased",
        "batch",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state IN (1, 2)"),
        postgresql_where=sa.text("state IN (1, 2)"),
    )
    op.create_index(op.f("ix_batch_notice_id"), "batch", ["notice_id"], unique=False)
    op.create_index(op.f("ix_batch_plan_id"), "batch", ["plan_id"], unique=False)
    op.create_index(
        "ix_batch_sent",
        "batch",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 4"),
        postgresql_where=sa.text("state = 4"),
    )
    op.create_index(
        "ix_batch_uncertain",
        "batch",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 3"),
        postgresql_where=sa.text("state = 3"),
    )
    op.create_table(
        "usage_point",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("area_id", ID, nullable=True),
        sa.Column("feeder_id", ID, nullable=True),
        sa.Column("building_id", ID, nullable=True),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("criticality", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("need", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("has_standby", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_usage_point_area_id")),
        sa.ForeignKeyConstraint(
            ["building_id"], ["building.id"], name=op.f("fk_usage_point_building_id")
        ),
        sa.ForeignKeyConstraint(
            ["feeder_id"], ["feeder.id"], name=op.f("fk_usage_point_feeder_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_point")),
        sa.UniqueConstraint("account", name=op.f("uq_usage_point_account")),
    )
    op.create_index(op.f("ix_usage_point_area_id"), "usage_point", ["area_id"], unique=False)
    op.create_index(
        "ix_usage_point_feeder_only",
        "usage_point",
        ["feeder_id"],
        unique=False,
        sqlite_where=sa.text("area_id IS NULL"),
        postgresql_where=sa.text("area_id IS NULL"),
    )
