"""Guests: their image and a way to run a command in one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from devcloud import namespaces
from devcloud.environment import client_environment
from devcloud.errors import DevcloudError
from devcloud.layout import PACKAGE, Cloud, Profile
from devcloud.progress import Progress


def run(cloud: Cloud, server: str, command: str, timeout: float) -> int:
    """Run a shell command in a guest through its serial console; return its exit code."""
    if not cloud.profile.is_real:
        raise DevcloudError("profile fast has no guests; use --profile real", code=2)
    words = [cloud.profile.python, "-m", "devcloud.inside.console", server, str(timeout), command]
    return subprocess.run(
        [*namespaces.prefix(cloud), "--", *map(str, words)],
        env=client_environment(cloud),
        check=False,
    ).returncode


def image(profile: Profile, progress: Progress) -> Path:
    """Return the guest image, built when there is none of the present recipe."""
    from devcloud.guest import recipe

    return recipe.image(profile.cache, PACKAGE / "guest", progress)
