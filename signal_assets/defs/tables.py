"""Tables: the columns of every asset, with what each one holds."""

from signal_assets.defs.frames import (
    BYTES,
    COUNT,
    DAY,
    FLAG,
    KEYS,
    MOMENT,
    SCORE,
    TEXT,
    TEXTS,
    USD,
    Column,
    Table,
)
from signal_assets.defs.frames import JSON as JSON_TEXT


def _json(name: str, description: str) -> Column:
    return Column(name, JSON_TEXT, description, is_json=True)


_VACANCY_ID = Column("vacancy_id", TEXT, "Stable id: the source and its own id")
_COMPANY_ID = Column("company_id", TEXT, "Ours; stays when the KvK number changes")
_KVK_NUMBER = Column("kvk_number", TEXT, "Eight digits, leading zeros kept")
_ERROR = Column("error", TEXT, "Why there is no answer")
_FAILURE_KIND = Column(
    "failure_kind",
    TEXT,
    "refused, truncated, invalid, unsupported, service, budget or unavailable",
)
_FETCHED_AT = Column("fetched_at", MOMENT, "When the answer was received")
_ENRICHMENT_STATUS = Column(
    "enrichment_status",
    TEXT,
    "completed (also: there is none), failed, skipped (no key), pending (the run stopped first)",
)
_FIRST_SEEN_AT = Column("first_seen_at", MOMENT, "When this search profile first saw it")

RAW_VACANCIES = Table(
    "raw_vacancies",
    (
        _VACANCY_ID,
        Column("source", TEXT, "Where it was found"),
        Column("external_id", TEXT, "The id the source gives it"),
        Column("title", TEXT, "As published"),
        Column("company_name", TEXT, "The advertiser, as published"),
        Column("location", TEXT, "Place of work, as published"),
        Column("description", TEXT, "The text as published; quotes point into it"),
        Column("text_kind", TEXT, "full, or snippet where the source gives only the beginning"),
        Column("url", TEXT, "Where a person can read it"),
        Column("posted_at", MOMENT, "When it was published; null when unknown"),
        Column("posted_raw", TEXT, "The publication date in the source's own words"),
        Column("language", TEXT, "As the source states it, else as detected; null when unclear"),
        Column("search_term", TEXT, "The term that found it first"),
        Column("board", TEXT, "The company's board that lists it"),
        Column("apply_urls", TEXTS, "Where a person can apply"),
        _FIRST_SEEN_AT,
        Column("last_seen_at", MOMENT, "When a harvest last brought it"),
        Column("content_hash", TEXT, "Fingerprint of title and text, blanks and case aside"),
        Column("duplicate_of", TEXT, "The vacancy it is a copy of: the first one seen"),
        Column("duplicate_reason", TEXT, "How that is known: url, board, words, name or text"),
        Column("is_intermediary", FLAG, "An agency posted it for a client"),
        Column("intermediary_reason", TEXT, "What says so"),
        Column("closed_at", MOMENT, "When its board no longer listed it; null while it is open"),
    ),
)

EXTRACTED_VACANCIES = Table(
    "extracted_vacancies",
    (
        _VACANCY_ID,
        Column("company_name", TEXT, "The advertiser, as published"),
        Column(
            "extraction_status",
            TEXT,
            "completed, failed, skipped (no full text), pending (the run stopped first)",
        ),
        _json("extracted_data", "Field → text, list of texts, or null"),
        _json(
            "evidence",
            "List of field, value, quote, start, end, part: part[start:end] is the quote",
        ),
        Column("extraction_quality", SCORE, "Filled fields / fields of the schema, 0..1"),
        Column("negative_signals", TEXTS, "Phrases of the profile that speak against it"),
        Column("prompt_version", COUNT, "The version of the prompt that read it"),
        Column("extractor", TEXT, "claude or keyword"),
        Column("model", TEXT, "The model that answered"),
        Column("tokens_input", COUNT, "Billed for this vacancy, cached ones included"),
        Column("tokens_output", COUNT, "Billed for this vacancy"),
        Column("cost_usd", USD, "What reading it has cost"),
        Column("values_dropped", COUNT, "Values whose quote does not stand in the text"),
        Column("read_from", TEXT, "The vacancy with the same words whose reading this row shares"),
        Column("content_hash", TEXT, "Fingerprint of the words that were read"),
        Column("error", TEXT, "Why it was not read"),
        _FAILURE_KIND,
        Column("extracted_at", MOMENT, "When it was read"),
    ),
)

COMPANY_QUALITY = Table(
    "company_quality",
    (
        _COMPANY_ID,
        Column("name", TEXT, "The name it advertises under most"),
        Column("normalized_name", TEXT, "The name as companies are compared"),
        Column("vacancy_ids", TEXTS, "Its vacancies in this search profile"),
        Column("vacancy_count", COUNT, "How many"),
        Column("places", TEXTS, "Where it advertises for"),
        Column("extraction_quality", SCORE, "Mean over its completed vacancies, 4 decimals"),
        Column("completed_count", COUNT, "How many of them were read"),
        Column("is_intermediary", FLAG, "It advertises only for clients it does not name"),
        Column("intermediary_reason", TEXT, "What says so"),
        Column("client_vacancy_ids", TEXTS, "Those it posted for clients it does not name"),
        Column("negative_signals", TEXTS, "Phrases of the profile found in its vacancies"),
        Column("qualifies", FLAG, "Worth the paid registers"),
        Column("reason", TEXT, "Why it does or does not"),
        _FIRST_SEEN_AT,
    ),
)

