"""Sheets (CSV) that people bring things in by: each row is read by itself, and every bad one is named."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from hub.document import Document
from hub.errors import Malformed
from hub.language import Words
from hub.unfit import placed, said_of

MOST: Final = 100_000
"""Rows of one sheet."""

LONGEST: Final = 30_000_000
"""Characters of one sheet."""

CODE: Final = "sheet"

RowKind = TypeVar("RowKind", bound=Document)


@dataclass(frozen=True, slots=True)
class Line(Generic[RowKind]):
    """A row of a sheet, and the line of the file on which it ends."""

    no: int
    row: RowKind


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be taken."""

    no: int
    why: Words


@dataclass(frozen=True, slots=True)
class Sheet(Generic[RowKind]):
    """The columns that a sheet names, its good rows, and what is wrong with the others."""

    columns: frozenset[str]
    lines: Sequence[Line[RowKind]]
    faults: Sequence[Fault]

    def over(self, row: RowKind, there: Mapping[str, object]) -> RowKind:
        """Give a row with what is `there` already, by column, where the sheet has no such column."""
        return row.model_copy(update={name: value for name, value in there.items() if name not in self.columns})


BEYOND: Final = Words("最后一列之后还有内容", "beyond the last column there is something")


def read_sheet(written: str, kind: type[RowKind]) -> Sheet[RowKind]:
    """Read a CSV whose first row names the columns; an empty cell is as it is by default, an empty row is none.

    Raises: Malformed for what is no such CSV, has a column that is not known, no rows or too many.
    """
    reader = csv.DictReader(io.StringIO(written.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[Line[RowKind]] = []
    faults: list[Fault] = []
    try:
        reader.fieldnames = columns = _columns(reader.fieldnames or (), kind)
        for record in reader:
            given = _given(record)
            try:
                if None in given:
                    faults.append(Fault(reader.line_num, BEYOND))
                elif given:
                    lines.append(Line(reader.line_num, kind.model_validate(given)))
            except ValidationError as error:
                faults.append(_fault(reader.line_num, error))
            if len(lines) + len(faults) > MOST:
                raise Malformed(f"a sheet has at most {MOST} rows", code=CODE, zh=f"一个文件最多 {MOST} 行")
    except csv.Error as error:
        raise Malformed(f"this is no CSV: {error}", code=CODE, zh=f"不是有效的 CSV：{error}") from error
    if not lines and not faults:
        raise Malformed("the sheet has no rows", code=CODE, zh="文件没有数据行")
    return Sheet(frozenset(columns), lines, faults)


def refuse(faults: Sequence[Fault]) -> None:
    """Refuse a sheet that has faults, and name every one.

    Raises: Malformed.
    """
    if faults:
        told = sorted(faults, key=lambda one: one.no)
        text = "".join(f"\n  line {one.no}: {one.why.en}" for one in told)
        zh = "".join(f"\n  第 {one.no} 行：{one.why.zh}" for one in told)
        raise Malformed(
            f"nothing was taken, for {len(told)} rows are wrong:{text}",
            code=CODE,
            zh=f"{len(told)} 处有误，全部未导入：{zh}",
        )


def doubled(lines: Sequence[Line[RowKind]], codes: Sequence[str]) -> list[Fault]:
    """Give a fault for each line whose code, of `codes` in their order, an earlier line has."""
    first: dict[str, int] = {}
    faults: list[Fault] = []
    for line, code in zip(lines, codes, strict=True):
        if first.setdefault(code, line.no) != line.no:
            why = Words(f"{code} 与第 {first[code]} 行重复", f"{code} stands on line {first[code]} already")
            faults.append(Fault(line.no, why))
    return faults


def _columns(cells: Sequence[str], kind: type[Document]) -> list[str]:
    """Give the columns that the first row names, without the empty cells that spreadsheets leave at the end.

    Raises: Malformed as `read_sheet`.
    """
    named = [cell.strip() for cell in cells]
    while named and not named[-1]:
        named.pop()
    unknown = [name for name in named if name not in kind.model_fields]
    missing = [name for name, field in kind.model_fields.items() if field.is_required() and name not in named]
    if unknown or missing or len({*named}) < len(named):
        known = ", ".join(kind.model_fields)
        told = [f"unknown: {', '.join(unknown)}"] if unknown else []
        told += [f"missing: {', '.join(missing)}"] if missing else []
        text = "; ".join(told or ["one is named twice"])
        raise Malformed(f"columns are {known}; {text}", code=CODE, zh=f"可用的列：{known}；{text}")
    return named


def _given(record: Mapping[str | None, str | list[str] | None]) -> dict[str | None, str]:
    """Give the cells that say something; those beyond the last column have no name."""
    cells = {name: "".join(cell) if isinstance(cell, list) else cell for name, cell in record.items()}
    return {name: cell.strip() for name, cell in cells.items() if cell and cell.strip()}


def _fault(no: int, error: ValidationError) -> Fault:
    told = [placed(*said_of(one)) for one in error.errors(include_url=False)]
    return Fault(no, Words("；".join(one.zh for one in told), "; ".join(one.en for one in told)))
