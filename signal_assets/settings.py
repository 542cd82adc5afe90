"""Settings: every environment variable the product reads, with its default."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the environment and a `.env` file in the working folder say.

    An empty variable counts as not set. Keys are `SecretStr`: printing the settings shows none.

    Raises:
        pydantic.ValidationError: a variable holds something else than its type; names it.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    storage: str = Field(default="./data", validation_alias="SIGNAL_ASSETS_STORAGE")
    """Folder or `s3://bucket/prefix` for the tables."""
    database_url: SecretStr | None = Field(
        default=None, validation_alias="SIGNAL_ASSETS_DATABASE_URL"
    )
    """Ledger and prompts; None: an SQLite file, see `resolved_database_url`."""
    profiles: Path = Field(default=Path("./profiles"), validation_alias="SIGNAL_ASSETS_PROFILES")
    """Folder of search profiles, one YAML file each."""
    dagster_home: Path = Field(default=Path("./.dagster"), validation_alias="DAGSTER_HOME")
    """Dagster's own folder: runs, events, schedules."""
    dagster_postgres_url: SecretStr | None = Field(
        default=None, validation_alias="DAGSTER_POSTGRES_URL"
    )
    """PostgreSQL for Dagster's runs, events and schedules."""
    logs_bucket: str | None = Field(default=None, validation_alias="SIGNAL_ASSETS_LOGS_BUCKET")
    """Bucket in S3 for what runs print; needs `DAGSTER_POSTGRES_URL` too."""
    celery_broker: SecretStr | None = Field(
        default=None, validation_alias="SIGNAL_ASSETS_CELERY_BROKER"
    )
    """Redis in which runs wait for a worker; needs `DAGSTER_POSTGRES_URL` too."""
    celery_backend: SecretStr | None = Field(
        default=None, validation_alias="SIGNAL_ASSETS_CELERY_BACKEND"
    )
    """Where Celery keeps what became of its tasks; None: beside Dagster's runs."""

    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    """Without it the keyword reader reads."""
    anthropic_base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    model: str = Field(default="claude-haiku-5-5", validation_alias="SIGNAL_ASSETS_MODEL")
    """The Claude model that reads vacancies."""
    transport: Literal["live", "batch"] = Field(
        default="live", validation_alias="SIGNAL_ASSETS_TRANSPORT"
    )
    """live: a call for each vacancy. batch: Message Batches, half the price and answers later."""
    batch_wait_minutes: float = Field(
        default=90, ge=0, validation_alias="SIGNAL_ASSETS_BATCH_WAIT_MINUTES"
    )
    """A run that waits longer for its batches ends; the next one goes on with them."""
    kvk_api_key: SecretStr | None = Field(default=None, validation_alias="KVK_API_KEY")
    """Without it no company is looked up in the Business Register."""
    kvk_base_url: str = Field(default="https://api.kvk.nl/api", validation_alias="KVK_BASE_URL")
    company_info_api_key: SecretStr | None = Field(
        default=None, validation_alias="COMPANY_INFO_API_KEY"
    )
    """Without it no figures are bought."""
    company_info_username: str | None = Field(
        default=None, validation_alias="COMPANY_INFO_USERNAME"
    )
    """The user name beside the key, for the provider `soap`."""
    company_info_base_url: str | None = Field(
        default=None, validation_alias="COMPANY_INFO_BASE_URL"
    )
    """None: the provider's own."""
    company_info_provider: Literal["rest_v1", "soap", "hub"] = Field(
        default="rest_v1", validation_alias="COMPANY_INFO_PROVIDER"
    )
    """Which of Company.info's services is asked."""
    company_info_mapping: Path | None = Field(default=None, validation_alias="COMPANY_INFO_MAPPING")
    """A YAML file with your own field mapping for Company.info."""
    serpapi_api_key: SecretStr | None = Field(default=None, validation_alias="SERPAPI_API_KEY")
    """Without it the source `serpapi` is refused, and says so."""
    serpapi_base_url: str = Field(
        default="https://serpapi.com", validation_alias="SERPAPI_BASE_URL"
    )

    employers: Path | None = Field(default=None, validation_alias="SIGNAL_ASSETS_EMPLOYERS")
    """Your own list of employers, a CSV of `name` and `kvk_number`."""
    overrides: Path = Field(
        default=Path("./overrides.csv"), validation_alias="SIGNAL_ASSETS_OVERRIDES"
    )
    """What a person decided about companies; the review writes it, and it outranks every rule."""
    suppression: Path | None = Field(default=None, validation_alias="SIGNAL_ASSETS_SUPPRESSION")
    """Companies that must not be approached, a CSV of `kvk_number`, `domain` and `name`."""
    gleif: bool = Field(default=False, validation_alias="SIGNAL_ASSETS_GLEIF")
    """On: ask the LEI register for names; free, and needs no key."""
    gleif_base_url: str = Field(
        default="https://api.gleif.org/api/v1", validation_alias="GLEIF_BASE_URL"
    )
    non_mailing_policy: Literal["post_only", "all_channels"] = Field(
        default="post_only", validation_alias="SIGNAL_ASSETS_NMI_POLICY"
    )
    """What the non-mailing indicator blocks; Company.info's terms ask for `all_channels`."""

    boards_base_url: str | None = Field(
        default=None, validation_alias="SIGNAL_ASSETS_BOARDS_BASE_URL"
    )
    """Stands in front of the host of every job board, for a server that imitates them."""

    min_quality: float = Field(
        default=0.3, ge=0, le=1, validation_alias="SIGNAL_ASSETS_MIN_QUALITY"
    )
    """A company below this is not looked up; a profile may say otherwise."""
    run_budget_usd: Decimal = Field(
        default=Decimal(5), ge=0, validation_alias="SIGNAL_ASSETS_RUN_BUDGET_USD"
    )
    """Dollars one run may spend; a profile may say otherwise."""
    concurrency: int = Field(default=16, ge=1, le=256, validation_alias="SIGNAL_ASSETS_CONCURRENCY")
    """Model calls in flight."""
    api_token: SecretStr | None = Field(default=None, validation_alias="SIGNAL_ASSETS_API_TOKEN")
    """What callers of the HTTP service must bring; needed unless it is bound to loopback."""
    llm_kill_switch: bool = Field(default=False, validation_alias="LLM_KILL_SWITCH")
    """On: no model is called."""
    prices: Path | None = Field(default=None, validation_alias="SIGNAL_ASSETS_PRICES")
    """A YAML file with your own prices, laid over the shipped ones."""

    @property
    def resolved_database_url(self) -> str:
        """The database of ledger and prompts: the setting, else a file beside the tables."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        folder = self.dagster_home if "://" in self.storage else Path(self.storage)
        return f"sqlite:///{(folder / 'signal_assets.db').absolute()}"
