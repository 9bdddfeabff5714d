# SPDX-License-Identifier: Apache-2.0
"""One running instance of an image."""
import os
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from ._ffi import ffi
from ._library import check, checked, exception, lib, nanoseconds
from .errors import Error, HostFunctionError
from .host import Export, Image, Object
from .policy import Policy, raised
from .report import Report
from .values import Value, load, store_all

STATES = {0: "ready", 1: "poisoned", 2: "closed", 3: "suspended"}


def _strings(texts: Sequence[Union[str, bytes]], kept: List[Any]) -> Any:
    array = ffi.new("char *[]", len(texts) + 1)
    for index, text in enumerate(texts):
        kept.append(ffi.new("char[]", os.fsencode(text)))
        array[index] = kept[-1]
    kept.append(array)
    return ffi.cast("const char *const *", array)


class Sandbox(Object):
    """One running instance of an image under a policy; without one it can compute and answer.

    args, env: of a program without exports
    init_data: read-only for the guest

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
    ) -> None:
        self._image = image
        self._policy = policy  # its functions must outlive this
        self._lock = threading.RLock()
        self._exports: Dict[str, Export] = {}
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

    def call(self, name: str, *args: Any, deadline: Optional[float] = None) -> Value:
        """Calls an export with Python values by its signature: int, float, bool, str, bytes."""
        with self._entered() as sandbox:
            export = self._find(name)
            if len(args) != len(export.params):
                raise TypeError(f"{name} takes {len(export.params)} arguments, {len(args)} given")
            values, kept = store_all(export.params, args)
            result = ffi.new("mote_value *")
            options = _call_options(deadline)
            rc = lib.mote_call(
                sandbox, export.func, options, values, len(args), result, export.nresults
            )
            del kept
            self._finish(sandbox, rc)
            return load(result) if export.nresults else None

    def run(self, *, deadline: Optional[float] = None) -> int:
        """Runs a program without exports to its end; its exit status. Reset it to run it again."""
        with self._entered() as sandbox:
            status = ffi.new("int *")
            self._finish(sandbox, lib.mote_run(sandbox, _call_options(deadline), status))
            return int(status[0])

    def reset(self) -> None:
        """Back to the image's first state, after success and after every fault."""
        with self._entered() as sandbox:
            check(lib.mote_reset(sandbox), lib.mote_sandbox_error(sandbox))

    def interrupt(self) -> bool:
        """Stops the call in progress, from any thread; whether there was one."""
        rc = lib.mote_interrupt(self._handle)
        return rc != lib.MOTE_ENOTFOUND and check(rc) == 0

    @property
    def state(self) -> str:
        """"ready", "poisoned" (reset it), or "closed" (its program ended)."""
        return STATES.get(lib.mote_sandbox_state(self._open()), "unknown")

    @property
    def report(self) -> Report:
        """What the last call did."""
        with self._entered() as sandbox:
            return Report._from(lib.mote_sandbox_report(sandbox))

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

    def _finish(self, sandbox: Any, rc: int) -> None:
        """Raises what the call raised: the error of mote, with what a callback raised as its cause."""
        problem = raised.pop(int(ffi.cast("uintptr_t", sandbox)), None)
        if problem is not None and not isinstance(problem, Exception):
            raise problem  # KeyboardInterrupt, SystemExit
        if rc >= 0 and problem is None:
            return
        error: Error
        if rc < 0:
            error = exception(rc, lib.mote_sandbox_error(sandbox))
        else:
            error = HostFunctionError("MOTE_EHOSTFN", f"a callback failed: {problem}")
        raise error from problem


def _call_options(deadline: Optional[float]) -> Any:
    options = ffi.new("mote_call_options *")
    options.size = ffi.sizeof("mote_call_options")
    options.deadline_ns = 0 if deadline is None else nanoseconds(deadline)
    return options
