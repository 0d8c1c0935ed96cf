"""Entries are sealed into blocks, and whatever is done to them behind our back is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import DBAPIError

from tests.unit.audit.attacks import attacking
from yunzhang import audit, clock, db, settings
from yunzhang.audit import AuditBlock, AuditEntry, AuditSeal, repository
from yunzhang.audit.anchors import anchor_file, last_anchor, read_anchors
from yunzhang.audit.hashing import FIRST, block_digest, entry_leaf
from yunzhang.audit.keys import Key, key_file, load_keys, rotate_key
from yunzhang.audit.merkle import root_hash
from yunzhang.db import Base, Session
from yunzhang.errors import Conflict, InputError
from yunzhang.units.scope import Principal

pytestmark = pytest.mark.usefixtures("running")


def write(count: int, begin: int = 0) -> None:
    with db.transaction() as session:
        for number in range(begin, begin + count):
            audit.record(session, "wang", "approve", "plan", f"plan-{number}", hash="0" * 8)


def write_blocks(blocks: int = 3, each: int = 4) -> None:
    for block in range(blocks):
        write(each, block * each)
        assert audit.seal() == each


def found() -> audit.Fault | None:
    with db.reading() as session:
        return audit.verify(session)


def examined(**options: object) -> audit.Verification:
    with db.reading() as session:
        return audit.examine(session, **options)  # type: ignore[arg-type]


def fault(code: str, block: int | None = None, entry: int | None = None) -> audit.Fault:
    return audit.Fault(code, block, entry)


def test_what_waits_is_sealed_and_said(running: settings.Settings) -> None:
    write(5)
    assert (examined().waiting, examined().blocks, found()) == (5, 0, None)
    assert audit.seal() == 5
    seen = examined()
    assert (seen.waiting, seen.blocks, seen.entries, seen.fault) == (0, 1, 5, None)
    assert (seen.keyed, seen.anchored, seen.anchors) == (True, True, 1)
    assert audit.seal() == 0
    write(7)
    assert audit.seal(largest=3) == 7
    assert (examined().blocks, examined().anchors, found()) == (4, 4, None)
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert key_file().parent.stat().st_mode & 0o777 == 0o700
    assert key_file().is_relative_to(running.state)
    assert "Key(" in repr(load_keys())
    assert key_file().read_text().strip() not in repr(load_keys())


def test_entries_say_who_from_where_and_what() -> None:
    li = Principal("li", frozenset({"reviewer", "auditor"}), 1)
    with db.transaction() as session, audit.context("api", "10.1.2.3", "r-1"):
        told = audit.record(session, li, "change", "unit", "u", before={"a": 1}, after={"a": 2})
        many = audit.record_many(session, li, [audit.Act("change", "unit", str(n)) for n in (1, 2)])
    assert many == 2
    assert (told.principal, told.roles) == ("li", ["auditor", "reviewer"])
    assert (told.channel, told.address, told.request) == ("api", "10.1.2.3", "r-1")
    assert (told.before, told.after, told.details) == ({"a": 1}, {"a": 2}, {})
    assert audit.seal() == 3
    audit.set_process_origin("cli", "root@host")
    try:
        with db.transaction() as session:
            after = audit.record(session, "li", "a", "n", "r")
    finally:
        audit.set_process_origin("")
    assert (after.channel, after.request) == ("cli", "")
    with db.reading() as session:
        stored = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert {(e.channel, e.address) for e in stored} == {
            ("api", "10.1.2.3"),
            ("cli", "root@host"),
        }
        assert [e.reference for e in stored] == ["u", "1", "2", "r"]
        assert repository.list_entries(session, repository.Filter(noun="unit"))[0][1] == 1


def test_rolled_back_acts_leave_no_entry() -> None:
    with db.transaction() as session:
        audit.record(session, "wang", "a", "n", "r")
        session.flush()
        session.rollback()
    assert audit.seal() == 0
    write(1)
    assert audit.seal() == 1
    assert found() is None


@pytest.mark.parametrize("table", [AuditEntry, AuditSeal, AuditBlock])
@pytest.mark.parametrize("change", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}"])
def test_the_database_refuses_to_change_what_was_added(
    engine: Engine, table: type[Base], change: str
) -> None:
    write_blocks(1)
    named = {AuditEntry: "act", AuditSeal: "leaf", AuditBlock: "mac"}[table]
    statement = change.format(t=table.__tablename__, c=named)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            with pytest.raises(DBAPIError, match="append-only"):
                connection.execute(text(f"TRUNCATE {table.__tablename__}"))
        else:
            with pytest.raises(DBAPIError, match="append-only"):
                connection.execute(
                    text(
                        f"INSERT OR REPLACE INTO {table.__tablename__}"
                        f" SELECT * FROM {table.__tablename__}"
                    )
                )


# --- attacks by somebody with the database's powers -----------------------------------------------

Attack = Callable[[Connection], object]


def sql(*statements: str) -> Attack:
    def attack(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return attack


COLUMNS = (
    "principal, roles, channel, address, request, act, noun, reference, before, after, details"
)
# An entry of our own, copied from entry 6 under another number.
FORGED = f"INSERT INTO audit_entry (id, at, {COLUMNS}) SELECT %s, at, {COLUMNS} FROM audit_entry"

ATTACKS: dict[str, tuple[Attack, audit.Fault]] = {
    "change a principal": (
        sql("UPDATE audit_entry SET principal = 'li' WHERE id = 6"),
        fault("entry_changed", 2, 6),
    ),
    "change details": (
        sql('UPDATE audit_entry SET details = \'{"hash": "1"}\' WHERE id = 7'),
        fault("entry_changed", 2, 7),
    ),
    "change roles": (
        sql("UPDATE audit_entry SET roles = '[\"reviewer\"]' WHERE id = 1"),
        fault("entry_changed", 1, 1),
    ),
    "change an address": (
        sql("UPDATE audit_entry SET address = '10.0.0.1' WHERE id = 12"),
        fault("entry_changed", 3, 12),
    ),
    "delete an entry": (
        sql("DELETE FROM audit_entry WHERE id = 6"),
        fault("entry_missing", 2, 6),
    ),
    "delete an entry with its seal": (
        sql("DELETE FROM audit_entry WHERE id = 6", "DELETE FROM audit_seal WHERE entry_id = 6"),
        fault("seal_missing", 2),
    ),
    "delete the last entry of a block with its seal": (
        sql("DELETE FROM audit_entry WHERE id = 8", "DELETE FROM audit_seal WHERE entry_id = 8"),
        fault("seal_missing", 2),
    ),
    "insert an entry": (
        sql(FORGED % 99 + " WHERE id = 6"),
        fault("entry_inserted", None, 99),
    ),
    "insert an entry into a block": (
        sql(
            FORGED % 99 + " WHERE id = 6",
            "INSERT INTO audit_seal (entry_id, block, position, leaf)"
            " SELECT 99, block, 4, leaf FROM audit_seal WHERE entry_id = 6",
        ),
        fault("entry_inserted", 2, 99),
    ),
    "swap two entries": (
        sql(
            "UPDATE audit_entry SET id = -6 WHERE id = 6",
            "UPDATE audit_entry SET id = 6 WHERE id = 7",
            "UPDATE audit_entry SET id = 7 WHERE id = -6",
        ),
        fault("entry_changed", 2, 6),
    ),
    "swap two places": (
        sql(
            "UPDATE audit_seal SET position = -1 WHERE entry_id = 6",
            "UPDATE audit_seal SET position = 1 WHERE entry_id = 7",
            "UPDATE audit_seal SET position = 2 WHERE entry_id = 6",
        ),
        fault("root_differs", 2),
    ),
    "take the seal off an entry": (
        sql(
            "DELETE FROM audit_seal WHERE block = 3",
            "DELETE FROM audit_block WHERE number = 3",
        ),
        fault("tail_cut", 3),
    ),
    "delete a block in the middle": (
        sql("DELETE FROM audit_block WHERE number = 2"),
        fault("block_missing", 2),
    ),
    "delete the last block only": (
        sql("DELETE FROM audit_block WHERE number = 3"),
        fault("tail_cut", 3),
    ),
    "change a block's time": (
        sql("UPDATE audit_block SET at = '2020-01-01 00:00:00+00:00' WHERE number = 2"),
        fault("block_changed", 2),
    ),
    "change a root": (
        sql(f"UPDATE audit_block SET root = '{FIRST}' WHERE number = 1"),
        fault("root_differs", 1),
    ),
    "change a mac": (
        sql(f"UPDATE audit_block SET mac = '{FIRST}' WHERE number = 1"),
        fault("mac_differs", 1),
    ),
    "name another key": (
        sql("UPDATE audit_block SET key = '0123456789abcdef' WHERE number = 1"),
        fault("block_changed", 1),
    ),
    "empty everything": (
        sql("DELETE FROM audit_entry", "DELETE FROM audit_seal", "DELETE FROM audit_block"),
        fault("tail_cut", 1),
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_named(engine: Engine, name: str) -> None:
    write_blocks()
    assert found() is None
    attack, expected = ATTACKS[name]
    with attacking(engine) as connection:
        attack(connection)
    assert found() == expected
    assert expected.message


def test_an_entry_taken_away_before_it_was_sealed_is_named(engine: Engine) -> None:
    write(3)
    with attacking(engine) as connection:
        connection.execute(text("DELETE FROM audit_entry WHERE id = 2"))
    assert found() == fault("entry_missing", None, 2)
    assert audit.seal() == 2
    assert found() == fault("entry_missing", None, 2)


def cut_tail(engine: Engine) -> None:
    with attacking(engine) as connection:
        sql(
            "DELETE FROM audit_entry WHERE id > 8",
            "DELETE FROM audit_seal WHERE block = 3",
            "DELETE FROM audit_block WHERE number = 3",
        )(connection)


def test_a_cut_tail_is_seen_by_the_anchors_only(engine: Engine, tmp_path: Path) -> None:
    write_blocks()
    elsewhere = shutil.copy(anchor_file(), tmp_path / "elsewhere")
    cut_tail(engine)
    assert found() == fault("tail_cut", 3)
    anchor_file().unlink()
    seen = examined()
    assert (seen.fault, seen.anchored) == (None, False)
    assert examined(anchors=elsewhere).fault == fault("tail_cut", 3)


def test_nothing_is_sealed_onto_a_cut_tail(engine: Engine) -> None:
    """Else the next block would take the lost one's number, and only its digest would tell."""
    write_blocks()
    cut_tail(engine)
    write(1)
    with pytest.raises(Conflict) as raised:
        audit.seal()
    assert raised.value.code == "audit.anchor_ahead"
    assert examined().waiting == 1


