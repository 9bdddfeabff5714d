# SPDX-License-Identifier: Apache-2.0
"""What the last call of a sandbox did."""
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from ._ffi import ffi
from ._library import lib, text_of
from .host import Image

ACCESSES = {1: "read", 2: "write", 3: "execute"}


def _place(image: Image, index: int, address: int) -> str:
    """A frame in words. All but the innermost are return addresses, which lie behind their calls."""
    back = 0 if index == 0 else 1
    function, plus, offset = image.symbol(address - back).rpartition("+")
    return f"{function}+{int(offset, 16) + back:#x}" if plus else f"{address:#x}"


@dataclass(frozen=True)
class Report:
    """A copy of mote_report; times are in seconds, sizes in bytes.

    Of frames and backtrace the guest wrote all but the first: not more to be believed than its other
    results.
    """

    fault: str  # "none", "page fault", ...
    access: str  # of a page fault: "read", "write", "execute"; else ""
    address: int
    vector: int  # of a processor exception
    error_code: int  # of a processor exception that has one
    code: int  # of an abort, of a failure; exit status; number of a refused system call
    text: str
    symbol: str  # "function+0x1f", or ""
    registers: Dict[str, int]
    frames: Tuple[int, ...]  # where a call failed: addresses, innermost first
    backtrace: Tuple[str, ...]  # the same as "function+0x1f", or "0x401000" where nothing is known
    wall_time: float  # time suspended included
    cpu_time: float  # 0.0 without Policy's cpu_time or cpu_budget
    exits: int
    host_calls: int
    syscalls: int
    refused: int
    memory: int
    reset_pages: int
    resets: int

    @classmethod
    def _from(cls, report: Any, image: Image) -> "Report":
        frames = tuple(report.frames[0 : report.nframes])
        names = [name for name, _ in ffi.typeof("mote_registers").fields]
        return cls(
            fault=text_of(lib.mote_fault_name(report.fault)),
            access=ACCESSES.get(report.access, ""),
            address=report.address,
            vector=report.vector,
            error_code=report.error_code,
            code=report.code,
            text=text_of(report.text),
            symbol=text_of(report.symbol),
            registers={name: getattr(report.registers, name) for name in names},
            frames=frames,
            backtrace=tuple(_place(image, index, frame) for index, frame in enumerate(frames)),
            wall_time=report.wall_ns / 1e9,
            cpu_time=report.cpu_ns / 1e9,
            exits=report.exits,
            host_calls=report.host_calls,
            syscalls=report.syscalls,
            refused=report.refused,
            memory=report.memory,
            reset_pages=report.reset_pages,
            resets=report.resets,
        )
