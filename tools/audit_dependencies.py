"""Known vulnerabilities of the locked packages: `python -m tools.audit_dependencies`.

pip-audit asks PyPI, or what `--service` names. A finding fails, unless it is accepted in
`tools/accepted_findings.yaml`. A service that cannot be asked is no finding: it is said, and
nothing fails, so that a machine without a network can be worked on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tools.lock_file import locked_requirements

ACCEPTED = Path(__file__).resolve().parent / "accepted_findings.yaml"
SECONDS = 90
SOCKET_SECONDS = 10


class Accepted(BaseModel):
    """A finding that somebody looked into and can live with until a day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    package: str
    reason: str = Field(min_length=20)
    accepted_on: date
    until: date


class Finding(BaseModel):
    """A known vulnerability of a package that is locked."""

    model_config = ConfigDict(frozen=True)

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        fixed = ", ".join(self.fixed_in) or "no version yet"
        return f"{self.package} {self.version}: {', '.join(self.ids)} (fixed in {fixed})"


class Unanswered(Exception):
    """The service could not be asked; says what is known about why."""


def main(args: Sequence[str] | None = None) -> int:
    """Audit the lock file, say what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.audit_dependencies")
    parser.add_argument("--requirements", type=Path, help="a file of these instead of the lock")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED)
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi")
    parser.add_argument("--osv-url", help="where OSV's service is, or a mirror of it")
    options = parser.parse_args(args)

    accepted = load_accepted(options.accepted)
    service = ["--vulnerability-service", options.service]
    if options.osv_url:
        service += ["--osv-url", options.osv_url]
    with _requirements(options.requirements) as file:
        try:
            packages = ask(file, service)
        except Unanswered as error:
            print(f"audit: NOT DONE, {options.service} could not be asked: {error}")
            return 0
    if all("skip_reason" in package for package in packages):
        print(f"audit: NOT DONE, {options.service} has nothing on any of {len(packages)} packages")
        return 0
    today = date.today()  # noqa: DTZ011 - the day it is here
    offences = not_accepted(findings(packages), accepted, today)
    for offence in offences:
        print(f"audit: {offence}")
    print(f"audit: {summary(packages, options.service)}, {len(offences)} findings not accepted")
    return 1 if offences else 0


def summary(packages: Sequence[dict[str, Any]], service: str) -> str:
    """Return how much was looked at; a service need not have something on every package.

    >>> summary([{"name": "idna", "vulns": []}, {"name": "ours", "skip_reason": "404"}], "pypi")
    '1 of 2 packages looked up (pypi has nothing on ours)'
    """
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    looked_up = f"{len(packages) - len(unknown)} of {len(packages)} packages looked up"
    return f"{looked_up} ({service} has nothing on {', '.join(unknown)})" if unknown else looked_up


def load_accepted(file: Path) -> list[Accepted]:
    """Return the findings that are accepted; each says why, and until when."""
    content = yaml.safe_load(file.read_text("utf-8"))
    return TypeAdapter(list[Accepted]).validate_python(content or [])


def not_accepted(
    found: Iterable[Finding], accepted: Iterable[Accepted], today: date
) -> list[Finding]:
    """Return the findings nobody accepted, and those that were accepted until an earlier day."""
    fine = {(entry.package, entry.id) for entry in accepted if today <= entry.until}
    return [
        finding
        for finding in found
        if not any((finding.package, identifier) in fine for identifier in finding.ids)
    ]


def findings(packages: Iterable[dict[str, Any]]) -> list[Finding]:
    """Return the findings in what pip-audit says of each package."""
    return [
        Finding(
            package=package["name"],
            version=package["version"],
            ids=(found["id"], *found["aliases"]),
            fixed_in=tuple(found["fix_versions"]),
        )
        for package in packages
        for found in package.get("vulns", ())
    ]


def ask(requirements: Path, service: Sequence[str]) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package.

    It is first run without asking anybody: what fails then is ours, and what fails only later is
    the service's.

    Raises:
        Unanswered: the service is out of reach, refuses, or takes too long.
        subprocess.CalledProcessError: pip-audit does not take the requirements.
    """
    _pip_audit(requirements, [*service, "--dry-run"]).check_returncode()
    try:
        done = _pip_audit(requirements, service)
    except subprocess.TimeoutExpired:
        raise Unanswered(f"no answer in {SECONDS} s") from None
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Unanswered(lines[-1][:300]) from None
    return packages


def _pip_audit(requirements: Path, options: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    command += ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command += ["--timeout", str(SOCKET_SECONDS), *options]
    return subprocess.run(  # noqa: S603 - a fixed command  # nosec B603
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@contextmanager
def _requirements(file: Path | None) -> Iterator[Path]:
    if file is not None:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "requirements.txt"
        exported.write_text(locked_requirements(), "utf-8")
        yield exported


if __name__ == "__main__":
    sys.exit(main())
