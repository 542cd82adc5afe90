"""The terminal: where answers, progress and complaints go."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from signal_assets.progress import Step

PIPED_WIDTH = 140
"""Columns where there is no terminal to ask."""


def _width(stream: TextIO) -> int | None:
    """Return how wide to print; None lets the terminal, or COLUMNS, say so."""
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH


out = Console(width=_width(sys.stdout))
err = Console(stderr=True, width=_width(sys.stderr))

WRONG_USE = 2
FAILED = 1


def stop(message: str, code: int = FAILED) -> NoReturn:
    """Say why nothing more happens, and leave with `code`."""
    err.print(f"[bold red]✗[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


class TerminalProgress:
    """A bar on the terminal for each piece of long work."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, words: str) -> None:
        self._console.print(escape(words), highlight=False, soft_wrap=True)

    @contextmanager
    def steps(self, description: str, total: int | None) -> Iterator[Step]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        silent = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=silent) as bar:
            task = bar.add_task(description, total=total)
            yield lambda: bar.advance(task)
