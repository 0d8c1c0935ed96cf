"""What is believed of sources, snapshots, hosts and earlier copies."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yunzhang import settings
from yunzhang.clouds import transfer
from yunzhang.clouds.transfer_attachments import NOTE, read_note, write_note
from yunzhang.clouds.transfer_hosts import transfer_host
from yunzhang.clouds.transfer_snapshots import PIECE, download, safe_virtual_size
from yunzhang.clouds.transfer_sources import Origin, resting_actions
from yunzhang.errors import Conflict, InputError, NotFound, Outside, YunzhangError
from yunzhang.texts import catalogue

ORIGIN = Origin(server="s" * 36, volume="v" * 36, generation="a" * 64, connection={})


def nova(actions: list[tuple[str, str]], **server: Any) -> Any:
    """A cloud with one server and what was done to it."""
    found = {"name": "s", "status": "SHUTOFF", "is_locked": True, "task_state": None, **server}
    return SimpleNamespace(
        compute=SimpleNamespace(
            get_server=lambda _: SimpleNamespace(**found),
            server_actions=lambda _: [
                SimpleNamespace(request_id=request, action=action) for request, action in actions
            ],
        )
    )


@pytest.mark.parametrize(
    "state", [{"status": "ACTIVE"}, {"is_locked": False}, {"task_state": "powering-on"}]
)
def test_source_must_be_off_locked_and_idle(state: dict[str, Any]) -> None:
    """Each of the three is asked for."""
    with pytest.raises(Conflict) as caught:
        resting_actions(nova([], **state), "s")
    assert caught.value.code == "clouds_copy.not_off"


@pytest.mark.parametrize("task", ["image_snapshot_pending", "image_uploading", None])
def test_source_may_be_read_while_its_other_disk_is_snapshot(task: str | None) -> None:
    """Disks of one server are copied at the same time."""
    assert resting_actions(nova([], task_state=task), "s") == []


def test_a_start_in_between_changes_the_generation_but_a_snapshot_does_not() -> None:
    """Off before and off after is no proof: it may have run in between."""
    before = resting_actions(nova([("r1", "create"), ("r2", "stop")]), "s")
    snapshot = [("r1", "create"), ("r2", "stop"), ("r3", "createImage"), ("r4", "lock")]
    assert resting_actions(nova(snapshot), "s") == before
    ran = [("r1", "create"), ("r2", "stop"), ("r3", "start"), ("r4", "stop")]
    assert resting_actions(nova(ran), "s") != before
    unknown = [("r1", "create"), ("r2", "stop"), ("r3", "something new")]
    assert resting_actions(nova(unknown), "s") != before


def test_note_fits_and_is_read_again() -> None:
    """Cinder cuts no metadata: it refuses more than 255 characters."""
    kept: dict[str, str] = {}
    cloud: Any = SimpleNamespace(
        block_storage=SimpleNamespace(
            set_volume_metadata=lambda _, **metadata: kept.update(metadata)
        )
    )
    note = {
        "source": ORIGIN.id,
        "generation": ORIGIN.generation,
        "sha256": "f" * 64,
        "bytes": 64 << 40,
        "complete": True,
    }
    write_note(cloud, "v", note)
    assert len(kept[NOTE]) <= 255
    assert read_note(SimpleNamespace(metadata=kept)) == note
    assert transfer._holds(note, ORIGIN)


@pytest.mark.parametrize(
    "change", [{"complete": False}, {"source": "other"}, {"generation": "b" * 64}]
)
def test_copy_is_not_used_again_without_proof(change: dict[str, Any]) -> None:
    """An incomplete copy, one of another disk, one of a source that ran since."""
    note = {"source": ORIGIN.id, "generation": ORIGIN.generation, "complete": True, **change}
    assert not transfer._holds(note, ORIGIN)


@pytest.mark.parametrize("value", ["", "{", "[]", "3"])
def test_unreadable_note_is_no_note(value: str) -> None:
    """Somebody else's metadata proves nothing."""
    assert read_note(SimpleNamespace(metadata={NOTE: value})) == {}
    assert not transfer._holds({}, ORIGIN)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of transfer hosts."""
    path = tmp_path / "transfer.json"
    path.write_text("{}")
    path.chmod(0o600)
    monkeypatch.setenv("YUNZHANG_TRANSFER", str(path))
    settings.current.cache_clear()
    yield path
    settings.current.cache_clear()


def test_transfer_hosts_are_read(hosts: Path) -> None:
    """As the deployment writes them."""
    entry = {"command": ["ssh", "host"], "python": "/venv/bin/python", "spool": "/spool"}
    hosts.write_text(json.dumps({"gov": entry}))
    found = transfer_host("gov")
    assert (found.cloud, found.command, found.spool) == ("gov", ("ssh", "host"), Path("/spool"))
    with pytest.raises(NotFound) as caught:
        transfer_host("legacy")
    assert caught.value.code == "clouds_copy.no_host"


@pytest.mark.parametrize("content", ["", "[", "3", '{"gov": {"python": 3}}', '{"gov": []}'])
def test_wrong_hosts_file_is_told(hosts: Path, content: str) -> None:
    """By name, not by traceback."""
    hosts.write_text(content)
    with pytest.raises(InputError) as caught:
        transfer_host("gov")
    assert caught.value.code == "clouds_copy.bad_hosts"


class Glance:
    """Gives one image's bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.status_code = 200
        self.image = self

    def get(self, _url: str, stream: bool) -> Glance:
        assert stream
        return self

    def __enter__(self) -> Glance:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, size: int) -> Iterator[bytes]:
        for at in range(0, len(self.content), size):
            yield self.content[at : at + size]


