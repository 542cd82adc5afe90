"""`signal-assets demo`: the whole graph on the sandbox, from nothing to companies with proof."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from signal_assets.cli.console import FAILED, WRONG_USE, out, stop
from signal_assets.shipped import shipped

DEMO_PROFILE = "accounts_payable"
DEMO_VACANCIES = {
    "accounts_payable": "accounts_payable.jsonl",
    "warehouse_operations": "warehouse.jsonl",
}
"""Example profile → the sandbox's vacancies that serve its file source."""
MARKER = ".signal-assets-demo"


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo's tables and runs are kept.")
    ] = Path("demo"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the tables of an earlier demo.")
    ] = False,
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="The example profile to run.")
    ] = DEMO_PROFILE,
) -> None:
    """Run everything on invented companies: no key, no network, no cost.

    Starts the sandbox, a local server with the true wire formats of Claude, KvK, Company.info and
    SerpApi, runs the whole graph for an example profile through the real clients, and prints the
    companies found with the sentences that prove it.
    """
    _make_folder(folder, profile, keep=keep)
    with demo_server(folder) as url:
        out.print(
            f"Sandbox on [cyan]{url}[/]: Claude, KvK, Company.info and SerpApi, about invented "
            "companies.",
            highlight=False,
            soft_wrap=True,
        )
        from signal_assets.cli.companies import print_companies
        from signal_assets.cli.running import Pass, run_profile
        from signal_assets.settings import Settings

        if not run_profile(profile, Pass.BOTH):
            raise typer.Exit(FAILED)
        print_companies(Settings(), profile, limit=3)
    out.print(
        f"\nTables: [cyan]{escape(str(folder / 'data'))}[/] (Parquet). Look around in the Dagster "
        f"UI: [cyan]signal-assets ui --demo {escape(str(folder))}[/]",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def demo_server(folder: Path) -> Iterator[str]:
    """Run the sandbox for a demo, point this process and its children at both; yield its URL.

    The sandbox's model is taught the keyword rules of the demo's profiles: it has no other mind.
    """
    from signal_assets.clients.profile_files import load_profiles
    from signal_assets.sandbox import SandboxServer

    if not (folder / MARKER).exists():
        stop(f"There is no demo in {folder}: `signal-assets demo` makes one.", WRONG_USE)
    with SandboxServer() as server:
        os.environ.update(demo_settings(folder) | server.environment())
        for loaded in load_profiles(folder / "profiles").profiles.values():
            if rules := loaded.profile.extraction.keywords:
                server.control.teach({field: rule.model_dump() for field, rule in rules.items()})
        yield server.url


def demo_settings(folder: Path) -> dict[str, str]:
    """Return the environment variables that point the product at a demo's folder."""
    root = folder.absolute()
    return {
        "SIGNAL_ASSETS_STORAGE": str(root / "data"),
        "SIGNAL_ASSETS_PROFILES": str(root / "profiles"),
        "DAGSTER_HOME": str(root / "dagster"),
        "SIGNAL_ASSETS_DATABASE_URL": "",
        "SIGNAL_ASSETS_MODEL": "",
        "SIGNAL_ASSETS_LIMITS": "",
        "SIGNAL_ASSETS_PRICES": str(root / "prices.yaml"),
        "LLM_KILL_SWITCH": "",
    }


def _make_folder(folder: Path, profile: str, *, keep: bool) -> None:
    examples = shipped("profiles")
    if not (examples / f"{profile}.yaml").is_file():
        known = ", ".join(sorted(path.stem for path in examples.glob("*.yaml")))
        stop(f"There is no example profile {profile!r}. Known: {known}.", WRONG_USE)
    if folder.exists() and not keep:
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            stop(f"{folder} holds something else than a demo; name another --folder.", WRONG_USE)
        shutil.rmtree(folder)
    vacancies = folder / "profiles" / "vacancies"
    vacancies.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    for example in examples.glob("*.yaml"):
        shutil.copy(example, folder / "profiles")
    from signal_assets.sandbox.world import data_folder

    shipped_data = data_folder()
    (folder / "prices.yaml").write_bytes((shipped_data / "prices.yaml").read_bytes())
    for name, file in DEMO_VACANCIES.items():
        (vacancies / name).mkdir(exist_ok=True)
        content = (shipped_data / "vacancies" / file).read_bytes()
        (vacancies / name / file).write_bytes(content)
