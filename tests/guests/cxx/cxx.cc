// SPDX-License-Identifier: Apache-2.0
// cxx: what C++ needs of its run-time library, inside a guest: exceptions, static constructors,
// thread-local data, RTTI, containers; and every type both ways through the C++ path of the macros.
#include <mote_guest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

MOTE_IMPORT(env, add, i32, i32, i32)
MOTE_IMPORT(env, greet, string, string)
MOTE_IMPORT_AS(tell_all, "env", "tell", void, i32, u32, i64, u64, f32, f64, bool, string, bytes)
MOTE_IMPORT_WEAK_AS(maybe, "env", "maybe", bool)

namespace
{

// ---- every type ----

#define ECHO(word, type)                                     \
    type echo_##word(type value) noexcept(sizeof(type) == 8) \
    {                                                        \
        return value;                                        \
    }                                                        \
    MOTE_EXPORT(echo_##word, word, word)

ECHO(i32, int32_t);
ECHO(u32, uint32_t);
ECHO(i64, int64_t);
ECHO(u64, uint64_t);
ECHO(f32, float);
ECHO(f64, double);
ECHO(bool, bool);
ECHO(string, mote_string);
ECHO(bytes, mote_bytes);

void nothing()
{
}
MOTE_EXPORT(nothing, void);

int32_t sum(int32_t a, int32_t b)
{
    int32_t result = 0;
    if (env_add(&result, a, b) != 0)
        throw std::runtime_error(std::string(mote::view(mote_error_text())));
    return result;
}
MOTE_EXPORT(sum, i32, i32, i32);

mote_string greet(mote_string name)
{
    mote_string answer = mote::text("nobody");
    if (env_greet(&answer, name) != 0)
        mote::fail(5, "no greeting");
    return answer;
}
MOTE_EXPORT(greet, string, string);

int32_t tell()
{
    const uint8_t data[] = {1, 2, 3};
    bool ignored = false;
    if (maybe(&ignored) != MOTE_GUEST_EMISSING)
        return -100;
    return tell_all(-1, 2, -3, 4, 0.5f, -0.25, true, mote::text("text"), {data, sizeof(data)});
}
MOTE_EXPORT(tell, i32);

// ---- before the first call ----

struct Counter {
    int count = 0;
    Counter()
    {
        count = 41;
    }
};

Counter at_start;
const std::map<std::string, int, std::less<>> table = {{"one", 1}, {"two", 2}, {"three", 3}};
thread_local std::string of_thread = "thread";
thread_local int plain_of_thread = 7;

int32_t constructed()
{
    static Counter at_first_use;
    return ++at_start.count + at_first_use.count;
}
MOTE_EXPORT(constructed, i32);

int32_t look_up(mote_string name)
{
    auto found = table.find(mote::view(name));
    return found != table.end() ? found->second : -1;
}
MOTE_EXPORT(look_up, i32, string);

mote_string thread_data(mote_string more)
{
    of_thread += mote::view(more);
    of_thread += std::to_string(plain_of_thread++);
    return mote::text(of_thread);
}
MOTE_EXPORT(thread_data, string, string);

// ---- containers ----

uint64_t sorted(uint32_t size)
{
    std::vector<uint64_t> numbers(size);
    uint64_t state = 1;
    for (uint64_t &number : numbers)
        number = state = state * 6364136223846793005u + 1442695040888963407u;
    std::sort(numbers.begin(), numbers.end());
    if (!std::is_sorted(numbers.begin(), numbers.end()))
        mote::abort(1, "not sorted");
    return std::accumulate(numbers.begin(), numbers.end(), uint64_t{0});
}
MOTE_EXPORT(sorted, u64, u32);

// ---- RTTI ----

struct Shape {
    virtual ~Shape() = default;
    virtual int sides() const = 0;
};
struct Triangle : Shape {
    int sides() const override
    {
        return 3;
    }
};
struct Square : Shape {
    int sides() const override
    {
        return 4;
    }
};

int32_t rtti(bool square)
{
    std::unique_ptr<Shape> shape;
    if (square)
        shape = std::make_unique<Square>();
    else
        shape = std::make_unique<Triangle>();
    return shape->sides() + (dynamic_cast<Square *>(shape.get()) != nullptr ? 10 : 0);
}
MOTE_EXPORT(rtti, i32, bool);

// ---- exceptions ----

struct Unwound {
    int *count;
    ~Unwound()
    {
        ++*count;
    }
};

void descend(int depth, int *count)
{
    Unwound unwound{count};
    if (depth == 0)
        throw std::out_of_range("the bottom");
    descend(depth - 1, count);
}

// The number of frames that were unwound.
int32_t caught(int32_t depth)
{
    int count = 0;
    try {
        descend(depth, &count);
    } catch (const std::logic_error &error) {
        return std::string(error.what()) == "the bottom" ? count : -1;
    }
    return -2;
}
MOTE_EXPORT(caught, i32, i32);

bool no_memory()
{
    try {
        std::vector<char> huge(size_t{1} << 40);
        return huge.empty();
    } catch (const std::bad_alloc &) {
        return true;
    }
}
MOTE_EXPORT(no_memory, bool);

void escape(mote_string text)
{
    throw std::runtime_error(std::string(mote::view(text)));
}
MOTE_EXPORT(escape, void, string);

int32_t escape_number()
{
    throw 42;
}
MOTE_EXPORT(escape_number, i32);

struct Own {
};

void escape_own()
{
    throw Own();
}
MOTE_EXPORT(escape_own, void);

void break_noexcept() noexcept
{
    escape({"out of noexcept", 15});
}
MOTE_EXPORT(break_noexcept, void);

void terminate()
{
    std::terminate();
}
MOTE_EXPORT(terminate, void);

} // namespace