def image(content: bytes) -> dict[str, Any]:
    """What Glance says of `content`."""
    return {
        "id": "i",
        "size": len(content),
        "os_hash_algo": "sha512",
        "os_hash_value": hashlib.sha512(content).hexdigest(),
    }


def test_download_is_proven_and_sparse(tmp_path: Path) -> None:
    """The bytes, with holes where there are only zeros, also at the end."""
    content = b"x" * PIECE + bytes(3 * PIECE) + b"y" + bytes(2 * PIECE)
    path = tmp_path / "image"
    cloud: Any = Glance(content)
    download(cloud, image(content), path, lambda _: None)
    assert path.read_bytes() == content
    assert path.stat().st_blocks * 512 <= 3 * PIECE
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("got", [b"other bytes", b"short", b""])
def test_wrong_download_is_refused(tmp_path: Path, got: bytes) -> None:
    """Another digest, or fewer bytes."""
    cloud: Any = Glance(got)
    with pytest.raises(Outside) as caught:
        download(cloud, image(b"right bytes"), tmp_path / "image", lambda _: None)
    assert caught.value.code == "clouds_copy.image_digest"


def test_image_that_refers_to_a_file_of_the_host_is_refused(tmp_path: Path) -> None:
    """A qcow2 may name /etc/shadow as what lies beneath it."""
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not installed")
    below, above = tmp_path / "below", tmp_path / "above"
    below.write_bytes(bytes(1 << 20))
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(below), str(above)]
    subprocess.run(create, check=True)
    with pytest.raises(Conflict) as caught:
        safe_virtual_size(above, {"id": "i", "disk_format": "qcow2"})
    assert caught.value.code == "clouds_copy.image_format"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(above), "5M"], check=True)
    assert safe_virtual_size(above, {"id": "i", "disk_format": "qcow2"}) == 5 << 20


def test_every_code_has_words_and_advice() -> None:
    """In both languages, with the same fields."""
    import re

    folder = Path(transfer.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("transfer*.py"))
    codes = set(
        re.findall(r'(?:Conflict|Outside|NotFound|InputError)\(\s*"(clouds_copy\.\w+)"', source)
    )
    from yunzhang.clouds.transfer_hosts import EXPLAINED

    codes |= {f"clouds_copy.agent_{code}" for code in [*EXPLAINED, "failed"]}
    assert len(codes) > 20
    for language in ("zh", "en"):
        words = catalogue(language)
        for code in codes:
            assert {code, f"{code}_hint"} <= words.keys(), (language, code)
    chinese, english = catalogue("zh"), catalogue("en")
    for key in [key for key in chinese if key.startswith("clouds_copy.")]:
        fields = [set(re.findall(r"{(\w+)}", words[key])) for words in (chinese, english)]
        assert fields[0] == fields[1], key
    assert issubclass(Outside, YunzhangError)
