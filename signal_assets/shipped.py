"""Shipped files: the example profiles and each `dagster.yaml`, in the package or the repository."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the path of a file or folder that comes with the product.

    An installed package carries them in `shipped/`; in a checkout they stand at the top.
    """
    packed = _PACKAGE / "shipped" / name
    return packed if packed.exists() else _PACKAGE.parent / name
