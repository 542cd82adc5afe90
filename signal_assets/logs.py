"""Logs: each line with the ids of what it is about, as text or as one JSON object.

Who knows an id says so around a block (`about`); every logger below it, ours or not, gains it by
the context. The handlers are plain ones on stderr: Dagster's managed loggers write into its
database, and can lock themselves out of SQLite.
"""

import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

from opentelemetry import trace

from signal_assets.domain.masking import mask_contacts

ID_NAMES = ("run_id", "search_profile", "asset", "vacancy_id", "company_id", "kvk_number")
PARTITION_TAG = "dagster/partition"

_ids: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default={})  # noqa: B039 - never changed


@contextmanager
def about(**ids: str | None) -> Iterator[None]:
    """Give the lines that are logged in a block these ids; None leaves one as it is.

    Raises:
        ValueError: a name that is none of `ID_NAMES`.
    """
    if unknown := ids.keys() - set(ID_NAMES):
        raise ValueError(f"no id of a log line: {', '.join(sorted(unknown))}")
    token = _ids.set({**_ids.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ids.reset(token)


def ids_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids of a record: its own, Dagster's, and those of the context, in this order."""
    found = {**_ids.get(), **_dagster_ids(getattr(record, "dagster_meta", None))}
    found |= {name: getattr(record, name) for name in ID_NAMES if hasattr(record, name)}
    return {name: str(found[name]) for name in ID_NAMES if found.get(name)}


class JsonFormatter(logging.Formatter):
    """One JSON object a line; mail addresses and phone numbers are masked, whoever wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", None) or {}
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask_contacts(str(meta.get("orig_message") or record.getMessage())),
            **ids_of(record),
        }
        event = meta.get("dagster_event")
        if event is not None:
            line["event"] = event.event_type_value
            error = getattr(event.event_specific_data, "error", None)
            if error is not None:
                line["error"] = mask_contacts(error.to_string())
        if record.exc_info:
            line["error"] = mask_contacts(self.formatException(record.exc_info))
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = trace.format_trace_id(span.trace_id)
            line["span_id"] = trace.format_span_id(span.span_id)
        return json.dumps(line, ensure_ascii=False)


class MaskedFormatter(logging.Formatter):
    """Text as ever, with mail addresses and phone numbers masked."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_contacts(super().format(record))


def start_logs(log_format: Literal["text", "json"], text_level: int | None = None) -> None:
    """Let this process log to stderr from now on; a second time changes nothing.

    json: whatever would write a line to stderr writes JSON, also the console of a Dagster run and
    the loggers of libraries. text: only with a `text_level` is anything done.
    """
    if log_format == "text":
        if text_level is not None:
            handler = logging.StreamHandler()
            handler.setFormatter(MaskedFormatter("%(message)s"))
            logging.basicConfig(level=text_level, handlers=[handler])
        return
    if logging.getLoggerClass() is _JsonLogger:
        return
    logging.setLoggerClass(_JsonLogger)  # Dagster makes its console logger of this class
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            _speak_json(handler)
    if not logging.root.handlers:
        logging.root.addHandler(logging.StreamHandler())
        _speak_json(logging.root.handlers[0])
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("signal_assets").setLevel(logging.INFO)
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", message=".*is currently in (beta|preview)")


class _JsonLogger(logging.Logger):
    """A logger whose lines on the terminal are JSON, whatever format its handler came with."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - the library's name
        _speak_json(hdlr)
        super().addHandler(hdlr)


def _speak_json(handler: logging.Handler) -> None:
    if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
        handler.setFormatter(JsonFormatter())


def _dagster_ids(meta: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the ids in what Dagster attaches to a record."""
    if not meta:
        return {}
    tags = meta.get("job_tags") or {}
    step = meta.get("step_key")
    return {
        name: value
        for name, value in (
            ("run_id", meta.get("run_id")),
            ("search_profile", tags.get(PARTITION_TAG)),
            ("asset", step),
        )
        if value
    }
