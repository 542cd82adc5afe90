"""`signal-assets profiles`: the search profiles on this machine."""

import shutil
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import FAILED, WRONG_USE, err, out, stop
from signal_assets.settings import Settings
from signal_assets.shipped import shipped

app = typer.Typer(no_args_is_help=True, help="List, check and start search profiles.")


@app.command("list")
def list_profiles() -> None:
    """Show the search profiles, with what each one asks and where it looks."""
    from signal_assets.clients.profile_files import load_profiles

    settings = Settings()
    loaded = load_profiles(settings.profiles)
    table = Table("profile", "title", "terms", "sources", "fields", "threshold", "harvest")
    for name, item in sorted(loaded.profiles.items()):
        profile = item.profile
        threshold = profile.quality_threshold
        table.add_row(
            name,
            profile.title or "",
            str(len(profile.search_terms)),
            ", ".join(source.type for source in profile.sources),
            ", ".join(profile.fields),
            str(settings.min_quality if threshold is None else threshold),
            profile.harvest_cron,
        )
    out.print(table)
    for problem in loaded.problems:
        err.print(f"[yellow]![/] {escape(str(problem))}", highlight=False, soft_wrap=True)


@app.command()
def check(
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="Only this one.")] = None,
) -> None:
    """Check every profile file; name file, line and key of each mistake. Exit code 1 if any."""
    from signal_assets.clients.profile_files import load_profiles
    from signal_assets.domain.keyword_reader import KeywordReader
    from signal_assets.domain.search_profiles import JobSpySourceOptions

    loaded = load_profiles(Settings().profiles)
    problems = [
        str(problem)
        for problem in loaded.problems
        if profile is None or problem.file.startswith(f"{profile}.")
    ]
    names = [name for name in sorted(loaded.profiles) if profile in (None, name)]
    if profile is not None and not names and not problems:
        stop(f"There is no search profile {profile!r}.", WRONG_USE)
    for name in names:
        try:
            KeywordReader(loaded.profiles[name].profile.extraction)
        except ValueError as error:
            problems.append(f"{name}.yaml: extraction.keywords: {error}")
        else:
            out.print(f"[green]✓[/] {name}", highlight=False)
        for source in loaded.profiles[name].profile.sources:
            if isinstance(source, JobSpySourceOptions):
                message = f"[yellow]![/] {name}: {escape(source.notice)}"
                err.print(message, highlight=False, soft_wrap=True)
    for line in problems:
        err.print(f"[red]✗[/] {escape(line)}", highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(FAILED)


@app.command()
def rules() -> None:
    """Show the keyword reader's shipped rule sets; a field takes one by its name, or by `use`."""
    from signal_assets.domain.gazetteers import ProductRules, shipped_rule_names, shipped_rules

    table = Table("rule set", "finds", box=SIMPLE_HEAD)
    for name in shipped_rule_names():
        found = shipped_rules(name)
        if isinstance(found, ProductRules):
            products = ", ".join(product.name for product in found.products[:12])
            table.add_row(name, escape(f"{len(found.products)} products: {products} …"))
        else:
            table.add_row(name, "phrases, by patterns in Dutch and English")
    out.print(table)


@app.command()
def init() -> None:
    """Write the example profiles to the profiles folder; files that stand there stay."""
    folder = Settings().profiles
    folder.mkdir(parents=True, exist_ok=True)
    for example in sorted(shipped("profiles").glob("*.yaml")):
        target = folder / example.name
        if target.exists():
            out.print(f"[dim]{escape(str(target))} stands there already[/]", highlight=False)
            continue
        shutil.copyfile(example, target)
        out.print(f"[green]✓[/] {escape(str(target))}", highlight=False)
