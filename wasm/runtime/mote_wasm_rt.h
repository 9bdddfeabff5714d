/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime of a WebAssembly module inside a guest: what the C of wasm2c 1.0.42
 * calls, on top of the guest SDK. Included by force before each translated
 * file, so it must not include wasm-rt.h itself.
 *
 * Linear memory starts at address 0. Beyond its end, up to 8 GiB and a page,
 * nothing is mapped: an access there is a page fault that the host names
 * "out of bounds memory access". The stack is bounded by its guard page.
 */
#ifndef MOTE_WASM_RT_H
#define MOTE_WASM_RT_H

/* X(name, words of the WebAssembly specification): the number is the abort code. */
#define MOTE__TRAP_MAP(X)                             \
    X(UNREACHABLE, "unreachable")                     \
    X(MEMORY, "out of bounds memory access")          \
    X(TABLE, "out of bounds table access")            \
    X(UNDEFINED_ELEMENT, "undefined element")         \
    X(UNINITIALIZED_ELEMENT, "uninitialized element") \
    X(CALL_TYPE, "indirect call type mismatch")       \
    X(DIVIDE_BY_ZERO, "integer divide by zero")       \
    X(INTEGER_OVERFLOW, "integer overflow")           \
    X(CONVERSION, "invalid conversion to integer")    \
    X(NULL_REFERENCE, "null reference")               \
    X(EXCEPTION, "uncaught exception")                \
    X(UNALIGNED, "unaligned atomic")                  \
    X(STACK, "call stack exhausted")

enum mote__trap {
    MOTE__TRAP_NONE,
#define MOTE__X(name, words) MOTE__TRAP_##name,
    MOTE__TRAP_MAP(MOTE__X)
#undef MOTE__X
};

/* Ends the call with this trap. */
_Noreturn __attribute__((cold)) void mote__wasm_trap(enum mote__trap trap);
/* Gives up for want of memory while the module is instantiated. */
_Noreturn __attribute__((cold)) void mote__wasm_no_memory(const char *what,
                                                          unsigned long long bytes);
/* Traps since the host function `name` ("module.function") answered `status`. */
_Noreturn __attribute__((cold)) void mote__wasm_import_failed(const char *name, int status);

#endif
