/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_guest_macros.h: the machinery behind MOTE_EXPORT and MOTE_IMPORT.
 * Included by mote_guest.h; nothing here is for programs to use.
 *
 * Each export and import is one top-level asm statement that emits two things:
 * an ELF note for the host, and an entry in a section of the guest. The linker
 * keeps input sections in order, so the n-th note and the n-th entry belong
 * together, and n is the number on the wire.
 */
#ifndef MOTE_GUEST_MACROS_H
#define MOTE_GUEST_MACROS_H

/* ---- what C and C++ say differently --------------------------------------- */

#ifdef __cplusplus
#define MOTE__BOOL                bool
#define MOTE__ASSERT(holds, text) static_assert(holds, text)
#define MOTE__EXTERN              extern "C"
/* The name in assembly, and no exception passes: it ends in std::terminate. */
#define MOTE__WRAPPER(name, ...)                                      \
    static void name(__VA_ARGS__) noexcept __asm__(MOTE__TEXT(name)); \
    __attribute__((used)) static void name(__VA_ARGS__) noexcept
#define MOTE__SAME_TYPE(function, ...) (mote__same<decltype(&(function)), __VA_ARGS__>::value)
#else
#define MOTE__BOOL                _Bool
#define MOTE__ASSERT(holds, text) _Static_assert(holds, text)
#define MOTE__EXTERN              extern
#define MOTE__WRAPPER(name, ...)  __attribute__((used)) static void name(__VA_ARGS__)
#define MOTE__SAME_TYPE(function, ...) \
    __builtin_types_compatible_p(__typeof__(&(function)), __VA_ARGS__)
#endif

#ifdef __cplusplus
/* Whether F is the function type of the signature; noexcept is no difference. */
template <class F, class S> struct mote__same {
    static constexpr bool value = false;
};
template <class F> struct mote__same<F, F> {
    static constexpr bool value = true;
};
template <class R, class... A> struct mote__same<R (*)(A...) noexcept, R (*)(A...)> {
    static constexpr bool value = true;
};
#endif

/* ---- preprocessor -------------------------------------------------------- */

#define MOTE__TEXT(x)      MOTE__TEXT_(x)
#define MOTE__TEXT_(x)     #x
#define MOTE__COMMA()      ,
#define MOTE__COMMA_TEXT() ","

/* Three of the same, since a macro is not expanded inside itself. */
#define MOTE__JOIN(a, b)        MOTE__JOIN_(a, b)
#define MOTE__JOIN_(a, b)       a##b
#define MOTE__JOIN_COUNT(a, b)  MOTE__JOIN_COUNT_(a, b)
#define MOTE__JOIN_COUNT_(a, b) a##b
#define MOTE__JOIN_SHAPE(a, b)  MOTE__JOIN_SHAPE_(a, b)
#define MOTE__JOIN_SHAPE_(a, b) a##b

/* The number of parameters in a signature `result, parameters...`. */
#define MOTE__NPARAMS(...)                                                                      \
    MOTE__NPARAMS_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, \
                   16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, )
#define MOTE__NPARAMS_(r, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16,  \
                       a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, \
                       a32, n, ...)                                                               \
    n

/*
 * MOTE__PARAMS(m, s, none, result, p1, p2, ...) is  m(n, p1) s() m(n-1, p2) ...,
 * or `none` when there are no parameters. Parameters are numbered downwards,
 * the last one is number 1.
 */
#define MOTE__PARAMS(m, s, none, ...) \
    MOTE__JOIN_COUNT(MOTE__LIST_, MOTE__NPARAMS(__VA_ARGS__))(m, s, none, __VA_ARGS__)

