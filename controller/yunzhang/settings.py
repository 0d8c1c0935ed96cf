"""Settings from the environment (`YUNZHANG_*`), then from a TOML file, then defaults.

The file is named by `YUNZHANG_CONFIG`; without it `yunzhang.toml` in the working directory is
read if it is there.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from yunzhang.texts import Language


class Settings(BaseSettings):
    """All settings of one instance. Paths may be relative to the working directory."""

    model_config = SettingsConfigDict(env_prefix="YUNZHANG_", extra="forbid")

    state: Path = Field(Path("var/yunzhang"), description="runs, spool and embedded databases")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite under `state`")
    engine_url: str = Field("", description="durable engine's URL; empty: beside the database")
    plans: Path = Field(Path("var/yunzhang/plans"), description="where plan documents are kept")
    clouds: Path = Field(Path("clouds.yaml"), description="openstacksdk credentials, mode 0600")
    transfer: Path = Field(Path("transfer.json"), description="how storage hosts are entered")
    playbooks: Path | None = Field(None, description="playbooks; empty: the shipped ones")
    audit_key: Path | None = Field(None, description="key file of the audit record's seals")
    audit_anchor: Path | None = Field(None, description="file its anchors are appended to")
    language: Language = "zh"
    log_level: str = "INFO"
    log_format: str = Field("console", pattern="^(console|json)$")
    host: str = "127.0.0.1"
    port: int = Field(8300, ge=1, le=65535)
    public_url: str = Field("", description="https origin of the TLS proxy; empty: this machine")
    proxies: str = Field("127.0.0.1", description="addresses of the TLS proxy, by spaces")
    oidc_issuer: str = Field("", description="OpenID Connect provider; empty: none")
    oidc_client_id: str = Field("", description="client registered at the provider")
    oidc_client_secret_file: Path | None = Field(
        None, description="name in `state`/secrets, or path; mode 0600; empty: public client"
    )
    oidc_redirect_url: str = Field("", description="as registered; empty: by `public_url`")
    oidc_scopes: str = Field("openid", description="by spaces")
    oidc_label: str = Field("统一身份认证", description="what the console calls the provider")
    oidc_hosts: str = Field("", description="further hosts of the provider, by spaces")
    lease_seconds: float = Field(30.0, gt=1, description="how long a silent agent is trusted")
    heartbeat_seconds: float = Field(2.0, gt=0, description="how often workers report themselves")
    shrink_percent: int = Field(
        80, ge=0, le=100, description="a source that shrinks below this proves nothing missing"
    )
    missing_runs: int = Field(3, ge=1, description="complete readings in a row that prove absence")
    missing_days: int = Field(7, ge=0, description="and the days they must span")
    discover_minutes: int = Field(
        60, ge=0, description="how often all sources are read by themselves; 0: never"
    )
    reopen_hours: int = Field(
        24, ge=0, description="how often it is looked for retentions that ended; 0: never"
    )
    farms: dict[str, tuple[str, ...]] = Field(
        {}, description="libvirt farms read by themselves: name → URIs of its hosts"
    )
    facts: dict[str, Path] = Field(
        {}, description="folders of Ansible facts read by themselves: name → folder"
    )
    full_hours: int = Field(24, ge=0, description="a cloud is read in full at least this often")

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        if value and not re.fullmatch(r"https://[a-z0-9.-]+(:\d{1,5})?", value):
            raise ValueError("an origin: https://host or https://host:port, lower case, no path")
        return value

    @field_validator(
        "state", "plans", "clouds", "transfer", "playbooks", "audit_key", "audit_anchor",
    )  # fmt: skip
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.absolute() if value else None

    @property
    def database(self) -> str:
        """The URL of the product's own tables."""
        return self.database_url or f"sqlite:///{self.state}/yunzhang.db"

    @property
    def engine_database(self) -> str:
        """The URL of the durable engine's tables: a second file, or a schema of its own."""
        if self.engine_url:
            return self.engine_url
        return self.database_url or f"sqlite:///{self.state}/engine.db"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the file."""
        named = os.environ.get("YUNZHANG_CONFIG", "yunzhang.toml")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(named))


@cache
def current() -> Settings:
    """The settings of this process. Tests call `current.cache_clear()` after changing them."""
    return Settings()
