"""Storage: tables as Parquet under `{root}/{asset}/search_profile={name}/`, replaced as a whole.

The root is a folder or an address in an object store. What lies in S3 is reached by the usual
settings of AWS (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, a profile, a role of the machine).
"""

import os
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from signal_assets.defs.frames import Table, from_arrow, to_arrow
from signal_assets.defs.large_tables import ROWS_AT_ONCE, LargeTable
from signal_assets.defs.tables import TABLES

FILE_NAME = "data.parquet"
PART_BYTES = 16 * 2**20
"""From twice this size on a table goes up in parts of it, of which a few are under way at once."""
PARTS_AT_ONCE = 4
PARTS = "reading_parts"
"""Folder of what workers read of a search profile until its table is made."""
COLUMNS = "columns"
"""Metadata of an input: the columns to read of its table."""
PATIENT = {"mode": "standard", "total_max_attempts": 10}
"""How an object store is asked that is away or full: for a minute or so, with growing pauses.

`AWS_RETRY_MODE` and `AWS_MAX_ATTEMPTS` say otherwise.
"""
RETRY_SETTINGS = ("AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS")

REFUSALS = {
    "NoSuchBucket": "the bucket does not exist",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "InvalidAccessKeyId": "the access key is not known there",
    "AccessDenied": "these keys may not do that",
    "403": "these keys are wrong, or may not do that",
}
"""What the codes of an object store mean; some stores send no words with them."""
MISSING_OBJECT = ("NoSuchKey", "404")


class StorageUnavailable(OSError):
    """The place of the tables cannot be reached, or refuses; says what to install or to change."""


class TableStore:
    """Reads and writes tables under one root, a folder or an object store.

    A table is finished elsewhere and then put in its place in one step, so that a reader sees the
    old table or the new one, and a killed write leaves the old one.

    An object store that is away is waited for where the store `is_patient`, as a run should be.

    Raises:
        StorageUnavailable: the root is in an object store that needs an extra of ours.
    """

    def __init__(self, root: str, *, is_patient: bool = False) -> None:
        self.root = open_path(root, is_patient=is_patient)

    def path(self, asset: str, search_profile: str | None = None) -> UPath:
        """Return where a table lies; without a search profile, one that is for all of them."""
        if search_profile is None:
            return self.root / asset / FILE_NAME
        return self.root / asset / f"search_profile={search_profile}" / FILE_NAME

    def read(self, asset: str, search_profile: str | None = None) -> pd.DataFrame | None:
        """Return the table of one search profile, or None if it was never written."""
        try:
            return read_table(self.path(asset, search_profile))
        except FileNotFoundError:
            return None

    def write(self, table: Table, search_profile: str, frame: pd.DataFrame) -> UPath:
        """Replace the table of one search profile."""
        path = self.path(table.asset, search_profile)
        write_table(path, frame, table)
        return path

    def read_rows(
        self, asset: str, search_profile: str, columns: Sequence[str], vacancy_ids: Collection[str]
    ) -> pd.DataFrame:
        """Return some rows of a table, the others never in memory all at once.

        Raises:
            FileNotFoundError: the table was never written.
        """
        wanted = pa.array(vacancy_ids, pa.large_string())
        found = [
            batch.filter(pc.is_in(batch["vacancy_id"], wanted))
            for batch in self.batches(asset, search_profile, columns)
        ]
        return from_arrow(pa.concat_tables(found))

    def batches(
        self, asset: str, search_profile: str, columns: Sequence[str]
    ) -> Iterator[pa.Table]:
        """Yield some columns of a table, `ROWS_AT_ONCE` in memory at a time.

        Raises:
            FileNotFoundError: the table was never written.
        """
        with _opened(self.path(asset, search_profile)) as file:
            for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE, columns=list(columns)):
                yield pa.Table.from_batches([batch])

    def part_path(self, search_profile: str, reading: str, number: int) -> UPath:
        """Return where what one worker read lies until the whole table is made of such parts."""
        folder = self.root / PARTS / f"search_profile={search_profile}"
        return folder / f"{reading[:24]}-{number}.parquet"

    def parts(self) -> list[UPath]:
        """Return every part that was written and not yet made into a table."""
        return sorted((self.root / PARTS).glob("*/*"))

    def drop_parts(self, search_profile: str, reading: str, numbers: Iterable[int]) -> None:
        for number in numbers:
            path = self.part_path(search_profile, reading, number)
            with suppress(FileNotFoundError):
                path.unlink()

    def probe(self) -> str:
        """Write and remove a file that nobody reads, and return where that was.

        A bucket is never made: one that is missing is an error like any other of the store.

        Raises:
            OSError: it could not be written or removed.
        """
        probe = self.root / ".signal-assets-probe"
        if is_local(probe):
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
            return str(self.root)
        with _reaching(probe):
            probe.fs.pipe_file(probe.path, b"")
            probe.fs.rm_file(probe.path)
            return f"{self.root} at {probe.fs.s3.meta.endpoint_url}"


