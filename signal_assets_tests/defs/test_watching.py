"""The spans of a real run, kept in memory."""

from collections.abc import Iterator

import dagster as dg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from signal_assets.api.application import create_app
from signal_assets.api.dagster_runs import ProcessRuns
from signal_assets.definitions import defs
from signal_assets.settings import Settings
from signal_assets_tests.conftest import REPOSITORY
from signal_assets_tests.defs.conftest import Workspace

EXPORTER = InMemorySpanExporter()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Return where the spans of this process go; a provider is set once for a process."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
        trace.set_tracer_provider(provider)
    EXPORTER.clear()
    yield EXPORTER
    EXPORTER.clear()


def attributes(of: ReadableSpan) -> dict[str, object]:
    return dict(of.attributes or {})


@pytest.mark.slow
def test_a_run_is_its_assets_with_the_calls_below_them(
    workspace: Workspace, spans: InMemorySpanExporter
) -> None:
    result = workspace.run("full_job")
    assert result.success

    made = spans.get_finished_spans()
    assets = {span.name: span for span in made if span.name.startswith("asset ")}
    assert {"asset raw_vacancies", "asset company_quality", "asset merged_companies"} <= set(assets)
    for span in assets.values():
        assert attributes(span)["signal_assets.run_id"] == result.run_id
        assert attributes(span)["signal_assets.search_profile"] == "worked_example"
    rows = len(workspace.table("raw_vacancies"))
    harvest = attributes(assets["asset raw_vacancies"])
    assert harvest["signal_assets.count.vacancies"] == rows

    calls = [span for span in made if "signal_assets.service" in attributes(span)]
    parents = {span.context.span_id: name.removeprefix("asset ") for name, span in assets.items()}
    of_service = {
        (attributes(span)["signal_assets.service"], parents[span.parent.span_id])
        for span in calls
        if span.parent is not None
    }
    assert of_service == {
        ("claude", "extracted_vacancies"),
        ("kvk", "kvk_profiles"),
        ("company_info", "company_financials"),
    }
    ledger = workspace.ledger()
    spent = {line.service: float(line.cost_usd) for line in ledger.spending()}
    ledger.close()
    for service, cost in spent.items():
        costs = [
            float(str(attributes(span)["signal_assets.cost_usd"]))
            for span in calls
            if attributes(span)["signal_assets.service"] == service
        ]
        assert sum(costs) == pytest.approx(cost)


@pytest.mark.slow
def test_an_answer_of_the_ledger_is_told_apart_and_nobody_is_named(
    workspace: Workspace, spans: InMemorySpanExporter
) -> None:
    workspace.run("full_job")
    spans.clear()
    workspace.run("full_job")

    calls = [
        attributes(span)
        for span in spans.get_finished_spans()
        if "signal_assets.service" in attributes(span)
    ]
    assert calls
    assert all(call["signal_assets.from_ledger"] is True for call in calls)
    assert all(call["signal_assets.cost_usd"] == 0 for call in calls)
    everything = str([(span.name, attributes(span)) for span in spans.get_finished_spans()])
    for word in ("techcorp", "TechCorp", "sandbox-", workspace.server.url):
        assert word not in everything


@pytest.mark.slow
def test_a_request_to_the_service_is_a_span_by_its_route(
    workspace: Workspace, spans: InMemorySpanExporter
) -> None:
    app = create_app(Settings(), ProcessRuns(workspace.instance), None)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.get("/profiles/worked_example")
        client.get("/profiles/nobody")
        client.get("/health/live")

    # Newer versions of FastAPI make spans of their own, too.
    made = [
        span
        for span in spans.get_finished_spans()
        if span.instrumentation_scope is not None
        and span.instrumentation_scope.name == "signal_assets"
    ]
    assert [span.name for span in made] == ["GET /profiles/{profile}"] * 2
    codes = [attributes(span)["http.response.status_code"] for span in made]
    assert codes == [200, 404]


def test_the_ui_links_to_the_asset_and_not_to_what_watches_it() -> None:
    graph = defs.resolve_asset_graph()
    metadata = graph.get(dg.AssetKey("raw_vacancies")).metadata
    [reference] = metadata["dagster/code_references"].code_references
    assert reference.file_path == str(REPOSITORY / "signal_assets" / "defs" / "raw_vacancies.py")
