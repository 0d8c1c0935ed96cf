"""Disks of real servers, copied from cloud to cloud and looked at with other eyes."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.copy.world import (
    MIB,
    SOURCE,
    TARGET,
    World,
    content,
    file_sha256,
    processes_of,
    volume_file,
    wait_until_gone,
)
from yunzhang.clouds import marks
from yunzhang.clouds.connection import connect
from yunzhang.clouds.specs import BYTES_PER_GIB, CloudSpec, DiskSpec, ServerSpec
from yunzhang.clouds.transfer import copy_disk, read_back, remove_temporaries, source_digest
from yunzhang.clouds.transfer_attachments import NOTE
from yunzhang.clouds.transfer_snapshots import GENERATION, snapshot_key
from yunzhang.clouds.transfer_sources import locate
from yunzhang.errors import Conflict, NotFound, Outside

pytestmark = [
    pytest.mark.cloud,
    # openstacksdk 4.22 warns of its own calls: whenever it makes a resource, here and there else
    pytest.mark.filterwarnings("ignore:The _compute_attributes method"),
    pytest.mark.filterwarnings("ignore:The ignore_missing parameter"),
]

SIZE = 37 * MIB + 512
DATA = content(SIZE, 1)
WHOLE = hashlib.sha256(DATA + bytes(BYTES_PER_GIB - SIZE)).hexdigest()  # the volume has 1 GiB


def quiet(_: str) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def stopped(ours: World) -> tuple[Any, Any]:
    """A stopped and locked server with a volume."""
    server = ours.server("db", ours.image("small", b"boot" * 1000))
    volume = ours.volume("db-data", DATA, server)
    ours.power(server, running=False)
    return server, volume


def test_volume_of_a_stopped_server(ours: World, stopped: tuple[Any, Any]) -> None:
    """Three digests agree with a fourth that is none of ours; the source is as it was."""
    plan, server, disk = ours.spec(*stopped)
    target = ours.target("db-data", plan)
    before = ours.dump()
    said: list[str] = []
    copied = copy_disk(plan, server, disk, target_volume=target, report=said.append)
    assert (copied.sha256, copied.bytes, copied.reused) == (WHOLE, BYTES_PER_GIB, False)
    ours.assert_nothing_left(target)
    back = read_back(plan, server, disk, target_volume=target, length_bytes=copied.bytes)
    assert (back.sha256, back.bytes) == (WHOLE, BYTES_PER_GIB)
    assert source_digest(plan, server, disk, report=quiet).sha256 == WHOLE
    assert file_sha256(volume_file(TARGET, target), BYTES_PER_GIB) == WHOLE
    ours.assert_nothing_left(target)
    assert ours.dump() == before
    assert said


def test_complete_copy_is_used_again_until_the_source_runs(
    ours: World, stopped: tuple[Any, Any]
) -> None:
    """A start and stop in between makes the copy stale, although nothing else shows it."""
    plan, server, disk = ours.spec(*stopped)
    target = ours.target("again", plan)
    first = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    second = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert (second.sha256, second.bytes, second.reused) == (first.sha256, first.bytes, True)
    ours.power(stopped[0], running=True)
    with pytest.raises(Conflict) as caught:
        copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert caught.value.code == "clouds_copy.not_off"
    ours.power(stopped[0], running=False)
    third = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert (third.sha256, third.reused) == (first.sha256, False)
    ours.assert_nothing_left(target)


def test_damage_is_found_and_copied_over(ours: World, stopped: tuple[Any, Any]) -> None:
    """A byte that changed after the copy, under our feet."""
    plan, server, disk = ours.spec(*stopped)
    target = ours.target("damaged", plan)
    good = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    with volume_file(TARGET, target).open("r+b") as file:
        file.seek(700 * MIB)
        file.write(b"\x01")
    bad = read_back(plan, server, disk, target_volume=target, length_bytes=good.bytes)
    assert bad.sha256 != good.sha256
    mended = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert (mended.sha256, mended.reused) == (good.sha256, False)
    back = read_back(plan, server, disk, target_volume=target, length_bytes=good.bytes)
    assert back.sha256 == good.sha256


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_root_disk_of_an_image_booted_server(ours: World, form: str) -> None:
    """By way of a snapshot, of which nothing stays; the rest of the volume is zero, and proven."""
    data = content(11 * MIB, 2)
    expected = hashlib.sha256(data).hexdigest()
    source = ours.server(f"app-{form}", ours.image(f"app-{form}", data, form))
    ours.power(source, running=False)
    plan, server, disk = ours.spec(source)
    target = ours.target(f"app-{form}-root", plan)
    with volume_file(TARGET, target).open("r+b") as file:
        file.write(b"what was here before" * MIB)
        file.seek(900 * MIB)
        file.write(b"and there")
    _forge_snapshot(ours, plan, server)
    before = ours.dump()
    copied = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert (copied.sha256, copied.bytes) == (expected, len(data))
    back = read_back(plan, server, disk, target_volume=target, length_bytes=copied.bytes)
    assert back.sha256 == expected
    assert source_digest(plan, server, disk, report=quiet).sha256 == expected
    whole = hashlib.sha256(data + bytes(BYTES_PER_GIB - len(data))).hexdigest()
    assert file_sha256(volume_file(TARGET, target), BYTES_PER_GIB) == whole
    # both reads used one snapshot; the copy outlives it
    assert len(remove_temporaries(plan, server)) == 1
    assert remove_temporaries(plan, server) == []
    assert copy_disk(plan, server, disk, target_volume=target, report=quiet).reused
    ours.assert_nothing_left(target)
    assert ours.dump() == before
    with volume_file(TARGET, target).open("r+b") as file:
        file.seek(900 * MIB)
        file.write(b"\x01")
    with pytest.raises(Outside) as caught:
        read_back(plan, server, disk, target_volume=target, length_bytes=copied.bytes)
    assert caught.value.code == "clouds_copy.agent_tail"
    assert not copy_disk(plan, server, disk, target_volume=target, report=quiet).reused
    assert remove_temporaries(plan, server)
    ours.assert_nothing_left(target)


def _forge_snapshot(ours: World, plan: CloudSpec, server: ServerSpec) -> None:
    """A member's own image that claims to be the plan's snapshot of the present disk."""
    admin: Any = connect(SOURCE)
    origin = locate(admin, server, server.disks[0])
    claims = {**marks.metadata(plan.mark, snapshot_key(server)), GENERATION: origin.generation}
    forged = ours.image(f"forged-{server.name}", b"not the disk" * 1000, claims=claims)
    seen = admin.image.get("/images", params=claims).json()["images"]
    assert [image["id"] for image in seen] == [forged.id]


def test_both_disks_of_a_server_at_once(ours: World, stopped: tuple[Any, Any]) -> None:
    """The snapshot of one must not keep the other from being read, nor spoil its proof."""
    server, volume = stopped
    plan, planned, data = ours.spec(server, volume)
    root = ours.spec(server)[2]
    targets = {disk.key: ours.target(disk.name, plan) for disk in (root, data)}

    def copy(disk: DiskSpec) -> str:
        target = targets[disk.key]
        return copy_disk(plan, planned, disk, target_volume=target, report=quiet).sha256

    with ThreadPoolExecutor(2) as threads:
        digests = list(threads.map(copy, (root, data)))
    assert digests == [hashlib.sha256(b"boot" * 1000).hexdigest(), WHOLE]
    assert remove_temporaries(plan, planned)
    for target in targets.values():
        ours.assert_nothing_left(target)


STOPS = {
    "attached": "transfer_pump.copy = stop",
    "streaming": """
