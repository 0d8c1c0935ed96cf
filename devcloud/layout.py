"""Where everything lies: the state directory, the profiles, the clouds and their ports."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from devcloud.errors import DevcloudError

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent
PROFILES = ("real", "fast")
CLOUDS = ("legacy", "gov")
APIS = ("keystone", "placement", "glance", "nova", "neutron", "cinder")
DEFAULT_PORT_BASE = 17500
PORTS_PER_CLOUD = 10

# Inside a cloud's mount namespace the long paths of the state directory are bound
# to these short ones: a Unix socket's path may have 107 characters only.
INNER_HOME = Path("/run/devcloud")
INNER_DATABASE = Path("/run/devcloud-database")


def state_directory() -> Path:
    """Return the one directory that holds everything this tool creates."""
    return Path(os.environ.get("DEVCLOUD_STATE") or REPOSITORY / "var" / "devcloud").resolve()


@dataclass(frozen=True)
class Profile:
    """One way of running both clouds: ``real`` guests or ``fast`` stand-ins."""

    name: str
    state: Path
    port_base: int

    @property
    def home(self) -> Path:
        """The profile's directory."""
        return self.state / self.name

    @property
    def venv(self) -> Path:
        """The virtual environment with the OpenStack packages, shared by the profiles."""
        return self.state / "venv"

    @property
    def python(self) -> Path:
        """The interpreter that can import OpenStack."""
        return self.venv / "bin" / "python"

    @property
    def cache(self) -> Path:
        """What is kept between ``down --purge`` and the next ``up``."""
        return self.state / "cache"

    @property
    def is_real(self) -> bool:
        """Whether guests are really started."""
        return self.name == "real"

    @property
    def clouds_yaml(self) -> Path:
        """The file openstacksdk reads."""
        return self.home / "clouds.yaml"

    def cloud(self, name: str) -> Cloud:
        """Return one of the two clouds."""
        if name not in CLOUDS:
            raise DevcloudError(
                f"there is no cloud {name!r}; there are: {', '.join(CLOUDS)}", code=2
            )
        return Cloud(name, self)


@dataclass(frozen=True)
class Cloud:
    """One cloud of a profile."""

    name: str
    profile: Profile

    @property
    def home(self) -> Path:
        """The cloud's directory, as seen from outside its namespaces."""
        return self.profile.home / self.name

    @property
    def index(self) -> int:
        """0 for legacy, 1 for gov."""
        return CLOUDS.index(self.name)

    @property
    def logs(self) -> Path:
        """Where every service of the cloud writes."""
        return self.home / "log"

    @property
    def etc(self) -> Path:
        """Rendered configuration."""
        return self.home / "etc"

    @property
    def pids(self) -> Path:
        """One file per running service."""
        return self.home / "pids"

    @property
    def data(self) -> Path:
        """Images, volumes, guests."""
        return self.home / "data"

    @property
    def host(self) -> str:
        """The name of the cloud's compute host."""
        return f"{self.name}-compute1"

    @property
    def volume_type(self) -> str:
        """The cloud's only volume type; the names differ so that a migration must map them."""
        return "nfs" if self.name == "legacy" else "gov-ssd"

    @property
    def public_prefix(self) -> str:
        """The first three octets of the external network."""
        return f"172.24.{4 + self.index}"

    def port(self, service: str) -> int:
        """Return an API's TCP port on 127.0.0.1."""
        row = PROFILES.index(self.profile.name) * len(CLOUDS) + self.index
        return self.profile.port_base + row * PORTS_PER_CLOUD + APIS.index(service)

    def url(self, service: str) -> str:
        """Return an API's address, the same inside and outside the namespaces."""
        return f"http://127.0.0.1:{self.port(service)}"

    @property
    def label(self) -> str:
        """How messages name the cloud."""
        return f"{self.profile.name}/{self.name}"


def _stored_port_base(home: Path) -> int | None:
    try:
        return int(json.loads((home / "ports.json").read_text())["base"])
    except (OSError, ValueError, KeyError):
        return None


def load_profile(name: str | None = None) -> Profile:
    """Return the profile asked for; an existing one keeps the ports it was made with."""
    name = name or os.environ.get("DEVCLOUD_PROFILE") or "real"
    if name not in PROFILES:
        raise DevcloudError(
            f"there is no profile {name!r}; there are: {', '.join(PROFILES)}", code=2
        )
    state = state_directory()
    wanted = os.environ.get("DEVCLOUD_PORT_BASE")
    if wanted and not (wanted.isdigit() and 1024 <= int(wanted) <= 32000):
        raise DevcloudError("DEVCLOUD_PORT_BASE must be a number from 1024 to 32000", code=2)
    stored = _stored_port_base(state / name)
    if stored and wanted and stored != int(wanted):
        raise DevcloudError(
            f"profile {name} was made with port base {stored} (its catalogue holds it); "
            "unset DEVCLOUD_PORT_BASE or purge the profile first",
            code=2,
        )
    return Profile(name, state, stored or int(wanted or DEFAULT_PORT_BASE))


def store_port_base(profile: Profile) -> None:
    """Remember the ports, because Keystone's catalogue holds them too."""
    profile.home.mkdir(parents=True, exist_ok=True)
    (profile.home / "ports.json").write_text(json.dumps({"base": profile.port_base}) + "\n")
