"""The asset `extraction_prompts`: observed, never made; its data version is the active prompt's."""

from datetime import UTC, datetime

import dagster as dg

from signal_assets.clients.profile_files import load_profiles
from signal_assets.clients.prompts import PromptStore
from signal_assets.defs.partitions import search_profiles
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.settings import Settings


@dg.observable_source_asset(
    partitions_def=search_profiles,
    group_name="pass_1",
    description="The prompt version that is active for the search profile.\n\nA new version shows "
    "the tables after it as stale; reading old vacancies with it costs money and happens only when "
    "asked (`signal-assets run --reread`).",
)
def extraction_prompts(
    context: dg.AssetExecutionContext, prompts: dg.ResourceParam[PromptStore]
) -> dg.DataVersionsByPartition:
    profiles = load_profiles(Settings().profiles).profiles
    names = [context.partition_key] if context.has_partition_key else list(profiles)
    return dg.DataVersionsByPartition(
        {name: _data_version(active_prompt(prompts, profiles[name].profile)) for name in names}
    )


def active_prompt(prompts: PromptStore, search_profile: SearchProfile) -> PromptVersion:
    """Return the active prompt version, after version 1 was made from the profile."""
    extraction = search_profile.extraction
    seeded = prompts.seed(
        search_profile.name, extraction.system_prompt, extraction.schema_, datetime.now(UTC)
    )
    return seeded.active


def report_active_prompt(
    instance: dg.DagsterInstance, search_profile: str, prompt: PromptVersion
) -> None:
    """Tell the instance which prompt version is active, without a run."""
    instance.report_runless_asset_event(
        dg.AssetObservation(
            extraction_prompts.key,
            partition=search_profile,
            metadata={
                "version": prompt.version,
                "notes": prompt.notes or "none",
                "made_at": dg.MetadataValue.timestamp(prompt.created_at),
                "prompt": dg.MetadataValue.md(f"```text\n{prompt.system_prompt}\n```"),
                "fields": dg.MetadataValue.json(prompt.schema_),
            },
            tags={"dagster/data_version": _data_version(prompt).value},
        )
    )


def _data_version(prompt: PromptVersion) -> dg.DataVersion:
    return dg.DataVersion(f"v{prompt.number}")
