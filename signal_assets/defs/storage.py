"""Storage: tables as Parquet under `{root}/{asset}/search_profile={name}/`, replaced as a whole."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
from upath import UPath

from signal_assets.defs.frames import Table, from_arrow, to_arrow
from signal_assets.defs.tables import TABLES

FILE_NAME = "data.parquet"


class TableStore:
    """Reads and writes tables under one root, a folder or an object store.

    A table is written beside its place and then put there in one step, so that a reader sees the
    old table or the new one, and a killed write leaves the old one.
    """

    def __init__(self, root: str) -> None:
        self.root = UPath(root)

    def path(self, asset: str, search_profile: str | None = None) -> UPath:
        """Return where a table lies; without a search profile, one that is for all of them."""
        if search_profile is None:
            return self.root / asset / FILE_NAME
        return self.root / asset / f"search_profile={search_profile}" / FILE_NAME

    def read(self, asset: str, search_profile: str | None = None) -> pd.DataFrame | None:
        """Return the table of one search profile, or None if it was never written."""
        path = self.path(asset, search_profile)
        return read_table(path) if path.exists() else None

    def write(self, table: Table, search_profile: str, frame: pd.DataFrame) -> UPath:
        """Replace the table of one search profile."""
        path = self.path(table.asset, search_profile)
        write_table(path, frame, table)
        return path


def read_table(path: UPath) -> pd.DataFrame:
    """Return the table at `path`.

    Raises:
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        return from_arrow(pq.read_table(file))


def write_table(path: UPath, frame: pd.DataFrame, table: Table) -> None:
    """Put `frame` at `path` with the columns of `table`, all or nothing."""
    arrow = to_arrow(frame, table)
    with _replacing(path) as target, target.open("wb") as file:
        pq.write_table(arrow, file, compression="zstd", row_group_size=20_000)


@contextmanager
def _replacing(path: UPath) -> Iterator[UPath]:
    """Yield where to write; what stands there afterwards takes the place of `path`.

    An object store shows an object only when its upload is complete, so there it is `path` itself.
    """
    if path.protocol not in ("", "file"):
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


class ParquetIOManager(dg.UPathIOManager):
    """Hands tables from asset to asset as Parquet files, one per search profile."""

    extension = ".parquet"

    def __init__(self, store: TableStore) -> None:
        super().__init__(base_path=store.root)

    def get_path_for_partition(
        self, context: dg.InputContext | dg.OutputContext, path: UPath, partition: str
    ) -> UPath:
        return path / f"search_profile={partition}" / FILE_NAME.removesuffix(".parquet")

    def get_asset_relative_path(self, context: dg.InputContext | dg.OutputContext) -> UPath:
        path = super().get_asset_relative_path(context)
        is_whole = not context.has_asset_partitions
        return path / FILE_NAME.removesuffix(".parquet") if is_whole else path

    def dump_to_path(self, context: dg.OutputContext, obj: pd.DataFrame, path: UPath) -> None:
        write_table(path, obj, TABLES[context.asset_key.path[-1]])

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pd.DataFrame:
        try:
            return read_table(path)
        except FileNotFoundError:
            asset = context.asset_key.to_user_string()
            raise FileNotFoundError(
                f"{asset} was never made for {context.partition_key}; make it first"
            ) from None

    def get_metadata(
        self, context: dg.OutputContext, obj: pd.DataFrame
    ) -> dict[str, dg.MetadataValue[Any]]:
        size = self._base_path.joinpath(*context.asset_key.path)
        return {"dagster/uri": dg.MetadataValue.text(str(size))}
