"""Field mappings of Company.info: the shipped ones, and a user's own in their place."""

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from signal_assets.domain.field_mapping import FieldMapping, FieldTable, HubMapping

T = TypeVar("T", bound=FieldTable)


class BadMapping(ValueError):
    """A field mapping cannot be used; names the file and what is wrong in it."""


def load_mapping(path: Path | None = None) -> FieldMapping:
    """Return the user's own mapping for `rest_v1`, or the shipped one when `path` is None.

    Raises:
        BadMapping: the file cannot be read, or is no mapping.
    """
    return _load(FieldMapping, "company_info_rest_v1.yaml", path)


def load_hub_mapping(path: Path | None = None) -> HubMapping:
    """Return the user's own mapping for `hub`, or the shipped one, which maps no field.

    Raises:
        BadMapping: the file cannot be read, or is no mapping.
    """
    return _load(HubMapping, "company_info_hub.yaml", path)


def _load(kind: type[T], shipped: str, path: Path | None) -> T:
    name = "the shipped mapping" if path is None else str(path)
    source = files("signal_assets.clients") / "data" / shipped if path is None else path
    try:
        return kind.model_validate(yaml.safe_load(source.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadMapping(f"{name}: {error}") from error
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        places = (".".join(map(str, detail["loc"])) + ": " + detail["msg"] for detail in details)
        raise BadMapping(f"{name}: {'; '.join(places)}") from None
