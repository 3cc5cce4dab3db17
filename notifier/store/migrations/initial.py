"""Writes the first revision from the declared schema: ``python -m notifier.store.migrations.initial``.

Only until the first release; from then on every change of the schema is a revision of its own.
"""

from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations.ops import UpgradeOps
from sqlalchemy import create_engine

from notifier.store import columns, schema

PATH = Path(__file__).parent / "versions" / "r0001_initial.py"

_MODULE = '''"""The first schema.

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
    {body}
'''


def source() -> str:
    """The revision's text, before formatting."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        found = produce_migrations(MigrationContext.configure(connection), schema.metadata)
    engine.dispose()
    operations = found.upgrade_ops
    if not isinstance(operations, UpgradeOps):
        raise TypeError("autogenerate found no operations")
    body = render_python_code(operations, render_item=_render)
    lines = [line for line in body.splitlines() if not line.strip().startswith("# ###")]
    return _MODULE.format(body="\n".join(lines).strip())


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Column types of our own as the plain type that is stored."""
    if kind != "type":
        return False
    if isinstance(item, columns.UtcTime):
        return "sa.BigInteger()"
    if isinstance(item, columns.Json):
        return "sa.Text()"
    if item is columns.Id:
        return "ID"
    return False


if __name__ == "__main__":
    PATH.write_text(source(), "utf-8")
