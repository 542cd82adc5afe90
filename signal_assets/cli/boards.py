"""`signal-assets boards`: companies' own job boards that a profile could list."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from signal_assets.cli.console import WRONG_USE, err, out, stop
from signal_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Find job boards of companies to harvest.")

_COLUMNS = ("url", "apply_urls")


@app.command()
def suggest(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
) -> None:
    """Print boards that harvested vacancies lead to and the profile does not list, as YAML.

    The lines can be pasted below `sources:`; each board is followed by how many vacancies lead to
    it. Boards need no key and give full texts, so every harvest can grow the list for free.
    """
    from signal_assets.clients.profile_files import ProfileRefused, load_named_profile
    from signal_assets.domain.boards.links import suggest_boards
    from signal_assets.domain.search_profiles import BoardSourceOptions

    settings = Settings()
    try:
        options = load_named_profile(settings.profiles, profile).profile
    except ProfileRefused as error:
        stop(str(error), WRONG_USE)
    listed = [
        (source.type, entry.token)
        for source in options.sources
        if isinstance(source, BoardSourceOptions)
        for entry in source.boards
    ]
    found = suggest_boards(_links(settings, profile), listed)
    if not found:
        err.print("No links to boards that the profile does not list yet.", highlight=False)
        return
    for kind, boards in found.items():
        out.print(f"  - type: {kind}\n    boards:", highlight=False)
        for token, count in boards.items():
            out.print(
                f"      - {escape(_quote(token))}  # {count}", highlight=False, soft_wrap=True
            )


def _links(settings: Settings, profile: str) -> Iterator[str]:
    """Yield for each harvested vacancy its links, each once."""
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    frame = TableStore(settings.storage).read("raw_vacancies", profile)
    if frame is None:
        stop(f"Nothing harvested yet: `signal-assets run --profile {profile}` does.")
    for row in rows_of(frame, [name for name in _COLUMNS if name in frame]):
        yield from {row.get("url") or "", *(row.get("apply_urls") or ())}


def _quote(token: str) -> str:
    """Return a token as YAML reads it back as the same text, also where it looks like a number."""
    import yaml

    return yaml.safe_dump(token, default_flow_style=True).removesuffix("\n...\n").strip()