splice, count = os.splice, [0]
def slow(*words, **options):
    count[0] += 1
    return stop() if count[0] > 20 else splice(*words, **options)
os.splice = slow""",
    "copied": "transfer.write_note = stop",
}
CHILD = """
import os, sys, time
from yunzhang.clouds import transfer, transfer_pump
from yunzhang.clouds.specs import CloudSpec
def stop(*_, **__):
    print("here", flush=True)
    time.sleep(600)
{stop}
plan = CloudSpec.model_validate_json({plan!r})
server = plan.servers[0]
transfer.copy_disk(plan, server, server.disks[0], target_volume={target!r}, report=lambda _: None)
"""


@pytest.mark.parametrize("where", STOPS)
def test_killed_controller_leaves_nothing_a_second_run_does_not_mend(
    ours: World, stopped: tuple[Any, Any], where: str
) -> None:
    """kill -9 with the volume attached, in the stream, and with the copy done but not noted."""
    plan, server, disk = ours.spec(*stopped)
    target = ours.target(f"killed-{where}", plan)
    step = f"{ours.word}-{secrets.token_hex(4)}"
    code = CHILD.format(stop=STOPS[where], plan=plan.model_dump_json(), target=target)
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "YUNZHANG_STEP": step},
        text=True,
    )
    try:
        assert child.stdout
        assert child.stdout.readline() == "here\n"
        if where == "streaming":
            # on a quiet machine the reader may have sent all and gone
            assert len(processes_of(step)) > 1
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()  # type: ignore[union-attr]
    wait_until_gone(step, 20)
    storage: Any = connect(TARGET).block_storage
    assert NOTE not in storage.get_volume(target).metadata
    copied = copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert (copied.sha256, copied.reused) == (WHOLE, False)
    ours.assert_nothing_left(target)


def test_volume_of_somebody_else_is_never_written(ours: World, stopped: tuple[Any, Any]) -> None:
    """Only what carries the plan's mark; not what a server has; not what does not exist."""
    plan, server, disk = ours.spec(*stopped)
    other = ours.target("other", plan.model_copy(update={"mark": "another-plan"}))
    with pytest.raises(Conflict) as caught:
        copy_disk(plan, server, disk, target_volume=other, report=quiet)
    assert caught.value.code == "clouds_copy.not_ours"
    used = ours.target("used", plan)
    storage = ours.clouds[TARGET].block_storage
    record = storage.create_attachment(used, connector=None, instance=stopped[0].id)
    with pytest.raises(Conflict) as caught:
        copy_disk(plan, server, disk, target_volume=used, report=quiet)
    assert caught.value.code == "clouds_copy.in_use"
    storage.delete_attachment(record)
    with pytest.raises(NotFound) as missing:
        copy_disk(plan, server, disk, target_volume=stopped[0].id, report=quiet)
    assert missing.value.code == "clouds_copy.no_volume"


