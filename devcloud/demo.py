"""`make demo`: the main job from a register workbook to a report, on two real OpenStacks.

Every act is an ordinary `yunzhang` command, shown before it runs. What the demo itself adds is the
set-up of the clouds, a marker in a source guest, and the checks at the end.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WORK = ROOT / "var" / "demo"
SUMMARY = WORK / "summary.json"
PLAN = "demo"
PROFILE = "real"
MARKED = "hrss-app"
POOL = "10.200.0.0/16"


class DemoError(Exception):
    """A command failed or a check did not hold."""


def clouds_folder() -> Path:
    """Where the development clouds keep credentials of this profile."""
    return Path(os.environ.get("DEVCLOUD_STATE", ROOT / "var" / "devcloud")) / PROFILE


def environment() -> dict[str, str]:
    """The environment of every `yunzhang` command of the demo."""
    return {
        **os.environ,
        "YUNZHANG_STATE": str(WORK / "state"),
        "YUNZHANG_PLANS": str(WORK / "plans"),
        "YUNZHANG_CLOUDS": str(clouds_folder() / "clouds.yaml"),
        "YUNZHANG_TRANSFER": str(clouds_folder() / "transfer.json"),
        "YUNZHANG_LOG_LEVEL": "WARNING",
    }


def say(text: str) -> None:
    """A heading between the commands."""
    print(f"\n\033[1m== {text}\033[0m", flush=True)


def run(*command: str, quiet: bool = False, accept: tuple[int, ...] = (0,)) -> str:
    """Show and run a command; its output when `quiet`. Raises DemoError on another exit code."""
    shown = " ".join(Path(part).name if part == command[0] else part for part in command)
    print(f"\033[36m$ {shown}\033[0m", flush=True)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        check=False,
    )
    if done.returncode not in accept:
        if quiet:
            print(done.stdout)
        raise DemoError(f"{shown}: exit {done.returncode}")
    return done.stdout or ""


def yunzhang(*arguments: str, **options: Any) -> str:
    """A command of the product."""
    return run(str(Path(sys.executable).with_name("yunzhang")), *arguments, **options)


def devcloud(*arguments: str, quiet: bool = False) -> str:
    """A command of the development clouds."""
    return run(
        sys.executable,
        "-m",
        "devcloud",
        arguments[0],
        "--profile",
        PROFILE,
        *arguments[1:],
        quiet=quiet,
    )


def guest(cloud: str, server: str, command: str) -> str:
    """What `command` prints inside a guest."""
    return devcloud("guest", cloud, server, "--", command, quiet=True).strip()


def prepare_clouds() -> None:
    """Both clouds up; the target empty, the source as seeded."""
    say("两朵真实的 OpenStack / Two real OpenStacks")
    devcloud("up")
    # the clouds know nothing of each other, so both are made ready at once
    with ThreadPoolExecutor() as pool:
        emptied = pool.submit(devcloud, "reset", "gov", quiet=True)
        devcloud("seed", "legacy", "--reset")
        emptied.result()


def prepare_instance() -> None:
    """An empty instance with two accounts: who plans does not approve."""
    say("建库与账号 / Database and accounts")
    for folder in (WORK / "state", WORK / "plans"):
        shutil.rmtree(folder, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    yunzhang("db", "upgrade")
    for name, shown, roles in (
        ("wang", "王工", ("operator", "engineer")),
        ("li", "李处", ("reviewer",)),
    ):
        file = WORK / f"{name}.password"
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(18) + "\n")
        options = [part for role in roles for part in ("--role", role)]
        yunzhang(
            "account", "add", name, "--display-name", shown, *options, "--password-file", str(file)
        )


def register() -> None:
    """Import the workbook, read both clouds, look for conflicts."""
    say("登记与发现 / Register and discover")
    workbook = "inventory/demo/register.xlsx"
    yunzhang("--account", "wang", "estate", "import", workbook)
    yunzhang("--account", "wang", "estate", "import", workbook, "--write=all")
    yunzhang("--account", "wang", "discover", "legacy")
    yunzhang("--account", "wang", "discover", "gov")
    yunzhang("estate", "conflicts")


def plan() -> None:
    """Build, check, submit and sign the plan."""
    say("编制与批准计划 / Plan and approve")
    yunzhang(
        "--account", "wang", "plan", "build", PLAN,
        "--source", "legacy", "--target", "gov", "--pool", POOL,
    )  # fmt: skip
    yunzhang("plan", "check", str(WORK / "plans" / f"{PLAN}-v1.yml"))
    yunzhang("--account", "wang", "plan", "submit", PLAN)
    password = str(WORK / "li.password")
    yunzhang("--account", "li", "plan", "approve", PLAN, "--password-file", password)


def migrate() -> None:
    """Rehearse, run and accept the wave."""
    say("演练与执行 / Rehearse and run")
    yunzhang("--account", "wang", "move", "run", PLAN, "--dry-run")
    yunzhang("--account", "wang", "move", "run", PLAN)
    yunzhang("--account", "wang", "move", "accept", PLAN)
    yunzhang("ledger", "verify")


def report() -> None:
    """The printable report, and the province's totals."""
    say("报告 / Report")
    yunzhang("report", "run", PLAN, "--out", str(WORK / "report.html"))
    yunzhang("report", "totals")


