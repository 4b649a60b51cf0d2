"""Data frames, series and indexes of pandas: names, dtypes, and columns as arrays or lists of plain values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from .base import Codec, Decoder, Encoder, Tolerance

# What is not an array of numpy: nullable numbers and truth values, texts, times with a zone.
NULLABLE = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean")
TEXTS = ("str", "string")
ZONED = re.compile(r"datetime64\[(s|ms|us|ns), (UTC|(?!dateutil)[A-Z]\w*(/[A-Z][\w+-]*){0,2}|UTC[+-]\d\d:\d\d)\]")
Array = Any  # what pandas calls an extension array, or one of numpy


class PandasCodec(Codec):
    """Missing values cross as None and arrive as what the dtype has for them; categories and their order are kept.

    Intervals, periods and sparse columns do not cross.
    """

    name = "pandas"
    brings = ("numpy",)

    def owns(self, value: Any) -> bool:
        return isinstance(value, pd.DataFrame | pd.Series | pd.Index | pd.Timestamp | pd.Timedelta) or value is pd.NA

    def take_apart(self, value: Any, encoder: Encoder) -> Any:
        if isinstance(value, pd.DataFrame):
            columns = [_column(value.iloc[:, place], encoder) for place in range(value.shape[1])]
            return {
                "frame": columns,
                "columns": self.take_apart(value.columns, encoder),
                "index": self.take_apart(value.index, encoder),
            }
        if isinstance(value, pd.Series):
            index = self.take_apart(value.index, encoder)
            return {"series": _column(value, encoder), "index": index, "name": encoder.value(value.name)}
        if isinstance(value, pd.MultiIndex):
            levels = [_column(value.get_level_values(place), encoder) for place in range(value.nlevels)]
            return {"levels": levels, "names": encoder.value(list(value.names))}
        if isinstance(value, pd.Index):
            return {"labels": _column(value, encoder), "name": encoder.value(value.name)}
        if value is pd.NA:
            return {"missing": True}
        column = pd.Series([value])
        return {"moment": _column(column, encoder)}

    def put_together(self, node: Any, decoder: Decoder) -> Any:
        if "missing" in node:
            return pd.NA
        if "moment" in node:
            return pd.Series(_array(node["moment"], decoder)).iloc[0]
        if "labels" in node:
            return pd.Index(_array(node["labels"], decoder), name=decoder.value(node["name"]))
        if "levels" in node:
            levels = [_array(level, decoder) for level in node["levels"]]
            return pd.MultiIndex.from_arrays(levels, names=decoder.value(node["names"]))
        index = self._index(node["index"], decoder)
        if "series" in node:
            return pd.Series(_array(node["series"], decoder), index=index, name=decoder.value(node["name"]))
        arrays = [_array(column, decoder) for column in node["frame"]]
        frame = pd.DataFrame(dict(enumerate(arrays)), index=index)
        frame.columns = self._index(node["columns"], decoder)
        return frame

    def _index(self, node: Any, decoder: Decoder) -> pd.Index:
        if not ("labels" in node or "levels" in node):
            raise TypeError("not an index")
        found: pd.Index = self.put_together(node, decoder)
        return found

    def copy(self, value: Any) -> Any:
        return value.copy(deep=True) if isinstance(value, pd.DataFrame | pd.Series) else value

    def same(self, one: Any, other: Any, tolerance: Tolerance, parts: Callable[[Any, Any], bool]) -> bool:
        kinds = (pd.DataFrame, pd.Series, pd.MultiIndex, pd.Index)
        kind = next((kind for kind in kinds if isinstance(other, kind)), None)
        if kind is None or not isinstance(one, kind):
            return type(one) is type(other) and (one is other or bool(one == other))
        if kind is pd.DataFrame:
            return (
                one.shape == other.shape
                and self.same(one.columns, other.columns, tolerance, parts)
                and self.same(one.index, other.index, tolerance, parts)
                and all(_same_column(one.iloc[:, i], other.iloc[:, i], parts) for i in range(one.shape[1]))
            )
        if kind is pd.Series:
            alike = self.same(one.index, other.index, tolerance, parts) and parts(one.name, other.name)
            return alike and _same_column(one, other, parts)
        if kind is pd.MultiIndex:
            return one.nlevels == other.nlevels and all(
                self.same(one.get_level_values(i), other.get_level_values(i), tolerance, parts)
                for i in range(one.nlevels)
            )
        return parts(one.name, other.name) and _same_column(one, other, parts)

    def noun(self, value: Any) -> str:
        kinds = ((pd.DataFrame, "data frame"), (pd.Series, "series"), (pd.Index, "index"))
        return next((noun for kind, noun in kinds if isinstance(value, kind)), "value")

    def describe(self, value: Any) -> str:
        if isinstance(value, pd.DataFrame):
            columns = ", ".join(map(str, value.columns[:8])) + (", …" if value.shape[1] > 8 else "")
            return f"a data frame of {_rows(len(value))} " + (
                f"with the columns {columns}" if columns else "without columns"
            )
        if isinstance(value, pd.Series):
            return f"a series of {_rows(len(value))}"
        return f"an index of {len(value)}" if isinstance(value, pd.Index) else super().describe(value)

    def to_single(self, value: Any) -> Any:
        if isinstance(value, pd.DataFrame):
            doubles = [place for place, dtype in enumerate(value.dtypes) if dtype == np.float64]
            columns = [
                value.iloc[:, i].astype(np.float32) if i in doubles else value.iloc[:, i] for i in range(value.shape[1])
            ]
            single = pd.DataFrame(dict(enumerate(columns)), index=value.index)
            single.columns = value.columns
            return single
        if isinstance(value, pd.Series) and value.dtype == np.float64:
            return value.astype(np.float32)
        return value

    def warm_up(self) -> None:
        repr(pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}).groupby("b").sum())


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _column(column: pd.Series | pd.Index, encoder: Encoder) -> dict[str, Any]:
    """A column, or labels. Raises TypeError for a dtype that cannot cross."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return {"array": encoder.value(column.to_numpy())}
    if isinstance(dtype, pd.CategoricalDtype):
        categories = column.array.categories
        return {
            "codes": encoder.value(np.asarray(column.array.codes)),
            "categories": _column(categories, encoder),
            "ordered": bool(dtype.ordered),
        }
    name = str(dtype)
    if ZONED.fullmatch(name):
        return {"dtype": name, "array": encoder.value(column.array.asi8)}
    if NULLABLE.fullmatch(name) or name in TEXTS:
        values = [None if pd.isna(value) else value for value in column.astype(object).tolist()]
        return {"dtype": name, "values": encoder.value(values)}
    raise TypeError(f"a column of dtype {name} cannot be handed over")