/* clang-format off */
#define MOTE__LIST_0(m, s, none, r)         none
#define MOTE__LIST_1(m, s, none, r, a)      m(1, a)
#define MOTE__LIST_2(m, s, none, r, a, ...) m(2, a) s() MOTE__LIST_1(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_3(m, s, none, r, a, ...) m(3, a) s() MOTE__LIST_2(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_4(m, s, none, r, a, ...) m(4, a) s() MOTE__LIST_3(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_5(m, s, none, r, a, ...) m(5, a) s() MOTE__LIST_4(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_6(m, s, none, r, a, ...) m(6, a) s() MOTE__LIST_5(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_7(m, s, none, r, a, ...) m(7, a) s() MOTE__LIST_6(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_8(m, s, none, r, a, ...) m(8, a) s() MOTE__LIST_7(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_9(m, s, none, r, a, ...) m(9, a) s() MOTE__LIST_8(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_10(m, s, none, r, a, ...) m(10, a) s() MOTE__LIST_9(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_11(m, s, none, r, a, ...) m(11, a) s() MOTE__LIST_10(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_12(m, s, none, r, a, ...) m(12, a) s() MOTE__LIST_11(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_13(m, s, none, r, a, ...) m(13, a) s() MOTE__LIST_12(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_14(m, s, none, r, a, ...) m(14, a) s() MOTE__LIST_13(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_15(m, s, none, r, a, ...) m(15, a) s() MOTE__LIST_14(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_16(m, s, none, r, a, ...) m(16, a) s() MOTE__LIST_15(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_17(m, s, none, r, a, ...) m(17, a) s() MOTE__LIST_16(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_18(m, s, none, r, a, ...) m(18, a) s() MOTE__LIST_17(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_19(m, s, none, r, a, ...) m(19, a) s() MOTE__LIST_18(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_20(m, s, none, r, a, ...) m(20, a) s() MOTE__LIST_19(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_21(m, s, none, r, a, ...) m(21, a) s() MOTE__LIST_20(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_22(m, s, none, r, a, ...) m(22, a) s() MOTE__LIST_21(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_23(m, s, none, r, a, ...) m(23, a) s() MOTE__LIST_22(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_24(m, s, none, r, a, ...) m(24, a) s() MOTE__LIST_23(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_25(m, s, none, r, a, ...) m(25, a) s() MOTE__LIST_24(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_26(m, s, none, r, a, ...) m(26, a) s() MOTE__LIST_25(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_27(m, s, none, r, a, ...) m(27, a) s() MOTE__LIST_26(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_28(m, s, none, r, a, ...) m(28, a) s() MOTE__LIST_27(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_29(m, s, none, r, a, ...) m(29, a) s() MOTE__LIST_28(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_30(m, s, none, r, a, ...) m(30, a) s() MOTE__LIST_29(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_31(m, s, none, r, a, ...) m(31, a) s() MOTE__LIST_30(m, s, none, r, __VA_ARGS__)
#define MOTE__LIST_32(m, s, none, r, a, ...) m(32, a) s() MOTE__LIST_31(m, s, none, r, __VA_ARGS__)

/* ---- what each type word means ------------------------------------------- */

/* `bool` is a macro for `_Bool` wherever <stdbool.h> is included: both are words. */
#define MOTE__C_void       void
#define MOTE__C_i32         int32_t
#define MOTE__C_u32         uint32_t
#define MOTE__C_i64         int64_t
#define MOTE__C_u64         uint64_t
#define MOTE__C_f32         float
#define MOTE__C_f64         double
#define MOTE__C_bool        MOTE__BOOL
#define MOTE__C__Bool       MOTE__BOOL
#define MOTE__C_string      mote_string
#define MOTE__C_bytes       mote_bytes

#define MOTE__NAME_void    "void"
#define MOTE__NAME_i32      "i32"
#define MOTE__NAME_u32      "u32"
#define MOTE__NAME_i64      "i64"
#define MOTE__NAME_u64      "u64"
#define MOTE__NAME_f32      "f32"
#define MOTE__NAME_f64      "f64"
#define MOTE__NAME_bool     "bool"
#define MOTE__NAME__Bool    "bool"
#define MOTE__NAME_string   "string"
#define MOTE__NAME_bytes    "bytes"

#define MOTE__CODE_void    MOTE_TYPE_VOID
#define MOTE__CODE_i32      MOTE_TYPE_I32
#define MOTE__CODE_u32      MOTE_TYPE_U32
#define MOTE__CODE_i64      MOTE_TYPE_I64
#define MOTE__CODE_u64      MOTE_TYPE_U64
#define MOTE__CODE_f32      MOTE_TYPE_F32
#define MOTE__CODE_f64      MOTE_TYPE_F64
#define MOTE__CODE_bool     MOTE_TYPE_BOOL
#define MOTE__CODE__Bool    MOTE_TYPE_BOOL
#define MOTE__CODE_string   MOTE_TYPE_STRING
#define MOTE__CODE_bytes    MOTE_TYPE_BYTES

/* A function without result and one with a result differ in shape. */
#define MOTE__SHAPE_void   void
#define MOTE__SHAPE_i32     value
#define MOTE__SHAPE_u32     value
#define MOTE__SHAPE_i64     value
#define MOTE__SHAPE_u64     value
#define MOTE__SHAPE_f32     value
#define MOTE__SHAPE_f64     value
#define MOTE__SHAPE_bool    value
#define MOTE__SHAPE__Bool   value
#define MOTE__SHAPE_string  value
#define MOTE__SHAPE_bytes   value

