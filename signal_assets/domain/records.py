"""The base of every record that travels between layers."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, and refuses a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
