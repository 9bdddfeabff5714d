# SPDX-License-Identifier: Apache-2.0
"""Functions nobody has to trust, each in its own micro-VM.

    import mote

    with mote.Host() as host:
        image = mote.Image(host, "./guest")
        policy = mote.Policy(host, deadline=0.1)
        policy.function("env", "price", "(string)->u32", lambda item: 250)
        with mote.Sandbox(image, policy) as sandbox:
            print(sandbox.call("total", "tea", 3))

Every failure is a mote.Error: its class says which, `str()` what failed and what to do.
"""
from ._library import version
from .errors import (
    Aborted,
    BackendError,
    BootError,
    Busy,
    CpuExceeded,
    DeadlineExceeded,
    Error,
    Exited,
    Fault,
    Forked,
    Frozen,
    GuestError,
    GuestFailure,
    HostFunctionError,
    ImageError,
    Interrupted,
    InvalidArgument,
    LimitReached,
    MissingImport,
    NotFound,
    OutOfMemory,
    Poisoned,
    ProtocolError,
    RangeError,
    Refused,
    SnapshotError,
    Strange,
    Suspended,
    SystemFailure,
    TypeMismatch,
)
from .host import Function, Host, Image, ImageInfo, Segment
from .policy import PENDING, Policy, Syscall
from .report import Report
from .sandbox import Answer, Pending, Sandbox, current_sandbox
from .values import Value

__version__ = version()

__all__ = [
    "Aborted",
    "Answer",
    "BackendError",
    "BootError",
    "Busy",
    "CpuExceeded",
    "DeadlineExceeded",
    "Error",
    "Exited",
    "Fault",
    "Forked",
    "Frozen",
    "Function",
    "GuestError",
    "GuestFailure",
    "Host",
    "HostFunctionError",
    "Image",
    "ImageError",
    "ImageInfo",
    "Interrupted",
    "InvalidArgument",
    "LimitReached",
    "MissingImport",
    "NotFound",
    "OutOfMemory",
    "PENDING",
    "Pending",
    "Poisoned",
    "Policy",
    "ProtocolError",
    "RangeError",
    "Refused",
    "Report",
    "Sandbox",
    "Segment",
    "SnapshotError",
    "Strange",
    "Suspended",
    "Syscall",
    "SystemFailure",
    "TypeMismatch",
    "Value",
    "__version__",
    "current_sandbox",
]
