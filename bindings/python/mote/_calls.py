# SPDX-License-Identifier: Apache-2.0
"""The calls in progress on each thread, and what their callbacks leave for them.

Exceptions never cross the library: a callback leaves its first one here, for whoever made the call.
"""
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Tuple

from .values import Value

if TYPE_CHECKING:
    from .sandbox import Sandbox


@dataclass(frozen=True)
class Question:
    """What a host function was asked that will be answered later."""

    module: str
    name: str
    args: Tuple[Value, ...]
    result: int  # the type of the answer


class Call:
    """One call in progress, or a stretch of it: from its start or a resume to its end or a question."""

    def __init__(self, sandbox: "Sandbox", problem: Optional[BaseException] = None) -> None:
        self.sandbox = sandbox
        self.problem = problem
        self.question: Optional[Question] = None
        self.keep: Any = None  # bytes of a host function's result, which the library still has to copy


class _Stack(threading.local):
    def __init__(self) -> None:
        self.calls: List[Call] = []


_stack = _Stack()


@contextmanager
def running(call: Call) -> Iterator[None]:
    """The library is in this call; calls of its callbacks are nested in it."""
    _stack.calls.append(call)
    try:
        yield
    finally:
        _stack.calls.pop()


def current() -> Optional[Call]:
    """The innermost call of this thread."""
    return _stack.calls[-1] if _stack.calls else None


def remember(problem: BaseException) -> None:
    """What a callback raised; the first one counts."""
    call = current()
    if call is not None and call.problem is None:
        call.problem = problem
