/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote.h: run functions that nobody has to trust, each in its own micro-VM.
 *
 *   host     the root object of an embedder: backend, watchdog, signal
 *   image    a program ready to be a guest; shared by threads and sandboxes
 *   policy   what a guest is granted; built once, frozen at first use
 *   sandbox  one running instance of an image under a policy
 *   snapshot the state of a sandbox between two calls; others start from it
 *
 * Sections, in the order of use: errors, host, values, image, policy (options, host
 * functions, log, streams, files, trace), sandbox (calls, reset, memory), snapshot, interrupt,
 * report.
 *
 * Errors. Every function that can fail returns 0 or a negative MOTE_E* and,
 * where it takes a `mote_error *` (may be NULL), describes the failure there.
 * The library never exits, aborts or prints.
 *
 * Threads. Hosts, images, policies and snapshots may be used by any number of threads.
 * A sandbox belongs to one thread at a time, any thread; a second one that
 * enters it meanwhile gets MOTE_EBUSY. A suspended call belongs to none.
 * mote_interrupt may be called from any thread and from signal handlers.
 * pthread_cancel of a thread waits until its call, or a reset, has ended.
 *
 * Callbacks (host functions, streams, logs, traces) must return: one that is left by
 * longjmp, an exception or pthread_exit leaves a sandbox that answers MOTE_EBUSY for ever.
 * Below them a call, with all that are nested in it, uses at most 64 KiB of stack.
 *
 * Fork. A forked child owns none of its parent's VMs: every function answers
 * MOTE_EFORKED there, save the destructors, which release the child's memory,
 * and those that only tell what is known. So does a call whose host function
 * forks and returns in the child.
 *
 * Limits. Each sandbox that is not parked has a VM: two file descriptors (RLIMIT_NOFILE), on
 * most kernels a kernel thread that counts as one of the process's (RLIMIT_NPROC,
 * pids.max), and about 500 KiB of kernel memory. A process that locks its
 * memory (mlockall) locks that of its guests, too (RLIMIT_MEMLOCK). What
 * reaches one of these limits fails with MOTE_EFILES, MOTE_EPROCESSES or
 * MOTE_ELOCKED; other shortage of memory is MOTE_ENOMEM.
 *
 * Signals. To stop a running guest the library sends one signal to the thread
 * that runs it (see mote_host_options.signal). A thread that blocks it gets
 * MOTE_EINVAL from calls. Nothing else touches signals.
 */
#ifndef MOTE_H
#define MOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(MOTE_BUILD) && defined(__GNUC__)
#define MOTE_API __attribute__((visibility("default")))
#else
#define MOTE_API
#endif

#define MOTE_VERSION_MAJOR 0
#define MOTE_VERSION_MINOR 1
#define MOTE_VERSION_PATCH 0

/* The library's version as "major.minor.patch"; static storage. */
MOTE_API const char *mote_version(void);

/* ---- errors --------------------------------------------------------------- */

/* X(name, number, what went wrong) */
#define MOTE_ERROR_MAP(X)                                                    \
    X(EINVAL, 1, "an argument is not valid")                                 \
    X(ENOMEM, 2, "the host is out of memory")                                \
    X(ESYSTEM, 3, "a system call failed")                                    \
    X(EBACKEND, 4, "no usable hypervisor")                                   \
    X(EIMAGE, 5, "the file is not a guest image that can run")               \
    X(EBOOT, 6, "the guest failed before it was ready")                      \
    X(ENOTFOUND, 7, "there is no such function")                             \
    X(ETYPE, 8, "the number or the types of the values do not fit")          \
    X(EMISSING, 9, "the guest imports a host function that was not granted") \
    X(ELIMIT, 10, "a limit of the policy was reached")                       \
    X(EFAULT, 11, "the guest faulted")                                       \
    X(EABORTED, 12, "the guest gave up")                                     \
    X(EDEADLINE, 13, "the deadline passed")                                  \
    X(EINTERRUPTED, 14, "the call was interrupted")                          \
    X(EPOISONED, 15, "the sandbox must be reset first")                      \
    X(EFORKED, 16, "the object belongs to the parent process")               \
    X(EBUSY, 17, "another thread uses the sandbox, or the object is in use") \
    X(EFROZEN, 18, "the policy is in use and cannot change")                 \
    X(EGUEST, 19, "the guest function reported a failure")                   \
    X(EHOSTFN, 20, "a host function failed")                                 \
    X(EEXITED, 21, "the guest program ended")                                \
    X(ERANGE, 22, "the address range is not the guest's")                    \
    X(ESTRANGE, 23, "the hypervisor reported something unexpected")          \
    X(EPROTOCOL, 24, "the guest broke the call protocol")                    \
    X(ESUSPENDED, 25, "the call is suspended: resume or cancel it first")    \
    X(ECPU, 26, "the CPU budget is used up")                                 \
    X(EREFUSED, 27, "the guest made a system call that is refused")          \
    X(EPROCESSES, 28, "the limit of processes and threads is reached")       \
    X(EFILES, 29, "the limit of open files is reached")                      \
    X(ELOCKED, 30, "the limit of locked memory is reached")                  \
    X(ESNAPSHOT, 31, "the file is no snapshot that can be used here")

enum mote_error_code {
    MOTE_OK = 0,
#define MOTE_X(name, number, text) MOTE_##name = -(number),
    MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
};

/* Which layer an error comes from. */
enum mote_domain {
    MOTE_DOMAIN_NONE = 0,
    MOTE_DOMAIN_API = 1,     /* the caller's arguments */
    MOTE_DOMAIN_SYSTEM = 2,  /* the operating system; `detail` is errno */
    MOTE_DOMAIN_BACKEND = 3, /* the hypervisor */
    MOTE_DOMAIN_IMAGE = 4,   /* the guest's file */
    MOTE_DOMAIN_GUEST = 5,   /* the running guest; `detail` is its code */
    MOTE_DOMAIN_HOSTFN = 6   /* a host function of the embedder; `detail` is its code */
};

/* Owned by the caller. Set `size` to sizeof(mote_error) before the first use
 * (MOTE_ERROR_INIT does); the rest is written by the call that fails. */
typedef struct mote_error {
    size_t size;
    int domain;       /* enum mote_domain */
    int code;         /* MOTE_E* */
    int64_t detail;   /* errno, or the number that the guest or host function gave */
    char text[512];   /* what failed, on what; one line of UTF-8, NUL-terminated */
    char remedy[256]; /* what to do; may be empty */
} mote_error;

#define MOTE_ERROR_INIT                   \
    {                                     \
        sizeof(mote_error), 0, 0, 0, {0}, \
        {                                 \
            0                             \
        }                                 \
    }

