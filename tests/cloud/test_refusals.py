"""Bad input against real APIs: a clear message, an exit code, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud.rehearsal import REPOSITORY, WORKBOOK
from yunzhang import clock, db, settings
from yunzhang.allocation import repository as allocations
from yunzhang.allocation import service as allocation
from yunzhang.clouds.connection import connect
from yunzhang.clouds.survey import survey_cloud
from yunzhang.db import database_engine
from yunzhang.db.migration import upgrade_database
from yunzhang.discovery import repository as readings
from yunzhang.discovery import service as discovery
from yunzhang.estate import service as estate
from yunzhang.plans import repository as plans
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("instance", "clouds_ready")


def _yunzhang(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("yunzhang")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("password", "wrong", 2), ("auth_url", "http://127.0.0.1:9/v3", 6)],
)
def test_cloud_that_refuses_or_is_away_leaves_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: str, code: int
) -> None:
    upgrade_database()
    known = yaml.safe_load(settings.current().clouds.read_text("utf-8"))
    known["clouds"]["legacy"]["auth"][field] = value
    changed = tmp_path / "clouds.yaml"
    changed.touch(mode=0o600)
    changed.write_text(yaml.safe_dump(known), "utf-8")
    monkeypatch.setenv("YUNZHANG_CLOUDS", str(changed))
    told = _yunzhang("discover", "legacy")
    assert told.returncode == code, told.stderr
    assert "legacy" in told.stderr
    assert "→" in told.stderr
    assert "Traceback" not in told.stderr
    with db.reading() as session:
        assert readings.latest_run(session, "legacy") is None
    database_engine().dispose()


def test_small_quota_in_the_target_is_told_and_holds_nothing() -> None:
    upgrade_database()
    target: Any = connect("gov")
    project = target.identity.create_project(name="mib", domain_id="default")
    try:
        target.compute.put(f"/os-quota-sets/{project.id}", json={"quota_set": {"instances": 1}})
        with db.transaction() as session:
            estate.import_workbook(session, SYSTEM, WORKBOOK, "all")
        for cloud in ("legacy", "gov"):
            started, survey = clock.now(), survey_cloud(cloud)
            with db.transaction() as session:
                discovery.keep_survey(session, SYSTEM, survey, started)
                allocation.sync_pool(session, SYSTEM, cloud, discovery.pool_capacity(survey))
        account = ("--account", "wang")
        password = settings.current().state / "password"
        password.write_text("correct horse battery\n", "utf-8")
        _yunzhang("account", "add", "wang", "--role", "engineer", "--password-file", str(password))
        options = ("--source", "legacy", "--target", "gov", "--pool", "10.220.0.0/16")
        told = _yunzhang(*account, "plan", "build", "small", *options, "--unit", "mib")
        assert told.returncode == 5, told.stderr
        assert "instances" in told.stdout
        assert _yunzhang(*account, "plan", "submit", "small").returncode == 5
        with db.reading() as session:
            (version,) = plans.versions_of(session, "small")
            assert version.state == "draft"
            assert allocations.sum_by_unit(session) == {}
    finally:
        target.compute.delete(f"/os-quota-sets/{project.id}")
        target.identity.delete_project(project.id)
        database_engine().dispose()