#define mote__get_bool     mote__get__Bool
#define mote__slot_bool    mote__slot__Bool
/* clang-format on */

#define MOTE__C(t)     MOTE__JOIN(MOTE__C_, t)
#define MOTE__NAME(t)  MOTE__JOIN(MOTE__NAME_, t)
#define MOTE__CODE(t)  MOTE__JOIN(MOTE__CODE_, t)
#define MOTE__SHAPE(t) MOTE__JOIN(MOTE__SHAPE_, t)
#define MOTE__GET(t)   MOTE__JOIN(mote__get_, t)
#define MOTE__SLOT(t)  MOTE__JOIN(mote__slot_, t)

/* ---- slots --------------------------------------------------------------- */

#define MOTE__INTEGER_SLOT(word, type, narrow)                        \
    static inline type mote__get_##word(const struct mote_slot *slot) \
    {                                                                 \
        return (type)slot->lo;                                        \
    }                                                                 \
    static inline struct mote_slot mote__slot_##word(type value)      \
    {                                                                 \
        struct mote_slot slot = {(narrow)value, 0};                   \
        return slot;                                                  \
    }

/* Floats travel as their bits, so that a NaN keeps its payload. */
#define MOTE__FLOAT_SLOT(word, type, bits_type)                       \
    static inline type mote__get_##word(const struct mote_slot *slot) \
    {                                                                 \
        bits_type bits = (bits_type)slot->lo;                         \
        type value;                                                   \
        __builtin_memcpy(&value, &bits, sizeof(value));               \
        return value;                                                 \
    }                                                                 \
    static inline struct mote_slot mote__slot_##word(type value)      \
    {                                                                 \
        bits_type bits;                                               \
        __builtin_memcpy(&bits, &value, sizeof(bits));                \
        struct mote_slot slot = {bits, 0};                            \
        return slot;                                                  \
    }

#define MOTE__COUNTED_SLOT(word, type, element)                                \
    static inline type mote__get_##word(const struct mote_slot *slot)          \
    {                                                                          \
        type value = {(const element *)(uintptr_t)slot->lo, (size_t)slot->hi}; \
        return value;                                                          \
    }                                                                          \
    static inline struct mote_slot mote__slot_##word(type value)               \
    {                                                                          \
        struct mote_slot slot = {(uintptr_t)value.data, value.size};           \
        return slot;                                                           \
    }

MOTE__INTEGER_SLOT(i32, int32_t, uint32_t)
MOTE__INTEGER_SLOT(u32, uint32_t, uint32_t)
MOTE__INTEGER_SLOT(i64, int64_t, uint64_t)
MOTE__INTEGER_SLOT(u64, uint64_t, uint64_t)
MOTE__INTEGER_SLOT(_Bool, MOTE__BOOL, uint32_t)
MOTE__FLOAT_SLOT(f32, float, uint32_t)
MOTE__FLOAT_SLOT(f64, double, uint64_t)
MOTE__COUNTED_SLOT(string, mote_string, char)
MOTE__COUNTED_SLOT(bytes, mote_bytes, uint8_t)

static inline struct mote_slot mote__slot_none(void)
{
    struct mote_slot slot = {0, 0};
    return slot;
}

/* ---- one item for each parameter ----------------------------------------- */

#define MOTE__ITEM_TYPE(n, t)      MOTE__C(t)
#define MOTE__ITEM_NAME(n, t)      MOTE__NAME(t)
#define MOTE__ITEM_CODE(n, t)      MOTE__CODE(t)
#define MOTE__ITEM_DECL(n, t)      MOTE__C(t) a##n
#define MOTE__ITEM_NEXT_DECL(n, t) , MOTE__C(t) a##n
#define MOTE__ITEM_SLOT(n, t)      MOTE__SLOT(t)(a##n)
#define MOTE__ITEM_GET(n, t)       MOTE__GET(t)(mote__end - (n))

/* Parts of a signature `result, parameters...`. */
#define MOTE__NOTHING()
#define MOTE__FIRST(r, ...)    r
#define MOTE__RESULT(...)      MOTE__FIRST(__VA_ARGS__, )
#define MOTE__C_RESULT(...)    MOTE__C(MOTE__RESULT(__VA_ARGS__))
#define MOTE__C_TYPES(...)     MOTE__PARAMS(MOTE__ITEM_TYPE, MOTE__COMMA, void, __VA_ARGS__)
#define MOTE__ARGUMENTS(...)   MOTE__PARAMS(MOTE__ITEM_GET, MOTE__COMMA, , __VA_ARGS__)
#define MOTE__PARAM_NAMES(...) MOTE__PARAMS(MOTE__ITEM_NAME, MOTE__COMMA_TEXT, , __VA_ARGS__)
#define MOTE__RESULT_NAME(...) MOTE__NAME(MOTE__RESULT(__VA_ARGS__))
#define MOTE__SIGNATURE(...)   "(" MOTE__PARAM_NAMES(__VA_ARGS__) ")->" MOTE__RESULT_NAME(__VA_ARGS__)

