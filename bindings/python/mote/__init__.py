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
    Poisoned,
    ProtocolError,
    RangeError,
    Refused,
    SystemFailure,
    TypeMismatch,
)
from .host import Function, Host, Image
from .policy import Policy, Syscall
from .report import Report
from .sandbox import Sandbox
from .values import Value

__version__ = version()

__all__ = [
    "Aborted",
    "BackendError",
    "BootError",
    "Busy",
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
    "Interrupted",
    "InvalidArgument",
    "LimitReached",
    "MissingImport",
    "NotFound",
    "Poisoned",
    "Policy",
    "ProtocolError",
    "RangeError",
    "Refused",
    "Report",
    "Sandbox",
    "Syscall",
    "SystemFailure",
    "TypeMismatch",
    "Value",
    "__version__",
]
