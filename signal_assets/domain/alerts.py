"""Alerts: what somebody on call is told, and in which words."""

from typing import Literal

from signal_assets.domain.records import Record

AlertKind = Literal[
    "harvest_failed", "no_source_answered", "gate_blocked", "run_failed", "budget", "test"
]

MAX_FACTS = 8
MAX_FACT_CHARS = 400


class Alert(Record):
    """One thing that somebody should know, once."""

    alert_id: str
    """The same for the same thing, however often it is found."""
    kind: AlertKind
    title: str
    search_profile: str | None = None
    run_id: str | None = None
    facts: tuple[str, ...] = ()
    next_step: str


class Message(Record):
    """An alert in words, for any channel."""

    message_id: str
    subject: str
    body: str


def shorten(words: str, length: int = MAX_FACT_CHARS) -> str:
    """Return `words` in one line of at most `length` characters.

    >>> shorten("a  line\\nand more", 8)
    'a line …'
    """
    line = " ".join(words.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def to_message(alert: Alert, ui_url: str | None = None) -> Message:
    """Return `alert` in words: what, which profile, which run, what to do next.

    >>> alert = Alert(alert_id="a", kind="test", title="All is well", next_step="Rest.")
    >>> print(to_message(alert).body)
    All is well
    <BLANKLINE>
    What to do: Rest.
    """
    lines = [alert.title, ""]
    if alert.search_profile is not None:
        lines.append(f"Search profile: {alert.search_profile}")
    if alert.run_id is not None:
        link = f" {ui_url.rstrip('/')}/runs/{alert.run_id}" if ui_url else ""
        lines.append(f"Run: {alert.run_id}{link}")
    lines += [f"- {shorten(fact)}" for fact in alert.facts[:MAX_FACTS]]
    if len(alert.facts) > MAX_FACTS:
        lines.append(f"- and {len(alert.facts) - MAX_FACTS} more")
    lines.append(f"What to do: {alert.next_step}")
    subject = f"signal_assets: {shorten(alert.title, 150)}"
    return Message(message_id=alert.alert_id, subject=subject, body="\n".join(lines))