/* ---- notes: the layout is told in mote_abi.h ----------------------------- */

/* Lines of assembly. The literal of MOTE__ASCIZ keeps its quotes. */
#define MOTE__LINE(text)     text "\n"
#define MOTE__LONG(value)    MOTE__LINE(".long " MOTE__TEXT(value))
#define MOTE__QUAD(value)    MOTE__LINE(".quad " MOTE__TEXT(value))
#define MOTE__ASCIZ(literal) MOTE__LINE(".asciz " MOTE__TEXT(literal))
#define MOTE__ALIGN_4        MOTE__LINE(".balign 4")

/* "R" keeps a section that nothing refers to when the linker collects garbage. */
#define MOTE__SECTION(name, type, lines) \
    MOTE__LINE(".pushsection " name ",\"aR\"," type) lines MOTE__LINE(".popsection")

#define MOTE__NOTE(type, desc) \
    MOTE__SECTION(MOTE_NOTE_SECTION, "@note", MOTE__NOTE_HEAD(type) desc MOTE__NOTE_TAIL)
#define MOTE__NOTE_HEAD(type)                                                \
    MOTE__ALIGN_4 MOTE__LONG(5) MOTE__LINE(".long 2f - 1f") MOTE__LONG(type) \
        MOTE__ASCIZ(MOTE_NOTE_NAME) MOTE__ALIGN_4 MOTE__LINE("1:")
#define MOTE__NOTE_TAIL MOTE__LINE("2:") MOTE__ALIGN_4

#define MOTE__FUNCTION_NOTE(type, flags, module, name, ...)                  \
    MOTE__NOTE(type, MOTE__LONG(flags) MOTE__ASCIZ(module) MOTE__ASCIZ(name) \
                         MOTE__LINE(".asciz \"" MOTE__SIGNATURE(__VA_ARGS__) "\""))

#define MOTE__WINDOW(bytes)                                                    \
    MOTE__ASSERT((bytes) <= MOTE_MAX_WINDOW, "mote: the window is too large"); \
    __asm__(MOTE__NOTE(MOTE_NOTE_WINDOW, MOTE__QUAD(bytes)))

/* ---- exports ------------------------------------------------------------- */

