"""A ledger on its way into the store: rows sealed and laid into temporary tables, nothing else.

Staging writes no main table and holds up nobody. Phones are sealed before they touch the disk.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from notifier.domain.customer import ContactKind, Reach
from notifier.domain.ledger import KEPT, Amendment, ContactRow, Outline, PlaceEntry, PointRow
from notifier.store import engine
from notifier.vault import Vault

#: What is the same for many points stands once, as a class; a plain payer's phone stands with the
#: point. Binding a value costs 0.2 µs: eight of them a row, not twenty-three.
CLASS_COLUMNS = (
    "id", "area", "feeder", "building", "category", "criticality", "need", "has_standby",
)  # fmt: skip
POINT_COLUMNS = (
    "number", "account", "name", "address", "class_id", "row_hash", "phone_hmac", "phone_sealed",
    "kept",
)  # fmt: skip
LINK_COLUMNS = (
    "seq", "number", "role", "kind", "person", "locale", "reach", "phone_hmac", "phone_sealed",
    "place_key", "openid", "push_token", "opted_out",
)  # fmt: skip

_PHONE = int(Reach.SMS | Reach.VOICE)
_WECHAT, _PUSH, _POSTING = int(Reach.WECHAT), int(Reach.PUSH), int(Reach.POSTING)

#: Bytes of a row's hash: so many tell what is said of the customer, as many who is to be told. A file
#: without a column of contacts says nothing about these, and is compared by the first half alone.
_HALF = 8
_NOBODY = hashlib.blake2b(b"", digest_size=_HALF).digest()
#: ``stage_point.kept``: a bit for each role whose contacts stay, and this one where the row names no
#: others, so that its contacts are not compared.
ALL_KEPT = 1 << 14

#: ``{blob}`` is the dialect's word for bytes.
TABLES = (
    "CREATE TEMP TABLE stage_class (id INTEGER PRIMARY KEY, area INTEGER, feeder INTEGER,"
    " building INTEGER, category TEXT, criticality SMALLINT, need SMALLINT, has_standby BOOLEAN)",
    "CREATE TEMP TABLE stage_point (number INTEGER PRIMARY KEY, account TEXT, name TEXT,"
    " address TEXT, class_id INTEGER, row_hash {blob}, phone_hmac {blob}, phone_sealed {blob},"
    " kept INTEGER)",
    "CREATE TEMP TABLE stage_link (seq INTEGER PRIMARY KEY, number INTEGER, role SMALLINT,"
    " kind SMALLINT, person TEXT, locale TEXT, reach SMALLINT, phone_hmac {blob},"
    " phone_sealed {blob}, place_key TEXT, openid TEXT, push_token TEXT, opted_out SMALLINT)",
    "CREATE TEMP TABLE stage_place (seq INTEGER PRIMARY KEY, subject SMALLINT, number INTEGER,"
    " subject_id BIGINT, role SMALLINT, kind SMALLINT, name TEXT, reach SMALLINT,"
    " phone_hmac {blob}, phone_sealed {blob}, place_key TEXT, contact_id BIGINT)",
)
PLACE_COLUMNS = (
    "seq", "subject", "number", "subject_id", "role", "kind", "name", "reach", "phone_hmac",
    "phone_sealed", "place_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Rows for ``stage_class``, ``stage_point`` and ``stage_link``."""

    classes: list[tuple[Any, ...]]
    points: list[tuple[Any, ...]]
    links: list[tuple[Any, ...]]


