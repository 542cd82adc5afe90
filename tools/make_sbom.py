"""The bill of materials of the image: `python -m tools.make_sbom build/sbom.cdx.json`.

CycloneDX JSON of every Python package the image installs, with the hashes the lock file asks for.
It follows from the lock file alone: the same one gives the same bytes on any machine.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from tools.lock_file import REPOSITORY, locked_requirements

IMAGE_EXTRAS = ("s3", "celery", "k8s", "otel")
IMAGE_PYTHON = "3.13"
IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{IMAGE_PYTHON}.0",
    "python_version": IMAGE_PYTHON,
    "sys_platform": "linux",
}
SCHEMA = "1.6"


def main(args: Sequence[str] | None = None) -> int:
    """Write the bill of materials to the file that is named, and return the exit code."""
    (target,) = sys.argv[1:] if args is None else args
    file = Path(target)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = list(installed(locked_requirements(IMAGE_EXTRAS), IMAGE))
    file.write_text(bill_of_materials(lines), "utf-8")
    print(f"{file}: {len(lines)} packages")
    return 0


def installed(requirements: str, environment: Mapping[str, str]) -> Iterator[str]:
    r"""Yield what pip would install in an environment, one package with its hashes a line.

    >>> windows_only = "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n"
    >>> both = windows_only + "idna==3.20 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    >>> list(installed(both, {"sys_platform": "linux"}))
    ['idna==3.20 --hash=sha256:2 --hash=sha256:3']
    """
    for line in requirements.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        words, *hashes = line.split("--hash=")
        package = Requirement(words.strip())
        if package.marker is None or package.marker.evaluate(dict(environment)):
            pinned = f"{package.name}{package.specifier}"
            yield " ".join([pinned, *(f"--hash={value.strip()}" for value in hashes)])


def bill_of_materials(lines: Sequence[str]) -> str:
    """Return CycloneDX JSON, checked against its schema, of packages as `installed` yields them."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(lines) + "\n", "utf-8")
        command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(requirements)]
        command += ["--pyproject", str(REPOSITORY / "pyproject.toml"), "--mc-type", "application"]
        command += ["--output-reproducible", "--output-format", "JSON", "--spec-version", SCHEMA]
        done = subprocess.run(  # noqa: S603 - a fixed command  # nosec B603
            [*command, "--validate", "--output-file", "-"], stdout=subprocess.PIPE, check=True
        )
    return done.stdout.decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