/* Name ("MOTE_EINVAL") and sentence of a code; static storage, never NULL. */
MOTE_API const char *mote_error_name(int code);
MOTE_API const char *mote_error_string(int code);

/* ---- host ------------------------------------------------------------------ */

typedef struct mote_host mote_host;
typedef struct mote_image mote_image;
typedef struct mote_policy mote_policy;
typedef struct mote_sandbox mote_sandbox;
typedef struct mote_snapshot mote_snapshot;
typedef struct mote_handle mote_handle;

/* Memory for host objects: everything that the library allocates for itself and its embedder. The
 * memory of guests does not come from here, it is mapped; save what parked sandboxes keep. All
 * three are called from any thread that uses the library, never from its watchdog or a signal
 * handler. Memory is aligned for any type. Must not call the library, whose locks may be held. */
typedef struct mote_allocator {
    size_t size;                                            /* sizeof(mote_allocator) */
    void *(*allocate)(void *user, size_t size);             /* NULL where there is none */
    void *(*resize)(void *user, void *memory, size_t size); /* as realloc; never size 0 */
    void (*release)(void *user, void *memory);              /* never NULL */
    void *user;
} mote_allocator;

/* What the library has to tell its operator: level 0 (debug) to 3 (error), as for guests.
 * `text` is one line without newline. Called on the thread that met the event. */
typedef void (*mote_host_log_fn)(void *user, unsigned level, const char *text);

/*
 * Structures of options begin with their size. A smaller one, of a program built
 * against an older header, is taken with what it lacks as zero; a larger one only when
 * what this library does not know is zero.
 */
/* Who may get a VM after its sandbox was freed. What the guest left is wiped in any case; this
 * is about what the library cannot wipe: caches, predictors of the processor. */
typedef enum mote_reuse {
    MOTE_REUSE_TENANT = 0, /* sandboxes of the same tenant (mote_sandbox_options.tenant) */
    MOTE_REUSE_NEVER = 1,  /* nobody: only VMs that were never used are kept */
    MOTE_REUSE_FREELY = 2  /* everybody */
} mote_reuse;

typedef struct mote_host_options {
    size_t size; /* sizeof(mote_host_options) */
    /* The signal that stops a running guest. 0: the library takes the highest
     * free real-time signal (SIGRTMAX downwards) whose disposition is SIG_DFL
     * and installs an empty handler for it (SA_RESTART, SA_ONSTACK) until the
     * host is released. Otherwise: a signal for which the embedder has installed a
     * handler that returns, else MOTE_EINVAL; the library only sends it. It
     * must stay unblocked in every thread that calls guests: a thread that
     * blocks it when a sandbox first meets it gets MOTE_EINVAL, one that does
     * so later cannot be stopped. */
    int signal;
    /* Path of the hypervisor's device; NULL: /dev/kvm. */
    const char *device;
    /* Copied; it and its functions must work as long as any object of the host, or a handle,
     * lives. NULL: malloc, realloc and free. */
    const mote_allocator *allocator;
    /* NULL: nothing is told. Must not call the library. */
    mote_host_log_fn log;
    void *log_user;
    /*
     * The pool of VMs. To make and to destroy one takes the kernel many times as long as a call;
     * with a pool, a sandbox gets the VM of an earlier one, which was made like new, and a
     * thread of the library makes and destroys VMs in the background.
     * shells_low: VMs that nobody has used yet, kept ready for the image that was last short of
     * one. shells_high: idle VMs in all that are kept at most; less than shells_low counts as
     * shells_low. Both 0: no pool and no thread. An idle VM has about half a megabyte of
     * the kernel's memory, and for each image that it served, eight at most, the image's first
     * memory and up to a megabyte of what guests wrote since, made like new.
     */
    size_t shells_low, shells_high;
    /* VMs in all, idle ones included, without the one in which an image boots; 0: no limit. A
     * sandbox that needs one more takes that of the sandbox that was used least lately, which is
     * parked (see "parking"), suspended or not; who calls into that one meanwhile waits until its
     * state is kept. MOTE_ELIMIT where a thread is in each of them: give as many as there are
     * threads that call. */
    size_t shells_most;
    mote_reuse reuse;
    /* Whether other programs that may trace this process can see how many VMs and sandboxes the
     * host has, and how often they are used: mote_use.h, `mote top`. Costs each call an addition.
     */
    bool publish;
} mote_host_options;

/* Opens the hypervisor, checks what it can do and starts the watchdog thread.
 * `options` may be NULL. Release with mote_host_free after all its images,
 * policies and sandboxes. Errors: EBACKEND (with the remedy), EINVAL (a signal without
 * handler), ENOMEM, ESYSTEM. */
MOTE_API int mote_host_new(mote_host **host, const mote_host_options *options, mote_error *error);
/* MOTE_EBUSY, and nothing is done, while objects of the host exist. NULL is fine. */
MOTE_API int mote_host_free(mote_host *host);

/* What a host has in use, as of some moment of the question. Set `size` to sizeof(mote_host_use);
 * the rest is written. */
typedef struct mote_host_use {
    size_t size;
    uint64_t vms_used;    /* VMs that sandboxes have, or that are being made or destroyed; not those
                             in which images boot */
    uint64_t vms_idle;    /* in the pool */
    uint64_t sandboxes;   /* that live */
    uint64_t parked;      /* of these, without a VM: see "parking" */
    uint64_t vms_created; /* since the host was made, for sandboxes and ahead of need */
    uint64_t vms_reused;  /* how often a sandbox got a VM from the pool */
} mote_host_use;

/* Counters, under one lock; any thread. Errors: EINVAL (NULL, or a size of no version), EFORKED. */
MOTE_API int mote_host_describe(mote_host *host, mote_host_use *use);

/* ---- values ------------------------------------------------------------------ */

typedef enum mote_type {
    MOTE_VOID = 0,
    MOTE_I32 = 1,
    MOTE_U32 = 2,
    MOTE_I64 = 3,
    MOTE_U64 = 4,
    MOTE_F32 = 5,
    MOTE_F64 = 6,
    MOTE_BOOL = 7,
    MOTE_STRING = 8, /* counted bytes, no NUL; not checked to be UTF-8 */
    MOTE_BYTES = 9
} mote_type;

typedef struct mote_value {
    mote_type type;
    union {
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        float f32; /* NaN payloads and -0.0 are kept */
        double f64;
        bool boolean;
        struct {
            const void *data;
            size_t size; /* bytes */
        } bytes;         /* string and bytes */
    } of;
} mote_value;

/* A C string as a value; it points to `text`, which must outlive the call. */
MOTE_API mote_value mote_string(const char *text);

/* "i32", "string", ...; "?" for no type. Static storage. */
MOTE_API const char *mote_type_name(mote_type type);

#define MOTE_PARAMS_MAX 32

/* A signature in text is "(i32,string)->bytes"; no parameters "()", no result
 * "->void". Spaces are allowed. */
