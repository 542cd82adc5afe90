"""The sandbox's application: one mount per service, and the control endpoint."""

from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from signal_assets.sandbox.boards import BoardsService
from signal_assets.sandbox.careers import CareersService
from signal_assets.sandbox.claude import ClaudeService
from signal_assets.sandbox.claude_faults import claude_faults
from signal_assets.sandbox.company_info import CompanyInfoService
from signal_assets.sandbox.company_info_hub import CompanyInfoHubService, company_info_hub_faults
from signal_assets.sandbox.company_info_soap import CompanyInfoSoapService, company_info_soap_faults
from signal_assets.sandbox.control import Control
from signal_assets.sandbox.fault_board import Fault, FaultBoard, FaultSwitch
from signal_assets.sandbox.front import Desk, ServiceFront
from signal_assets.sandbox.gleif import GleifService
from signal_assets.sandbox.keys import MOUNTS
from signal_assets.sandbox.kvk import KvkService
from signal_assets.sandbox.open_faults import open_faults
from signal_assets.sandbox.register_faults import company_info_faults, kvk_faults
from signal_assets.sandbox.serpapi import SerpApiService
from signal_assets.sandbox.serpapi_faults import serpapi_faults
from signal_assets.sandbox.world import World


def fault_catalogue() -> tuple[Fault, ...]:
    """Return every fault of every service."""
    return (
        *claude_faults(),
        *kvk_faults(),
        *company_info_faults(),
        *company_info_soap_faults(),
        *company_info_hub_faults(),
        *serpapi_faults(),
        *open_faults(),
    )


class Sandbox:
    """Everything one sandbox remembers, and the application that serves it."""

    def __init__(self, world: World) -> None:
        self.desk = Desk(FaultBoard(fault_catalogue()))
        self.claude = ClaudeService(self.desk.clock)
        self.claude.batches.bill = partial(self.desk.journal.bill, self.claude.name)
        services = (
            self.claude,
            KvkService(world),
            CompanyInfoService(world),
            CompanyInfoSoapService(world),
            CompanyInfoHubService(world),
            GleifService(world),
            SerpApiService(world, self.desk.clock),
            BoardsService(world),
            CareersService(world),  # last: its pages stand at the root
        )
        control = Control(self.desk, self.claude)
        mounts = [
            Mount(MOUNTS[service.name], app=ServiceFront(service, self.desk))
            for service in services
        ]
        self.application = Starlette(routes=[Mount("/_sandbox", routes=control.routes()), *mounts])

    def dump_state(self) -> dict[str, Any]:
        """Return the faults that are on and the journal's counts, as JSON."""
        return {
            "faults": [switch.model_dump() for switch in self.desk.faults.switches()],
            "counts": self.desk.journal.dump_counts(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `dump_state` returned; faults start counting anew."""
        for switch in state["faults"]:
            self.desk.faults.switch_on(FaultSwitch.model_validate(switch))
        self.desk.journal.load_counts(state["counts"])
