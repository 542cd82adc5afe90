"""Tracing: spans of OpenTelemetry, where the environment names a collector; else next to nothing.

A span says which service was asked for what and how it ended. It never holds a key, a text, or what
a person or a company is called.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

HOW_TO_INSTALL = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends spans is not installed: "
    "`pip install signal-assets[otel]`"
)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PARTS = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")

logger = logging.getLogger(__name__)
tracer = trace.get_tracer("signal_assets", version("signal-assets"))


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the standard variables of OpenTelemetry name a collector and do not say no.

    >>> is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}), is_wanted({})
    (True, False)
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


def is_installed() -> bool:
    return importlib.util.find_spec("opentelemetry") is not None and all(map(_is_there, _PARTS))


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@cache
def start_tracing() -> bool:
    """Send spans from now on, if that is wanted and can be done; return whether it is so.

    What is left when the process ends is sent then, within the exporter's own time limit.
    """
    if not is_wanted():
        return False
    if not is_installed():
        logger.warning(HOW_TO_INSTALL)
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = Resource({"service.name": "signal-assets", "service.version": version("signal-assets")})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return True


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue
) -> Iterator[Span]:
    """Open a span around a block, below the one that is open; an error in it is named by its type.

    A name of an attribute is written with `__` for the dot: `signal_assets__service`.
    """
    with tracer.start_as_current_span(
        name,
        kind=kind,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            opened.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def note(opened: Span, **attributes: AttributeValue | None) -> None:
    """Add attributes to a span; those that are None are left out."""
    if opened.is_recording():
        for key, value in attributes.items():
            if value is not None:
                opened.set_attribute(key.replace("__", "."), value)