def recompute(connection: Connection, key: Key | None) -> None:
    """Make every hash fit what the entries say now; without the key, macs are made up."""
    session = Session(connection)
    blocks = session.scalars(select(AuditBlock).order_by(AuditBlock.number)).all()
    previous = FIRST
    for block in blocks:
        places = repository.sealed_places(session, block.number, block.number)
        leaves = {place.entry_id: entry_leaf(place) for place in places}
        for entry, leaf in leaves.items():
            mend = update(AuditSeal).where(AuditSeal.entry_id == entry)
            session.execute(mend.values(leaf=leaf.hex()))
        block.root, block.previous = root_hash(list(leaves.values())).hex(), previous
        block.digest = previous = block_digest(block)
        block.mac = (key or Key(b"guess" * 8)).sign(block.digest)
    session.flush()


def test_everything_rewritten_without_the_key_is_named(engine: Engine) -> None:
    write_blocks()
    with attacking(engine) as connection:
        connection.execute(text("UPDATE audit_entry SET principal = 'li' WHERE id = 6"))
        recompute(connection, None)
    anchor_file().unlink()
    # block 1 says the same as ever, but whoever has no key cannot give it the same mac
    assert found() == fault("mac_differs", 1)
    assert examined(keyless=True).fault is None


def test_a_rewriter_who_keeps_the_macs_that_still_fit_is_named(engine: Engine) -> None:
    write_blocks()
    with db.reading() as session:
        kept = repository.find_block(session, 1)
        assert kept is not None
    with attacking(engine) as connection:
        connection.execute(text("UPDATE audit_entry SET principal = 'li' WHERE id = 6"))
        recompute(connection, None)
        connection.execute(update(AuditBlock).where(AuditBlock.number == 1).values(mac=kept.mac))
    assert found() == fault("mac_differs", 2)
    assert examined(keyless=True).fault == fault("anchor_differs", 2)


