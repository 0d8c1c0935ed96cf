"""Where openstacksdk 4.22 warns of its own use of what it deprecated: the same, without.

A filter would not do: whoever turns warnings into errors does so after any import. Importing this
module is enough; go through the list when the SDK is raised.
"""

from __future__ import annotations

from typing import Any

from openstack.config import OpenStackConfig
from openstack.proxy import Proxy
from openstack.resource import Resource


def _cache_key_prefix(self: Any, url: str) -> str:
    """At every request; the original passes a parameter that is warned of."""
    names = self._extract_name(url, project_id=self.session.get_project_id())
    return ".".join([self.service_type, *names])


def _compute_attributes(self: Any, body: Any, header: Any, uri: Any) -> dict[str, Any]:
    """For every resource; the original warns and returns the same."""
    return {}


def forget_influx(config: OpenStackConfig) -> None:
    """At every region; support for InfluxDB is warned of whenever this is not empty: always."""
    config._influxdb_config = {}


Proxy._get_cache_key_prefix = _cache_key_prefix  # type: ignore[method-assign]
Resource._compute_attributes = _compute_attributes  # type: ignore[method-assign]
