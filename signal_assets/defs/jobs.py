"""Jobs: the parts of the graph that are run together, for one search profile at a time."""

import dagster as dg

from signal_assets.defs.company_financials import company_financials
from signal_assets.defs.company_quality import company_quality
from signal_assets.defs.extracted_vacancies import extracted_vacancies
from signal_assets.defs.extraction_prompts import extraction_prompts
from signal_assets.defs.kvk_profiles import kvk_profiles
from signal_assets.defs.merged_companies import merged_companies
from signal_assets.defs.raw_vacancies import raw_vacancies

HARVEST = [raw_vacancies.key]
PASS_ONE = [extraction_prompts.key, extracted_vacancies.key, company_quality.key]
PASS_TWO = [kvk_profiles.key, company_financials.key, merged_companies.key]

harvest_job = dg.define_asset_job(
    "harvest_job",
    selection=HARVEST,
    description="Ask the sources of a search profile for vacancies.",
)
extraction_job = dg.define_asset_job(
    "extraction_job",
    selection=PASS_ONE,
    description="Pass 1: read the vacancies that were not read yet, and judge their companies.",
)
enrichment_job = dg.define_asset_job(
    "enrichment_job",
    selection=PASS_TWO,
    description="Pass 2: look the companies that qualify up in the paid registers, and merge them.",
)
full_job = dg.define_asset_job(
    "full_job",
    selection=[*HARVEST, *PASS_ONE, *PASS_TWO],
    description="Everything for a search profile: harvest, pass 1, pass 2.",
)

JOBS = (harvest_job, extraction_job, enrichment_job, full_job)