typedef struct mote_signature {
    uint32_t nparams;
    uint32_t nresults; /* 0 or 1 */
    mote_type params[MOTE_PARAMS_MAX];
    mote_type result; /* MOTE_VOID when nresults is 0 */
} mote_signature;

/* Errors: EINVAL, with the place in the text. */
MOTE_API int mote_signature_parse(mote_signature *signature, const char *text, mote_error *error);
/* Writes at most `size` bytes with the NUL; returns the length that it needs. */
MOTE_API size_t mote_signature_format(const mote_signature *signature, char *text, size_t size);

/* ---- image ------------------------------------------------------------------ */

/* Where an image comes from: exactly one of path, fd (not -1) or data. Nothing
 * of it is needed any more when mote_image_open returns. */
typedef struct mote_source {
    size_t size; /* sizeof(mote_source) */
    const char *path;
    int fd; /* read from its start; not closed */
    const void *data;
    size_t data_size; /* bytes */
} mote_source;

#define MOTE_SOURCE_PATH(p)                   \
    {                                         \
        sizeof(mote_source), (p), -1, NULL, 0 \
    }
#define MOTE_SOURCE_FD(f)                       \
    {                                           \
        sizeof(mote_source), NULL, (f), NULL, 0 \
    }
#define MOTE_SOURCE_DATA(d, n)                  \
    {                                           \
        sizeof(mote_source), NULL, -1, (d), (n) \
    }

/* The x86-64 feature set that a guest sees in CPUID and that is stored with its
 * snapshot (levels of the x86-64 psABI, section 3.1.1). On kvm-pvm AVX cannot
 * be withheld from code that ignores CPUID. */
typedef enum mote_cpu {
    MOTE_CPU_DEFAULT = 0, /* MOTE_CPU_V2 */
    MOTE_CPU_V2 = 2,      /* SSE4.2, POPCNT */
    MOTE_CPU_V3 = 3       /* and AVX2, BMI, FMA; needs them on the host */
} mote_cpu;

typedef struct mote_image_options {
    size_t size;               /* sizeof(mote_image_options) */
    const char *name;          /* for messages; NULL: the path */
    uint64_t boot_memory;      /* bytes, at most 16 GiB; 0: 64 MiB */
    uint64_t boot_deadline_ns; /* nanoseconds; 0: 10 s */
    uint64_t stack;            /* bytes reserved for the stack; 0: 8 MiB */
    mote_cpu cpu;
} mote_image_options;

/* Parses a static ELF executable. Booting it to its initial snapshot happens
 * once, when the first sandbox is made. Errors: EIMAGE (what is wrong, by
 * name), EBACKEND (not this `cpu` here), ESYSTEM, ENOMEM, EINVAL. */
MOTE_API int mote_image_open(mote_image **image, mote_host *host, const mote_source *source,
                             const mote_image_options *options, mote_error *error);
MOTE_API mote_image *mote_image_ref(mote_image *image);
/* Drops one reference; sandboxes keep their own. NULL is fine. */
MOTE_API void mote_image_unref(mote_image *image);

/* Boots the image now instead of at its first sandbox. Errors: EBOOT (what the guest did, or that
 * this thread blocks the signal), ELIMIT (boot_memory too small), ENOMEM, ESYSTEM. */
MOTE_API int mote_image_boot(mote_image *image, mote_error *error);

/* A function that the image exports or imports. The pointers live as long as the image. */
typedef struct mote_function_info {
    const char *module; /* "" for exports */
    const char *name;
    const char *signature_text;
    mote_signature signature;
    bool weak; /* import that need not be granted */
} mote_function_info;

MOTE_API size_t mote_image_exports(const mote_image *image);
MOTE_API size_t mote_image_imports(const mote_image *image);
/* EINVAL when `index` is out of range. */
MOTE_API int mote_image_export(const mote_image *image, size_t index, mote_function_info *info);
MOTE_API int mote_image_import(const mote_image *image, size_t index, mote_function_info *info);

/* An export, found once and called many times; valid for this image only. */
typedef struct mote_func {
    const mote_image *image;
    uint32_t index;
} mote_func;

/* `signature` may be NULL; else the export must have it. Errors: ENOTFOUND
 * (names it, and the nearest there is), ETYPE (names both signatures), EINVAL. */
MOTE_API int mote_find(const mote_image *image, const char *name, const char *signature,
                       mote_func *func, mote_error *error);

/* What an image is. Set `size` to sizeof(mote_image_info); the rest is written. */
typedef struct mote_image_info {
    size_t size;
    bool program;         /* has no exports: it is run from its entry to its end */
    bool relocatable;     /* a static-pie */
    bool symbols;         /* a symbol table: reports can name functions */
    bool lines;           /* DWARF line tables: libmote_debug can name files and lines */
    uint32_t abi_version; /* that it was built for, major * 65536 + minor; 0: a plain program */
    uint32_t segments;    /* for mote_image_segment */
    uint64_t entry;       /* address */
    uint64_t window;      /* bytes of linear memory at address 0 */
    uint64_t stack;       /* bytes reserved for the stack */
    uint64_t memory;      /* bytes that a sandbox of it needs; not booted yet: at least */
} mote_image_info;

/* EINVAL when `info` is NULL or its size is not that of any version of it. */
MOTE_API int mote_image_describe(const mote_image *image, mote_image_info *info);

/* Bits of mote_segment.access; no segment has both WRITE and EXECUTE. */
enum mote_segment_access {
    MOTE_SEGMENT_READ = 1,
    MOTE_SEGMENT_WRITE = 2,
    MOTE_SEGMENT_EXECUTE = 4
};

/* A piece of the image's memory, as its file asks for it. */
typedef struct mote_segment {
    size_t size;          /* sizeof(mote_segment), set by the caller */
    uint64_t address;     /* where the guest sees it */
    uint64_t memory_size; /* bytes */
    uint64_t file_size;   /* bytes of these that the file holds; the rest is zero */
    unsigned access;      /* enum mote_segment_access */
} mote_segment;

/* EINVAL when `index` is out of range, or as above. */
MOTE_API int mote_image_segment(const mote_image *image, size_t index, mote_segment *segment);

/* "function+0x1f" for an address of the image's code, from its symbol table: printable ASCII. A
 * return address lies behind its call: ask for the address before it. Writes at most `size` bytes
 * with the NUL, cutting the name; returns the length that it needs. Errors: ENOTFOUND (the image
 * has no symbol there, or no memory for the sorted table that the first question makes; `text` is
 * empty), EINVAL, EFORKED. */
MOTE_API int mote_image_symbol(const mote_image *image, uint64_t address, char *text, size_t size);

/* ---- policy ------------------------------------------------------------------ */

