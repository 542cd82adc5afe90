"""`signal-assets api`: the HTTP service for other tools."""

from typing import Annotated

import typer

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings

MIN_TOKEN_CHARS = 16


def serve_api(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8000,
) -> None:
    """Serve profiles, prompts, runs and companies to other tools over HTTP.

    On this machine's own address (127.0.0.1) no token is needed; on any other, and wherever
    SIGNAL_ASSETS_API_TOKEN is set, every caller must send it as a bearer token. The description of
    the service is at /docs and /openapi.json.

    Exit code 2: no token where one is needed.
    """
    import uvicorn

    from signal_assets.api.application import create_app
    from signal_assets.api.dagster_runs import ProcessRuns
    from signal_assets.api.guard import is_loopback

    settings = Settings()
    token = None if settings.api_token is None else settings.api_token.get_secret_value()
    if token is None and not is_loopback(host):
        stop(f"{host} can be reached from outside: set SIGNAL_ASSETS_API_TOKEN first.", WRONG_USE)
    if token is not None and (len(token) < MIN_TOKEN_CHARS or not token.isascii()):
        stop(
            f"SIGNAL_ASSETS_API_TOKEN must be {MIN_TOKEN_CHARS} or more plain characters.",
            WRONG_USE,
        )
    with open_instance(settings) as instance:
        app = create_app(settings, ProcessRuns(instance), token)
        out.print(f"Service on [cyan]http://{host}:{port}[/] (stop with Ctrl-C)", highlight=False)
        uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