KVK_PROFILES = Table(
    "kvk_profiles",
    (
        _COMPANY_ID,
        _ENRICHMENT_STATUS,
        _KVK_NUMBER,
        Column("match_decision", TEXT, "auto, review or none"),
        Column("match_score", SCORE, "Points of the best candidate"),
        Column("match_lead", SCORE, "Points between it and the next KvK number"),
        Column("match_reasons", TEXTS, "What speaks for and against it"),
        _json("candidates", "List of kvk_number, name, place, score, reasons, source"),
        Column("decided_by", TEXT, "rule, or override: a person's word"),
        Column("found_in", TEXT, "kvk, employer_list, gleif or override"),
        Column("siblings", TEXTS, "Other KvK numbers of the same name, group words aside"),
        _json("decision", "All that the decision rests on, to make it again without asking"),
        Column("statutory_name", TEXT, "As in the articles of association"),
        Column("trade_names", TEXTS, "As registered"),
        Column("legal_form", TEXT, "Normalised legal form"),
        Column("sbi_codes", TEXTS, "Activity codes, the main one first"),
        Column("sbi_edition", TEXT, "2025 or unknown"),
        Column("employee_count", COUNT, "Working persons as registered"),
        Column("establishment_count", COUNT, "Establishments found in the register"),
        Column("registration_date", DAY, "When the company began"),
        Column("is_active", FLAG, "No end date is registered"),
        Column("non_mailing", FLAG, "It asked not to be approached"),
        Column("is_natural_person_business", FLAG, "Its data are personal data"),
        Column("is_holding", FLAG, "A holding by activity or name"),
        Column("place", TEXT, "Place of the main establishment"),
        Column("websites", TEXTS, "Hosts as registered"),
        _FETCHED_AT,
        _ERROR,
        _FAILURE_KIND,
    ),
)

COMPANY_FINANCIALS = Table(
    "company_financials",
    (
        _KVK_NUMBER,
        _ENRICHMENT_STATUS,
        Column("employee_count", COUNT, "Employees"),
        Column("employee_range", TEXT, "Employees, as a band"),
        Column("employee_class", TEXT, "Company.info's code for a band; its meaning is not public"),
        Column("revenue_range", TEXT, "Yearly revenue, as a band"),
        Column("legal_form", TEXT, "As Company.info states it"),
        Column("founded_date", DAY, "When it was founded"),
        Column("is_active", FLAG, "Economically active"),
        Column("is_insolvent", FLAG, "Bankrupt, or in suspension of payments"),
        Column("non_mailing", FLAG, "Company.info's indicator: contact by no channel"),
        Column("sbi_codes", TEXTS, "Activity codes as Company.info states them"),
        Column("sbi_edition", TEXT, "unknown: Company.info does not say it"),
        _json("financials", "revenue, profit, assets (EUR) and year, as far as filed"),
        _json("source_fields", "Our field → the wire field it came from"),
        _json("unread_fields", "Our field → what was wrong with the wire field"),
        _FETCHED_AT,
        _ERROR,
        _FAILURE_KIND,
    ),
)

MERGED_COMPANIES = Table(
    "merged_companies",
    (
        _COMPANY_ID,
        Column("name", TEXT, "Statutory name, else the name it advertises under"),
        _KVK_NUMBER,
        Column("match_decision", TEXT, "auto, review or none; null when it was not looked up"),
        Column("merged_from", TEXTS, "The companies this row absorbed"),
        Column("vacancy_ids", TEXTS, "All their vacancies"),
        Column("extraction_quality", SCORE, "Mean over its completed vacancies, 4 decimals"),
        Column("employee_range", TEXT, "From Company.info, else from the register's count"),
        Column("employee_count", COUNT, "From Company.info, else the register's"),
        Column("revenue_range", TEXT, "From Company.info"),
        Column("legal_form", TEXT, "Normalised legal form"),
        Column("sbi_codes", TEXTS, "Activity codes, the main one first"),
        Column("establishment_count", COUNT, "Establishments found in the register"),
        _json("signals", "Field → list of value, quote, vacancy_id, url, date"),
        _json("losing_values", "List of field, value, company_id that gave way in the merge"),
        _json("filled_from", "Field → the merged company it was filled from"),
        Column("founded_date", DAY, "From Company.info, else the register's"),
        Column("is_active", FLAG, "No end date is registered"),
        Column("is_intermediary", FLAG, "The register says its activity is that of an agency"),
        Column("intermediary_reason", TEXT, "What says so"),
        Column("is_natural_person_business", FLAG, "Its data are personal data"),
        Column("non_mailing", FLAG, "It asked not to be approached"),
        Column("company_info_non_mailing", FLAG, "The same, as Company.info states it"),
        _json("outreach", "Channel → allowed, needs_opt_in, blocked or unknown"),
        _json("outreach_rules", "Channel → the rule that says so"),
        Column("is_holding", FLAG, "A holding by activity or name"),
        Column("siblings", TEXTS, "KvK numbers of the same group by name: linked, never merged"),
        Column("websites", TEXTS, "Hosts as registered"),
        Column("merge_reasons", TEXTS, "Why rows became one, or stayed apart"),
        _FIRST_SEEN_AT,
    ),
)

