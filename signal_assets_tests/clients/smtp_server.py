"""A small SMTP server on this machine: keeps what it is sent, and fails as it is told to."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class SmtpServer:
    """What the server does, and what came in."""

    refuses_recipients: bool = False
    refuses_message: bool = False
    is_down: bool = False
    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    timeout = 10
    behaviour: SmtpServer

    def handle(self) -> None:
        self.encrypted = False
        if self.behaviour.is_down:
            self._say("421 not now")
            return
        self._say("220 ready")
        # Not an iterator: with STARTTLS it is another file that is read from then on.
        while (raw := self.rfile.readline()) and self._answer(raw.decode().strip()):
            pass

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def _answer(self, line: str) -> bool:
        """Answer one command; return whether the session goes on."""
        does, word = self.behaviour, line.upper()
        if word.startswith("EHLO"):
            offers_tls = does.tls is not None and not self.encrypted
            offers = (["STARTTLS"] if offers_tls else []) + (["AUTH PLAIN"] if does.login else [])
            names = ["here", *offers]
            self._say(*(f"250-{name}" for name in names[:-1]), f"250 {names[-1]}")
        elif word == "STARTTLS" and does.tls is not None:
            self._say("220 go ahead")
            self.connection = does.tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", -1)
            self.wfile = self.connection.makefile("wb", 0)
            self.encrypted = True
        elif word.startswith("AUTH PLAIN"):
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
            does.logins.append((user, password))
            self._say("235 welcome" if (user, password) == does.login else "535 no, hunter2")
        elif word.startswith("RCPT") and does.refuses_recipients:
            self._say("550 nobody here")
        elif word == "DATA":
            self._say("354 go ahead")
            self._take()
        elif word == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 fine")
        return True

    def _take(self) -> None:
        lines = []
        for raw in iter(self.rfile.readline, b".\r\n"):
            lines.append(raw.removeprefix(b"."))
        if self.behaviour.refuses_message:
            self._say("554 spam")
            return
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.behaviour.mails.append(mail)
        self.behaviour.was_encrypted.append(self.encrypted)
        self._say("250 taken")


@contextmanager
def smtp_server(behaviour: SmtpServer | None = None) -> Iterator[SmtpServer]:
    does = behaviour or SmtpServer()
    handler = type("Session", (_Session,), {"behaviour": does})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        does.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield does
        server.shutdown()
        thread.join()
