# SPDX-License-Identifier: Apache-2.0
"""What a guest is granted."""
import os
from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Tuple, Union

from ._calls import Call, Question, current, remember
from ._ffi import ffi
from ._library import checked, lib, nanoseconds, text_of
from .errors import GuestFailure
from .host import Host, Object
from .values import load, store

EIO = 5

CLOCKS = ("none", "frozen", "coarse", "real")
RANDOM = ("none", "seeded", "real")

Path = Union[str, "os.PathLike[str]"]


def _choice(name: str, choices: Tuple[str, ...], chosen: str) -> Optional[int]:
    """The number of a choice; None for the default."""
    if chosen not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {chosen!r}")
    return choices.index(chosen) or None


@dataclass(frozen=True)
class Syscall:
    """A system call that a guest made; numbers and addresses are the guest's."""

    number: int
    name: str  # "?" where Linux has none
    args: Tuple[int, ...]
    result: int  # a negative errno for a failure
    refused: bool


class Later:
    """What a host function returns that will answer later."""

    def __repr__(self) -> str:
        return "mote.PENDING"


PENDING = Later()


@dataclass(frozen=True)
class Grant:
    """A host function in Python, and the type of its result. Any number of calls may be in it."""

    module: str
    name: str
    function: Callable[..., Any]
    result: int

    def answer(self, call: Call, context: Any, args: Tuple[Any, ...], result: Any) -> int:
        """Calls it; what a host function of the library returns."""
        try:
            value = self.function(*args)
        except GuestFailure as failure:
            text = failure.text.encode("utf-8", "surrogateescape")
            return int(lib.mote_context_fail(context, failure.code, text))
        if value is PENDING:
            call.question = Question(self.module, self.name, args, self.result)
            return int(lib.MOTE_PENDING)
        if self.result != lib.MOTE_VOID:
            call.keep = store(result, self.result, value)
        return 0


@ffi.callback(  # type: ignore[misc]
    "int(void *, mote_context *, const mote_value *, size_t, mote_value *)", error=-1
)
def _host_function(user: Any, context: Any, args: Any, nargs: int, result: Any) -> int:
    grant: Grant = ffi.from_handle(user)
    call = current()
    assert call is not None
    try:
        return grant.answer(call, context, tuple(load(args[i]) for i in range(nargs)), result)
    except BaseException as problem:  # pylint: disable=broad-except
        remember(problem)
        return -1


@ffi.callback("int64_t(void *, mote_sandbox *, const void *, size_t)", error=-EIO)  # type: ignore[misc]
def _write(user: Any, sandbox: Any, data: Any, size: int) -> int:
    grant: Tuple[Any, Any] = ffi.from_handle(user)
    try:
        grant[1](bytes(ffi.buffer(data, size)))
        return size
    except BaseException as problem:  # pylint: disable=broad-except
        remember(problem)
        return -EIO


@ffi.callback("int64_t(void *, mote_sandbox *, void *, size_t)", error=-EIO)  # type: ignore[misc]
def _read(user: Any, sandbox: Any, data: Any, size: int) -> int:
    grant: Tuple[Any, Any] = ffi.from_handle(user)
    try:
        given = bytes(grant[0](size))[:size]
        ffi.memmove(data, given, len(given))
        return len(given)
    except BaseException as problem:  # pylint: disable=broad-except
        remember(problem)
        return -EIO


@ffi.callback("void(void *, mote_sandbox *, unsigned, const char *, size_t)")  # type: ignore[misc]
def _log(user: Any, sandbox: Any, level: int, text: Any, size: int) -> None:
    function: Callable[[int, str], None] = ffi.from_handle(user)
    try:
        function(level, bytes(ffi.buffer(text, size)).decode("utf-8", "backslashreplace"))
    except BaseException as problem:  # pylint: disable=broad-except
        remember(problem)


@ffi.callback("void(void *, mote_sandbox *, const mote_syscall_event *)")  # type: ignore[misc]
def _trace(user: Any, sandbox: Any, event: Any) -> None:
    function: Callable[[Syscall], None] = ffi.from_handle(user)
    try:
        name = text_of(event.name)
        function(Syscall(event.number, name, tuple(event.args), event.result, event.refused))
    except BaseException as problem:  # pylint: disable=broad-except
        remember(problem)