/* What a guest learns of time. */
typedef enum mote_clock {
    MOTE_CLOCK_NONE = 0,   /* the default: nothing */
    MOTE_CLOCK_FROZEN = 1, /* always the moment MOTE_OPT_FROZEN_TIME */
    MOTE_CLOCK_COARSE = 2, /* the real time in steps of 10 ms */
    MOTE_CLOCK_REAL = 3
} mote_clock;

/* What a guest gets of randomness. */
typedef enum mote_random {
    MOTE_RANDOM_NONE = 0,   /* the default: nothing */
    MOTE_RANDOM_SEEDED = 1, /* the same bytes after each reset, from MOTE_OPT_RANDOM_SEED */
    MOTE_RANDOM_REAL = 2    /* the host's, new after each reset */
} mote_random;

/* What becomes of a system call that the guest was not granted. */
typedef enum mote_refused {
    MOTE_REFUSED_ENOSYS = 0, /* the default: the guest gets ENOSYS; report.refused counts it */
    MOTE_REFUSED_FAULT = 1   /* the call ends with MOTE_EREFUSED */
} mote_refused;

/* Options of a policy; values are uint64_t. */
typedef enum mote_option {
    MOTE_OPT_MEMORY = 1,       /* bytes of guest memory in all; default 64 MiB */
    MOTE_OPT_DEADLINE = 2,     /* nanoseconds of wall clock for each call, host functions
                                  included; 0: none, the default */
    MOTE_OPT_STREAM_BYTES = 3, /* bytes that a guest may write to its streams and to the log
                                  (each line 32 more than it has) between two resets; default
                                  16 MiB */
    MOTE_OPT_CPU_BUDGET = 4,   /* nanoseconds of CPU time of the thread for each call, host
                                  functions included, time suspended not; 0: none, the default.
                                  Looked at every 2 ms: it is overrun by at most that and what
                                  stopping takes, about 1 ms in the middle and 3 ms at most on an
                                  idle machine, more on a busy one */
    MOTE_OPT_CPU_TIME = 5,     /* 1: report.cpu_ns is measured; two system calls for each call */
    MOTE_OPT_CALL_BYTES = 6,   /* bytes of strings and bytes that one call, or one host call, may
                                  carry in each direction; default: the memory limit */
    MOTE_OPT_CLOCK = 7,        /* mote_clock */
    MOTE_OPT_RANDOM = 8,       /* mote_random */
    MOTE_OPT_RANDOM_SEED = 9,
    MOTE_OPT_FROZEN_TIME = 10, /* nanoseconds since 1970 */
    MOTE_OPT_REFUSED = 11,     /* mote_refused */
    MOTE_OPT_OPEN_FILES = 12,  /* descriptors that a guest may have open; 3 to 1024, default 64 */
    MOTE_OPT_FILE_BYTES = 13   /* bytes that a guest may write to granted files between two resets;
                                  default 1 GiB */
} mote_option;

MOTE_API int mote_policy_new(mote_policy **policy, mote_host *host, mote_error *error);
MOTE_API mote_policy *mote_policy_ref(mote_policy *policy);
MOTE_API void mote_policy_unref(mote_policy *policy);

/* EFROZEN once a sandbox uses the policy; EINVAL for an unknown option or value. */
MOTE_API int mote_policy_set(mote_policy *policy, mote_option option, uint64_t value,
                             mote_error *error);

/* The context of a running host function; valid until it returns. */
typedef struct mote_context mote_context;

MOTE_API mote_sandbox *mote_context_sandbox(const mote_context *context);
/* Gives the guest an error that it can handle; returns what the host function must return.
 * `text` is copied, up to 1024 bytes. */
MOTE_API int mote_context_fail(mote_context *context, int code, const char *text);

/* What a host function returns that will answer later, and what the call then returns. */
#define MOTE_PENDING 1

/*
 * A host function. `args` are copies, valid until it has answered. It writes
 * `*result` when its signature has one; string and bytes results are copied
 * when it returns, so they must outlive it only (`user` storage does). Returns
 * 0, or mote_context_fail(...), or MOTE_PENDING to answer later with
 * mote_resume, or any other number to end the call with MOTE_EHOSTFN and poison
 * the sandbox. Runs on the calling thread.
 *
 * Of the sandbox that calls it may use mote_call (on this thread; see "nested
 * calls"), mote_memory_read and mote_memory_write, and what only tells;
 * everything else answers MOTE_EBUSY.
 */
typedef int (*mote_host_fn)(void *user, mote_context *context, const mote_value *args, size_t nargs,
                            mote_value *result);
typedef void (*mote_free_fn)(void *user);

/* Grants a host function by name. `free_user` (may be NULL) is called with
 * `user` when the policy goes; not when this fails. Errors: EFROZEN, EINVAL
 * (bad signature or already granted), ENOMEM. */
MOTE_API int mote_policy_function(mote_policy *policy, const char *module, const char *name,
                                  const char *signature, mote_host_fn fn, void *user,
                                  mote_free_fn free_user, mote_error *error);

/* Lines that the guest logs with mote_log; level 0 (debug) to 3 (error); `text` is
 * not NUL-terminated, at most 1024 bytes. */
typedef void (*mote_log_fn)(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                            size_t size);
MOTE_API int mote_policy_log(mote_policy *policy, mote_log_fn fn, void *user, mote_error *error);

/*
 * Streams. What a guest finds at its descriptors 0 to 1023 when it starts;
 * anything else is closed: EBADF. A later grant takes the place of an earlier
 * one at the same descriptor. Each has a `limit` of its own, in bytes that the guest
 * may read and in bytes that it may write between two resets; 0: none but, for
 * writing, MOTE_OPT_STREAM_BYTES. Behind a limit a write answers ENOSPC and a read
 * EFBIG.
 */

/* As callbacks, run on the calling thread. A piece is at most 16 KiB. */
typedef struct mote_stream {
    size_t size; /* sizeof(mote_stream) */
    /* Takes `size` bytes; returns how many it took, or a negative errno. NULL: not writable. */
    int64_t (*write)(void *user, mote_sandbox *sandbox, const void *data, size_t size);
    /* Gives up to `size` bytes; returns how many, 0 at the end, or a negative errno.
     * NULL: not readable. */
    int64_t (*read)(void *user, mote_sandbox *sandbox, void *data, size_t size);
    void *user;
    uint64_t limit; /* bytes */
} mote_stream;

/* Errors: EFROZEN, EINVAL (no such descriptor, neither function), ENOMEM. */
MOTE_API int mote_policy_stream(mote_policy *policy, int guest_fd, const mote_stream *stream,
                                mote_error *error);

/* What a guest may do with something granted; bits. */
enum mote_grant_access { MOTE_GRANT_READ = 1, MOTE_GRANT_WRITE = 2 };

