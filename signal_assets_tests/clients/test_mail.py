"""Mail: what arrives, how a password travels, and which failures are told apart."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.mail import Mailer
from signal_assets.domain.alerts import Message
from signal_assets_tests.clients.smtp_server import SmtpServer, smtp_server

MESSAGE = Message(message_id="run/1", subject="Bedrijf “Ä”:\nthe gate", body="€ 5 is used.\nRest.")


def mailer(server: SmtpServer, **options) -> Mailer:
    return Mailer(
        "127.0.0.1",
        server.port,
        sender="alerts@example.org",
        recipients=["a@example.org", "b@example.org"],
        **{"starttls": False, **options},
    )


def test_a_message_arrives_with_its_words_and_an_id_of_its_own():
    with smtp_server() as server:
        mailer(server).send(MESSAGE.model_copy(update={"subject": "Bedrijf “Ä”"}))
    [mail] = server.mails
    assert (mail["Subject"], mail["From"]) == ("Bedrijf “Ä”", "alerts@example.org")
    assert mail["To"] == "a@example.org, b@example.org"
    assert mail.get_content().split("\n")[0].strip() == "€ 5 is used."
    assert mail["Message-ID"].endswith("@signal-assets>")


def test_the_same_alert_has_the_same_id_whenever_it_is_sent():
    with smtp_server() as server:
        for _ in range(2):
            mailer(server).send(MESSAGE.model_copy(update={"subject": "x"}))
    assert len({mail["Message-ID"] for mail in server.mails}) == 1


@pytest.mark.parametrize(
    ("behaviour", "error", "said"),
    [
        (SmtpServer(is_down=True), SourceUnavailable, "SMTP 421"),
        (SmtpServer(refuses_message=True), LookupFailed, "SMTP 554"),
        (SmtpServer(refuses_recipients=True), SourceUnavailable, "SMTPRecipientsRefused"),
    ],
)
def test_a_refusal_of_one_message_is_told_apart_from_one_of_all(behaviour, error, said):
    with smtp_server(behaviour) as server, pytest.raises(error, match=said):
        mailer(server).send(MESSAGE.model_copy(update={"subject": "x"}))


def test_a_server_that_is_not_there_is_a_channel_that_is_down():
    with smtp_server() as server:
        pass
    with pytest.raises(SourceUnavailable, match="ConnectionRefusedError"):
        mailer(server).send(MESSAGE)


def test_a_password_does_not_leave_the_machine_in_the_clear():
    with pytest.raises(ValueError, match="in the clear"):
        Mailer(
            "mail.example.org",
            25,
            sender="a@example.org",
            recipients=["b@example.org"],
            user="a",
            password="hunter2",
            starttls=False,
        )


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server's context for 127.0.0.1, whose certificate this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_with_starttls_login_and_message_are_encrypted(certificate):
    behaviour = SmtpServer(tls=certificate, login=("me", "hunter2"))
    with smtp_server(behaviour) as server:
        mailer(server, starttls=True, user="me", password="hunter2").send(
            MESSAGE.model_copy(update={"subject": "x"})
        )
    assert server.logins == [("me", "hunter2")]
    assert server.was_encrypted == [True]


def test_a_certificate_that_nobody_vouches_for_ends_it_before_the_login(certificate, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    behaviour = SmtpServer(tls=certificate, login=("me", "hunter2"))
    with (
        smtp_server(behaviour) as server,
        pytest.raises(SourceUnavailable, match="SSLCertVerificationError"),
    ):
        mailer(server, starttls=True, user="me", password="hunter2").send(MESSAGE)
    assert server.logins == []


def test_a_wrong_password_is_said_without_what_the_server_repeats():
    behaviour = SmtpServer(login=("me", "right"))
    with smtp_server(behaviour) as server, pytest.raises(SourceUnavailable, match="535") as error:
        mailer(server, user="me", password="wrong").send(MESSAGE)
    assert "hunter2" not in str(error.value)
