"""A whole instance of the product against the fast clouds, whose controller can be killed.

Each rehearsal moves one department, looks that nothing is there twice or left over, rolls back, and
demands that both clouds are as they were before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.estates import PASSWORD, make_accounts
from yunzhang import clock, db, settings
from yunzhang.allocation import service as allocation
from yunzhang.clouds.comparison import compare_dumps, render_differences
from yunzhang.clouds.dump import Dump, dump_cloud
from yunzhang.clouds.leftovers import find_leftovers
from yunzhang.clouds.survey import survey_cloud
from yunzhang.db.migration import upgrade_database
from yunzhang.discovery import service as discovery
from yunzhang.estate import service as estate
from yunzhang.moves import repository, service
from yunzhang.moves.states import ACTIVE
from yunzhang.plans import service as plans
from yunzhang.plans.reading import read_snapshot
from yunzhang.plans.snapshot import Policy
from yunzhang.plays import processes
from yunzhang.units.scope import SYSTEM

REPOSITORY = Path(__file__).resolve().parents[2]
WORKBOOK = REPOSITORY / "inventory" / "demo" / "register.xlsx"
CLOUDS = ("legacy", "gov")
POOL = "10.210.0.0/16"
# Seconds a step, and a whole wave, may take on a busy machine.
STEP_LIMIT, WAVE_LIMIT = 240.0, 600.0
LOOK = 0.05


class Rehearsal:
    """One instance, one plan of one wave."""

    def __init__(self, name: str, unit: str = "mib") -> None:
        self.name = name
        self.unit = unit
        self.process: subprocess.Popen[bytes] | None = None

    # -- setting up -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Register, both clouds, an approved plan; and the dumps of before."""
        upgrade_database()
        with db.transaction() as session:
            estate.import_workbook(session, SYSTEM, WORKBOOK, "all")
            wang, li = make_accounts(session)
        for cloud in CLOUDS:
            started, survey = clock.now(), survey_cloud(cloud)
            with db.transaction() as session:
                discovery.keep_survey(session, SYSTEM, survey, started)
                allocation.sync_pool(session, SYSTEM, cloud, discovery.pool_capacity(survey))
        with db.transaction() as session:
            snapshot = read_snapshot(
                session,
                self.name,
                source="legacy",
                target="gov",
                policy=Policy(pools=(POOL,)),
                units=(self.unit,),
            )
            version = plans.build_plan(session, wang, snapshot)
            plans.submit_plan(session, wang, self.name)
            plans.approve_plan(session, li, self.name, signed_hash=version.hash, password=PASSWORD)
        self.before = self.dump()

    def dump(self) -> dict[str, Dump]:
        """Both clouds, field by field."""
        return {cloud: dump_cloud(cloud) for cloud in CLOUDS}

    # -- the controller -------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for the wave."""
        with db.transaction() as session:
            service.start_wave(session, SYSTEM, self.name, 1)

    def ask_pause(self) -> None:
        """Ask for a rest after the present step."""
        with db.transaction() as session:
            service.ask(session, SYSTEM, self.name, 1, "pause")

    def launch(self) -> None:
        """Start a controller."""
        log = settings.current().state / "controller.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            command = [str(Path(sys.executable).with_name("yunzhang")), "worker", "--until-idle"]
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=REPOSITORY)

    def kill(self, *, agent: bool = False) -> None:
        """`kill -9` the controller; with `agent` all of the machine's plays too."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if agent:
            for step in self.steps():
                processes.kill_step_processes(f"wave-{self.wave()}-{step}")

    def end(self) -> None:
        """Wait until the controller has nothing left to do; kill it when that takes too long."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # -- looking --------------------------------------------------------------------------------

    def wave(self) -> int:
        """The wave's identifier."""
        with db.reading() as session:
            return service.get_wave(session, self.name, 1)[0].id

    def steps(self) -> dict[str, str]:
        """Step → state."""
        with db.reading() as session:
            return {step.name: step.state for step in repository.steps_of(session, self.wave())}

    def state(self) -> tuple[str, str]:
        """The wave's state and fault."""
        with db.reading() as session:
            wave = service.get_wave(session, self.name, 1)[0]
            return wave.state, wave.fault

    def await_step(self, name: str) -> None:
        """Wait until a step is at work, or was."""
        limit = clock.monotonic() + STEP_LIMIT
        while self.steps()[name] not in ("running", "done"):
            state, fault = self.state()
            assert state in ACTIVE, f"before {name}: {state} {fault}"
            assert clock.monotonic() < limit, f"{name} was not reached: {self.steps()}"
            clock.pause(LOOK)

    def await_rest(self) -> str:
        """Wait until the wave rests; its state."""
        limit = clock.monotonic() + WAVE_LIMIT
        while (state := self.state()[0]) in ACTIVE:
            assert clock.monotonic() < limit, f"no rest: {self.steps()}"
            assert self.process is None or self.process.poll() in (None, 0), "the controller died"
            clock.pause(LOOK * 4)
        self.end()
        return state

    # -- judging --------------------------------------------------------------------------------

    def run(self) -> str:
        """Start, run to the end; the state it rests in."""
        self.start()
        self.launch()
        return self.await_rest()

    def check_completed(self) -> None:
        """Nothing twice, nothing unrecorded, nothing new in the source."""
        state, fault = self.state()
        assert state == "completed", f"{state}: {fault}"
        marked = find_leftovers("gov", self.name)
        twice = [k for k, n in Counter((m.kind, m.key or m.name) for m in marked).items() if n > 1]
        assert not twice, twice
        with db.reading() as session:
            version = plans.get_version(session, self.name)
            rows = repository.objects_of_version(session, version.id)
            recorded = {row.external_id for row in rows}
        unknown = [item for item in marked if item.id not in recorded]
        assert not unknown, unknown
        # ports of stopped sources are changed and carry the mark; nothing may be new
        new = {
            (kind, identity)
            for kind, items in dump_cloud("legacy").items()
            for identity in items
            if identity not in self.before["legacy"].get(kind, {})
        }
        assert not new, new

    def roll_back(self) -> None:
        """Undo it all; both clouds must be as before."""
        with db.transaction() as session:
            service.roll_back(session, SYSTEM, self.name, 1)
        self.launch()
        assert self.await_rest() == "rolled_back", self.state()
        after = self.dump()
        for cloud in CLOUDS:
            differences = compare_dumps(self.before[cloud], after[cloud])
            assert not differences, render_differences(differences)
            assert not find_leftovers(cloud, self.name)
        with db.reading() as session:
            assert allocation.verify_ledger(session) == []


def use_instance(folder: Path) -> None:
    """Point this process, and the controllers it starts, at an instance in `folder`."""
    clouds = Path(os.environ.get("DEVCLOUD_STATE", REPOSITORY / "var" / "devcloud")) / "fast"
    os.environ |= {
        "YUNZHANG_STATE": str(folder / "state"),
        "YUNZHANG_PLANS": str(folder / "plans"),
        "YUNZHANG_CLOUDS": str(clouds / "clouds.yaml"),
        "YUNZHANG_TRANSFER": str(clouds / "transfer.json"),
        "YUNZHANG_LOG_LEVEL": "WARNING",
    }
    settings.current.cache_clear()
