# SPDX-License-Identifier: Apache-2.0
"""Reads mote.h into cffi's out-of-line ABI mode: mote/_ffi.py, which opens the shared library when
it is imported. So there is one wheel for all versions of Python, and no compiled code in it.

The header is $MOTE_HEADER, or that of the source tree around this folder, or the one pkg-config knows.
"""
import os
import pathlib
import re
import shlex
import subprocess

import cffi


def find_header() -> pathlib.Path:
    named = os.environ.get("MOTE_HEADER")
    if named:
        return pathlib.Path(named)
    tree = pathlib.Path(__file__).resolve().parent.parent.parent / "include" / "mote.h"
    if tree.exists():
        return tree
    command = ["pkg-config", "--variable=includedir", "mote"]
    return pathlib.Path(subprocess.check_output(command, text=True).strip()) / "mote.h"


def declarations(header: str) -> str:
    """What the C preprocessor makes of the header; cffi knows the types of the system's headers."""
    alone = re.sub(r"^#include <.*$", "", header, flags=re.MULTILINE)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, "-E", "-P", "-x", "c", "-"]
    return subprocess.run(command, input=alone, check=True, capture_output=True, text=True).stdout


def constants(header: str) -> str:
    """The numbers that the header defines as macros."""
    found = re.findall(r"^#define (MOTE_[A-Z0-9_]+)\s+(\d+)\s*(?:/\*.*)?$", header, re.MULTILINE)
    return "".join(f"#define {name} {number}\n" for name, number in found)


text = find_header().read_text()
ffi = cffi.FFI()
ffi.cdef(declarations(text) + constants(text))
ffi.set_source("mote._ffi", None)

if __name__ == "__main__":
    ffi.compile(verbose=True)
