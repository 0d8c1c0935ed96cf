"""Turns what the SDK raises into the product's errors, naming the object it was about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keystoneauth1.exceptions import ClientException
from openstack import exceptions

from yunzhang.clouds.makers.report import thing
from yunzhang.errors import Outside, Shortage


@contextmanager
def about(kind: str, name: str, cloud: str) -> Iterator[None]:
    """Raise Shortage `clouds_make.quota` or Outside `clouds_make.refused` for SDK errors inside."""
    try:
        yield
    except (exceptions.SDKException, ClientException) as error:
        reason = reason_of(error)
        code = "quota" if is_quota(reason) else "refused"
        kinds = Shortage if code == "quota" else Outside
        raise kinds(
            f"clouds_make.{code}", thing=thing(kind, name), cloud=cloud, reason=reason
        ) from error


def is_quota(reason: str) -> bool:
    """Whether a service refused for want of quota."""
    return "quota" in reason.lower()


def reason_of(error: Exception) -> str:
    """What the service said, on one line."""
    details = getattr(error, "details", None)
    return " ".join(str(details or error).split())