def test_a_rewriter_with_the_key_is_named_by_the_anchors(engine: Engine, tmp_path: Path) -> None:
    write_blocks()
    elsewhere = shutil.copy(anchor_file(), tmp_path / "elsewhere")
    keys = load_keys()
    assert keys is not None
    with attacking(engine) as connection:
        connection.execute(text("UPDATE audit_entry SET principal = 'li' WHERE id = 6"))
        recompute(connection, keys.newest)
    assert found() == fault("anchor_differs", 2)
    anchor_file().unlink()
    assert found() is None
    assert examined(anchors=elsewhere).fault == fault("anchor_differs", 2)


def test_an_older_database_with_the_newer_anchors_is_named(engine: Engine) -> None:
    """An old copy is put back and lives on: its next block takes a number already anchored."""
    write_blocks(2)
    anchors, keys = anchor_file().read_bytes(), load_keys()
    assert keys is not None
    anchor_file().unlink()
    with attacking(engine) as connection:
        sql(
            "DELETE FROM audit_entry WHERE id > 4",
            "DELETE FROM audit_seal WHERE block = 2",
            "DELETE FROM audit_block WHERE number = 2",
        )(connection)
    anchor_file().write_bytes(anchors)
    assert found() == fault("tail_cut", 2)
    anchor_file().unlink()
    write(3, 100)
    assert audit.seal() == 3
    anchor_file().write_bytes(anchors)
    assert found() == fault("anchor_differs", 2)
    write(1)
    with pytest.raises(Conflict) as raised:
        audit.seal()
    assert raised.value.code == "audit.anchor_differs"


