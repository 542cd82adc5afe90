"""Slack: messages through an incoming webhook, whose address is a secret."""

import json
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import (
    NoAnswer,
    NotSent,
    Patience,
    Posted,
    Received,
    TryAgain,
    blot_out,
    excerpt,
    fetch,
    open_http,
)
from signal_assets.domain.alerts import Message

TOTAL_SECONDS = 5.0
MAX_TEXT_CHARS = 3_000
_REFUSED_MESSAGE = ("invalid_payload", "no_text", "too_long", "msg_too_long")
"""What Slack says when it is the message, not the webhook, that is wrong."""


class SlackWebhook:
    """Posts to one incoming webhook.

    Raises:
        ValueError: `url` is no web address; it is not shown.
    """

    def __init__(self, url: str, *, patience: Patience | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.netloc:
            raise ValueError("the webhook of Slack is not a web address")
        self._path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._http = open_http(f"{parts.scheme}://{parts.netloc}")
        self._patience = patience or Patience(
            attempts=3, first_wait_seconds=0.5, longest_wait_seconds=3.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(self, message: Message) -> None:
        """Post one message.

        Raises:
            LookupFailed: Slack does not take this message.
            SourceUnavailable: no answer, or the webhook takes nothing.
        """
        posted = Posted(
            json.dumps({"text": to_slack_text(message)}), (("content-type", "application/json"),)
        )
        try:
            self._patience.retrying()(self._post, posted)
        except TryAgain as error:
            raise SourceUnavailable(f"Slack: {error}") from None

    def _post(self, posted: Posted) -> None:
        try:
            came = fetch(self._http, self._path, posted=posted, total_seconds=TOTAL_SECONDS)
        except (NotSent, NoAnswer) as error:
            raise TryAgain(str(error)) from None
        if came.status_code == 200:
            return
        reason = f"HTTP {came.status_code}: {self._said(came)}"
        if came.status_code == 429 or came.status_code >= 500:
            raise TryAgain(reason, came.asks_to_wait())
        if came.status_code == 400 and any(word in came.body for word in _REFUSED_MESSAGE):
            raise LookupFailed(f"Slack: {reason}")
        raise SourceUnavailable(f"Slack: {reason}")

    def _said(self, came: Received) -> str:
        secrets = [part for part in self._path.split("/") if len(part) > 5]
        return blot_out(excerpt(came.body, 100), secrets) or "no text"


def to_slack_text(message: Message) -> str:
    """Return a message as Slack wants it: three characters are its own.

    >>> to_slack_text(Message(message_id="1", subject="a < b", body="c & d"))
    '*a &lt; b*\\nc &amp; d'
    """
    text = f"*{message.subject}*\n{message.body}"
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, name)
    return text[:MAX_TEXT_CHARS]
