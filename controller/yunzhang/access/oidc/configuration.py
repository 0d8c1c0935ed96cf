"""What an administrator set about the provider, checked before anything is sent anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from yunzhang.access.oidc.wire import is_loopback, is_safe_url
from yunzhang.errors import InputError, NotFound, Outside, YunzhangError
from yunzhang.kit.logs import logger
from yunzhang.secrets import private_file
from yunzhang.settings import Settings, current

CALLBACK = "/api/v1/oidc/callback"
log = logger("oidc")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The client this instance is at the provider. `hosts`: further hosts it may be sent to."""

    issuer: str
    client_id: str
    redirect_url: str
    scope: str
    label: str
    hosts: frozenset[str]
    secret_path: Path | None

    def secret(self) -> str | None:
        """The client's secret, read anew each time so that it can be rotated; None: public client.

        Raises Outside `access.oidc_client`, which does not tell a visitor where secrets are kept.
        """
        if self.secret_path is None:
            return None
        try:
            lines = private_file(self.secret_path).read_text("utf-8").split()
        except (YunzhangError, OSError, ValueError) as error:
            log.error("client_secret", reason=str(error))
            raise Outside("access.oidc_client", reason="client_secret") from error
        if len(lines) != 1:
            log.error("client_secret", reason="not one word", path=str(self.secret_path))
            raise Outside("access.oidc_client", reason="client_secret")
        return lines[0]


def is_configured() -> bool:
    """Whether there is a provider to log in at."""
    settings = current()
    return bool(settings.oidc_issuer and settings.oidc_client_id)


def is_issuer(value: str) -> bool:
    """Whether a text can be an issuer: a URL without query or fragment (Discovery §3)."""
    return len(value) <= 300 and is_safe_url(value) and "?" not in value and "#" not in value


def configuration() -> Configuration:
    """The provider of the settings.

    Raises NotFound `access.oidc_off` when there is none, InputError `access.oidc_setting` for a
    bad one.
    """
    settings = current()
    if not is_configured():
        raise NotFound("access.oidc_off")
    own = settings.public_url or f"http://127.0.0.1:{settings.port}"
    redirect = settings.oidc_redirect_url or f"{own}{CALLBACK}"
    if not is_issuer(settings.oidc_issuer):
        raise InputError("access.oidc_setting", name="YUNZHANG_OIDC_ISSUER")
    if not _comes_back(redirect, settings.public_url):
        raise InputError("access.oidc_setting", name="YUNZHANG_OIDC_REDIRECT_URL")
    words = settings.oidc_scopes.split()
    return Configuration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_url=redirect,
        # without this one an answer has no ID token
        scope=" ".join(dict.fromkeys(["openid", *words])),
        label=settings.oidc_label,
        hosts=frozenset(settings.oidc_hosts.lower().split()),
        secret_path=_secret_path(settings),
    )


def _comes_back(redirect: str, public_url: str) -> bool:
    """Whether a browser that is sent there arrives here: at the path where the answer is waited
    for, with the cookies of the one origin this instance answers to."""
    if not is_safe_url(redirect):
        return False
    parts = urlsplit(redirect)
    ours = (
        redirect == f"{public_url}{CALLBACK}" if public_url else is_loopback(parts.hostname or "")
    )
    return ours and parts.path == CALLBACK and not parts.query and not parts.fragment


def _secret_path(settings: Settings) -> Path | None:
    """A bare name stands in the directory of secrets, anything else is a path."""
    given = settings.oidc_client_secret_file
    if given is None:
        return None
    bare = len(given.parts) == 1
    return settings.state / "secrets" / given if bare else given.absolute()
