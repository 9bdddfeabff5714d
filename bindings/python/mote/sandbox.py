# SPDX-License-Identifier: Apache-2.0
"""One running instance of an image."""
import os
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from ._calls import Call, Question, current, running
from ._ffi import ffi
from ._library import check, checked, exception, lib, nanoseconds
from .errors import HostFunctionError, InvalidArgument
from .host import Export, Image, Object
from .policy import Policy
from .report import Report
from .values import Value, load, store, store_all

STATES = {0: "ready", 1: "poisoned", 2: "closed", 3: "suspended"}


def _strings(texts: Sequence[Union[str, bytes]], kept: List[Any]) -> Any:
    array = ffi.new("char *[]", len(texts) + 1)
    for index, text in enumerate(texts):
        kept.append(ffi.new("char[]", os.fsencode(text)))
        array[index] = kept[-1]
    kept.append(array)
    return ffi.cast("const char *const *", array)


class Pending:
    """A suspended call: it waits for the answer of a host function that returned mote.PENDING.

    module, name, args: which host function, and what it was asked
    sandbox: whose call it is; nothing but resume(), fail(), cancel() and reset() goes on with it

    Any thread may give the answer. A deadline goes on meanwhile but nobody waits for it: an answer that
    is late raises DeadlineExceeded (Sandbox.deadline tells when).
    """

    def __init__(
        self, sandbox: "Sandbox", question: Question, nresults: int, problem: Optional[Exception]
    ) -> None:
        self.sandbox = sandbox
        self.module = question.module
        self.name = question.name
        self.args = question.args
        self._type = question.result
        self._nresults = nresults
        self._problem = problem  # what a callback raised before

    def resume(self, value: Value = None, *, deadline: Optional[float] = None) -> "Answer":
        """Goes on with the call; `value` is the host function's result. Gives what Sandbox.call gives:
        the result of the call, or another Pending. A deadline counts from now and can only be an
        earlier one. A value of the wrong type leaves the call suspended."""
        answer, keep = ffi.NULL, None
        if self._type != lib.MOTE_VOID:
            answer = ffi.new("mote_value *")
            keep = store(answer, self._type, value)
        elif value is not None:
            raise TypeError(f"{self.module}.{self.name} has no result, {value!r} given")

        def step(sandbox: Any, options: Any, result: Any) -> int:
            return int(lib.mote_resume(sandbox, options, answer, result, self._nresults))

        gone_on = self._go_on(step, deadline)
        del keep
        return gone_on

    def fail(self, code: int, text: str, *, deadline: Optional[float] = None) -> "Answer":
        """The same, as if the host function had raised GuestFailure(code, text)."""
        said = text.encode("utf-8", "surrogateescape")

        def step(sandbox: Any, options: Any, result: Any) -> int:
            return int(
                lib.mote_resume_fail(sandbox, options, code, said, result, self._nresults)
            )

        return self._go_on(step, deadline)

    def cancel(self) -> None:
        """Ends the call, as interrupt() would: the sandbox is poisoned until it is reset."""
        with self._entered() as sandbox:
            check(lib.mote_cancel(sandbox), lib.mote_sandbox_error(sandbox))
            self.sandbox._pending = None

    @contextmanager
    def _entered(self) -> Iterator[Any]:
        with self.sandbox._entered() as sandbox:
            if self.sandbox._pending is not self:
                raise InvalidArgument("MOTE_EINVAL", f"{self.module}.{self.name} waits no longer")
            yield sandbox

    def _go_on(self, step: "_Step", deadline: Optional[float]) -> "Answer":
        with self._entered():
            return self.sandbox._run(step, self._nresults, deadline, self._problem)


Answer = Union[Value, Pending]

# One stretch of a call in the library: (sandbox, options, result) to a code.
_Step = Callable[[Any, Any, Any], int]


