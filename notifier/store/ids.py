"""Numbers for rows that are written in bulk, handed out in blocks before they are needed."""

from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.store import engine, schema


async def allocate(database: engine.Database, name: str, count: int) -> int:
    """The first of ``count`` numbers in a row that nobody else gets; numbering starts at 1.

    Commits by itself: numbers taken by work that fails afterwards are never used.
    Raises ``ValueError`` when ``count`` is below 1.
    """
    if count < 1:
        raise ValueError("a block has at least one number")
    async with database.write() as connection:
        return await take(connection, name, count)


async def take(connection: AsyncConnection, name: str, count: int) -> int:
    """``allocate`` inside the caller's transaction; on PostgreSQL others wait until it ends."""
    block = schema.id_block
    statement = (
        engine.insert_into(connection, block)
        .values(name=name, next_id=count + 1)
        .on_conflict_do_update(
            index_elements=[block.c.name], set_={"next_id": block.c.next_id + count}
        )
        .returning(block.c.next_id)
    )
    following: int = (await connection.execute(statement)).scalar_one()
    return following - count
