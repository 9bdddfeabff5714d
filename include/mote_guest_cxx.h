/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_guest_cxx.h: what C++17 adds to mote_guest.h, which includes it.
 *
 * Needs a static libstdc++ (or libc++): g++ or clang++ with -static and glibc.
 * Debian has no libstdc++ for musl.
 *
 * Exceptions stay in the guest. One that leaves an export, `main` or a static
 * constructor ends in std::terminate, and this header's handler aborts with
 * its text: the call fails with MOTE_EABORTED and
 *
 *     terminate: std::runtime_error: what() of it
 *
 * and the sandbox is poisoned until it is reset. A program that sets a handler
 * of its own gets that one instead.
 */
#ifndef MOTE_GUEST_CXX_H
#define MOTE_GUEST_CXX_H

#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

namespace mote
{

/* The text of a mote_string; lives as long as that. */
inline std::string_view view(mote_string text)
{
    return {text.data, text.size};
}

/* Text as an argument or a result: what it views must live as mote_guest.h says. */
inline mote_string text(std::string_view view)
{
    return {view.data(), view.size()};
}

/* mote_fail and mote_abort with text. */
inline void fail(uint32_t code, std::string_view text)
{
    mote_fail(code, text.data(), text.size());
}

[[noreturn]] inline void abort(uint32_t code, std::string_view text)
{
    mote_abort(code, text.data(), text.size());
}

namespace detail
{

/* ": std::runtime_error", or nothing when no exception is in flight. */
inline std::string type_of_exception()
{
    const std::type_info *type = abi::__cxa_current_exception_type();
    if (type == nullptr)
        return {};
    int status = 0;
    char *name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::string text = std::string(": ") + (name != nullptr ? name : type->name());
    std::free(name);
    return text;
}

/* ": what() of it", or nothing when it is no std::exception. */
inline std::string text_of_exception()
{
#ifdef __cpp_exceptions
    try {
        if (std::current_exception() != nullptr)
            throw;
    } catch (const std::exception &e) {
        return std::string(": ") + e.what();
    } catch (...) {
    }
#endif
    return {};
}

[[noreturn]] inline void terminate()
{
    abort(0, "terminate" + type_of_exception() + text_of_exception());
}

/* One for the program, set before its own static constructors that follow. */
inline const std::terminate_handler earlier_handler = std::set_terminate(terminate);

} // namespace detail
} // namespace mote

#endif
