"""What clouds show goes into the report; what they do not answer is said and stops nothing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.factories import make_wave
from yunzhang import db
from yunzhang.clouds.leftovers import Leftover
from yunzhang.clouds.usage import Amount, ProjectUsage
from yunzhang.errors import NotFound, Outside
from yunzhang.reports import observation
from yunzhang.reports.schemas import Observation
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("running", "noon")


def usage(name: str) -> ProjectUsage:
    """A project that uses nothing."""
    fields = ProjectUsage.model_fields.keys() - {"id", "name"}
    return ProjectUsage(id=name, name=name, **dict.fromkeys(fields, Amount()))


def observe() -> Observation:
    """Look at the clouds of wave 1."""
    with db.reading() as session:
        return observation.observe_run(session, SYSTEM, "demo", 1)


@pytest.fixture(autouse=True)
def clouds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Leftover]]:
    """Cloud → marked objects; projects are all there."""
    marked: dict[str, list[Leftover]] = {"legacy": [], "gov": []}

    def project_usage(cloud: str, names: Iterable[str]) -> list[ProjectUsage]:
        return [usage(name) for name in names]

    monkeypatch.setattr(observation, "project_usage", project_usage)
    monkeypatch.setattr(observation, "find_leftovers", lambda cloud, mark: marked[cloud])
    return marked


def test_recorded_objects_are_no_leftovers(clouds: dict[str, list[Leftover]]) -> None:
    make_wave()
    clouds["gov"] += [
        Leftover("server", "id-hrss-web", "hrss-web", "p", "hrss-web"),  # of the record
        Leftover("volume", "id-hrss-db/disk0", "d", "p", "hrss-db/disk0"),  # of a step's result
        Leftover("project", "anything", "hrss", "", "hrss"),  # a person may have marked it
        Leftover("volume", "other", "copy-of", "p", "hrss-db/disk0"),
    ]
    clouds["legacy"] += [Leftover("snapshot", "s1", "", "p", "hrss-web")]
    seen = observe()
    assert seen.leftovers == ["legacy snapshot s1", "gov volume copy-of other"]
    assert [use.name for use in seen.usages] == ["hrss", "mib"]
    assert seen.faults == []


def test_project_that_is_gone_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    make_wave()

    def project_usage(cloud: str, names: list[str]) -> list[ProjectUsage]:
        if names == ["hrss"]:
            raise NotFound("clouds.no_project", cloud=cloud, project="hrss")
        return [usage(name) for name in names]

    monkeypatch.setattr(observation, "project_usage", project_usage)
    seen = observe()
    assert [use.name for use in seen.usages] == ["mib"]
    assert ["hrss" in fault for fault in seen.faults] == [True]


def test_clouds_that_are_away_are_asked_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    make_wave()
    asked = []

    def away(cloud: str, _: object) -> list[Leftover]:
        asked.append(cloud)
        raise Outside("clouds.unreachable", cloud=cloud, reason="no route")

    monkeypatch.setattr(observation, "project_usage", away)
    monkeypatch.setattr(observation, "find_leftovers", away)
    seen = observe()
    assert (seen.usages, seen.leftovers) == ([], [])
    assert asked == ["gov", "legacy", "gov"]
    assert len(seen.faults) == 3
