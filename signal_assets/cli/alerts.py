"""`signal-assets alerts`: the channels by which people are told."""

import uuid

import typer
from rich.markup import escape

from signal_assets.cli.console import FAILED, WRONG_USE, err, out, stop
from signal_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Try the channels that alerts are sent through.")


@app.callback()
def _alerts() -> None:
    """Keep `test` a command of its own, though it is the only one."""


@app.command()
def test() -> None:
    """Send a test message through every channel that is configured, and say what came of it.

    Exit code 0: every channel took it. 1: one did not. 2: none is configured.
    """
    from signal_assets.clients.errors import LookupFailed, SourceUnavailable
    from signal_assets.defs.alert_channels import NO_CHANNEL, channel_names, open_channels
    from signal_assets.domain.alerts import Alert, to_message

    settings = Settings()
    if not channel_names(settings):
        stop(NO_CHANNEL, WRONG_USE)
    alert = Alert(
        alert_id=f"test/{uuid.uuid4()}",
        kind="test",
        title="A test message: alerts reach you here",
        next_step="Nothing; somebody ran `signal-assets alerts test`.",
    )
    failed = False
    with open_channels(settings) as channels:
        for name, channel in channels.items():
            try:
                channel.send(to_message(alert, settings.ui_url))
            except (SourceUnavailable, LookupFailed) as error:
                failed = True
                err.print(f"[bold red]✗[/] {name}: {escape(str(error))}", soft_wrap=True)
            else:
                out.print(f"[green]✓[/] {name}: sent", highlight=False)
    if failed:
        raise typer.Exit(FAILED)