class Preparing:
    """Turns rows of the ledger into rows of the temporary tables.

    One call at a time, in the order of the rows; it computes, and runs in a thread.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._links = 0
        self._classes: dict[tuple[Any, ...], int] = {}
        #: What further rows of an account add to its hash.
        self.extra: dict[int, list[bytes]] = {}
        self._extra_kept: dict[int, int] = {}

    def rows(self, chunk: Sequence[PointRow]) -> Prepared:
        """Seal, fingerprint and hash one chunk."""
        new_classes: list[tuple[Any, ...]] = []
        points: list[tuple[Any, ...]] = []
        links: list[tuple[Any, ...]] = []
        seal, fingerprint, blake2b = self._vault.seal, self._vault.fingerprint, hashlib.blake2b
        classes = self._classes
        for (
            number, is_extra, account, name, address, area, feeder, building,
            category, criticality, need, has_standby, contacts,
        ) in chunk:  # fmt: skip
            group = (area, feeder, building, category, criticality, need, has_standby)
            class_id = classes.get(group)
            if class_id is None:
                class_id = classes[group] = len(classes)
                new_classes.append((class_id, *group))
            # What a row says, without what is compared by id; phones by their fingerprint, for a
            # hash of a phone number alone is no secret.
            said = (
                f"{name}\x1f{address}\x1f{category}\x1f{criticality}\x1f{need}\x1f{has_standby:d}"
            )
            material = b""
            first_hmac = first_sealed = None
            kept = 0
            for contact in contacts:
                phone = contact[4]
                if phone == KEPT:
                    kept |= 1 << contact[0]
                    continue
                if phone:
                    hmac = fingerprint(phone)
                    material += hmac
                    if first_hmac is None and not is_extra and contact == (
                        0, 0, name, "zh", phone, "", "", 0
                    ):  # fmt: skip
                        first_hmac, first_sealed = hmac, seal(phone)
                        continue
                link, more = self._link(contact)
                material += more
                links.append((self._links, number, *link))
                self._links += 1
            row_hash = (
                blake2b(said.encode(), digest_size=_HALF).digest()
                + blake2b(material, digest_size=_HALF).digest()
            )
            if kept and not material:
                kept |= ALL_KEPT
            if is_extra:
                self.extra.setdefault(number, []).append(row_hash)
                self._extra_kept[number] = self._extra_kept.get(number, 0) | kept
            else:
                points.append(
                    (
                        number,
                        account,
                        name,
                        address,
                        class_id,
                        row_hash,
                        first_hmac,
                        first_sealed,
                        kept,
                    )
                )
        return Prepared(classes=new_classes, points=points, links=links)

    def _link(self, contact: ContactRow) -> tuple[tuple[Any, ...], bytes]:
        """A contact's columns in ``stage_link``, and what it adds to the row's hash."""
        role, kind, person, locale, phone, openid, token, opted_out = contact
        hmac = sealed = key = None
        reach = 0
        if phone:
            hmac, sealed, reach = self._vault.fingerprint(phone), self._vault.seal(phone), _PHONE
        else:
            # Without a phone the platform's identity stands for the contact.
            key = f"openid:{openid}" if openid else f"push:{token}"
        reach |= (_WECHAT if openid else 0) | (_PUSH if token else 0)
        more = f"\x1e{role}\x1f{person}\x1f{locale}\x1f{openid}\x1f{token}\x1f{opted_out}"
        return (
            role, kind, person, locale, reach & ~opted_out, hmac, sealed, key,
            openid or None, token or None, opted_out,
        ), more.encode()  # fmt: skip

    def amended(
        self, amendment: Amendment, building: int, category: str, first: bytes, kept: int
    ) -> tuple[Prepared, int, bytes, int]:
        """A new class if there must be one, the class of an account that several rows describe,
        its hash, and what is kept of it; ``first`` and ``kept`` are those of its first row."""
        group = (
            amendment.area, amendment.feeder, building, category,
            amendment.criticality, amendment.need, amendment.has_standby,
        )  # fmt: skip
        new: list[tuple[Any, ...]] = []
        class_id = self._classes.get(group)
        if class_id is None:
            class_id = self._classes[group] = len(self._classes)
            new.append((class_id, *group))
        rows = (first, *sorted(self.extra.get(amendment.number, ())))
        row_hash = _joined(row[:_HALF] for row in rows) + _joined(row[_HALF:] for row in rows)
        kept = (kept | self._extra_kept.get(amendment.number, 0)) & ~ALL_KEPT
        if kept and all(row[_HALF:] == _NOBODY for row in rows):
            kept |= ALL_KEPT
        return Prepared(classes=new, points=[], links=[]), class_id, row_hash, kept

    def places(
        self, places: Sequence[PlaceEntry], subject_ids: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        """Rows for ``stage_place``; ``subject_ids`` are those of the places' subjects."""
        rows: list[tuple[Any, ...]] = []
        for seq, (place, subject_id) in enumerate(zip(places, subject_ids, strict=True)):
            head = (seq, int(place.subject), place.number, subject_id, int(place.role))
            contact: ContactRow | None = place.contact
            if contact is None:
                kind = int(ContactKind.PLACE)
                rows.append((*head, kind, place.name, _POSTING, None, None, place.place_key))
            else:
                phone = contact.phone
                rows.append(
                    (*head, contact.kind, place.name, _PHONE & ~contact.opted_out,
                     self._vault.fingerprint(phone), self._vault.seal(phone), None)
                )  # fmt: skip
        return rows


def _joined(halves: Iterable[bytes]) -> bytes:
    """Half a hash for several rows: rows that say the same are like one, for masked they are one."""
    first, *others = dict.fromkeys(halves)
    if not others:
        return first
    return hashlib.blake2b(b"".join((first, *others)), digest_size=_HALF).digest()


async def create_tables(bulk: engine.Bulk, dialect: engine.Dialect) -> None:
    """Make the temporary tables."""
    blob = "BLOB" if dialect == "sqlite" else "BYTEA"
    for statement in TABLES:
        await bulk.connection.exec_driver_sql(statement.format(blob=blob))


async def insert(bulk: engine.Bulk, prepared: Prepared) -> None:
    """Append prepared rows to the temporary tables."""
    connection = bulk.connection
    for table, columns, rows in (
        ("stage_class", CLASS_COLUMNS, prepared.classes),
        ("stage_point", POINT_COLUMNS, prepared.points),
        ("stage_link", LINK_COLUMNS, prepared.links),
    ):
        if rows:
            await engine.insert_rows(connection, table, columns, rows)


async def amend(bulk: engine.Bulk, outline: Outline, preparing: Preparing) -> None:
    """Give accounts that several rows name what holds of them all."""
    for amendment in outline.amendments:
        known = (
            await bulk.connection.execute(
                text(
                    "SELECT s.row_hash, s.kept, c.building, c.category FROM stage_point s"
                    " JOIN stage_class c ON c.id = s.class_id WHERE s.number = :number"
                ),
                {"number": amendment.number},
            )
        ).one()
        prepared, class_id, row_hash, kept = preparing.amended(
            amendment, known.building, known.category, bytes(known.row_hash), known.kept
        )
        await insert(bulk, prepared)
        await bulk.connection.execute(
            text(
                "UPDATE stage_point SET class_id = :class_id, row_hash = :row_hash, kept = :kept"
                " WHERE number = :number"
            ),
            {
                "number": amendment.number,
                "class_id": class_id,
                "row_hash": row_hash,
                "kept": kept,
            },
        )
