"""How the schema came to be: Alembic revisions, forward only, never edited after a release."""
