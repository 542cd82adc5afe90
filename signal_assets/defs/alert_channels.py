"""Alert channels: those the settings name, opened for a while."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from signal_assets.clients.alerting import BrokenChannel, Channel
from signal_assets.clients.mail import Mailer
from signal_assets.clients.slack import SlackWebhook
from signal_assets.settings import Settings

SLACK, MAIL = "slack", "e-mail"
NO_CHANNEL = (
    "No alert channel is configured: set SIGNAL_ASSETS_SLACK_WEBHOOK_URL, or "
    "SIGNAL_ASSETS_SMTP_HOST with its sender and recipients."
)


def channel_names(settings: Settings) -> tuple[str, ...]:
    """Return the channels that the settings name, whether or not they work."""
    named = ((SLACK, settings.slack_webhook_url), (MAIL, settings.smtp_host))
    return tuple(name for name, setting in named if setting is not None)


@contextmanager
def open_channels(settings: Settings) -> Iterator[dict[str, Channel]]:
    """Yield the channels by name; one whose settings cannot work says so when it is used."""
    with ExitStack() as opened:
        channels: dict[str, Channel] = {}
        for name in channel_names(settings):
            try:
                channels[name] = _slack(settings, opened) if name == SLACK else _mail(settings)
            except ValueError as error:
                channels[name] = BrokenChannel(str(error))
        yield channels


def _slack(settings: Settings, opened: ExitStack) -> SlackWebhook:
    assert settings.slack_webhook_url is not None  # noqa: S101 - it is named
    return opened.enter_context(SlackWebhook(settings.slack_webhook_url.get_secret_value()))


def _mail(settings: Settings) -> Mailer:
    assert settings.smtp_host is not None  # noqa: S101 - it is named
    if settings.smtp_from is None or settings.smtp_to is None:
        raise ValueError("e-mail needs SIGNAL_ASSETS_SMTP_FROM and SIGNAL_ASSETS_SMTP_TO")
    password = settings.smtp_password
    return Mailer(
        settings.smtp_host,
        settings.smtp_port,
        sender=settings.smtp_from,
        recipients=[each.strip() for each in settings.smtp_to.split(",") if each.strip()],
        user=settings.smtp_user,
        password=None if password is None else password.get_secret_value(),
        starttls=settings.smtp_starttls,
    )
