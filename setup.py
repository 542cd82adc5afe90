"""Packs files that stand at the top of the repository into the package; the rest is declared."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("dagster.yaml", "deploy/*/dagster.yaml", "profiles/*.yaml")


class BuildWithShippedFiles(build_py):
    """Copies the example profiles and each `dagster.yaml` to `signal_assets/shipped`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        root = Path(__file__).resolve().parent
        target = Path(self.build_lib) / "signal_assets" / "shipped"
        for pattern in SHIPPED:
            for source in sorted(root.glob(pattern)):
                copy = target / source.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


setup(cmdclass={"build_py": BuildWithShippedFiles})
