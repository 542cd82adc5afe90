"""`signal-assets evaluate`: how well a reader reads, on vacancies that people labelled."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, TerminalProgress, err, out, stop
from signal_assets.settings import Settings
from signal_assets.shipped import shipped

if TYPE_CHECKING:
    from signal_assets.clients.evaluation_files import LabelledSet
    from signal_assets.clients.profile_files import LoadedProfile
    from signal_assets.domain.evaluation import Change, EvaluationReport, FieldFigures, WorstCase
    from signal_assets.domain.extractions import VacancyText
    from signal_assets.domain.intervals import Share
    from signal_assets.domain.prompts import PromptVersion

CONTEXT_CHARS = 70
"""So much of the text is printed before and after a quote."""


class Reader(StrEnum):
    """Who reads."""

    CLAUDE = "claude"
    KEYWORD = "keyword"


def evaluate(
    labels: Annotated[
        Path | None, typer.Option("--labels", "-l", help="What people read: JSON Lines.")
    ] = None,
    vacancies: Annotated[
        Path | None, typer.Option("--vacancies", "-v", help="The texts: JSON Lines or CSV.")
    ] = None,
    reader: Annotated[
        Reader | None,
        typer.Option("--reader", "-r", help="Else the one that pass 1 would use."),
    ] = None,
    prompt: Annotated[
        int | None, typer.Option("--prompt", help="Prompt version; else the active one.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", help="Else the one profile that asks what is labelled."),
    ] = None,
    out_folder: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the JSON and the HTML report.")
    ] = Path("evaluation"),
    against: Annotated[
        Path | None,
        typer.Option("--against", help="The JSON report of an earlier run, to compare with."),
    ] = None,
) -> None:
    """Measure a reader on labelled vacancies: precision, recall, F1, quotes, states, cost, time.

    Without --labels and --vacancies those that the profile names are used. Prints the figures and
    the ten worst cases, and writes them as JSON and as a page with the quotes marked in the text.
    Claude's answers come from the ledger where they stand there, and are paid for where not.

    Exit code 0: measured. 1: could not be measured. 2: wrong use.
    """
    from signal_assets.clients.evaluation_files import BadEvaluationFile, read_report
    from signal_assets.clients.evaluations import CannotEvaluate
    from signal_assets.domain.evaluation import NotComparable, compare_reports

    settings = Settings()
    try:
        profile_file, labelled = _choose(settings, profile, labels, vacancies)
        earlier = None if against is None else read_report(against)
        report = _measure(settings, profile_file, labelled, reader, prompt)
        change = None if earlier is None else compare_reports(earlier, report)
    except (BadEvaluationFile, NotComparable) as error:
        stop(str(error), WRONG_USE)
    except CannotEvaluate as error:
        stop(str(error))
    print_report(report)
    if change is not None:
        _print_change(change)
    _print_worst(report)
    for path in _write(out_folder, report, change):
        out.print(f"Written: {escape(str(path))}", highlight=False, soft_wrap=True)


def _choose(
    settings: Settings, profile: str | None, labels: Path | None, vacancies: Path | None
) -> "tuple[LoadedProfile, LabelledSet]":
    from signal_assets.clients.evaluation_files import labelled_fields, read_labelled
    from signal_assets.clients.profile_files import load_profiles
    from signal_assets.defs.evaluations import load_labelled

    if (labels is None) != (vacancies is None):
        stop("--labels and --vacancies go together.", WRONG_USE)
    folder = settings.profiles if settings.profiles.is_dir() else shipped("profiles")
    profiles = load_profiles(folder).profiles
    if profile is not None and profile not in profiles:
        stop(f"There is no search profile {profile!r} in {folder}.", WRONG_USE)
    if labels is None or vacancies is None:
        if profile is None:
            stop("Name --labels and --vacancies, or a --profile that names them.", WRONG_USE)
        own = load_labelled(profiles[profile])
        if own is None:
            stop(f"{profile} names no labelled vacancies (`evaluation:` in its file).", WRONG_USE)
        return profiles[profile], own
    labelled = read_labelled(labels, vacancies)
    if profile is not None:
        return profiles[profile], labelled
    known = set(labelled_fields(labelled))
    fitting = [one for one in profiles.values() if set(one.profile.fields) <= known]
    if len(fitting) != 1:
        stop(f"Name a --profile: {len(fitting)} of them ask just what is labelled.", WRONG_USE)
    return fitting[0], labelled


def _measure(
    settings: Settings,
    profile_file: "LoadedProfile",
    labelled: "LabelledSet",
    reader: Reader | None,
    prompt: int | None,
) -> "EvaluationReport":
    from signal_assets.defs.evaluations import default_reader, measure

    name = default_reader(settings) if reader is None else reader.value
    version = None
    if name == "claude" or prompt is not None:
        version = _prompt_version(settings, profile_file, prompt)
    with TerminalProgress(err).steps("Reading", len(labelled.vacancies)) as step:
        return measure(settings, profile_file.profile, labelled, name, version, on_step=step)


def _prompt_version(
    settings: Settings, profile_file: "LoadedProfile", version: int | None
) -> "PromptVersion":
    from signal_assets.clients.prompts import PromptStore, UnknownPrompt
    from signal_assets.defs.extraction_prompts import active_prompt

    store = PromptStore.open(settings.resolved_database_url)
    try:
        active = active_prompt(store, profile_file.profile)
        return active if version is None else store.get(profile_file.profile.name, version)
    except UnknownPrompt as error:
        stop(str(error), WRONG_USE)
    finally:
        store.close()


def print_report(report: "EvaluationReport") -> None:
    """Print the figures of an evaluation, with their 95 % intervals."""
    table = Table(title=_title(report), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("field", no_wrap=True)
    for name in ("right", "extra", "missed", "precision", "recall", "F1", "state", "quotes"):
        table.add_column(name, justify="right", no_wrap=True)
    for figures in report.fields:
        table.add_row(*_cells(figures))
    table.add_section()
    table.add_row(*_cells(report.overall))
    out.print(table)
    for line in _lines(report):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _title(report: "EvaluationReport") -> str:
    subject = report.subject
    who = [subject.reader, subject.model or ""]
    if subject.prompt_version is not None:
        who.append(f"prompt {subject.prompt_version}")
    names = ", ".join(part for part in who if part)
    return f"{subject.search_profile}: {names} on {report.vacancies} labelled vacancies"


def _cells(figures: "FieldFigures") -> list[str]:
    f1 = "–" if figures.f1 is None else f"{figures.f1:.3f}"
    return [
        figures.field,
        str(figures.both),
        str(figures.only_found),
        str(figures.only_labelled),
        _share(figures.precision),
        _share(figures.recall),
        f"{f1} ({figures.f1_interval.low:.2f}-{figures.f1_interval.high:.2f})",
        _of(figures.state),
        _of(figures.quote_overlap),
    ]


def _share(share: "Share") -> str:
    value = "–" if share.value is None else f"{share.value:.2f}"
    return f"{value} ({share.interval.low:.2f}-{share.interval.high:.2f})"


def _of(share: "Share") -> str:
    return f"{share.successes}/{share.trials}" if share.trials else "–"


def _lines(report: "EvaluationReport") -> Iterator[str]:
    yield f"quote accuracy     {_share(report.quote_accuracy)} of {report.quote_accuracy.trials}"
    yield f"state accuracy     {_share(report.overall.state)} of {report.overall.state.trials}"
    yield f"unsupported share  {_share(report.unsupported)} {_reasons(report.reasons_dropped)}"
    yield (
        f"cost per vacancy   USD {report.cost_usd_per_vacancy:.6f} "
        f"({report.tokens_input} tokens in, {report.tokens_output} out, of all)"
    )
    if report.latency_p50 is None or report.latency_p95 is None:
        yield "latency            nothing was read anew: every answer came from the ledger"
    else:
        half, most = report.latency_p50 * 1000, report.latency_p95 * 1000
        yield f"latency            {half:.3g} ms half of them, {most:.3g} ms 95 % of them"
    each = report.seconds_per_vacancy * 1000
    yield f"time per vacancy   {each:.3g} ms, as many at once as may be"
    if report.failures:
        yield f"not read           {_reasons(report.failures)}"


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())


def _print_change(change: "Change") -> None:
    table = Table(title="Against the earlier run", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("field", no_wrap=True)
    for name in ("F1 before", "F1 now", "difference (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in (*change.fields, change.overall):
        before, after = ("–" if f1 is None else f"{f1:.3f}" for f1 in (one.f1_before, one.f1_after))
        low, high = one.difference.low, one.difference.high
        table.add_row(one.field, before, after, f"{low:+.3f} to {high:+.3f}")
    out.print(table)
    out.print(f"better: {', '.join(change.better) or 'none'}", highlight=False, soft_wrap=True)
    out.print(f"worse: {', '.join(change.worse) or 'none'}", highlight=False, soft_wrap=True)


def _print_worst(report: "EvaluationReport") -> None:
    if report.worst:
        out.print("\n[bold]The worst cases[/]")
    for worst in report.worst:
        title = escape(" ".join(worst.text.title.split()))
        out.print(
            f"\n[bold]{escape(worst.text.vacancy_id)}[/] {title}", highlight=False, soft_wrap=True
        )
        for line in _errors(worst):
            out.print(line, markup=False, highlight=False, soft_wrap=True)


def _errors(worst: "WorstCase") -> Iterator[str]:
    if worst.case.failure is not None:
        yield f"  not read: {worst.case.failure}"
    for field, pairs in worst.case.fields.items():
        for pair in pairs:
            found, label = pair.found, pair.label
            if found is not None and label is None:
                yield f"  {field}: found, not labelled: {found.value}"
                yield f"    {_in_text(worst.text, found.quote)}"
            elif label is not None and found is None:
                yield f"  {field}: labelled, not found: {label.value}"
                yield f"    {_in_text(worst.text, label.quote)}"
            elif found is not None and label is not None and pair.same_state is False:
                yield f"  {field}: {found.value} is {found.state}, labelled {label.state}"
                yield f"    {_in_text(worst.text, label.quote)}"


def _in_text(text: "VacancyText", quote: str) -> str:
    """Return the quote between the words around it; as it is where the text does not say it."""
    from signal_assets.domain.grounding import locate

    for words in (text.description, text.title):
        span = locate(quote, words)
        if span is not None:
            before = words[max(0, span.start - CONTEXT_CHARS) : span.start]
            after = words[span.end : span.end + CONTEXT_CHARS]
            return " ".join(f"…{before}»{words[span.start : span.end]}«{after}…".split())
    return " ".join(quote.split())


def _write(
    folder: Path, report: "EvaluationReport", change: "Change | None"
) -> "tuple[Path, Path]":
    from signal_assets.clients.evaluation_files import write_whole
    from signal_assets.reports.evaluation_page import render_evaluation

    subject = report.subject
    parts = [subject.search_profile, subject.reader, subject.model]
    parts.append(None if subject.prompt_version is None else f"prompt-{subject.prompt_version}")
    name = "-".join(part for part in parts if part)
    as_json, as_page = folder / f"{name}.json", folder / f"{name}.html"
    try:
        write_whole(as_json, report.model_dump_json(indent=1))
        write_whole(as_page, render_evaluation(report, change))
    except OSError as error:
        stop(f"The reports cannot be written to {folder}: {error.strerror}")
    return as_json, as_page
