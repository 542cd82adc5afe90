"""Public hosts: connections that lead to the open internet and to nowhere else."""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses in the clothes of IPv6; what they lead to is not seen."""


class AddressRefused(Exception):
    """The host is not on the public internet, so nothing was sent."""


class PublicHostsTransport(httpx.BaseTransport):
    """Looks each host up itself, and connects to the address it looked at.

    A name that leads to a private address, also one among others, is refused; as the connection
    goes to the very address that was judged, a name server that answers otherwise the second time
    changes nothing. Connections are not kept: two hosts may share an address, not a connection.
    """

    def __init__(
        self,
        *,
        allows_loopback: bool = False,
        resolve: Resolve | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allows_loopback = allows_loopback
        self._resolve = resolve or resolve_host
        self._transport = transport or httpx.HTTPTransport(
            limits=httpx.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        host = url.raw_host.decode("ascii")
        try:
            addresses = self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            message = f"the host name has no address ({type(error).__name__})"
            raise httpx.ConnectError(message) from None
        if not addresses:
            raise httpx.ConnectError("the host name has no address")
        for address in addresses:
            if not self._is_allowed(ipaddress.ip_address(address)):
                raise AddressRefused(f"{host} leads to a private address")
        request.url = url.copy_with(host=addresses[0])
        request.extensions = {**request.extensions, "sni_hostname": host}
        return self._transport.handle_request(request)

    def _is_allowed(self, address: IpAddress) -> bool:
        return is_public(address) or (self._allows_loopback and address.is_loopback)

    def close(self) -> None:
        self._transport.close()


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet, whatever it is wrapped in.

    >>> is_public(ipaddress.ip_address("::ffff:10.0.0.1"))
    False
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


def is_loopback_host(host: str) -> bool:
    """Whether a URL names this machine itself, before any name server is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether a URL leads to this machine itself, by its own words."""
    return is_loopback_host(urlsplit(url).hostname or "")


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host name, best first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
