"""The command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from devcloud import commands
from devcloud.errors import DevcloudError
from devcloud.layout import CLOUDS, PROFILES
from devcloud.progress import complain


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m devcloud", description=__doc__)
    commands_ = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, action: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        child = commands_.add_parser(name, help=text, description=text)
        child.add_argument(
            "--profile", choices=PROFILES, help="default: $DEVCLOUD_PROFILE, else real"
        )
        child.set_defaults(action=action)
        return child

    add("install", commands.install, "install the packages only")
    child = add("up", commands.up, "bring clouds up (both unless named)")
    child.add_argument("clouds", nargs="*", metavar="CLOUD", help=" or ".join(CLOUDS))
    child = add("down", commands.down, "stop a profile's clouds")
    child.add_argument("--all", action="store_true", help="both profiles")
    child.add_argument("--purge", action="store_true", help="remove their data too")
    child = add("status", commands.status, "show what runs")
    child.add_argument("--json", action="store_true")
    child = add("logs", commands.logs, "show a cloud's logs")
    child.add_argument("cloud", choices=CLOUDS)
    child.add_argument("service", nargs="?", default="")
    child.add_argument("-f", "--follow", action="store_true")
    child = add("shell", commands.shell, "a shell inside the cloud's namespaces")
    child.add_argument("cloud", choices=CLOUDS)
    child = add(
        "exec", commands.execute, "run a command inside the cloud's namespaces: exec CLOUD -- CMD…"
    )
    child.add_argument("cloud", choices=CLOUDS)
    child = add(
        "guest", commands.guest, "run a shell command in a guest: guest CLOUD SERVER -- SHELLCMD"
    )
    child.add_argument("cloud", choices=CLOUDS)
    child.add_argument("server", help="name or id")
    child.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")
    child = add("seed", commands.seed, "fill a cloud with the demo's content")
    child.add_argument("cloud", choices=CLOUDS)
    child.add_argument("--reset", action="store_true", help="remove what is there first")
    child = add("reset", commands.reset, "remove everything that is not part of the base cloud")
    child.add_argument("cloud", choices=CLOUDS)
    return parser


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    # argparse treats "--" differently from release to release: cut there ourselves.
    if "--" in words:
        place = list(words).index("--")
        return list(words[:place]), list(words[place + 1 :])
    return list(words), []


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    before, rest = _split(sys.argv[1:] if words is None else words)
    arguments = _parser().parse_args(before)
    arguments.rest = rest
    try:
        if os.geteuid() != 0 and arguments.command != "status":
            raise DevcloudError(
                f"'{arguments.command}' needs root: it installs Debian packages, makes network "
                "and mount namespaces and enters them. Nothing was changed.",
                code=2,
            )
        code: int = arguments.action(arguments)
    except DevcloudError as error:
        complain(f"devcloud: {error.text()}")
        return error.code
    except KeyboardInterrupt:
        complain("devcloud: interrupted; run the same command again to go on")
        return 130
    return code
