"""Spans: off and nearly free by default; on where the standard variables name a collector."""

import subprocess
import sys
import time
from typing import Any

import pytest

from signal_assets.clients.tracing import is_wanted, span
from signal_assets_tests.clients.http_server import http_server

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, True),
        ({"OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"},
            True,
        ),
    ],
)
def test_the_standard_variables_switch_tracing(more: dict[str, str], wanted: bool) -> None:
    assert is_wanted(ENDPOINT | more) is wanted


def test_a_span_costs_next_to_nothing_while_tracing_is_off() -> None:
    count = 2_000
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(count):
            with span("kvk zoeken", signal_assets__service="kvk"):
                pass
        best = min(best, (time.process_time() - begun) / count)
    sys.stdout.write(f"a span while tracing is off: {best * 1e6:.1f} µs of CPU\n")
    assert best < 100e-6


PROGRAM = """
from signal_assets.clients.tracing import note, span, start_tracing
assert start_tracing()
with span("asset kvk_profiles", signal_assets__asset="kvk_profiles"):
    with span("kvk zoeken", signal_assets__service="kvk") as inner:
        note(inner, signal_assets__cost_usd=0.02)
"""


def test_spans_arrive_over_otlp_when_the_process_ends() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    with http_server() as collector:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PATH": "", "PYTHONPATH": ":".join(sys.path)}
            | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
            | {"OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert {path for path, _ in collector.posts} == {"/v1/traces"}
    spans: dict[str, Any] = {}
    for _, body in collector.posts:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert names["service.name"] == "signal-assets"
            spans |= {each.name: each for scope in resource.scope_spans for each in scope.spans}
    asset, call = spans["asset kvk_profiles"], spans["kvk zoeken"]
    assert call.parent_span_id == asset.span_id
    assert {each.key for each in call.attributes} == {
        "signal_assets.service",
        "signal_assets.cost_usd",
    }