/*
 * A descriptor of the host: file, pipe, socket, terminal. The library makes one of its
 * own of it, which lives as long as the policy; `host_fd` may be closed. All
 * sandboxes of the policy share it, and its file offset. A guest that waits for it is
 * stopped by deadline and mote_interrupt like any other. Its flags are left alone: pipes
 * and terminals are opened again, without blocking. Where that cannot be done
 * (/proc is missing, a terminal's master) readiness is asked first, and a write
 * may still wait when somebody else writes to it at the same time. SIGPIPE and SIGXFSZ
 * are held back in the thread while it writes, and the guest gets EPIPE or EFBIG. Errors:
 * EFROZEN, EINVAL, ESYSTEM (`host_fd` is not open for that), EFILES, ENOMEM.
 */
MOTE_API int mote_policy_fd(mote_policy *policy, int guest_fd, int host_fd, unsigned access,
                            uint64_t limit, mote_error *error);

/* Bytes to be read, and then the end; copied. Each sandbox reads them from the start
 * after each reset. Errors: EFROZEN, EINVAL, ENOMEM. */
MOTE_API int mote_policy_input(mote_policy *policy, int guest_fd, const void *data, size_t size,
                               mote_error *error);

/* What is written is kept for mote_sandbox_output, for each sandbox by itself, until its next
 * reset. Errors: EFROZEN, EINVAL, ENOMEM. */
MOTE_API int mote_policy_capture(mote_policy *policy, int guest_fd, uint64_t limit,
                                 mote_error *error);

/*
 * Grants a directory of the host under a path of the guest ("/", "/data"; one that is not
 * absolute counts from "/"), which no other grant has. `access` is MOTE_GRANT_READ, or that with
 * MOTE_GRANT_WRITE. It is opened now and stays that directory, whatever takes its name later.
 * Guests reach what is beneath it and nothing else: symlinks and ".." cannot lead out. Only
 * regular files and directories can be opened; symlinks cannot be made or moved, hard links not
 * made, owners not seen, set-id bits not set. What a guest writes between two resets is bounded
 * by MOTE_OPT_FILE_BYTES; a reset closes its files and does not undo what it wrote. Names
 * and contents are the guest's: hostile to whoever reads them. Needs Linux 5.8 and
 * /proc. Do not put into a granted directory what waits for others (FUSE, network
 * filesystems) where a deadline must hold: a system call of the host is not stopped.
 * Errors: EFROZEN, EINVAL (access, path, granted already), ESYSTEM (no such directory), ENOMEM.
 */
MOTE_API int mote_policy_dir(mote_policy *policy, const char *host_path, const char *guest_path,
                             unsigned access, mote_error *error);

/*
 * Grants a regular file of the host under a path of the guest (as mote_policy_dir), read-only. It
 * is copied into memory once, now: guests see it as of the grant, whatever happens to it later, and
 * all sandboxes of the policy share the copy. A guest that maps it shares its pages until it writes
 * to them (mmap, private). Not executable. Mappings that cannot be written do not count into
 * MOTE_OPT_MEMORY, others whole; all granted files of a policy are at most 16 GiB. Errors:
 * EFROZEN, EINVAL (no regular file, path, granted already, too large), ESYSTEM, ENOMEM.
 */
MOTE_API int mote_policy_file(mote_policy *policy, const char *host_path, const char *guest_path,
                              mote_error *error);

/* A system call that the guest made, as the embedder may watch it. */
typedef struct mote_syscall_event {
    size_t size;      /* sizeof(mote_syscall_event) of the library */
    uint64_t number;  /* of x86-64 Linux, or any other that the guest chose */
    const char *name; /* "read"; "?" where Linux has none; static storage */
    uint64_t args[6]; /* as the guest gave them: addresses are the guest's */
    int64_t result;   /* a negative errno for a failure; of one that ends the guest, 0 */
    bool refused;     /* it was not granted: ENOSYS (clocks: EPERM), or the call ends */
} mote_syscall_event;

/* After each system call of the guest, on the calling thread; mote_memory_read may be used.
 * Not while an image boots. NULL: none. Errors: EFROZEN. */
typedef void (*mote_trace_fn)(void *user, mote_sandbox *sandbox, const mote_syscall_event *event);
MOTE_API int mote_policy_trace(mote_policy *policy, mote_trace_fn fn, void *user,
                               mote_error *error);

/* ---- sandbox ------------------------------------------------------------------ */

typedef struct mote_sandbox_options {
    size_t size; /* sizeof(mote_sandbox_options) */
    void *user;  /* mote_sandbox_user gives it back */
    /* Arguments and environment of a program without exports; NULL-terminated, may be NULL. */
    const char *const *args;
    const char *const *env;
    const void *init_data; /* read-only to the guest; copied */
    size_t init_data_size; /* bytes */
    /* A state of this image to start from, and to go back to at each reset, instead of the
     * image's initial one: a clone. The sandbox keeps a reference. NULL: none. */
    mote_snapshot *snapshot;
    /* Who the guest works for: with MOTE_REUSE_TENANT a VM passes only between sandboxes of the
     * same one. Any text, copied; compared as text. NULL: the sandbox is a tenant of its own. */
    const char *tenant;
} mote_sandbox_options;

/* A sandbox in the image's initial state, or in that of a snapshot. `policy` may be NULL: compute
 * and answer, nothing else. `options` may be NULL. Errors: EMISSING (names the import), ETYPE
 * (granted with another signature), ELIMIT (memory too small, and what it needs), EBOOT, ENOMEM,
 * ESYSTEM, EINVAL. */
MOTE_API int mote_sandbox_new(mote_sandbox **sandbox, mote_image *image, mote_policy *policy,
                              const mote_sandbox_options *options, mote_error *error);
/* MOTE_EBUSY, and nothing is done, while a thread is inside: from its own host functions, too, also
 * in a child that these forked. NULL is fine. */
MOTE_API int mote_sandbox_free(mote_sandbox *sandbox);
MOTE_API void *mote_sandbox_user(const mote_sandbox *sandbox);

typedef enum mote_state {
    MOTE_STATE_READY = 0,
    MOTE_STATE_POISONED = 1, /* answers MOTE_EPOISONED until it is reset */
    MOTE_STATE_CLOSED = 2,   /* the program ended; reset to run it again */
    MOTE_STATE_SUSPENDED = 3 /* a call waits for mote_resume */
} mote_state;
MOTE_API mote_state mote_sandbox_state(const mote_sandbox *sandbox);

typedef struct mote_call_options {
    size_t size;          /* sizeof(mote_call_options) */
    uint64_t deadline_ns; /* nanoseconds for this call; 0: the policy's */
} mote_call_options;

