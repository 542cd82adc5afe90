"""One local server with the wire formats of the paid services, about invented companies."""

from signal_assets.sandbox.control_client import ControlClient
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.server import SandboxProcess, SandboxServer, run

__all__ = ["SANDBOX_KEYS", "ControlClient", "SandboxProcess", "SandboxServer", "run"]
