# SPDX-License-Identifier: Apache-2.0
"""Python values as mote_value and back, by the types of a signature."""
from typing import Any, List, Sequence, Tuple, Union

from ._ffi import ffi
from ._library import lib

Value = Union[None, int, float, bool, str, bytes]

_FIELDS = {
    lib.MOTE_I32: "i32",
    lib.MOTE_U32: "u32",
    lib.MOTE_I64: "i64",
    lib.MOTE_U64: "u64",
    lib.MOTE_F32: "f32",
    lib.MOTE_F64: "f64",
    lib.MOTE_BOOL: "boolean",
}


def _raw(kind: int, value: Any) -> Any:
    """The bytes of a string (UTF-8; lone surrogates stand for bytes that are not) or of bytes."""
    if kind == lib.MOTE_STRING:
        if not isinstance(value, str):
            raise TypeError(f"a str is wanted, not {type(value).__name__}")
        return value.encode("utf-8", "surrogateescape")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"bytes are wanted, not {type(value).__name__}")
    return bytes(value)


def store(target: Any, kind: int, value: Any) -> Any:
    """Writes a value of that type; the result must live as long as the target is used."""
    target.type = kind
    if kind in _FIELDS:
        setattr(target.of, _FIELDS[kind], value)
        return None
    raw = _raw(kind, value)
    buffer = ffi.from_buffer(raw)
    target.of.bytes.data = buffer
    target.of.bytes.size = len(raw)
    return buffer


def load(source: Any) -> Value:
    """A Python value that shares nothing with the source."""
    kind = source.type
    if kind == lib.MOTE_VOID:
        return None
    if kind in _FIELDS:
        value: Value = getattr(source.of, _FIELDS[kind])
        return value
    size = source.of.bytes.size
    raw = bytes(ffi.buffer(source.of.bytes.data, size)) if size else b""
    return raw.decode("utf-8", "surrogateescape") if kind == lib.MOTE_STRING else raw


def store_all(kinds: Sequence[int], values: Sequence[Any]) -> Tuple[Any, List[Any]]:
    """An array of arguments, and what must live as long as it is used."""
    array = ffi.new("mote_value[]", max(len(values), 1))
    kept = []
    for index, (kind, value) in enumerate(zip(kinds, values)):
        try:
            kept.append(store(array[index], kind, value))
        except (TypeError, OverflowError) as problem:
            raise type(problem)(f"argument {index + 1}: {problem}") from None
    return array, kept