def _array(node: dict[str, Any], decoder: Decoder) -> Array:
    """What `_column` took apart. Raises TypeError or ValueError."""
    if "codes" in node:
        categories = pd.Index(_array(node["categories"], decoder))
        return pd.Categorical.from_codes(decoder.value(node["codes"]), categories, bool(node["ordered"]))
    name = node.get("dtype")
    if name is None:
        return _plain_array(decoder.value(node["array"]))
    if ZONED.fullmatch(name):
        unit, zone = re.fullmatch(r"datetime64\[(\w+), (.*)\]", name).groups()  # type: ignore[union-attr]
        moments = _plain_array(decoder.value(node["array"])).astype(np.int64).view(f"datetime64[{unit}]")
        return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone).array
    if not (NULLABLE.fullmatch(name) or name in TEXTS):
        raise ValueError("not a dtype of a column")
    return pd.array(decoder.value(node["values"]), dtype=name)


def _plain_array(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        raise TypeError("not a column")
    return value


def _same_column(one: Any, other: Any, parts: Callable[[Any, Any], bool]) -> bool:
    """Whether two columns, or labels, are the same: dtypes, and values in their order."""
    if len(one) != len(other) or one.dtype != other.dtype:
        return False
    if isinstance(one.dtype, np.dtype):
        return parts(one.to_numpy(), other.to_numpy())
    values, others = one.array, other.array
    missing = np.asarray(pd.isna(values), dtype=bool)
    if not np.array_equal(missing, np.asarray(pd.isna(others), dtype=bool)):
        return False
    return parts(list(values[~missing]), list(others[~missing]))


CODEC = PandasCodec()
