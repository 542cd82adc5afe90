"""Mail: messages by SMTP.

Dagster has `make_email_on_run_failure_sensor`. It is not used: it always logs in, has no time
limit, writes the message as HTML without escaping it, and its sensor counts a failure as told when
the server was down.
"""

import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.public_hosts import is_loopback_host
from signal_assets.domain.alerts import Message

SECONDS = 8.0
"""Longest wait for each answer of the server."""


class Mailer:
    """Sends from one address to some, through one server.

    Raises:
        ValueError: no recipient, or a password would travel in the clear.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        recipients: Sequence[str],
        user: str | None = None,
        password: str | None = None,
        starttls: bool = True,
    ) -> None:
        if not recipients:
            raise ValueError("nobody to send mail to")
        if user is not None and not starttls and not is_loopback_host(host):
            raise ValueError("without STARTTLS the password for mail would travel in the clear")
        self._host = host
        self._port = port
        self._sender = sender
        self._recipients = list(recipients)
        self._user = user
        self._password = password
        self._starttls = starttls

    def send(self, message: Message) -> None:
        """Send one message to all recipients.

        Raises:
            LookupFailed: the server does not take this message.
            SourceUnavailable: it cannot be reached, or takes nothing from us.
        """
        try:
            with smtplib.SMTP(self._host, self._port, timeout=SECONDS) as server:
                if self._starttls:
                    server.starttls(context=ssl.create_default_context())
                if self._user is not None:
                    server.login(self._user, self._password or "")
                server.send_message(self._mail(message), self._sender, self._recipients)
        except smtplib.SMTPDataError as error:
            raise _told_apart(error.smtp_code) from None
        except smtplib.SMTPResponseException as error:
            kind = type(error).__name__
            raise SourceUnavailable(f"e-mail: SMTP {error.smtp_code} ({kind})") from None
        except OSError as error:  # what smtplib raises is one, too
            raise SourceUnavailable(f"e-mail: {type(error).__name__}") from None

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        # The same alert has the same id, by which a mailbox knows one that came twice.
        digest = hashlib.sha256(message.message_id.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{digest}@signal-assets>"
        mail.set_content(message.body, cte="quoted-printable")
        return mail


def _told_apart(code: int) -> LookupFailed | SourceUnavailable:
    if code >= 500:
        return LookupFailed(f"e-mail: SMTP {code}: the message is refused")
    return SourceUnavailable(f"e-mail: SMTP {code}")
