"""Steps of a wave, in their order. Each is one playbook and one entry here."""

from __future__ import annotations

from yunzhang.clouds.makers.flavors import AccessMaker, FlavorMaker
from yunzhang.clouds.makers.groups import GroupMaker, RulesMaker
from yunzhang.clouds.makers.images import ImageMaker
from yunzhang.clouds.makers.keypairs import KeypairMaker
from yunzhang.clouds.makers.networks import NetworkMaker, SubnetMaker
from yunzhang.clouds.makers.ports import PortMaker
from yunzhang.clouds.makers.projects import ProjectMaker, QuotaMaker, RoleMaker
from yunzhang.clouds.makers.routers import InterfaceMaker, RouterMaker, RoutesMaker
from yunzhang.clouds.makers.servers import ServerMaker
from yunzhang.clouds.makers.sources import PowerMaker, SourcePortMaker
from yunzhang.clouds.makers.volumes import VolumeMaker
from yunzhang.clouds.steps.copying import CopyDisks, VerifyDisks
from yunzhang.clouds.steps.prechecking import Precheck
from yunzhang.clouds.steps.rolling_back import roll_back
from yunzhang.clouds.steps.step import MakingStep, Step
from yunzhang.clouds.steps.tidying import Tidy
from yunzhang.clouds.steps.validating import ValidateTargets

PREPARATIONS = (
    MakingStep("prepare_projects", (ProjectMaker(), RoleMaker(), QuotaMaker())),
    MakingStep(
        "prepare_networks",
        (
            NetworkMaker(),
            SubnetMaker(),
            RouterMaker(),
            InterfaceMaker(),
            RoutesMaker(),
            GroupMaker(),
            RulesMaker(),
        ),
    ),
    MakingStep("prepare_catalogue", (FlavorMaker(), AccessMaker(), KeypairMaker(), ImageMaker())),
    MakingStep("reserve_ports", (PortMaker(),)),
    MakingStep("create_volumes", (VolumeMaker(),)),
)
BOOT = MakingStep("boot_targets", (ServerMaker(),))

_ORDER: tuple[Step, ...] = (
    Precheck((*PREPARATIONS, BOOT)),
    *PREPARATIONS,
    MakingStep("stop_sources", (PowerMaker(), SourcePortMaker())),
    CopyDisks(),
    VerifyDisks(),
    BOOT,
    ValidateTargets(),
    Tidy(),
)
STEPS: dict[str, Step] = {step.name: step for step in _ORDER}

__all__ = ["STEPS", "Step", "roll_back"]
