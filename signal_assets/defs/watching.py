"""Watching: each asset with a span of its own, and with its ids on every line it logs."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import dagster as dg

from signal_assets.clients.tracing import note, span
from signal_assets.logs import about

Params = ParamSpec("Params")
Result = TypeVar("Result")


def watched(compute: Callable[Params, Result]) -> Callable[Params, Result]:
    """Stand below `@dg.asset`: the run, the search profile and the asset are known in `compute`.

    The span has the numbers of the asset's metadata. It is opened in the thread of the step, so
    that what the asset asks of services lies below it.
    """

    takes_context = next(iter(inspect.signature(compute).parameters), None) == "context"

    @functools.wraps(compute)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        context: Any
        if takes_context:
            context = args[0] if args else kwargs["context"]
        else:
            context = dg.AssetExecutionContext.get()
        asset = compute.__name__
        search_profile = context.partition_key if context.has_partition_key else None
        run_id = context.op_execution_context.run_id
        with (
            about(run_id=run_id, search_profile=search_profile, asset=asset),
            span(f"asset {asset}", signal_assets__asset=asset) as opened,
        ):
            note(
                opened,
                signal_assets__run_id=run_id,
                signal_assets__search_profile=search_profile,
            )
            result = compute(*args, **kwargs)
            if isinstance(result, dg.MaterializeResult):
                note(opened, **_counts(result))
            return result

    return run


def with_code_references(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Let the UI show where each asset stands; Dagster's own would show where it is watched."""
    return [_with_code_reference(asset) for asset in assets]


def _with_code_reference(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    compute: Any = asset.op.compute_fn
    function = inspect.unwrap(compute.decorated_fn)
    place = dg.LocalFileCodeReference(
        file_path=inspect.getsourcefile(function) or "",
        line_number=inspect.getsourcelines(function)[1],
    )
    reference = dg.CodeReferencesMetadataValue(code_references=[place])
    return asset.map_asset_specs(
        lambda spec: spec.merge_attributes(metadata={"dagster/code_references": reference})
    )


def _counts(result: dg.MaterializeResult[Any]) -> dict[str, int | float]:
    return {
        f"signal_assets__count__{name.replace('/', '_')}": value
        for name, value in (result.metadata or {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
