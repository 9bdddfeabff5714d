# SPDX-License-Identifier: Apache-2.0
"""The shared library, and how its errors become exceptions."""
import os
from typing import Any

from . import errors
from ._ffi import ffi

SONAME = "libmote.so.0"


def _open() -> Any:
    path = os.environ.get("MOTE_LIBRARY", SONAME)
    try:
        return ffi.dlopen(path)
    except OSError as problem:
        raise ImportError(
            f"{problem}; install mote, or name its shared library in MOTE_LIBRARY"
        ) from None


lib = _open()


def text_of(pointer: Any) -> str:
    """A C string of the library."""
    return str(ffi.string(pointer).decode("utf-8", "backslashreplace"))


def version() -> str:
    """The version of the shared library."""
    return text_of(lib.mote_version())


def new_error() -> Any:
    """A mote_error to be filled in."""
    error = ffi.new("mote_error *")
    error.size = ffi.sizeof("mote_error")
    return error


def exception(code: int, error: Any = None) -> errors.Error:
    """The exception for a code and, where there is one, the mote_error that belongs to it."""
    name = text_of(lib.mote_error_name(code))
    made = errors.BY_NAME.get(name, errors.Error)
    if error and error.code == code:
        return made(name, text_of(error.text), text_of(error.remedy), error.detail)
    return made(name, text_of(lib.mote_error_string(code)), "", 0)


def check(code: int, error: Any = None) -> int:
    """Raises unless the code is a success."""
    if code < 0:
        raise exception(code, error)
    return code


def checked(function: Any, *args: Any) -> int:
    """Calls a function of the library whose last parameter is a mote_error; raises its failure."""
    error = new_error()
    return check(function(*args, error), error)


def nanoseconds(seconds: float) -> int:
    """Seconds as the library counts them; never 0, which means something else there."""
    if not seconds > 0:
        raise ValueError("a time must be more than 0 seconds")
    return min(max(int(seconds * 1e9), 1), 2**64 - 1)