def current_sandbox() -> "Sandbox":
    """The sandbox that calls the host function, or another callback, which runs on this thread."""
    call = current()
    if call is None:
        raise LookupError("no guest calls: this is for host functions and other callbacks")
    return call.sandbox


class Sandbox(Object):
    """One running instance of an image under a policy; without one it can compute and answer.

    args, env: of a program without exports
    init_data: read-only for the guest
    user: anything, for the host functions of a policy that many sandboxes share

    It belongs to one thread at a time; only interrupt() may be called by others meanwhile. While the
    guest runs, other Python threads run. Ctrl-C is noticed when the call has ended: give it a deadline.
    """

    def __init__(
        self,
        image: Image,
        policy: Optional[Policy] = None,
        *,
        args: Sequence[Union[str, bytes]] = (),
        env: Optional[Mapping[str, str]] = None,
        init_data: bytes = b"",
        user: Any = None,
    ) -> None:
        self.user = user
        self._image = image
        self._policy = policy  # its functions must outlive this
        self._lock = threading.RLock()
        self._exports: Dict[str, Export] = {}
        self._pending: Optional[Pending] = None
        kept: List[Any] = []
        options = ffi.new("mote_sandbox_options *")
        options.size = ffi.sizeof("mote_sandbox_options")
        options.args = _strings(list(args), kept) if args else ffi.NULL
        options.env = _strings([f"{k}={v}" for k, v in env.items()], kept) if env else ffi.NULL
        data = ffi.from_buffer(init_data)
        options.init_data = data
        options.init_data_size = len(init_data)
        place = ffi.new("mote_sandbox **")
        granted = ffi.NULL if policy is None else policy._open()
        checked(lib.mote_sandbox_new, place, image._open(), granted, options)
        self._pointer = place[0]
        # Collected, not closed: interrupt() may still be running in another thread.
        self._handle = ffi.gc(lib.mote_sandbox_handle(self._pointer), lib.mote_handle_unref)
        image._host._adopt(self)

    @contextmanager
    def _entered(self) -> Iterator[Any]:
        """The sandbox, for this thread alone: its host functions may enter it again."""
        if not self._lock.acquire(blocking=False):
            raise exception(lib.MOTE_EBUSY)
        try:
            yield self._open()
        finally:
            self._lock.release()

    def call(self, name: str, *args: Any, deadline: Optional[float] = None) -> Answer:
        """Calls an export with Python values by its signature: int, float, bool, str, bytes. Gives its
        result; or a Pending, where a host function returned mote.PENDING."""
        with self._entered():
            export = self._find(name)
            if len(args) != len(export.params):
                raise TypeError(f"{name} takes {len(export.params)} arguments, {len(args)} given")
            values, kept = store_all(export.params, args)

            def step(sandbox: Any, options: Any, result: Any) -> int:
                count, nresults = len(args), export.nresults
                return int(
                    lib.mote_call(sandbox, export.func, options, values, count, result, nresults)
                )

            answer = self._run(step, export.nresults, deadline)
            del kept
            return answer

    def run(self, *, deadline: Optional[float] = None) -> Union[int, Pending]:
        """Runs a program without exports to its end; its exit status. Reset it to run it again."""

        def step(sandbox: Any, options: Any, result: Any) -> int:
            status = ffi.new("int *")
            rc = int(lib.mote_run(sandbox, options, status))
            store(result, lib.MOTE_I32, status[0])
            return rc

        with self._entered():
            answer = self._run(step, 1, deadline)
            assert isinstance(answer, (int, Pending))
            return answer

    def reset(self) -> None:
        """Back to the image's first state, after success and after every fault; ends a suspended call."""
        with self._entered() as sandbox:
            check(lib.mote_reset(sandbox), lib.mote_sandbox_error(sandbox))
            self._pending = None

    def interrupt(self) -> bool:
        """Stops the call in progress, from any thread; whether there was one."""
        rc = lib.mote_interrupt(self._handle)
        return rc != lib.MOTE_ENOTFOUND and check(rc) == 0

    @property
    def state(self) -> str:
        """"ready", "poisoned" (reset it), "closed" (its program ended), or "suspended" (see Pending)."""
        return STATES.get(lib.mote_sandbox_state(self._open()), "unknown")

    @property
    def pending(self) -> Optional[Pending]:
        """The suspended call, if there is one."""
        return self._pending if self.state == "suspended" else None

    @property
    def deadline(self) -> Optional[float]:
        """When the call in progress, suspended or not, must end, as time.monotonic() tells time; None
        without a call or a deadline."""
        moment = lib.mote_sandbox_deadline(self._open())
        return moment / 1e9 if moment else None

    @property
    def report(self) -> Report:
        """What the last call did."""
        with self._entered() as sandbox:
            return Report._from(lib.mote_sandbox_report(sandbox), self._image)

    def output(self, fd: int) -> bytes:
        """What the guest wrote since the last reset to a descriptor that Policy.capture granted."""
        with self._entered() as sandbox:
            data, size = ffi.new("const void **"), ffi.new("size_t *")
            check(lib.mote_sandbox_output(sandbox, fd, data, size))
            return bytes(ffi.buffer(data[0], size[0])) if size[0] else b""

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of the guest's memory, between its calls or in a host function."""
        with self._entered() as sandbox:
            buffer = ffi.new("char[]", max(size, 1))
            check(lib.mote_memory_read(sandbox, address, buffer, size))
            return bytes(ffi.buffer(buffer, size))

    def write_memory(self, address: int, data: bytes) -> None:
        """The reverse."""
        with self._entered() as sandbox:
            check(lib.mote_memory_write(sandbox, address, ffi.from_buffer(data), len(data)))

    def close(self) -> None:
        if self._pointer is None:
            return
        with self._entered() as sandbox:
            check(lib.mote_sandbox_free(sandbox))
            self._pointer = None

    def _find(self, name: str) -> Export:
        if name not in self._exports:
            self._exports[name] = self._image._find(name)
        return self._exports[name]

    def _run(
        self,
        step: _Step,
        nresults: int,
        deadline: Optional[float],
        problem: Optional[BaseException] = None,
    ) -> Answer:
        """A stretch of a call, to its end or to a question; `problem` is what was raised before."""
        sandbox = self._open()
        result = ffi.new("mote_value *")
        options = _call_options(deadline)
        call = Call(self, problem)
        with running(call):
            rc = step(sandbox, options, result)
        suspended = lib.mote_sandbox_state(sandbox) == lib.MOTE_STATE_SUSPENDED
        if rc == lib.MOTE_PENDING:
            self._pending = self._question(call, nresults)
        elif not suspended:
            self._pending = None
        if call.problem is not None and not isinstance(call.problem, Exception):
            raise call.problem  # KeyboardInterrupt, SystemExit
        if rc == lib.MOTE_PENDING:
            return self._pending
        self._raise(rc, None if suspended else call.problem)
        return load(result) if nresults else None

    def _question(self, call: Call, nresults: int) -> Pending:
        assert call.question is not None
        problem = call.problem if isinstance(call.problem, Exception) else None
        return Pending(self, call.question, nresults, problem)

    def _raise(self, rc: int, problem: Optional[BaseException]) -> None:
        """Raises what a call raised: the error of mote, with what a callback raised as its cause."""
        if rc < 0:
            raise exception(rc, lib.mote_sandbox_error(self._open())) from problem
        if problem is not None:
            raise HostFunctionError("MOTE_EHOSTFN", f"a callback failed: {problem}") from problem


def _call_options(deadline: Optional[float]) -> Any:
    options = ffi.new("mote_call_options *")
    options.size = ffi.sizeof("mote_call_options")
    options.deadline_ns = 0 if deadline is None else nanoseconds(deadline)
    return options
