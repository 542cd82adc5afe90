"""`signal-assets ui` and `signal-assets sandbox`: servers on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from signal_assets.cli.console import out
from signal_assets.cli.demo import demo_server
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings


def ui(
    port: Annotated[int, typer.Option("--port", help="Port of the web page.")] = 3000,
    demo_folder: Annotated[
        Path | None,
        typer.Option("--demo", help="Show the demo in this folder, its sandbox running again."),
    ] = None,
) -> None:
    """Start Dagster's UI, with its daemon, on this machine only.

    Materialise a profile, backfill several, follow the lineage, read checks and costs. Schedules
    and the sensor are off until you turn them on under Automation.
    """
    if demo_folder is None:
        raise typer.Exit(_serve_dagster(port))
    with demo_server(demo_folder):
        raise typer.Exit(_serve_dagster(port))


def _serve_dagster(port: int) -> int:
    """Serve until interrupted; return the exit code."""
    open_instance(Settings()).dispose()
    out.print(f"Dagster on [cyan]http://127.0.0.1:{port}[/] (stop with Ctrl-C)", highlight=False)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "signal_assets.definitions"]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603 # nosec B603
    except KeyboardInterrupt:
        return 0


def sandbox(
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 0,
) -> None:
    """Start the sandbox: Claude, KvK, Company.info and SerpApi about invented companies.

    Prints the settings that point the product at it, and serves until interrupted. Faults are
    switched on at /_sandbox/faults; /_sandbox/faults/catalogue lists them.
    """
    from signal_assets.sandbox import SandboxServer

    server = SandboxServer(port)
    out.print(f"Sandbox on [cyan]{server.url}[/]. In another terminal:", highlight=False)
    for name, value in server.environment().items():
        out.print(escape(f"export {name}={value}"), highlight=False, soft_wrap=True)
    server.serve()
