"""No secret in what git tracks: `python -m tools.scan_secrets` fails on one that is not accepted.

`.secrets.baseline` holds which patterns are looked for, and what was found and is no secret:
examples in documents, made-up passwords of tests. Another one of those is accepted with

    detect-secrets scan --baseline .secrets.baseline
    detect-secrets audit .secrets.baseline

of which the second asks of each whether it is a secret; what nobody answered is not accepted.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detect_secrets.core.baseline import load
from detect_secrets.core.secrets_collection import SecretsCollection

BASELINE = ".secrets.baseline"


def main() -> int:
    """Scan the repository one stands in, say what was found, and return the exit code."""
    baseline = json.loads(Path(BASELINE).read_text("utf-8"))
    offences = [
        f"{BASELINE}: nobody said that {where} is no secret" for where in undecided(baseline)
    ]
    offences += new_secrets(baseline, tracked_files())
    for offence in sorted(offences):
        print(offence)
    if offences:
        print("secrets: see tools/scan_secrets.py for what to do with one that is none")
        return 1
    accepted = sum(map(len, baseline["results"].values()))
    print(f"secrets: none, but for {accepted} that somebody looked at")
    return 0


def tracked_files() -> list[str]:
    """Return the files git knows, those that are added but not committed yet as well."""
    listed = subprocess.run(  # nosec B603 B607
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git is used here
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and Path(name).is_file()]


def new_secrets(baseline: dict[str, Any], files: Sequence[str]) -> list[str]:
    """Return where something looks like a secret that the baseline does not hold.

    A secret is known by its file and its hash, so lines may move.
    """
    accepted = load(baseline, BASELINE)
    found = SecretsCollection()
    found.scan_files(*files)
    return [
        f"{secret.filename}:{secret.line_number}: {secret.type}" for _, secret in found - accepted
    ]


def undecided(baseline: dict[str, Any]) -> list[str]:
    """Return what stands in the baseline without anybody having said that it is no secret."""
    return [
        f"{name}:{entry['line_number']} ({entry['type']})"
        for name, entries in baseline["results"].items()
        for entry in entries
        if entry.get("is_secret") is not False
    ]


if __name__ == "__main__":
    sys.exit(main())
