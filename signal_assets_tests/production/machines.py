"""Machines that are told apart by their names and clocks, on this one machine.

A small library, made here with the C compiler, stands between a process and the system's clock:
whatever the process does, it finds the time and the host name of its own machine.
"""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("machine.c")


class Machine:
    """What a process has to be told to run on another machine; its clock may be set at any time."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._clock = folder / f"{name}.clock"
        self._library = make_library(folder)
        self.set_ahead(0)

    def set_ahead(self, seconds: int) -> None:
        """Set the clock to `seconds` after the real one; processes see it at once."""
        if not self._clock.exists():
            self._clock.write_bytes(bytes(8))
        with self._clock.open("r+b", buffering=0) as clock:  # in place: processes have it mapped
            clock.write(struct.pack("=q", seconds))

    @property
    def variables(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "MACHINE_CLOCK": str(self._clock),
            "MACHINE_NAME": self._name,
        }


def make_library(folder: Path) -> Path:
    """Return the library, compiled at the first use; the test is skipped without a compiler."""
    library = folder / "machine.so"
    if library.exists():
        return library
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a process gets a clock of its own by a library, and there is no cc to make it")
    line = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(line, check=True, capture_output=True)
    return library
