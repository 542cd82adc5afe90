"""Suppression: companies that must not be approached, by KvK number, domain or name."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from signal_assets.domain.company_names import company_key
from signal_assets.domain.overrides import parse_number
from signal_assets.domain.records import Record
from signal_assets.domain.register_evidence import normalize_host

COLUMNS = ("kvk_number", "domain", "name", "note")

_LABELS = {"kvk_number": "KvK number", "domain": "domain", "name": "name"}


class Suppressed(Record):
    """One row of the list; whatever of the three it states is kept away by itself."""

    kvk_number: str | None = None
    domain: str | None = None
    name: str | None = None
    note: str | None = None
    line: int | None = None


class SuppressionHit(NamedTuple):
    """Why a company is on the list."""

    by: Literal["kvk_number", "domain", "name"]
    value: str
    line: int | None

    @property
    def reason(self) -> str:
        where = f", line {self.line}" if self.line else ""
        return f"It is on the suppression list ({_LABELS[self.by]} {self.value}{where})."


class SuppressionList:
    """Finds a company on the list by any of its numbers, hosts and names."""

    def __init__(self, rows: Iterable[Suppressed] = ()) -> None:
        self._lines: dict[tuple[Literal["kvk_number", "domain", "name"], str], int | None] = {}
        for row in rows:
            if row.kvk_number:
                self._lines.setdefault(("kvk_number", row.kvk_number), row.line)
            if row.domain:
                self._lines.setdefault(("domain", normalize_host(row.domain)), row.line)
            key = company_key(row.name) if row.name else None
            if key:
                self._lines.setdefault(("name", key), row.line)

    def __len__(self) -> int:
        return len(self._lines)

    def find(
        self,
        *,
        kvk_number: str | None = None,
        hosts: Iterable[str] = (),
        names: Iterable[str | None] = (),
    ) -> SuppressionHit | None:
        """Return why a company is on the list, or None.

        A host below a listed domain is on the list; names are compared without legal form.
        """
        if not self._lines:
            return None
        if kvk_number and ("kvk_number", kvk_number) in self._lines:
            return SuppressionHit("kvk_number", kvk_number, self._lines["kvk_number", kvk_number])
        for host in hosts:
            for domain in _domains(normalize_host(host)):
                if ("domain", domain) in self._lines:
                    return SuppressionHit("domain", domain, self._lines["domain", domain])
        for name in names:
            key = company_key(name) if name else None
            if key and ("name", key) in self._lines:
                return SuppressionHit("name", key, self._lines["name", key])
        return None


def parse_suppressed(cells: Mapping[str, str], line: int) -> Suppressed:
    """Return one row of the list.

    Raises:
        ValueError: says what is wrong with the row.
    """
    filled = {key: text for key, value in cells.items() if (text := value.strip())}
    stated = filled.get("kvk_number") or filled.get("kvk")
    domain, name = filled.get("domain"), filled.get("name")
    if not (stated or domain or name):
        raise ValueError("it names nobody: give a kvk_number, a domain or a name")
    if name is not None and company_key(name) is None:
        raise ValueError(f"the name {name[:50]!r} holds no letter or digit")
    host = normalize_host(domain.rsplit("@", 1)[-1]) if domain else None
    if domain is not None and (host is None or "." not in host):
        raise ValueError(f"{domain[:50]!r} is not a domain")
    return Suppressed(
        kvk_number=parse_number(stated) if stated else None,
        domain=host,
        name=name,
        note=filled.get("note"),
        line=line,
    )


def _domains(host: str) -> list[str]:
    parts = host.split(".")
    return [".".join(parts[start:]) for start in range(max(1, len(parts) - 1))]