/* The wrapper's name is what a fault report shows when the function is inlined there. */
#define MOTE__EXPORT(function, name, ...) \
    MOTE__EXPORT_(function, name, MOTE__JOIN(function##__export, __COUNTER__), __VA_ARGS__)

#define MOTE__EXPORT_(function, name, wrapper, ...)                                               \
    MOTE__ASSERT(MOTE__HAS_TYPE(function, __VA_ARGS__), MOTE__WRONG_TYPE(function, __VA_ARGS__)); \
    MOTE__WRAPPER(wrapper, const struct mote_slot *mote__args, struct mote_slot *mote__results)   \
    {                                                                                             \
        const struct mote_slot *const mote__end = mote__args + MOTE__NPARAMS(__VA_ARGS__);        \
        (void)mote__end;                                                                          \
        (void)mote__results;                                                                      \
        MOTE__JOIN_SHAPE(MOTE__STORE_, MOTE__SHAPE(MOTE__RESULT(__VA_ARGS__)))                    \
        (MOTE__RESULT(__VA_ARGS__), (function)(MOTE__ARGUMENTS(__VA_ARGS__)));                    \
    }                                                                                             \
    __asm__(MOTE__FUNCTION_NOTE(MOTE_NOTE_EXPORT, 0, "", name, __VA_ARGS__)                       \
                MOTE__SECTION("mote_exports", "@progbits", MOTE__EXPORT_ENTRY(wrapper)))

#define MOTE__HAS_TYPE(function, ...) \
    MOTE__SAME_TYPE(function, MOTE__C_RESULT(__VA_ARGS__) (*)(MOTE__C_TYPES(__VA_ARGS__)))
#define MOTE__WRONG_TYPE(function, ...) \
    "mote: the C type of " #function " is not that of the signature " MOTE__SIGNATURE(__VA_ARGS__)

/* The distance from the entry to the wrapper. */
#define MOTE__EXPORT_ENTRY(wrapper) MOTE__ALIGN_4 MOTE__LINE(".long " MOTE__TEXT(wrapper) " - .")

#define MOTE__STORE_void(t, call)   call
#define MOTE__STORE_value(t, call)  mote__results[0] = MOTE__SLOT(t)(call)

/* ---- imports ------------------------------------------------------------- */

/* MOTE_NOTE_WEAK as the assembler reads it: without suffix. */
#define MOTE__STRONG 0
#define MOTE__WEAK   1
MOTE__ASSERT(MOTE__WEAK == MOTE_NOTE_WEAK, "the flag is written twice");

MOTE__EXTERN const uint8_t __start_mote_imports[] __attribute__((visibility("hidden")));

/* Returns 0 and sets *result, or a negative MOTE_GUEST_E*. `call` is followed
 * by its arguments. */
MOTE__EXTERN int mote__call_host(const struct mote_host_call *call, struct mote_slot *result);

MOTE__ASSERT(sizeof(struct mote_host_call) % sizeof(uint64_t) == 0, "arguments follow at once");

#define MOTE__IMPORT(function, module, name, flags, ...)                                 \
    MOTE__IMPORT_(function, module, name, flags, MOTE__JOIN(mote__import_, __COUNTER__), \
                  __VA_ARGS__)

/* The entry is a byte, and its place in the section is the number of the import. */
#define MOTE__IMPORT_ENTRY(entry)  MOTE__LINE(MOTE__TEXT(entry) ":") MOTE__LINE(".byte 0")
#define MOTE__IMPORT_NUMBER(entry) (uint32_t)((uintptr_t)(entry) - (uintptr_t)__start_mote_imports)

#define MOTE__IMPORT_(function, module, name, flags, entry, ...)                                   \
    MOTE__EXTERN const uint8_t entry[] __attribute__((visibility("hidden")));                      \
    __asm__(MOTE__FUNCTION_NOTE(MOTE_NOTE_IMPORT, flags, module, name, __VA_ARGS__)                \
                MOTE__SECTION("mote_imports", "@progbits", MOTE__IMPORT_ENTRY(entry)));            \
    __attribute__((unused)) static int function(                                                   \
        MOTE__JOIN_SHAPE(MOTE__IMPORT_DECL_, MOTE__SHAPE(MOTE__RESULT(__VA_ARGS__)))(__VA_ARGS__)) \
    {                                                                                              \
        const struct {                                                                             \
            struct mote_host_call call;                                                            \
            struct mote_slot args[MOTE__NPARAMS(__VA_ARGS__) + 1];                                 \
        } mote__message = {                                                                        \
            {MOTE__IMPORT_NUMBER(entry),                                                           \
             MOTE__NPARAMS(__VA_ARGS__),                                                           \
             {MOTE__PARAMS(MOTE__ITEM_CODE, MOTE__COMMA, MOTE_TYPE_VOID, __VA_ARGS__)},            \
             MOTE__CODE(MOTE__RESULT(__VA_ARGS__)),                                                \
             0},                                                                                   \
            {MOTE__PARAMS(MOTE__ITEM_SLOT, MOTE__COMMA, mote__slot_none(), __VA_ARGS__)}};         \
        struct mote_slot mote__slot = {0, 0};                                                      \
        int mote__status = mote__call_host(&mote__message.call, &mote__slot);                      \
        MOTE__JOIN_SHAPE(MOTE__LOAD_, MOTE__SHAPE(MOTE__RESULT(__VA_ARGS__)))                      \
        (MOTE__RESULT(__VA_ARGS__));                                                               \
        return mote__status;                                                                       \
    }

#define MOTE__IMPORT_DECL_void(...) MOTE__PARAMS(MOTE__ITEM_DECL, MOTE__COMMA, void, __VA_ARGS__)
#define MOTE__IMPORT_DECL_value(...) \
    MOTE__RESULT_DECL(__VA_ARGS__) MOTE__PARAMS(MOTE__ITEM_NEXT_DECL, MOTE__NOTHING, , __VA_ARGS__)
#define MOTE__RESULT_DECL(...) MOTE__C_RESULT(__VA_ARGS__) * mote__result

#define MOTE__LOAD_void(t)     (void)0
#define MOTE__LOAD_value(t)                            \
    do {                                               \
        if (mote__status == 0 && mote__result != NULL) \
            *mote__result = MOTE__GET(t)(&mote__slot); \
    } while (0)

#endif
