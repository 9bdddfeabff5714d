# SPDX-License-Identifier: Apache-2.0
"""Hosts and images."""
import os
import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable, List, Optional, Tuple, Type, TypeVar, Union

from ._ffi import ffi
from ._library import check, checked, lib, nanoseconds, text_of

_Self = TypeVar("_Self", bound="Object")

CPU_LEVELS = {"default": 0, "v2": 2, "v3": 3}


class Object:
    """Something of the library that is released once: by close(), `with`, or the collector."""

    _pointer: Any = None

    def _open(self) -> Any:
        if self._pointer is None:
            raise ValueError(f"the {type(self).__name__.lower()} is closed")
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether it was released."""
        return self._pointer is None

    def close(self) -> None:
        """Releases it; a second time does nothing."""
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # pylint: disable=broad-except
            pass  # nobody could handle it here


@ffi.callback("void(void *, unsigned, const char *)")  # type: ignore[misc]
def _log(user: Any, level: int, text: Any) -> None:
    function: Callable[[int, str], object] = ffi.from_handle(user)
    function(level, text_of(text))


class Host(Object):
    """The hypervisor, opened and tested, with the thread that watches deadlines.

    device: path of the hypervisor's device; /dev/kvm by default
    signal: the signal that stops a running guest, if the library shall not choose one. Python runs
        its handlers between bytecodes; a handler made with signal.signal is right.
    log: gets what the library tells its operator: level 0 (debug) to 3 (error), and a line. It must
        not use mote; its exceptions go to sys.unraisablehook.

    Closing a host closes its sandboxes, policies and images first.
    """

    def __init__(
        self,
        device: Union[str, "os.PathLike[str]", None] = None,
        signal: int = 0,
        log: Optional[Callable[[int, str], object]] = None,
    ) -> None:
        self._children: "weakref.WeakSet[Object]" = weakref.WeakSet()
        options = ffi.new("mote_host_options *")
        options.size = ffi.sizeof("mote_host_options")
        options.signal = signal
        path = ffi.NULL if device is None else ffi.new("char[]", os.fsencode(device))
        options.device = path
        self._log = None if log is None else ffi.new_handle(log)  # the library holds it
        options.log = ffi.NULL if log is None else _log
        options.log_user = self._log or ffi.NULL
        place = ffi.new("mote_host **")
        checked(lib.mote_host_new, place, options)
        self._pointer = place[0]

    def _adopt(self, child: Object) -> None:
        self._children.add(child)

    def close(self) -> None:
        if self._pointer is None:
            return
        for child in sorted(self._children, key=lambda child: type(child).__name__, reverse=True):
            child.close()  # sandboxes, policies, images
        check(lib.mote_host_free(self._pointer))
        self._pointer = None


@dataclass(frozen=True)
class Function:
    """A function that an image exports or imports."""

    module: str  # "" for exports
    name: str
    signature: str
    weak: bool  # an import that need not be granted


@dataclass(frozen=True)
class Segment:
    """A piece of an image's memory, as its file asks for it; sizes are in bytes."""

    address: int
    memory_size: int
    file_size: int  # of these, held by the file
    access: str  # such as "r-x"


@dataclass(frozen=True)
class ImageInfo:
    """What an image is; sizes are in bytes."""

    program: bool  # has no exports: it is run from its entry to its end
    relocatable: bool
    symbols: bool  # a symbol table: reports can name functions
    lines: bool  # debug information with lines
    abi_version: Tuple[int, int]  # that it was built for; (0, 0): a plain program
    entry: int
    window: int  # linear memory at address 0
    stack: int
    memory: int  # that a sandbox of it needs; not booted yet: at least
    segments: Tuple[Segment, ...]


class Export:
    """An export that was looked up, with its types."""

    def __init__(self, func: Any, signature: Any) -> None:
        self.func = func
        self.params: Tuple[int, ...] = tuple(signature.params[0 : signature.nparams])
        self.nresults: int = signature.nresults


