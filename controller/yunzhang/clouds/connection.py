"""Connections to clouds, with one guard: nothing is changed once the runner's lease is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions as auth_errors
from keystoneauth1.session import Session as AuthSession
from openstack import exceptions as cloud_errors
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from yunzhang import texts
from yunzhang.clouds import sdk
from yunzhang.errors import InputError, NotFound, Outside, YunzhangError
from yunzhang.secrets import clouds_file

# Environment of a play: the file whose modification time its agent keeps fresh, and for how many
# seconds a touch is good.
LEASE_FILE = "YUNZHANG_LEASE_FILE"
LEASE_SECONDS = "YUNZHANG_LEASE_SECONDS"
READS = frozenset({"GET", "HEAD", "OPTIONS"})

# Seconds without a byte from a service before a call is given up, unless clouds.yaml says
# `api_timeout`.
TIMEOUT = 120
# A read is repeated when the connection breaks or a proxy answers for a service that restarts.
READ_RETRIES = 3
RETRIED_STATUS = [502, 503, 504]


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
    """Checks the lease before each call that changes something; repeats only what reads.

    Every call of the SDK, whatever proxy makes it, goes through `request`.
    """

    def request(  # type: ignore[override]
        self, url: str, method: str, **options: Any
    ) -> Any:
        if method.upper() in READS:
            options["connect_retries"] = max(options.get("connect_retries") or 0, READ_RETRIES)
            options["status_code_retries"] = max(
                options.get("status_code_retries") or 0, READ_RETRIES
            )
            options.setdefault("retriable_status_codes", RETRIED_STATUS)
        elif options.get("authenticated") is not False:  # logging in is the one that may
            check_lease()
            # a change whose answer was lost may have happened: its step probes, never repeats
            options["connect_retries"] = options["status_code_retries"] = 0
        return super().request(url, method, **options)


@lru_cache(maxsize=8)
def _config(file: str, _modified: int) -> OpenStackConfig:
    config = OpenStackConfig(
        config_files=[file],
        secure_files=[],
        vendor_files=[],
        load_envvars=False,  # variables of a person's own clouds must not leak in
        override_defaults={"api_timeout": TIMEOUT},
        session_constructor=_GuardedSession,  # also of connections made from connections
        app_name="yunzhang",
    )
    sdk.forget_influx(config)
    return config


@lru_cache(maxsize=64)
def _discoveries(_file: str, _modified: int, _cloud: str) -> dict[str, Any]:
    """The versions found at a cloud's endpoints, shared by its connections in this process."""
    return {}


def cloud_names() -> list[str]:
    """All clouds of clouds.yaml, by name. Raises InputError `clouds.file`."""
    file = clouds_file()
    return sorted(_read_config(str(file), file.stat().st_mtime_ns).get_cloud_names())


def connect(cloud: str, *, project: str | None = None) -> Connection:
    """An authorised connection to `cloud` as named in clouds.yaml, optionally scoped to a project.

    `project` is a project's identifier. Raises NotFound `clouds.unknown`, InputError
    `clouds.refused` (wrong credentials), `clouds.project_refused` (no role in `project`),
    `clouds.credentials`, `clouds.file` (unusable entry or file) or Outside `clouds.unreachable`.
    """
    file = clouds_file()
    named = (str(file), file.stat().st_mtime_ns)
    config = _read_config(*named)
    if cloud not in config.get_cloud_names():
        known = texts.listed(sorted(config.get_cloud_names()))
        raise NotFound("clouds.unknown", cloud=cloud, known=known, path=str(file))
    try:
        region = config.get_one(cloud=cloud)
        region._discovery_cache = _discoveries(*named, cloud)
        connection = Connection(config=region)
        if project:
            connection = connection.connect_as_project({"id": project})
    except (cloud_errors.ConfigException, auth_errors.ClientException) as error:
        raise _unusable(cloud, error) from error
    _log_in(cloud, connection, project)
    return connection


def _log_in(cloud: str, connection: Connection, project: str | None) -> None:
    try:
        with translated(cloud, "auth/tokens"):
            connection.session.get_token()
    except InputError as error:
        if project is None:
            raise
        # Keystone says 401 for a wrong password and for a project without a role alike
        reason = error.values["reason"]
        raise InputError(
            "clouds.project_refused", cloud=cloud, project=project, reason=reason
        ) from error
    except YunzhangError:
        raise
    except Exception as error:  # so the SDK says that a password is missing
        raise _unusable(cloud, error) from error


def _read_config(file: str, modified: int) -> OpenStackConfig:
    try:
        config = _config(file, modified)
    except Exception as error:  # whatever is wrong in the file comes up raw
        raise InputError("clouds.file", path=file, reason=str(error)) from error
    if config.config_filename is None:  # a file that is no YAML is passed over with a log line
        raise InputError("clouds.file", path=file, reason="YAML")
    return config


def _unusable(cloud: str, error: Exception) -> InputError:
    path = str(clouds_file())
    return InputError("clouds.credentials", cloud=cloud, path=path, reason=str(error))


@contextmanager
def translated(cloud: str, call: str) -> Iterator[None]:
    """Turn what the SDK raises inside the block into the product's own errors.

    `call` names what was asked. Raises InputError `clouds.refused` (401) or `clouds.forbidden`
    (403), Outside `clouds.unreachable` (no answer) or `clouds.failed` (any other
    answer, and whatever else the SDK gives up on).
    """
    try:
        yield
    except (auth_errors.HttpError, cloud_errors.HttpException) as error:
        raise _answered(cloud, call, error) from error
    except (auth_errors.AuthPluginException, auth_errors.AuthorizationFailure) as error:
        raise InputError("clouds.refused", cloud=cloud, reason=str(error)) from error
    except (auth_errors.ClientException, auth_errors.RetriableConnectionFailure) as error:
        raise Outside("clouds.unreachable", cloud=cloud, reason=str(error)) from error
    except cloud_errors.SDKException as error:  # timeouts of waiting, things in state error
        raise Outside(
            "clouds.failed", cloud=cloud, call=call, status="-", reason=str(error)
        ) from error


def _answered(cloud: str, call: str, error: Any) -> InputError | Outside:
    """The product's error for an answer that is not 2xx."""
    status = getattr(error, "http_status", None) or getattr(error, "status_code", None)
    reason = str(error)
    if status == 401:
        return InputError("clouds.refused", cloud=cloud, reason=reason)
    if status == 403:
        return InputError("clouds.forbidden", cloud=cloud, call=call, reason=reason)
    return Outside("clouds.failed", cloud=cloud, call=call, status=status, reason=reason)