def summarise(before: Path) -> dict[str, Any]:
    """What was moved and what is left over, from the product's own records and the clouds."""
    told = yunzhang("report", "run", PLAN, "--json", quiet=True)
    after = WORK / "legacy-after.json"
    yunzhang("cloud", "dump", "legacy", str(after), quiet=True)
    old, new = (json.loads(file.read_text("utf-8")) for file in (before, after))
    appeared = [
        f"legacy {kind} {identity}"
        for kind, items in new.items()
        for identity in items
        if identity not in old.get(kind, {})
    ]
    run_report = json.loads(told)
    hosts = json.loads((clouds_folder() / "transfer.json").read_text("utf-8")).values()
    spool = [str(file) for host in hosts for file in Path(host["spool"]).rglob("*")]
    return {
        "workloads": [
            {
                "name": move["server"],
                "old_address": move["old_addresses"][0],
                "new_address": move["new_addresses"][0],
                "digests_equal": move["digests_equal"],
                "guest_seen": move["guest_seen"],
                "seconds": move["seconds"],
            }
            for move in run_report["moves"]
        ],
        "leftovers": [*run_report["leftovers"], *appeared, *spool],
    }


def main() -> int:
    """Run the demo; 0 when every check held."""
    if os.geteuid() != 0:
        print("make demo 需要 root：建立网络命名空间 / needs root: it makes network namespaces")
        return 2
    begun = time.monotonic()
    marker = f"yunzhang-{secrets.token_hex(8)}"
    try:
        prepare_clouds()
        prepare_instance()
        say("在源主机内写入标记 / Write a marker inside a source guest")
        guest("legacy", MARKED, f"echo {marker} > /data/marker && sync")
        before = WORK / "legacy-before.json"
        yunzhang("cloud", "dump", "legacy", str(before))
        register()
        plan()
        migrate()
        report()
        say("核对 / Check")
        found = guest("gov", MARKED, "cat /data/marker")
        summary = summarise(before)
    except DemoError as error:
        print(f"\n\033[31m✗ {error}\033[0m", file=sys.stderr)
        return 1
    summary["marker"] = {"workload": MARKED, "written": marker, "read_back": found}
    summary["seconds"] = round(time.monotonic() - begun, 1)
    SUMMARY.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return conclude(summary)


def conclude(summary: dict[str, Any]) -> int:
    """Say how it went; 0 when everything that was promised holds."""
    workloads, marker = summary["workloads"], summary["marker"]
    promises = {
        f"{len(workloads)} 台迁移 / workloads moved (≥6)": len(workloads) >= 6,
        "摘要一致 / digests equal": all(w["digests_equal"] for w in workloads),
        "控制台可见 / guests seen": all(w["guest_seen"] for w in workloads),
        "标记读回 / marker read back": marker["read_back"] == marker["written"],
        "无遗留 / nothing left over": not summary["leftovers"],
    }
    print()
    for promise, holds in promises.items():
        print(f"  {'✓' if holds else '✗'} {promise}")
    for leftover in summary["leftovers"]:
        print(f"      {leftover}")
    print(f"  {summary['seconds']} s · {SUMMARY.relative_to(ROOT)} · var/demo/report.html")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