def test_entries_with_times_of_the_past_are_told() -> None:
    with clock.fixed(clock.now() - timedelta(hours=2)):
        write(1)
    write(1)
    audit.seal()
    seen = examined()
    assert (seen.fault, seen.late, seen.first_late) == (None, 1, 1)


# --- keys -----------------------------------------------------------------------------------------


def test_rotated_keys_verify_what_they_sealed() -> None:
    write_blocks(1)
    old = load_keys()
    assert old is not None
    assert rotate_key().keys[0] == old.newest
    write(1)
    audit.seal()
    with db.reading() as session:
        keys = session.scalars(select(AuditBlock.key).order_by(AuditBlock.number)).all()
    assert keys[0] == old.newest.id != keys[1]
    assert found() is None
    assert key_file().stat().st_mode & 0o777 == 0o600


def test_without_the_key_nothing_is_sealed_nor_called_sound(tmp_path: Path) -> None:
    write_blocks(1)
    aside = key_file().rename(tmp_path / "aside")
    write(1)
    with pytest.raises(Conflict) as raised:
        audit.seal()
    assert raised.value.code == "audit.key_missing"
    assert not key_file().exists()
    assert found() == fault("key_missing", 1)
    assert examined(key=aside).fault is None
    rotate_key()
    with pytest.raises(Conflict) as raised:
        audit.seal()
    assert raised.value.code == "audit.key_unknown"
    assert found() == fault("key_unknown", 1)


def test_a_key_others_can_read_is_refused() -> None:
    write_blocks(1)
    key_file().chmod(0o640)
    with pytest.raises(InputError) as raised:
        found()
    assert raised.value.code == "secrets.open"
    key_file().chmod(0o600)
    key_file().write_text("short\n")
    with pytest.raises(InputError) as raised:
        found()
    assert raised.value.code == "audit.key_bad"