def open_path(address: str, *, is_patient: bool = False) -> UPath:
    """Return the path behind a folder's name or an address such as `s3://bucket/prefix`.

    `is_patient`: see `TableStore`.

    Raises:
        StorageUnavailable: it is in S3, and what reads S3 is not installed; or it is elsewhere.
    """
    if "://" not in address:
        return UPath(address)
    if not address.startswith("s3://"):
        raise StorageUnavailable(f"{address} is neither a folder nor s3://bucket/prefix")
    try:
        import s3fs  # noqa: F401 - an extra
    except ImportError as error:
        raise StorageUnavailable(
            f"{address} is in S3: install what reads it with `pip install signal-assets[s3]`"
        ) from error
    # Other machines write here too, so what was once listed must be asked for again.
    is_as_set = not is_patient or any(os.environ.get(name) for name in RETRY_SETTINGS)
    config = {} if is_as_set else {"retries": PATIENT}
    return UPath(address, use_listings_cache=False, config_kwargs=config)


def is_local(path: UPath) -> bool:
    return path.protocol in ("", "file")


def read_table(path: UPath, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return the table at `path`, or those of `columns` that it has.

    Raises:
        FileNotFoundError: there is none.
        StorageUnavailable: the object store cannot be reached, or refuses.
    """
    return from_arrow(read_arrow(path, columns))


def read_arrow(path: UPath, columns: Collection[str] | None = None) -> pa.Table:
    """Return the table at `path` or some of its columns, in memory once.

    Raises:
        FileNotFoundError: there is none.
        pyarrow.ArrowException, OSError: what lies there is no such table.
    """
    with _opened(path) as opened:
        file = pq.ParquetFile(opened)
        there = file.schema_arrow.names
        return file.read(None if columns is None else [name for name in there if name in columns])


def write_table(path: UPath, frame: pd.DataFrame, table: Table) -> None:
    """Put `frame` at `path` with the columns of `table`, all or nothing."""
    write_arrow(path, to_arrow(frame, table))


def write_arrow(path: UPath, table: pa.Table) -> None:
    """Put `table` at `path`, all or nothing."""
    with replacing(path) as target:
        pq.write_table(table, target, compression="zstd", row_group_size=20_000)


def write_large(path: UPath, table: LargeTable) -> None:
    """Put `table` at `path`, all or nothing; its rows are never in memory all at once."""
    with (
        replacing(path) as target,
        pq.ParquetWriter(target, table.table.arrow_schema, compression="zstd") as writer,
    ):
        for batch in table.batches():
            writer.write_table(batch)


@contextmanager
def _opened(path: UPath) -> Iterator[Any]:
    if is_local(path):
        with path.open("rb") as file:
            yield file
        return
    with _reaching(path):
        # In one request: between two of them somebody could replace the object.
        content = path.fs.cat_file(path.path)
    yield pa.BufferReader(content)


@contextmanager
def replacing(path: UPath) -> Iterator[Path]:
    """Yield a local file to write; if nothing is raised it takes the place of `path` in one step.

    The file behind an open object in S3 would not do: leaving it by an error uploads the half that
    was written.
    """
    if is_local(path):
        with _beside(Path(path.path)) as target:
            yield target
        return
    with TemporaryDirectory(prefix="signal-assets-") as folder:
        target = Path(folder) / path.name
        yield target
        _upload(target, path)


def _upload(file: Path, path: UPath) -> None:
    try:
        with _reaching(path):
            path.fs.put_file(
                str(file), path.path, chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )
    except StorageUnavailable:
        raise
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be written: {error}") from None


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _reaching(path: UPath) -> Iterator[None]:
    """Say what the store refused, or could not be asked, and where; its own words do not say where.

    Raises:
        FileNotFoundError: there is no such object.
        StorageUnavailable: no credentials, no network, wrong keys, no such bucket.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except BotoCoreError as error:
        raise StorageUnavailable(f"{path} cannot be reached: {error}") from error
    except OSError as error:
        answer = error.__cause__
        if not isinstance(answer, ClientError):
            raise
        code = answer.response["Error"]["Code"]
        if code in MISSING_OBJECT:
            raise
        words = REFUSALS.get(code) or answer.response["Error"].get("Message") or "no words with it"
        said = f"{answer.operation_name} was answered with {code}: {words}"
        raise StorageUnavailable(f"{path}: {said}") from error


def some_columns(asset: str, *columns: str) -> dg.AssetIn:
    """Return an input that holds only these columns of a table, as far as it has them."""
    return dg.AssetIn(asset, metadata={COLUMNS: list(columns)})


class ParquetIOManager(dg.UPathIOManager):
    """Hands tables from asset to asset as Parquet files, one per search profile.

    An input made by `some_columns` is read no further than that: texts are most of a table.
    """

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

    def make_directory(self, path: UPath) -> None:
        """Leave it to the writing: in an object store this would try to make the bucket."""

    def dump_to_path(
        self, context: dg.OutputContext, obj: pd.DataFrame | LargeTable, path: UPath
    ) -> None:
        if isinstance(obj, LargeTable):
            write_large(path, obj)
        else:
            write_table(path, obj, TABLES[context.asset_key.path[-1]])

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pd.DataFrame:
        try:
            return read_table(path, (context.definition_metadata or {}).get(COLUMNS))
        except FileNotFoundError:
            asset = context.asset_key.to_user_string()
            raise FileNotFoundError(
                f"{asset} was never made for {context.partition_key}; make it first"
            ) from None

    def get_metadata(
        self, context: dg.OutputContext, obj: pd.DataFrame | LargeTable
    ) -> dict[str, dg.MetadataValue[Any]]:
        size = self._base_path.joinpath(*context.asset_key.path)
        return {"dagster/uri": dg.MetadataValue.text(str(size))}
