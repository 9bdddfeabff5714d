# SPDX-License-Identifier: Apache-2.0
"""What the last call of a sandbox did."""
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from ._ffi import ffi
from ._library import lib, text_of

ACCESSES = {1: "read", 2: "write", 3: "execute"}


@dataclass(frozen=True)
class Report:
    """A copy of mote_report; times are in seconds, sizes in bytes."""

    fault: str  # "none", "page fault", ...
    access: str  # of a page fault: "read", "write", "execute"; else ""
    address: int
    code: int  # of an abort, of a failure; exit status
    text: str
    symbol: str  # "function+0x1f", or ""
    registers: Dict[str, int]
    frames: Tuple[int, ...]  # addresses, innermost first; the guest wrote all but the first
    wall_time: float
    exits: int
    host_calls: int
    syscalls: int
    refused: int
    memory: int
    reset_pages: int
    resets: int

    @classmethod
    def _from(cls, report: Any) -> "Report":
        names = [name for name, _ in ffi.typeof("mote_registers").fields]
        return cls(
            fault=text_of(lib.mote_fault_name(report.fault)),
            access=ACCESSES.get(report.access, ""),
            address=report.address,
            code=report.code,
            text=text_of(report.text),
            symbol=text_of(report.symbol),
            registers={name: getattr(report.registers, name) for name in names},
            frames=tuple(report.frames[0 : report.nframes]),
            wall_time=report.wall_ns / 1e9,
            exits=report.exits,
            host_calls=report.host_calls,
            syscalls=report.syscalls,
            refused=report.refused,
            memory=report.memory,
            reset_pages=report.reset_pages,
            resets=report.resets,
        )