# --- anchors --------------------------------------------------------------------------------------


def test_a_crash_before_the_anchor_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> None:
        raise OSError("disk full")

    write_blocks(1)
    with monkeypatch.context() as patch:
        patch.setattr("yunzhang.audit.sealing.anchor", crash)
        write(2)
        with pytest.raises(OSError, match="disk full"):
            audit.seal()
    assert [a.block for a in read_anchors(anchor_file())] == [1]
    assert audit.seal() == 0
    assert [a.block for a in read_anchors(anchor_file())] == [1, 2]
    assert found() is None


def test_a_torn_anchor_is_written_again() -> None:
    write_blocks(2)
    whole = anchor_file().read_bytes()
    anchor_file().write_bytes(whole[:-7])
    assert examined().anchors == 1
    assert audit.seal() == 0
    assert anchor_file().read_bytes() == whole
    assert found() is None


def test_a_crash_before_the_commit_leaves_all_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        save(*_)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    save = repository.save_block
    write(3)
    with monkeypatch.context() as patch:
        patch.setattr(repository, "save_block", crash)
        with pytest.raises(KeyboardInterrupt):
            audit.seal()
    assert (examined().waiting, examined().blocks) == (3, 0)
    assert audit.seal() == 3
    assert found() is None


def test_a_bad_anchor_file_is_refused_by_line(tmp_path: Path) -> None:
    write_blocks(2)
    lines = anchor_file().read_bytes().splitlines(keepends=True)
    for content, line in ((lines[::-1], 2), ([lines[0], b"x\n"], 2), ([b"{}\n"], 1)):
        bad = tmp_path / "bad"
        bad.write_bytes(b"".join(content))
        with pytest.raises(InputError) as raised:
            examined(anchors=bad)
        assert raised.value.code == "audit.anchor_bad"
        assert raised.value.values["line"] == line


def test_head_is_what_the_anchors_say() -> None:
    with db.reading() as session:
        assert audit.head(session) is None
    write_blocks(2)
    write(1)
    anchor = last_anchor(anchor_file())
    with db.reading() as session:
        head = audit.head(session)
    assert head is not None
    assert anchor is not None
    assert (head.number, head.waiting) == (2, 1)
    assert anchor.digest.startswith(head.digest)


# --- sealing beside others ------------------------------------------------------------------------


def test_an_entry_that_commits_late_with_a_smaller_id_is_sealed(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        return  # SQLite has one writer: ids and commits have the same order
    with db.transaction() as slow:
        early = audit.record(slow, "slow", "import", "register", "batch")
        slow.flush()
        write(2)
        assert audit.seal() == 2
    assert audit.seal() == 1
    with db.reading() as session:
        assert early.id == 1
        seal = repository.seal_of(session, 1)
        assert seal is not None
        assert seal.block == 2
    assert found() is None


def test_one_sealer_at_a_time(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        return  # SQLite's transaction is the lock
    write(2)
    with db.transaction() as other:
        assert repository.try_lock(other)
        assert audit.seal() == 0
        assert examined().waiting == 2
    assert audit.seal() == 2


def test_an_entry_that_cannot_be_hashed_stops_no_other() -> None:
    """A number that canonical JSON has not, put in past `record`, must not stop the sealer."""
    write(1)
    with db.transaction() as session:
        audit.record(session, "wang", "a", "n", "r").details = {"n": 2**60}
    assert audit.seal() == 1
    write(1)
    assert audit.seal() == 1
    assert examined().waiting == 1


def test_many_entries_are_recorded_sealed_and_verified_in_seconds() -> None:
    count = 20_000
    begin = clock.monotonic()
    with db.transaction() as session:
        acts = (audit.Act("import", "workload", f"w-{n}", after={"n": n}) for n in range(count))
        assert audit.record_many(session, "wang", acts) == count
    assert audit.seal() == count
    assert examined().entries == count
    assert clock.monotonic() - begin < 60  # about 4 s on a quiet machine