class Policy(Object):
    """What a guest is granted: nothing but what is given here. It may change until its first sandbox.

    memory: bytes of guest memory in all (64 MiB)
    deadline: seconds of wall clock for each call, host functions and time suspended included
    stream_bytes: bytes that a guest may write to its streams and log between two resets (16 MiB)
    cpu_budget: seconds of CPU time for each call, host functions included, time suspended not
    cpu_time: have the report tell the CPU time of calls
    call_bytes: bytes of str and bytes that one call may carry in each direction
    clock: "none", "frozen", "coarse" or "real"; frozen_time: seconds since 1970
    random: "none", "seeded" or "real"; random_seed: of the seeded one
    refuse_by_fault: a system call that is not granted ends the call instead of answering ENOSYS
    open_files: descriptors that a guest may have open (64)
    file_bytes: bytes that a guest may write to granted files between two resets (1 GiB)
    """

    def __init__(
        self,
        host: Host,
        *,
        memory: Optional[int] = None,
        deadline: Optional[float] = None,
        stream_bytes: Optional[int] = None,
        cpu_budget: Optional[float] = None,
        cpu_time: bool = False,
        call_bytes: Optional[int] = None,
        clock: str = "none",
        frozen_time: Optional[float] = None,
        random: str = "none",
        random_seed: Optional[int] = None,
        refuse_by_fault: bool = False,
        open_files: Optional[int] = None,
        file_bytes: Optional[int] = None,
    ) -> None:
        self._host = host
        self._keep: List[Any] = []  # the handles that the library holds
        place = ffi.new("mote_policy **")
        checked(lib.mote_policy_new, place, host._open())
        self._pointer = place[0]
        host._adopt(self)
        numbers = {
            lib.MOTE_OPT_MEMORY: memory,
            lib.MOTE_OPT_DEADLINE: None if deadline is None else nanoseconds(deadline),
            lib.MOTE_OPT_STREAM_BYTES: stream_bytes,
            lib.MOTE_OPT_CPU_BUDGET: None if cpu_budget is None else nanoseconds(cpu_budget),
            lib.MOTE_OPT_CPU_TIME: 1 if cpu_time else None,
            lib.MOTE_OPT_CALL_BYTES: call_bytes,
            lib.MOTE_OPT_CLOCK: _choice("clock", CLOCKS, clock),
            lib.MOTE_OPT_FROZEN_TIME: None if frozen_time is None else int(frozen_time * 1e9),
            lib.MOTE_OPT_RANDOM: _choice("random", RANDOM, random),
            lib.MOTE_OPT_RANDOM_SEED: random_seed,
            lib.MOTE_OPT_REFUSED: lib.MOTE_REFUSED_FAULT if refuse_by_fault else None,
            lib.MOTE_OPT_OPEN_FILES: open_files,
            lib.MOTE_OPT_FILE_BYTES: file_bytes,
        }
        for option, number in numbers.items():
            if number is not None:
                checked(lib.mote_policy_set, self._pointer, option, number)

    def _handle(self, thing: Any) -> Any:
        handle = ffi.new_handle(thing)
        self._keep.append((handle, thing))
        return handle

    def function(
        self, module: str, name: str, signature: str, function: Callable[..., Any]
    ) -> None:
        """Grants a Python function, called with the values of its signature, such as
        "(string,u32)->bytes". It runs on the thread that called the guest, and may call the guest
        (mote.current_sandbox). GuestFailure gives the guest an error; any other exception ends the
        call with HostFunctionError. Returning mote.PENDING suspends the call: see Pending."""
        parsed = ffi.new("mote_signature *")
        checked(lib.mote_signature_parse, parsed, signature.encode())
        result = parsed.result if parsed.nresults else lib.MOTE_VOID
        handle = self._handle(Grant(module, name, function, result))
        checked(
            lib.mote_policy_function,
            self._open(),
            module.encode(),
            name.encode(),
            signature.encode(),
            _host_function,
            handle,
            ffi.NULL,
        )

    def stream(
        self,
        fd: int,
        *,
        read: Optional[Callable[[int], bytes]] = None,
        write: Optional[Callable[[bytes], Any]] = None,
        limit: int = 0,
    ) -> None:
        """Grants a descriptor of the guest: `read` gives at most as many bytes as it is asked for, b""
        at the end; `write` takes all that it is given. An exception is EIO for the guest, and is
        raised when the call ends. `limit` bounds the bytes between two resets; 0 is none."""
        stream = ffi.new("mote_stream *")
        stream.size = ffi.sizeof("mote_stream")
        stream.read = ffi.NULL if read is None else _read
        stream.write = ffi.NULL if write is None else _write
        stream.limit = limit
        stream.user = self._handle((read, write))
        checked(lib.mote_policy_stream, self._open(), fd, stream)

    def descriptor(
        self, fd: int, host_fd: int, *, read: bool = False, write: bool = False, limit: int = 0
    ) -> None:
        """Grants a descriptor of the host, such as sys.stdout.fileno(); it may be closed afterwards."""
        access = (lib.MOTE_GRANT_READ if read else 0) | (lib.MOTE_GRANT_WRITE if write else 0)
        checked(lib.mote_policy_fd, self._open(), fd, host_fd, access, limit)

    def input(self, fd: int, data: bytes) -> None:
        """Grants bytes to be read, and then the end, from the start after each reset."""
        checked(lib.mote_policy_input, self._open(), fd, ffi.from_buffer(data), len(data))

    def capture(self, fd: int, *, limit: int = 0) -> None:
        """Keeps what is written for Sandbox.output, until the next reset."""
        checked(lib.mote_policy_capture, self._open(), fd, limit)

    def directory(self, host_path: Path, guest_path: str, *, write: bool = False) -> None:
        """Grants a directory of the host, and what is beneath it, under a path of the guest."""
        access = lib.MOTE_GRANT_READ | (lib.MOTE_GRANT_WRITE if write else 0)
        path, guest = os.fsencode(host_path), os.fsencode(guest_path)
        checked(lib.mote_policy_dir, self._open(), path, guest, access)

    def file(self, host_path: Path, guest_path: str) -> None:
        """Grants a file of the host as it is now, read-only, shared by all sandboxes."""
        path, guest = os.fsencode(host_path), os.fsencode(guest_path)
        checked(lib.mote_policy_file, self._open(), path, guest)

    def trace(self, function: Callable[[Syscall], None]) -> None:
        """Calls a function after each system call of the guest."""
        checked(lib.mote_policy_trace, self._open(), _trace, self._handle(function))

    def log(self, function: Callable[[int, str], None]) -> None:
        """Gets the lines that the guest logs: level 0 (debug) to 3 (error), and text."""
        checked(lib.mote_policy_log, self._open(), _log, self._handle(function))

    def close(self) -> None:
        if self._pointer is not None:
            lib.mote_policy_unref(self._pointer)
            self._pointer = None
