"""A known vulnerability fails the audit; a service that cannot be asked is said, and does not."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from signal_assets_tests.conftest import REPOSITORY
from tools.audit_dependencies import ACCEPTED, Accepted, Finding, load_accepted, not_accepted

VULNERABLE = {
    "vulns": [
        {
            "id": "GHSA-0000-1111-2222",
            "aliases": ["CVE-2026-0001"],
            "summary": "Reads what it should not.",
            "affected": [
                {
                    "package": {"name": "idna", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "3.21"}]}],
                }
            ],
        }
    ]
}
HARMLESS: dict[str, Any] = {}
NOBODY = "http://127.0.0.1:1/v1/query"


@contextmanager
def answering(status: int, answer: dict[str, Any]) -> Iterator[str]:
    """Serve a service of vulnerabilities that says the same of every package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(
    folder: Path, url: str, requirements: str = "idna==3.20\n", accepted: str = "[]"
) -> "subprocess.CompletedProcess[str]":
    (folder / "requirements.txt").write_text(requirements, "utf-8")
    (folder / "accepted.yaml").write_text(accepted, "utf-8")
    options = ["--requirements", "requirements.txt", "--accepted", "accepted.yaml"]
    options += ["--service", "osv", "--osv-url", url]
    return subprocess.run(
        [sys.executable, "-m", "tools.audit_dependencies", *options],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_finding_fails_and_is_named(tmp_path: Path) -> None:
    with answering(200, VULNERABLE) as url:
        done = audit(tmp_path, url)
    assert done.returncode == 1, done.stderr
    named, summary = done.stdout.splitlines()
    assert "idna 3.20" in named
    assert "CVE-2026-0001" in named
    assert "fixed in 3.21" in named
    assert summary == "audit: 1 of 1 packages looked up, 1 findings not accepted"


@pytest.mark.slow
def test_a_finding_that_is_accepted_does_not_fail(tmp_path: Path) -> None:
    entry = {
        "id": "CVE-2026-0001",
        "package": "idna",
        "reason": "We never read from there.",
        "accepted_on": "2026-11-28",
        "until": "9999-01-01",
    }
    with answering(200, VULNERABLE) as url:
        done = audit(tmp_path, url, accepted=json.dumps([entry]))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "audit: 1 of 1 packages looked up, 0 findings not accepted\n"


@pytest.mark.slow
def test_packages_without_findings_pass(tmp_path: Path) -> None:
    with answering(200, HARMLESS) as url:
        done = audit(tmp_path, url)
    assert (done.returncode, done.stdout) == (
        0,
        "audit: 1 of 1 packages looked up, 0 findings not accepted\n",
    )


def test_a_dead_network_is_one_line_and_fails_nothing(tmp_path: Path) -> None:
    done = audit(tmp_path, NOBODY)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("audit: NOT DONE, osv could not be asked:")


@pytest.mark.slow
def test_a_service_that_is_broken_is_one_line_and_fails_nothing(tmp_path: Path) -> None:
    with answering(500, HARMLESS) as url:
        done = audit(tmp_path, url)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("audit: NOT DONE, osv could not be asked:")


@pytest.mark.slow
def test_requirements_that_cannot_be_read_are_not_taken_for_a_dead_network(tmp_path: Path) -> None:
    done = audit(tmp_path, NOBODY, requirements="idna=3.20\n")
    assert done.returncode == 1
    assert "NOT DONE" not in done.stdout


FOUND = Finding(package="idna", version="3.20", ids=("GHSA-1", "CVE-1"), fixed_in=("3.21",))
ENTRY = {
    "id": "CVE-1",
    "package": "idna",
    "reason": "We never read from there.",
    "accepted_on": date(2026, 11, 28),
    "until": date(2026, 12, 28),
}


@pytest.mark.parametrize(
    ("entry", "today", "offends"),
    [
        (ENTRY, date(2026, 12, 28), False),
        (ENTRY, date(2026, 12, 29), True),
        (ENTRY | {"id": "CVE-2"}, date(2026, 12, 1), True),
        (ENTRY | {"package": "another"}, date(2026, 12, 1), True),
    ],
    ids=["until its day", "the day after", "another finding", "another package"],
)
def test_what_is_accepted_is_one_finding_of_one_package_for_a_while(
    entry: dict[str, Any], today: date, offends: bool
) -> None:
    accepted = Accepted.model_validate(entry)
    assert (not_accepted([FOUND], [accepted], today) == [FOUND]) is offends


@pytest.mark.parametrize("missing", ["reason", "accepted_on", "until"])
def test_nothing_is_accepted_without_a_reason_and_its_days(tmp_path: Path, missing: str) -> None:
    entry = {name: str(value) for name, value in ENTRY.items() if name != missing}
    (tmp_path / "accepted.yaml").write_text(json.dumps([entry]), "utf-8")
    with pytest.raises(ValidationError, match=missing):
        load_accepted(tmp_path / "accepted.yaml")


def test_the_findings_accepted_here_can_be_read() -> None:
    assert all(entry.accepted_on < entry.until for entry in load_accepted(ACCEPTED))