/* Calls an export. Returns 0, MOTE_PENDING (see "suspended calls") or an error. `results` receives
 * `nresults` values; string and bytes point into memory of the sandbox, readable until its next
 * operation. `options` may be NULL. On failure mote_sandbox_error tells more and
 * mote_sandbox_report what the guest did. Errors that poison: EFAULT, EABORTED, EDEADLINE, ECPU,
 * EINTERRUPTED, EREFUSED, EHOSTFN, EEXITED, EPROTOCOL, ESTRANGE, EPROCESSES (the kernel had no
 * thread for the VM; the reset tries again). Errors that do not: ETYPE (index and types named),
 * EGUEST, EPOISONED, ESUSPENDED, EBUSY, EFORKED, EINVAL (also: this thread blocks the signal).
 * ELIMIT, ENOMEM and ESYSTEM poison when they come from the running guest, not when arguments or
 * results do not fit; mote_sandbox_state tells. */
MOTE_API int mote_call(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
                       const mote_value *args, size_t nargs, mote_value *results, size_t nresults);

/* mote_call that stores its result in `*result`: an int32_t, uint32_t, ..., bool, or for string
 * and bytes a pointer and a size as in mote_value. `type` is its type; MOTE_VOID, with `result`
 * ignored: the function has none. ETYPE, before the guest runs, when the function's is another.
 * mote_call.h makes the arguments and the type out of C's. */
MOTE_API int mote_call_into(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
                            const mote_value *args, size_t nargs, mote_type type, void *result);

/* Runs a program without exports from its entry to its end and gives its exit
 * status. Afterwards the sandbox is closed until it is reset. Errors: as mote_call, without
 * ETYPE, EGUEST and EEXITED; EINVAL and ERANGE also when the arguments and the environment
 * are too many or do not fit the stack, which does not poison. */
MOTE_API int mote_run(mote_sandbox *sandbox, const mote_call_options *options, int *status);

/* How many calls may be nested in one outermost call. */
#define MOTE_MAX_DEPTH 8

/*
 * Nested calls. A host function may call the sandbox that called it, on its own
 * thread, with mote_call; not so the callbacks of streams and logs (MOTE_EBUSY).
 * Deeper than MOTE_MAX_DEPTH: MOTE_ELIMIT, and nothing is poisoned. Calls end
 * inner first: a guest or a host function that breaks this order ends them all
 * (MOTE_EPROTOCOL, MOTE_EHOSTFN); where the inner one still stands on a stack (of a
 * coroutine) the sandbox answers MOTE_EBUSY until it has returned, too. The deadline
 * of a call covers those nested in it; one of these may have an earlier one. A nested call that
 * poisons ends all calls around it with the same error, which mote_sandbox_error and
 * mote_sandbox_report tell once; until then more nested calls answer
 * MOTE_EPOISONED. Its other errors (EGUEST, ETYPE, ELIMIT ...) are the host function's
 * to deal with. Strings and bytes of its results are readable until the host
 * function makes another nested call or returns; its own result may point there.
 * The report counts on over all of them.
 *
 * Suspended calls. When a host function of the outermost call returns
 * MOTE_PENDING, so do mote_call, mote_run and mote_resume. The sandbox is then
 * suspended: no thread is in it, and any thread goes on with mote_resume or
 * mote_resume_fail, or ends the call with mote_cancel, mote_reset or
 * mote_sandbox_free. mote_call and mote_run answer MOTE_ESUSPENDED. Arguments of the
 * host function live until it is answered. The deadline goes on, but nobody waits
 * for it: a resume that is late answers MOTE_EDEADLINE, so that a program sets its
 * own timer (mote_sandbox_deadline). CPU time stands still. mote_interrupt takes
 * effect at the resume. From inside a nested call MOTE_PENDING is a failure.
 */

/* Goes on with a suspended call: `answer` is the result of the host function, NULL
 * where it has none. Strings and bytes are copied. The rest is as of mote_call, or of
 * mote_run, whose exit status is one result, i32, if there is room for it. A deadline
 * in `options` counts from now and can only be an earlier one. ETYPE and EINVAL (wrong
 * type of the answer, wrong room for results, nothing is suspended) leave the sandbox as it is;
 * EPOISONED when the call has been ended. */
MOTE_API int mote_resume(mote_sandbox *sandbox, const mote_call_options *options,
                         const mote_value *answer, mote_value *results, size_t nresults);
/* The same, as if the host function had returned mote_context_fail(context, code, text). */
MOTE_API int mote_resume_fail(mote_sandbox *sandbox, const mote_call_options *options, int code,
                              const char *text, mote_value *results, size_t nresults);
/* Ends a suspended call as an interrupt would, without running the guest: the sandbox is
 * poisoned until it is reset. EINVAL when none is suspended, EPOISONED when it has been ended;
 * EBUSY, EFORKED. */
MOTE_API int mote_cancel(mote_sandbox *sandbox);
/* When the call in progress, suspended or not, must end: CLOCK_MONOTONIC in nanoseconds;
 * 0: no call, or no deadline. Any thread. */
MOTE_API uint64_t mote_sandbox_deadline(const mote_sandbox *sandbox);

/* Back to the state in which the sandbox started (the image's initial one, or that of the
 * snapshot which it was made of or restored to), after success and after every fault; ends a
 * suspended call. Errors: ENOMEM, ESYSTEM, ELIMIT (the sandbox is poisoned; it may be tried again);
 * EBUSY, EFORKED, EINVAL. */
MOTE_API int mote_reset(mote_sandbox *sandbox);

/*
 * Parking. A parked sandbox has no VM: it keeps the pages of its memory in which it differs from
 * its initial state, what its guest mapped, and where it waits, suspended or not; that memory comes
 * from the host's allocator. Attaching happens by itself, in mote_call, mote_run, mote_resume,
 * mote_resume_fail, mote_memory_read and mote_memory_write, which then take as long as making a VM
 * does; a failure of it (ENOMEM, ESYSTEM, EFILES, ELIMIT ...) changes nothing, and may be tried
 * again. The guest does not notice. A reset of a parked sandbox forgets its state and makes no VM.
 * A sandbox that only a reset can help keeps nothing: mote_memory_read answers EPOISONED. A
 * suspended call that is cancelled while it is parked leaves no registers in the report.
 */

/* Parks a sandbox; one that is parked already stays so. Errors: ENOMEM, ESYSTEM (nothing has
 * changed); EBUSY, EFORKED, EINVAL. */
MOTE_API int mote_sandbox_park(mote_sandbox *sandbox);

/*
 * What memory a sandbox takes, in bytes: counted by the library from its page tables, which the
 * processor marks, and from what it handed out; the kernel is not asked. Set `size` to
 * sizeof(mote_memory_use); the rest is written. A parked sandbox has `parked` alone.
 */
