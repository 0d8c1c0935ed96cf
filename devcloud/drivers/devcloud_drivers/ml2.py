"""An ML2 mechanism driver that binds every port on every host, without an agent."""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class AlwaysBind(api.MechanismDriver):  # type: ignore[misc]
    """Says yes to every binding and makes the port ACTIVE at once."""

    def initialize(self) -> None:
        """Prepare the details every binding carries."""
        self.vif_details = {
            portbindings.CAP_PORT_FILTER: True,
            portbindings.VIF_DETAILS_CONNECTIVITY: portbindings.CONNECTIVITY_L2,
        }

    @property
    def connectivity(self) -> str:
        """Bound ports share a layer 2 segment."""
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: Any) -> None:
        """Bind to the first segment offered."""
        for segment in context.segments_to_bind:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OVS,
                self.vif_details,
                status=constants.PORT_STATUS_ACTIVE,
            )
            return
