"""Connections to clouds, with one guard: nothing is changed once the runner's lease is lost."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions as auth_errors
from keystoneauth1.session import Session as AuthSession
from openstack import exceptions as cloud_errors
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from yunzhang.errors import InputError, NotFound, Outside
from yunzhang.secrets import clouds_file

# Environment of a play: the file whose modification time its agent keeps fresh, and for how many
# seconds a touch is good.
LEASE_FILE = "YUNZHANG_LEASE_FILE"
LEASE_SECONDS = "YUNZHANG_LEASE_SECONDS"
READS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_lease() -> None:
    """Raise Outside `clouds.lease_lost` when this process runs for an agent whose lease ran out.

    A process that no agent started (a playbook run by hand) has no lease and passes.
    """
    named = os.environ.get(LEASE_FILE)
    if not named:
        return
    try:
        age = time.time() - Path(named).stat().st_mtime
    except FileNotFoundError:
        age = float("inf")
    if age > float(os.environ.get(LEASE_SECONDS, "30")):
        raise Outside("clouds.lease_lost")


class _GuardedSession(AuthSession):
    """Checks the lease before each call that changes something."""

    def request(self, url: str, method: str, **options: Any) -> Any:
        if method.upper() not in READS and not url.endswith("/auth/tokens"):
            check_lease()
        return super().request(url, method, **options)


@cache
def _config(file: str, _modified: float) -> OpenStackConfig:
    # environment variables of a person's own clouds must not leak into the product's
    return OpenStackConfig(config_files=[file], secure_files=[], vendor_files=[], load_envvars=False)


def connect(cloud: str, *, project: str | None = None) -> Connection:
    """An authorised connection to `cloud` as named in clouds.yaml, optionally scoped to a project.

    `project` is a project's identifier. Raises NotFound `clouds.unknown`, InputError
    `clouds.refused` (wrong credentials) or Outside `clouds.unreachable`.
    """
    file = clouds_file()
    config = _config(str(file), file.stat().st_mtime)
    if cloud not in config.get_cloud_names():
        known = "、".join(sorted(config.get_cloud_names()))
        raise NotFound("clouds.unknown", cloud=cloud, known=known, path=str(file))
    region = config.get_one(cloud=cloud, app_name="yunzhang")
    region._session_constructor = _GuardedSession
    connection = Connection(config=region)
    try:
        connection.authorize()
        if project:
            connection = connection.connect_as_project(project)
            connection.config._session_constructor = _GuardedSession
            connection.authorize()
    except (cloud_errors.HttpException, auth_errors.Unauthorized, auth_errors.Forbidden) as error:
        raise InputError("clouds.refused", cloud=cloud, reason=str(error)) from error
    except cloud_errors.SDKException as error:
        if isinstance(error.__cause__, auth_errors.Unauthorized) or "401" in str(error):
            raise InputError("clouds.refused", cloud=cloud, reason=str(error)) from error
        raise Outside("clouds.unreachable", cloud=cloud, reason=str(error)) from error
    except auth_errors.ClientException as error:
        raise Outside("clouds.unreachable", cloud=cloud, reason=str(error)) from error
    return connection