typedef struct mote_memory_use {
    size_t size;
    uint64_t resident; /* the VM's own: pages that were not zero at the start, pages that were
                          written since, init data, page tables. The kernel's part of a VM, about
                          500 KiB, is not in here; neither are pages that were read only */
    uint64_t dirty; /* pages that were written since the VM was made, and not given back since: what
                       a reset looks at, and at most what parking would keep of them */
    uint64_t shared; /* what the VM maps together with others: the image's read-only part and the
                        granted files, used or not */
    uint64_t parked; /* what a parked sandbox keeps of its guest, with the bookkeeping of that */
} mote_memory_use;

/* Reads every entry of the guest's writable memory: not for hot paths. Errors: EINVAL (NULL, or a
 * size of no version), EBUSY (a thread is inside, this one's host functions too), EFORKED. */
MOTE_API int mote_sandbox_memory(mote_sandbox *sandbox, mote_memory_use *use);

/*
 * Resident sandboxes. Between mote_resident_start and mote_resident_stop a call needs no exit: a
 * thread of the library runs the guest, which waits for the next call by looking at shared memory
 * for a while, and then sleeps; the thread that calls polls for the answer for a while, and then
 * sleeps, too. A warm call takes less than a microsecond, at the price of a second
 * processor. mote_call, mote_reset and all others mean what they mean without, and calls that make
 * system calls, or find the guest asleep, have exits.
 *
 * Fresh calls: mote_reset of a guest that waits puts its memory back while it does, and its
 * registers are reset by the gate page when it goes on. Without an exit the host cannot know that a
 * hostile guest really waits there: it may keep running while its memory is put back, and keep what
 * it likes. Such a reset is fresh for an honest guest. It is no wall between tenants: a resident
 * sandbox serves one; the wall is mote_resident_stop and then mote_reset, which is by exit. The
 * host and other sandboxes are behind the same walls as ever.
 *
 * The CPU time of a call is that of both threads, polling included.
 */
typedef struct mote_resident_options {
    size_t size;            /* sizeof(mote_resident_options) */
    uint64_t guest_spin_ns; /* nanoseconds, about, that the guest looks for the next call before it
                               sleeps; 0: 100 us */
    uint64_t call_spin_ns; /* nanoseconds that a call polls before it sleeps, less where that was in
                              vain; 0: 50 us */
    uint32_t processor;    /* 1 + the number of the processor for the guest; 0: any that the
                              thread may use that makes the sandbox resident */
} mote_resident_options;

/* `options` may be NULL. Again: with these options from now on. Where this thread may use one
 * processor only and `processor` is 0, nothing changes: calls are by exit. Errors: EINVAL (the
 * processor is none that may be used), EPROCESSES (no thread), ENOMEM, ESYSTEM, EBUSY, EFORKED. */
MOTE_API int mote_resident_start(mote_sandbox *sandbox, const mote_resident_options *options,
                                 mote_error *error);
/* Calls are by exit again. Fine where they are. mote_sandbox_free does it, too. EBUSY, EFORKED,
 * EINVAL. */
MOTE_API int mote_resident_stop(mote_sandbox *sandbox);

/* The error of the last operation on the sandbox that failed; valid until the next. */
MOTE_API const mote_error *mote_sandbox_error(const mote_sandbox *sandbox);

/* Reads and writes the guest's memory between its calls (a suspended one is no hindrance), or
 * in one of its callbacks; the range is checked whole against what the guest itself may read or
 * write, save the pages that mote lends it (gate, info page), which are not its memory.
 * Errors: ERANGE, EPOISONED (the VM was given up: reset first), EFORKED, EBUSY, EINVAL. */
MOTE_API int mote_memory_read(mote_sandbox *sandbox, uint64_t address, void *data, size_t size);
MOTE_API int mote_memory_write(mote_sandbox *sandbox, uint64_t address, const void *data,
                               size_t size);

/* What the guest wrote since the last reset to a descriptor that mote_policy_capture granted;
 * readable until the next operation on the sandbox. Errors: EINVAL (no such grant), EBUSY,
 * EFORKED. */
MOTE_API int mote_sandbox_output(mote_sandbox *sandbox, int guest_fd, const void **data,
                                 size_t *size);

/* ---- snapshot ------------------------------------------------------------------ */

/*
 * The state of a guest between two calls, as its own code would find it: memory, registers, heap,
 * and what its Linux knows of it (signal mask, clocks, place in seeded randomness). Immutable.
 * Sandboxes of the same image start from it (mote_sandbox_options.snapshot) or go to it
 * (mote_sandbox_restore), under any policy that grants their imports and memory.
 *
 * Not part of it is what a sandbox has of its own, and what starts from the snapshot gets anew:
 * init data, arguments and environment, granted files and streams. Descriptors that the guest
 * opened are closed there. Pages of granted files that it has mapped become ordinary memory and
 * keep their contents. Each start has another generation, so that the guest's hook
 * (mote_on_restore) runs before its next export; randomness, unless it is seeded, is new.
 *
 * A snapshot has only the pages that differ from the one its sandbox started from, and keeps
 * that one for the others. mote_reset of a sandbox that was restored or cloned costs what any other
 * does.
 */

/* Takes a snapshot; the sandbox stays as it is and goes on. Errors: EBUSY (a call is in progress,
 * also from a callback), ESUSPENDED, EPOISONED, EINVAL (a program that has ended), ENOMEM,
 * ESYSTEM, EFORKED. */
MOTE_API int mote_snapshot_take(mote_snapshot **snapshot, mote_sandbox *sandbox, mote_error *error);
MOTE_API mote_snapshot *mote_snapshot_ref(mote_snapshot *snapshot);
/* Drops one reference; sandboxes, and snapshots that share its pages, keep what they need. NULL
 * is fine. */
MOTE_API void mote_snapshot_unref(mote_snapshot *snapshot);

/* Brings a sandbox to a snapshot of its image, whatever its state is, as mote_reset does; later
 * resets go back to the snapshot. The sandbox gets a new VM, unless it was there already. Errors:
 * EINVAL (NULL, or of another image) and ELIMIT (the policy grants too little memory), with which
 * the sandbox is as before; and those of mote_reset. */
MOTE_API int mote_sandbox_restore(mote_sandbox *sandbox, mote_snapshot *snapshot);

/*
 * Snapshots in files. A file is for the same image file, opened with the same stack, on any host
 * that has the processor's level; another version of the format is refused. It holds all of the
 * guest's memory, secrets included, and is made readable for its owner only. Its checksum tells
 * of accidents; what it says is checked all the same, so that whoever wrote it gets no
 * further than the guest itself, but that guest is the writer's.
 *
 * Its pages are mapped, not read: opening costs a look at them, and processes that open the same
 * file share them. Do not change or truncate the file while a snapshot of it, or a sandbox,
 * lives (mote_snapshot_save replaces a file, which is fine): whoever uses it gets SIGBUS.
 */

