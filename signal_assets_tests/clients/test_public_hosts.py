import httpx
import pytest

from signal_assets.clients.public_hosts import (
    AddressRefused,
    PublicHostsTransport,
    is_loopback_url,
    resolve_host,
)

PUBLIC, OTHER = "93.184.216.34", "1.1.1.1"


class Line:
    """Answers every request, and keeps where it went."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200)


def ask(
    *addresses: str,
    line: Line | None = None,
    allows_loopback: bool = False,
    url: str = "https://a.test/x?y=1",
) -> Line:
    line = line or Line()
    transport = PublicHostsTransport(
        allows_loopback=allows_loopback,
        resolve=lambda host, port: list(addresses),
        transport=httpx.MockTransport(line),
    )
    with httpx.Client(transport=transport) as http:
        http.get(url)
    return line


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "2002:0a00:0001::",
        "64:ff9b::a00:1",
    ],
)
def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(address):
    line = Line()
    with pytest.raises(AddressRefused, match=r"a\.test leads to a private address"):
        ask(address, line=line)
    assert line.requests == []


def test_one_private_address_among_public_ones_is_enough():
    with pytest.raises(AddressRefused):
        ask(PUBLIC, "10.0.0.1")


def test_the_connection_goes_to_the_address_that_was_judged_under_the_hosts_own_name():
    (request,) = ask(PUBLIC, OTHER).requests
    assert str(request.url) == f"https://{PUBLIC}/x?y=1"
    assert request.headers["host"] == "a.test"
    assert request.extensions["sni_hostname"] == "a.test"


def test_this_machine_is_reached_only_where_it_is_allowed():
    assert ask("127.0.0.1", allows_loopback=True).requests
    with pytest.raises(AddressRefused):
        ask("10.0.0.1", allows_loopback=True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_seen_through(host):
    transport = PublicHostsTransport(
        resolve=resolve_host, transport=httpx.MockTransport(lambda _: httpx.Response(200))
    )
    with httpx.Client(transport=transport) as http, pytest.raises(AddressRefused):
        http.get(f"http://{host}/")


def test_a_name_without_an_address_is_no_connection():
    with pytest.raises(httpx.ConnectError):
        ask()


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:8000/x", True),
        ("https://localhost.example/x", False),
        ("https://a.test/127.0.0.1", False),
        ("", False),
    ],
)
def test_a_url_says_itself_whether_it_leads_to_this_machine(url, is_loopback):
    assert is_loopback_url(url) is is_loopback