ACCOUNTS = Table(
    "accounts",
    (
        _KVK_NUMBER,
        Column("name", TEXT, "As in the search profile that saw it first"),
        Column("search_profiles", TEXTS, "The search profiles that found it"),
        _json("company_ids", "Search profile → our id of the company in it"),
        _json("vacancy_ids", "Search profile → its vacancies"),
        Column("vacancy_count", COUNT, "Vacancies of all search profiles, each once"),
        _json("extraction_quality", "Search profile → mean over its completed vacancies"),
        _json("signals", "Search profile → field → list of value, quote, vacancy_id, url, date"),
        Column("legal_form", TEXT, "Normalised legal form"),
        Column("employee_count", COUNT, "From Company.info, else the register's"),
        Column("employee_range", TEXT, "From Company.info, else from the register's count"),
        Column("revenue_range", TEXT, "From Company.info"),
        Column("sbi_codes", TEXTS, "Activity codes, the main one first"),
        Column("establishment_count", COUNT, "Establishments found in the register"),
        Column("is_active", FLAG, "No end date is registered"),
        Column("non_mailing", FLAG, "It asked not to be approached"),
        Column("company_info_non_mailing", FLAG, "The same, as Company.info states it"),
        Column("is_natural_person_business", FLAG, "Its data are personal data"),
        Column("is_holding", FLAG, "A holding by activity or name"),
        Column("websites", TEXTS, "Hosts as registered"),
        _json("siblings", "List of kvk_number, name, is_holding, reason: linked, never merged"),
        _json("outreach", "Channel → allowed, needs_opt_in, blocked or unknown"),
        _json("outreach_rules", "Channel → the rule that says so"),
        Column("first_seen_at", MOMENT, "When a search profile first saw it"),
    ),
)

SOURCE_ANSWERS = Table(
    "source_answers",
    (
        Column("harvested_at", MOMENT, "When the harvest began"),
        Column("source", TEXT, "Which source was asked"),
        Column("search_term", TEXT, "For what; null where it takes no terms"),
        Column("board", TEXT, "Which company's board or page; null where it has none"),
        Column("outcome", TEXT, "rows, empty, refused or broken"),
        Column("found", COUNT, "Vacancies it brought"),
        Column("new", COUNT, "Of these, never seen before by this search profile"),
        Column("rejected", COUNT, "Rows that could not be read"),
        Column("calls", COUNT, "Questions asked of the service"),
        Column("message", TEXT, "What the source said of itself"),
    ),
)

VACANCY_FINGERPRINTS = Table(
    "vacancy_fingerprints",
    (
        _VACANCY_ID,
        Column("made_of", TEXT, "Digest of the vacancy as it was when this was made"),
        Column("keys", KEYS, "Equal ones make two vacancies candidates for being one"),
        Column("signature", BYTES, "MinHash of the text: how much two texts share"),
    ),
)

EXTRACTION_EVALUATION = Table(
    "extraction_evaluation",
    (
        Column("field", TEXT, "The field, or `overall` for all of them together"),
        Column("comparison", TEXT, "What makes two values the same: values, numbers or presence"),
        Column("found_and_labelled", COUNT, "Values that are labelled and were found"),
        Column("only_found", COUNT, "Values that were found and are not labelled"),
        Column("only_labelled", COUNT, "Values that are labelled and were not found"),
        Column("precision", SCORE, "Of the values found: the share that is labelled"),
        Column("recall", SCORE, "Of the labelled values: the share that was found"),
        Column("f1", SCORE, "Harmonic mean of both; null where there is nothing to find"),
        Column("f1_low", SCORE, "Lower end of its 95 % interval, bootstrapped over vacancies"),
        Column("f1_high", SCORE, "Upper end of its 95 % interval"),
        Column("state_accuracy", SCORE, "Of the products found: the share with the labelled state"),
        Column("bar", SCORE, "What F1 over all fields must reach"),
        Column("extractor", TEXT, "claude or keyword"),
        Column("model", TEXT, "The model that read"),
        Column("prompt_version", COUNT, "The prompt version that was measured"),
        Column("evaluated_at", MOMENT, "When"),
    ),
)

TABLES = {
    table.asset: table
    for table in (
        RAW_VACANCIES,
        EXTRACTED_VACANCIES,
        COMPANY_QUALITY,
        KVK_PROFILES,
        COMPANY_FINANCIALS,
        MERGED_COMPANIES,
        ACCOUNTS,
        SOURCE_ANSWERS,
        VACANCY_FINGERPRINTS,
        EXTRACTION_EVALUATION,
    )
}
