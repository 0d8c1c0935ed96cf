"""`make drill`: kill -9 the controller at every step of a run and start it again.

Each point is a run of its own on the fast clouds. It has to complete with no object twice and
nothing left over, and its rollback has to leave both clouds as they were.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from tests.cloud.conftest import is_seeded, run_devcloud
from tests.cloud.rehearsal import Rehearsal, use_instance
from yunzhang import clock
from yunzhang.moves.states import STEP_NAMES

# (step, whether the plays die with the controller, as when the machine loses power)
POINTS = [(name, False) for name in STEP_NAMES] + [
    (name, True) for name in ("prepare_networks", "create_volumes", "copy_disks", "boot_targets")
]


def run_point(number: int, step: str, agent: bool) -> None:
    """One run that is killed when `step` is at work."""
    folder = Path(tempfile.mkdtemp(prefix="yunzhang-drill-"))
    use_instance(folder)
    rehearsal = Rehearsal(f"drill-{number}")
    rehearsal.prepare()
    rehearsal.start()
    rehearsal.launch()
    rehearsal.await_step(step)
    rehearsal.kill(agent=agent)
    rehearsal.launch()
    rehearsal.await_rest()
    rehearsal.check_completed()
    rehearsal.roll_back()
    shutil.rmtree(folder)


def main() -> int:
    """Run all points, or those named; 0 when every one held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--point", type=int, action="append", help="only this one (repeatable)")
    chosen = parser.parse_args().point or list(range(1, len(POINTS) + 1))
    use_instance(Path(tempfile.gettempdir()))
    run_devcloud("up")
    if not is_seeded():
        run_devcloud("seed", "legacy")
    failed = 0
    for number in chosen:
        step, agent = POINTS[number - 1]
        what = "controller and plays" if agent else "controller"
        begun = clock.monotonic()
        try:
            run_point(number, step, agent)
            verdict = "✓ completed, nothing twice, nothing left; rolled back equal"
        except Exception:
            traceback.print_exc()
            verdict, failed = "✗", failed + 1
        seconds = clock.monotonic() - begun
        sys.stdout.write(f"{number:2} kill -9 {what} in {step}: {verdict} ({seconds:.0f} s)\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
