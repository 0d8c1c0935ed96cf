"""The environment a play gets: chosen, not inherited, so that no secret comes along."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from yunzhang import settings
from yunzhang.kit.shipped import shipped
from yunzhang.plays.processes import STEP
from yunzhang.plays.rundir import RunDirectory

# The same words as in clouds (connection, steps.messages), which stands on this floor and so is not
# imported.
LEASE_FILE = "YUNZHANG_LEASE_FILE"
LEASE_SECONDS = "YUNZHANG_LEASE_SECONDS"
MESSAGES_FILE = "YUNZHANG_MESSAGES_FILE"

# Settings that may hold a password; only the agent needs the database and gets it by a pipe.
SECRET_SETTINGS = frozenset({"database_url", "engine_url"})
SECRET_WORDS = frozenset({"PASS", "PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"})
PASSED = frozenset(
    {
        "HOME", "USER", "LOGNAME", "SHELL", "TZ", "SSH_AUTH_SOCK", "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "LD_LIBRARY_PATH",
    }
)  # fmt: skip
# What an administrator set for Ansible stays, unless it is set below.
PASSED_PREFIX = "ANSIBLE_"


def _is_secret(name: str) -> bool:
    # a file's name is none, whatever the file holds
    words = name.upper().split("_")
    return words[-1] not in {"FILE", "PATH"} and not SECRET_WORDS.isdisjoint(words)


def _settings_environment() -> dict[str, str]:
    given = settings.current()
    names = set(type(given).model_fields) - SECRET_SETTINGS
    values = {name: getattr(given, name) for name in names if not _is_secret(name)}
    return {f"YUNZHANG_{name.upper()}": str(v) for name, v in values.items() if v is not None}


def play_environment(
    step_id: str, run: RunDirectory, additions: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a step's agent and play."""
    binaries = str(Path(sys.executable).parent)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or (name.startswith(PASSED_PREFIX) and not _is_secret(name))
    }
    environment = {
        **kept,
        **_settings_environment(),
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(run.path / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": run.make_sockets(),
        **additions,
        STEP: step_id,
        LEASE_FILE: str(run.lease),
        MESSAGES_FILE: str(run.messages),
        # The agent kills its play when half the lease went by without a renewal. Modules go by the
        # same half, so that a call begun at the last moment has the other half to end.
        # (The setting of that name must stay above one second.)
        LEASE_SECONDS: str(max(settings.current().lease_seconds / 2, 1.1)),
    }
    configuration = shipped("ansible.cfg")
    if configuration.is_file() and "ANSIBLE_CONFIG" not in additions:
        environment["ANSIBLE_CONFIG"] = str(configuration)
    return environment


def localhost_inventory() -> str:
    """An inventory of this machine only, worked on directly with our own interpreter.

    As variables of the host, not extra variables: hosts that a play adds keep their own.
    """
    own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return json.dumps({"all": {"hosts": {"localhost": own}}})
