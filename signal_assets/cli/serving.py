"""`signal-assets ui` and `signal-assets sandbox`: servers on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from signal_assets.cli.console import WRONG_USE, err, out, stop
from signal_assets.cli.demo import demo_server
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings


def ui(
    port: Annotated[int, typer.Option("--port", help="Port of the web page.")] = 3000,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    without_authentication: Annotated[
        bool,
        typer.Option(
            "--without-authentication",
            help="Let everybody in who can reach --host; Dagster's UI asks for no password.",
        ),
    ] = False,
    demo_folder: Annotated[
        Path | None,
        typer.Option("--demo", help="Show the demo in this folder, its sandbox running again."),
    ] = None,
) -> None:
    """Start Dagster's UI, with its daemon, on this machine only unless told otherwise.

    Materialise a profile, backfill several, follow the lineage, read checks and costs. Schedules
    and the sensor are off until you turn them on under Automation.

    Whoever reaches the page starts runs, which cost money, and reads every table. Another --host
    than this machine's own is refused without --without-authentication.

    Exit code 2: --host can be reached from outside, and nothing says that it may be.
    """
    from signal_assets.api.guard import is_loopback

    if not is_loopback(host):
        said = f"{host} can be reached from outside, and Dagster's UI asks for no password"
        if not without_authentication:
            stop(
                f"{said}: put a proxy that does in front, or say --without-authentication.",
                WRONG_USE,
            )
        err.print(f"[yellow]![/] {escape(said)}: whoever reaches it can spend.", soft_wrap=True)
    if demo_folder is None:
        raise typer.Exit(_serve_dagster(host, port))
    with demo_server(demo_folder):
        raise typer.Exit(_serve_dagster(host, port))


def _serve_dagster(host: str, port: int) -> int:
    """Serve until interrupted; return the exit code."""
    open_instance(Settings()).dispose()
    out.print(f"Dagster on [cyan]http://{host}:{port}[/] (stop with Ctrl-C)", highlight=False)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "signal_assets.definitions"]
    command += ["-h", host, "-p", str(port)]
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
