# SPDX-License-Identifier: Apache-2.0
"""One class for each kind of failure, under one root."""
from typing import Dict, Type


class Error(Exception):
    """A failure that mote reported.

    code: its name in mote.h, such as "MOTE_EFAULT"
    text: what failed, on what
    remedy: what to do; may be empty
    detail: errno, or the number that the guest or host function gave
    """

    def __init__(self, code: str, text: str, remedy: str = "", detail: int = 0) -> None:
        super().__init__(code, text, remedy, detail)
        self.code = code
        self.text = text
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


class InvalidArgument(Error, ValueError):
    """An argument is not valid."""


class OutOfMemory(Error, MemoryError):
    """The host is out of memory."""


class SystemFailure(Error):
    """A system call failed; `detail` is errno."""


class BackendError(Error):
    """There is no usable hypervisor."""


class ImageError(Error):
    """The file is not a guest image that can run."""


class BootError(Error):
    """The guest failed before it was ready."""


class NotFound(Error, LookupError):
    """There is no such function."""


class TypeMismatch(Error, TypeError):
    """The number or the types of the values do not fit."""


class MissingImport(Error):
    """The guest imports a host function that was not granted."""


class LimitReached(Error):
    """A limit of the policy, or of the process, was reached."""


class Fault(Error):
    """The guest faulted; the sandbox's report says how."""


class Aborted(Error):
    """The guest gave up."""


class DeadlineExceeded(Error, TimeoutError):
    """The deadline passed."""


class CpuExceeded(DeadlineExceeded):
    """The CPU budget is used up."""


class Interrupted(Error):
    """Another thread interrupted the call."""


class Poisoned(Error):
    """The sandbox must be reset first."""


class Forked(Error):
    """The object belongs to the parent process."""


class Busy(Error):
    """Another thread uses the sandbox, or the object is in use."""


class Frozen(Error):
    """The policy is in use and cannot change."""


class GuestError(Error):
    """The guest function reported a failure; the sandbox remains usable. `detail` is its code."""


class HostFunctionError(Error):
    """A host function raised; its exception is the cause."""


class Exited(Error):
    """The guest program ended instead of answering."""


class RangeError(Error):
    """The address range is not the guest's."""


class Strange(Error):
    """The hypervisor reported something unexpected."""


class ProtocolError(Error):
    """The guest broke the call protocol."""


class Suspended(Error):
    """A call of the sandbox is suspended: answer or cancel it first."""


class Refused(Error):
    """The guest made a system call that the policy refuses."""


class SnapshotError(Error):
    """The file is no snapshot that can be used here."""


BY_NAME: Dict[str, Type[Error]] = {
    "MOTE_EINVAL": InvalidArgument,
    "MOTE_ENOMEM": OutOfMemory,
    "MOTE_ESYSTEM": SystemFailure,
    "MOTE_EBACKEND": BackendError,
    "MOTE_EIMAGE": ImageError,
    "MOTE_EBOOT": BootError,
    "MOTE_ENOTFOUND": NotFound,
    "MOTE_ETYPE": TypeMismatch,
    "MOTE_EMISSING": MissingImport,
    "MOTE_ELIMIT": LimitReached,
    "MOTE_EFAULT": Fault,
    "MOTE_EABORTED": Aborted,
    "MOTE_EDEADLINE": DeadlineExceeded,
    "MOTE_EINTERRUPTED": Interrupted,
    "MOTE_EPOISONED": Poisoned,
    "MOTE_EFORKED": Forked,
    "MOTE_EBUSY": Busy,
    "MOTE_EFROZEN": Frozen,
    "MOTE_EGUEST": GuestError,
    "MOTE_EHOSTFN": HostFunctionError,
    "MOTE_EEXITED": Exited,
    "MOTE_ERANGE": RangeError,
    "MOTE_ESTRANGE": Strange,
    "MOTE_EPROTOCOL": ProtocolError,
    "MOTE_ESUSPENDED": Suspended,
    "MOTE_ECPU": CpuExceeded,
    "MOTE_EREFUSED": Refused,
    "MOTE_EPROCESSES": LimitReached,
    "MOTE_EFILES": LimitReached,
    "MOTE_ELOCKED": LimitReached,
    "MOTE_ESNAPSHOT": SnapshotError,
}


class GuestFailure(Exception):
    """Raise it in a host function to give the guest an error that it can handle.

    Any other exception ends the call, which then raises HostFunctionError.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