class Image(Object):
    """A program ready to be a guest: a static ELF executable, shared by threads and sandboxes.

    source: its path, or its bytes
    name: what messages call it; the path by default
    boot_memory, boot_deadline: bytes and seconds that it may use until it is ready
    stack: bytes reserved for its stack
    cpu: "v2" or "v3", the x86-64 feature level that it sees
    """

    def __init__(
        self,
        host: Host,
        source: Union[str, "os.PathLike[str]", bytes],
        *,
        name: Optional[str] = None,
        boot_memory: int = 0,
        boot_deadline: Optional[float] = None,
        stack: int = 0,
        cpu: str = "default",
    ) -> None:
        if cpu not in CPU_LEVELS:
            raise ValueError(f"cpu must be one of {', '.join(CPU_LEVELS)}, not {cpu!r}")
        self._host = host
        where, kept = _source(source)
        options = ffi.new("mote_image_options *")
        options.size = ffi.sizeof("mote_image_options")
        called = ffi.NULL if name is None else ffi.new("char[]", os.fsencode(name))
        options.name = called
        options.boot_memory = boot_memory
        options.boot_deadline_ns = 0 if boot_deadline is None else nanoseconds(boot_deadline)
        options.stack = stack
        options.cpu = CPU_LEVELS[cpu]
        place = ffi.new("mote_image **")
        checked(lib.mote_image_open, place, host._open(), where, options)
        del kept
        self._pointer = place[0]
        host._adopt(self)

    def boot(self) -> None:
        """Boots it now instead of at its first sandbox."""
        checked(lib.mote_image_boot, self._open())

    @property
    def exports(self) -> List[Function]:
        """The functions that it offers."""
        count = lib.mote_image_exports(self._open())
        return [self._function(lib.mote_image_export, i) for i in range(count)]

    @property
    def imports(self) -> List[Function]:
        """The host functions that it asks for."""
        count = lib.mote_image_imports(self._open())
        return [self._function(lib.mote_image_import, i) for i in range(count)]

    @property
    def info(self) -> ImageInfo:
        """What it is, and what it needs."""
        info = ffi.new("mote_image_info *")
        info.size = ffi.sizeof("mote_image_info")
        check(lib.mote_image_describe(self._open(), info))
        return ImageInfo(
            program=info.program,
            relocatable=info.relocatable,
            symbols=info.symbols,
            lines=info.lines,
            abi_version=divmod(info.abi_version, 1 << 16),
            entry=info.entry,
            window=info.window,
            stack=info.stack,
            memory=info.memory,
            segments=tuple(self._segment(i) for i in range(info.segments)),
        )

    def _segment(self, index: int) -> Segment:
        segment = ffi.new("mote_segment *")
        segment.size = ffi.sizeof("mote_segment")
        check(lib.mote_image_segment(self._open(), index, segment))
        bits = {
            "r": lib.MOTE_SEGMENT_READ, "w": lib.MOTE_SEGMENT_WRITE, "x": lib.MOTE_SEGMENT_EXECUTE
        }  # fmt: skip
        access = "".join(letter if segment.access & bit else "-" for letter, bit in bits.items())
        return Segment(segment.address, segment.memory_size, segment.file_size, access)

    def symbol(self, address: int) -> str:
        """"function+0x1f" for an address of its code, or ""."""
        text = ffi.new("char[]", 256)
        rc = lib.mote_image_symbol(self._open(), address, text, 256)
        return "" if rc == lib.MOTE_ENOTFOUND or check(rc) < 0 else text_of(text)

    def _function(self, get: Any, index: int) -> Function:
        info = ffi.new("mote_function_info *")
        check(get(self._open(), index, info))
        return Function(
            text_of(info.module), text_of(info.name), text_of(info.signature_text), bool(info.weak)
        )

    def _find(self, name: str) -> Export:
        func = ffi.new("mote_func *")
        info = ffi.new("mote_function_info *")
        checked(lib.mote_find, self._open(), name.encode(), ffi.NULL, func)
        check(lib.mote_image_export(self._open(), func.index, info))
        return Export(func[0], info.signature)

    def close(self) -> None:
        if self._pointer is not None:
            lib.mote_image_unref(self._pointer)
            self._pointer = None


def _source(source: Union[str, "os.PathLike[str]", bytes]) -> Tuple[Any, Any]:
    """A mote_source, and what must live as long as it is used."""
    made = ffi.new("mote_source *")
    made.size = ffi.sizeof("mote_source")
    made.fd = -1
    kept: Any
    if isinstance(source, bytes):
        kept = ffi.from_buffer(source)
        made.data = kept
        made.data_size = len(source)
    else:
        kept = ffi.new("char[]", os.fsencode(source))
        made.path = kept
    return made, kept