def test_unlocked_source_is_not_read(ours: World, stopped: tuple[Any, Any]) -> None:
    """Off is not enough: anybody could start it."""
    plan, server, disk = ours.spec(*stopped)
    compute = ours.clouds[SOURCE].compute
    compute.unlock_server(stopped[0])
    try:
        with pytest.raises(Conflict) as caught:
            source_digest(plan, server, disk, report=quiet)
        assert caught.value.code == "clouds_copy.not_off"
    finally:
        compute.lock_server(stopped[0])


def test_source_that_runs_during_the_copy_voids_it(
    ours: World, stopped: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started and stopped again while bytes flowed: off before, off after, and yet no proof."""
    from yunzhang.clouds import transfer_pump

    plan, server, disk = ours.spec(*stopped)
    target = ours.target("disturbed", plan)
    pump = transfer_pump.copy

    def disturbed(*words: Any) -> dict[str, Any]:
        result = pump(*words)
        ours.power(stopped[0], running=True)
        ours.power(stopped[0], running=False)
        return result

    monkeypatch.setattr(transfer_pump, "copy", disturbed)
    with pytest.raises(Conflict) as caught:
        copy_disk(plan, server, disk, target_volume=target, report=quiet)
    assert caught.value.code == "clouds_copy.changed"
    monkeypatch.undo()
    ours.assert_nothing_left(target)
    assert not _noted(target)


def _noted(target: str) -> bool:
    storage: Any = connect(TARGET).block_storage
    return NOTE in storage.get_volume(target).metadata


def test_spools_are_where_they_should_be(tmp_path: Path) -> None:
    """The assertion that nothing is left must look at the spool the copy used."""
    from yunzhang.clouds.transfer_hosts import controller_host

    assert controller_host().spool == tmp_path / "state" / "spool"
