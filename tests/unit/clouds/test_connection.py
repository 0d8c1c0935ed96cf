"""Logging in, the lease guard, what is repeated, and what errors become."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.clouds.conftest import FakeCloud
from yunzhang import settings
from yunzhang.clouds.connection import LEASE_FILE, LEASE_SECONDS, connect, translated
from yunzhang.errors import InputError, NotFound, Outside

PROJECTS = "/v3/projects"


def lose_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lease that ran out a minute ago."""
    lease = tmp_path / "lease"
    lease.touch()
    os.utime(lease, (1, 1))
    monkeypatch.setenv(LEASE_FILE, str(lease))
    monkeypatch.setenv(LEASE_SECONDS, "30")
    return lease


def test_one_login_for_each_connection(fake_cloud: FakeCloud) -> None:
    connect("one")
    assert fake_cloud.counted("POST", "/v3/auth/tokens") == 1
    connect("one", project="abc")
    assert fake_cloud.counted("POST", "/v3/auth/tokens") == 2
    assert fake_cloud.scopes[1] == {"project": {"id": "abc"}}


def test_environment_of_a_person_is_not_used(
    fake_cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "wrong")
    monkeypatch.setenv("OS_PROJECT_NAME", "theirs")
    connect("one")
    assert fake_cloud.scopes[0]["project"]["name"] == "admin"


@pytest.mark.parametrize(
    ("cloud", "kind", "code"),
    [
        ("stranger", InputError, "clouds.refused"),
        ("away", Outside, "clouds.unreachable"),
        ("nobody", InputError, "clouds.credentials"),
        ("unheard", NotFound, "clouds.unknown"),
    ],
)
def test_what_is_wrong_is_said(
    fake_cloud: FakeCloud, cloud: str, kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as failed:
        connect(cloud)
    assert failed.value.code == code  # type: ignore[attr-defined]
    assert failed.value.hint  # type: ignore[attr-defined]


def test_project_without_a_role_is_named(fake_cloud: FakeCloud) -> None:
    with pytest.raises(InputError) as failed:
        connect("stranger", project="abc")
    assert failed.value.code == "clouds.project_refused"
    assert failed.value.values["project"] == "abc"


def test_unreadable_file(fake_cloud: FakeCloud) -> None:
    settings.current().clouds.write_text("clouds: [unclosed")
    with pytest.raises(InputError) as failed:
        connect("one")
    assert failed.value.code == "clouds.file"


def test_new_password_in_the_file_is_used_at_once(fake_cloud: FakeCloud) -> None:
    connect("one")
    file = settings.current().clouds
    file.write_text(file.read_text().replace("right", "wrong"))
    with pytest.raises(InputError):
        connect("one")


@pytest.mark.parametrize("project", [None, "abc"])
def test_nothing_is_changed_without_the_lease(
    fake_cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: str | None
) -> None:
    connection: Any = connect("one", project=project)
    fake_cloud.answer("GET", PROJECTS, (200, {"projects": []}))
    fake_cloud.answer("POST", PROJECTS, (201, {"project": {"id": "x"}}))
    lease = lose_lease(tmp_path, monkeypatch)
    connection.identity.get("/projects")
    acts: tuple[Callable[[], object], ...] = (
        lambda: connection.identity.create_project(name="x"),
        lambda: connection.identity.delete_project("x"),
        lambda: connection.session.post(f"{fake_cloud.url}{PROJECTS}", json={}),
    )
    for act in acts:
        with pytest.raises(Outside) as failed:
            act()
        assert failed.value.code == "clouds.lease_lost"
    assert fake_cloud.counted("POST", PROJECTS) == 0
    lease.touch()
    connection.identity.create_project(name="x")
    assert fake_cloud.counted("POST", PROJECTS) == 1


def test_login_needs_no_lease(
    fake_cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_lease(tmp_path, monkeypatch)
    connect("one")


def test_reads_are_repeated_and_changes_are_not(fake_cloud: FakeCloud) -> None:
    connection: Any = connect("one")
    fake_cloud.answer("GET", PROJECTS, (503, {}), (502, {}), (200, {"projects": []}))
    assert connection.identity.get("/projects").status_code == 200
    assert fake_cloud.counted("GET", PROJECTS) == 3
    fake_cloud.answer("POST", PROJECTS, (503, {}), (201, {}))
    assert connection.identity.post("/projects", json={}).status_code == 503
    assert fake_cloud.counted("POST", PROJECTS) == 1


def test_image_proxy_does_not_repeat_changes_either(fake_cloud: FakeCloud) -> None:
    fake_cloud.answer("POST", "/image/v2/images", (503, {}))
    fake_cloud.answer("POST", "/image/v2.0/images", (503, {}))
    connect("one").image.post("/images", json={})  # the SDK would repeat it five times
    asked = [path for method, path in fake_cloud.calls if method == "POST" and "images" in path]
    assert len(asked) == 1


def test_answers_become_errors(fake_cloud: FakeCloud) -> None:
    connection: Any = connect("one")
    for status, kind, code in (
        (403, InputError, "clouds.forbidden"),
        (500, Outside, "clouds.failed"),
    ):
        fake_cloud.answer("POST", PROJECTS, (status, {"error": {"message": "no", "code": status}}))
        with pytest.raises(kind) as failed, translated("one", "create"):
            connection.identity.create_project(name="x")
        assert failed.value.code == code