/* Writes a snapshot to a file. One whose parent (what its sandbox started from) was saved or opened
 * before has only the pages that differ, and that parent as its base; any other is whole. There
 * is never half of it under `path`, and nothing is left after a failure. Errors: EINVAL, ESYSTEM,
 * ENOMEM, EFILES, EFORKED. */
MOTE_API int mote_snapshot_save(mote_snapshot *snapshot, const char *path, mote_error *error);

/* Opens a snapshot's file for sandboxes of `image`, which need not have booted. `base`: the
 * snapshot that was its base, saved or opened; NULL for a whole one. Errors: ESNAPSHOT (what is
 * wrong with the file, by name: a symbolic link, truncated, damaged, another version, architecture,
 * image or base ...), EBACKEND (the host lacks the processor's level), ESYSTEM, ENOMEM, EFILES,
 * EINVAL, EFORKED. */
MOTE_API int mote_snapshot_open(mote_snapshot **snapshot, mote_image *image, mote_snapshot *base,
                                const char *path, mote_error *error);

/* What a snapshot is. Set `size` to sizeof(mote_snapshot_info); the rest is written. */
typedef struct mote_snapshot_info {
    size_t size;
    uint64_t memory; /* bytes that a sandbox of it needs */
    uint64_t own;    /* bytes of pages that it has of its own */
    uint64_t shared; /* bytes of pages that are those of snapshots below it */
    mote_cpu cpu;
    uint32_t layers; /* snapshots below it whose pages it shares; the image's initial one is one */
} mote_snapshot_info;

/* EINVAL when an argument is NULL or the size is not that of any version. */
MOTE_API int mote_snapshot_describe(const mote_snapshot *snapshot, mote_snapshot_info *info);

/* ---- interrupt ------------------------------------------------------------------ */

/* A new reference; it may outlive the sandbox. */
MOTE_API mote_handle *mote_sandbox_handle(mote_sandbox *sandbox);
MOTE_API void mote_handle_unref(mote_handle *handle);
/* Stops the call in progress, the outermost one with all that are nested in it, which
 * answers MOTE_EINTERRUPTED; between calls it does nothing. A running host function is not
 * stopped: the call fails when it returns. A suspended call fails when it is resumed.
 * Returns 0 when a call was in progress, else MOTE_ENOTFOUND; MOTE_EFORKED, MOTE_EINVAL.
 * Async-signal-safe. */
MOTE_API int mote_interrupt(mote_handle *handle);

/* ---- report ------------------------------------------------------------------ */

/* X(number, name, words) */
#define MOTE_FAULT_MAP(X)                               \
    X(0, NONE, "none")                                  \
    X(1, PAGE, "page fault")                            \
    X(2, STACK, "stack overflow")                       \
    X(3, ILLEGAL, "illegal instruction")                \
    X(4, DIVIDE, "divide error")                        \
    X(5, PROTECTION, "general protection fault")        \
    X(6, FLOAT, "floating-point exception")             \
    X(7, BREAKPOINT, "breakpoint or debug exception")   \
    X(8, DOORBELL, "bad doorbell")                      \
    X(9, MEMORY, "out of memory")                       \
    X(10, ABORT, "abort")                               \
    X(11, TRAP, "WebAssembly trap")                     \
    X(12, EXIT, "exit")                                 \
    X(13, DEADLINE, "deadline")                         \
    X(14, INTERRUPT, "interrupt")                       \
    X(15, PROTOCOL, "protocol error")                   \
    X(16, HOST_FUNCTION, "host function failed")        \
    X(17, STRANGE, "unexpected exit of the hypervisor") \
    X(18, EXCEPTION, "processor exception")             \
    X(19, CPU, "CPU budget")                            \
    X(20, SYSCALL, "refused system call")

typedef enum mote_fault_kind {
#define MOTE_X(number, name, words) MOTE_FAULT_##name = (number),
    MOTE_FAULT_MAP(MOTE_X)
#undef MOTE_X
} mote_fault_kind;

/* Words for a fault kind; static storage, never NULL. */
MOTE_API const char *mote_fault_name(mote_fault_kind kind);

typedef enum mote_access {
    MOTE_ACCESS_NONE = 0,
    MOTE_ACCESS_READ = 1,
    MOTE_ACCESS_WRITE = 2,
    MOTE_ACCESS_EXECUTE = 3
} mote_access;

typedef struct mote_registers { /* x86-64 */
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
} mote_registers;

#define MOTE_FRAMES_MAX 32

typedef struct mote_report {
    size_t size; /* sizeof(mote_report) of the library */
    /* how the last call ended */
    mote_fault_kind fault;
    mote_access access;       /* page fault, stack overflow */
    uint64_t address;         /* page fault, stack overflow */
    uint32_t vector;          /* processor exceptions: Intel SDM vol. 3, section 6.3.1 */
    uint32_t error_code;      /* processor exceptions that have one */
    int64_t code;             /* of an abort, of EGUEST, of a failed host function; exit status;
                                 number of a signal, of a refused system call or of a request out
                                 of turn */
    char text[1025];          /* text of an abort or of EGUEST, trap name, name of a refused system
                                 call; the guest's bytes as they are; NUL-terminated, never more */
    char symbol[128];         /* "function+0x1f" of RIP, or empty */
    mote_registers registers; /* where the guest stood, of a guest that waits for its host as
                                 its doorbell returns; RIP is 0 when nobody knows */
    /* usage of the last call */
    uint64_t wall_ns;    /* time suspended included */
    uint64_t exits;      /* returns from the guest to the host, for any reason */
    uint64_t host_calls; /* host functions called */
    uint64_t syscalls;   /* system calls that the guest made */
    uint64_t refused;    /* of these, answered ENOSYS */
    /* usage of the sandbox */
    uint64_t memory;      /* bytes mapped for the guest now */
    uint64_t reset_pages; /* pages that the last reset put back */
    uint64_t resets;
    /* Where the last call ended, for the same ends as `registers`: frames[0] is RIP, the others
     * are return addresses, innermost first, as far as the guest's frame pointers tell. The
     * guest wrote them: addresses of its code, but not more to be believed than its other
     * results. Build guests with -fno-omit-frame-pointer; mote_debug.h needs none. */
    uint64_t frames[MOTE_FRAMES_MAX];
    uint32_t nframes; /* 0 when the call did not fail */
    uint64_t cpu_ns;  /* CPU time of the last call, host functions included; measured with
                         MOTE_OPT_CPU_TIME or MOTE_OPT_CPU_BUDGET, else 0 */
} mote_report;

/* What the last call did; valid until the next operation on the sandbox. */
MOTE_API const mote_report *mote_sandbox_report(const mote_sandbox *sandbox);

#ifdef __cplusplus
}
#endif

#endif
