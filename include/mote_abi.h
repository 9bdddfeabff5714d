/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_abi.h: the contract between a guest and its host, used by both sides.
 *
 * Self-contained C11: only fixed-size integers, no pointers, no compile-time
 * addresses. All fields are little-endian. docs/abi.md tells the whole story.
 *
 * Life of a call:   host writes a call frame into the mailbox and lets the
 * guest return from its doorbell; the guest reads the frame, runs the export,
 * writes the results into the frame and rings the doorbell with
 * MOTE_REQUEST_RETURN. On the way it may ring it with MOTE_REQUEST_CALL to
 * call a host function.
 */
#ifndef MOTE_ABI_H
#define MOTE_ABI_H

#include <stdint.h>

/* The ABI version is major * 65536 + minor. A host runs every guest of its
 * own major version whose minor version is not above its own. */
#define MOTE_ABI_MAJOR   1u
#define MOTE_ABI_MINOR   0u
#define MOTE_ABI_VERSION (MOTE_ABI_MAJOR << 16 | MOTE_ABI_MINOR)

/* Auxiliary-vector entry whose value is the address of the info page.
 * Chosen outside the range that Linux uses (include/uapi/linux/auxvec.h). */
#define MOTE_AT_INFO 0x6d6f7465u /* "mote" */

/* Alignment of every region that the host places in a guest's address space. */
#define MOTE_REGION_ALIGN 0x10000u

#define MOTE_MAX_PARAMS   32u   /* parameters of a function */
#define MOTE_MAX_RESULTS  1u    /* results of a function; more are reserved */
#define MOTE_MAX_TEXT     1024u /* bytes of an abort, error or log text that the host keeps */

/* ---- types ------------------------------------------------------------- */

/* The type codes that travel on the wire. */
#define MOTE_TYPE_VOID   0u
#define MOTE_TYPE_I32    1u
#define MOTE_TYPE_U32    2u
#define MOTE_TYPE_I64    3u
#define MOTE_TYPE_U64    4u
#define MOTE_TYPE_F32    5u
#define MOTE_TYPE_F64    6u
#define MOTE_TYPE_BOOL   7u
#define MOTE_TYPE_STRING 8u
#define MOTE_TYPE_BYTES  9u
#define MOTE_TYPE_V128   10u /* reserved */
#define MOTE_TYPE_REF    11u /* reserved */

/*
 * One argument or result.
 * i32 u32 f32 bool: the low 32 bits of lo, the rest zero; i64 u64 f64: lo.
 * string, bytes: lo = guest address, hi = number of bytes (no NUL counted).
 */
struct mote_slot {
    uint64_t lo;
    uint64_t hi;
};

/* ---- the info page: read-only to the guest ------------------------------ */

struct mote_info {
    uint32_t abi_version;    /* MOTE_ABI_VERSION of the host */
    uint32_t size;           /* bytes of this structure that the host filled */
    uint64_t doorbell;       /* address of the doorbell function: void doorbell(void) */
    uint64_t mailbox;        /* address of struct mote_mailbox */
    uint64_t mailbox_size;   /* bytes mapped there when the sandbox starts */
    uint64_t generation;     /* changes with every sandbox and every reset */
    uint64_t init_data;      /* address of the init data, 0 when there is none */
    uint64_t init_data_size; /* bytes */
    uint64_t memory_limit;   /* bytes of memory that the policy allows */
    uint64_t ring;           /* reserved: shared ring of a resident guest */
    uint64_t ring_size;      /* reserved */
};

/* ---- the mailbox -------------------------------------------------------- */

/* What the guest asks for when it rings the doorbell. */
enum mote_request {
    MOTE_REQUEST_NONE = 0,
    MOTE_REQUEST_READY = 1,  /* initialised: take the snapshot, then wait for a call */
    MOTE_REQUEST_RETURN = 2, /* the call in `call` has its results: wait for the next one */
    MOTE_REQUEST_CALL = 3,   /* call a host function: `message` is a struct mote_host_call */
    MOTE_REQUEST_ABORT = 4,  /* give up: `message` is a struct mote_text */
    MOTE_REQUEST_LOG = 5,    /* log a line: `message` is a struct mote_text */
    MOTE_REQUEST_FAIL = 6    /* the call in `call` failed: `message` is a struct mote_text */
};

/*
 * The control block at the start of the mailbox. Every doorbell leaves the
 * guest with `request` and `message` set and brings it back with the rest set.
 */
struct mote_mailbox {
    uint32_t request;        /* guest to host: enum mote_request */
    int32_t status;          /* host to guest: 0, a negative error, or MOTE_GUEST_SERVE */
    uint64_t message;        /* guest to host: address of the message of the request */
    uint64_t call;           /* host to guest: address of the frame of the call to serve */
    struct mote_slot result; /* host to guest: result, or error text, of a host function */
    int64_t code;            /* host to guest: the number that a failed host function gave */
    uint64_t reserved[2];
};

/* A call of an export; the host writes it, the guest fills the results. */
struct mote_call_frame {
    uint32_t function; /* index of the export among the image's export notes */
    uint32_t nargs;
    uint32_t nresults;
    uint32_t reserved;
    /* struct mote_slot args[nargs], results[nresults] follow */
};

/* A call of a host function; lies anywhere in the guest's memory. */
struct mote_host_call {
    uint32_t function;              /* index of the import among the image's import notes */
    uint32_t nargs;                 /* at most MOTE_MAX_PARAMS */
    uint8_t types[MOTE_MAX_PARAMS]; /* MOTE_TYPE_* of each argument */
    uint32_t result_type;           /* MOTE_TYPE_* that the guest expects */
    uint32_t reserved;
    /* struct mote_slot args[nargs] follows */
};

/* A text with a number: an abort, an error or a log line. */
struct mote_text {
    uint32_t kind; /* abort: enum mote_abort_kind; log: level, 0 = debug ... 3 = error */
    uint32_t code;
    uint64_t text; /* guest address */
    uint64_t size; /* bytes; beyond MOTE_MAX_TEXT they are not read */
};

enum mote_abort_kind {
    MOTE_ABORT_PROGRAM = 0, /* the program gave up */
    MOTE_ABORT_TRAP = 1     /* a WebAssembly trap; the text is its name in the specification */
};

/* ---- notes in the guest's ELF file -------------------------------------- */

#define MOTE_NOTE_SECTION ".note.mote"
#define MOTE_NOTE_NAME    "mote" /* namesz 5 */
#define MOTE_NOTE_ABI     1      /* desc: u32 MOTE_ABI_VERSION that the guest was built for */
#define MOTE_NOTE_EXPORT  2 /* desc: u32 flags, then module, name, signature, each ended by NUL */
#define MOTE_NOTE_IMPORT  3 /* the same */
#define MOTE_NOTE_WINDOW  4 /* desc: u64 bytes reserved at address 0 for linear memory */

#define MOTE_NOTE_WEAK \
    1u /* import: need not be granted; calls then fail with MOTE_GUEST_EMISSING */

#define MOTE_MAX_EXPORTS 4096u
#define MOTE_MAX_IMPORTS 1024u
#define MOTE_MAX_NAME    255u           /* bytes of a module or function name */
#define MOTE_MAX_WINDOW  0x200000000ull /* 8 GiB; the page above is never mapped */

/* ---- errors that a guest receives from a host function ------------------- */

#define MOTE_GUEST_EFAILED  (-1) /* the host function failed; the text says why */
#define MOTE_GUEST_EMISSING (-2) /* a weak import that was not granted, or a call while booting */
#define MOTE_GUEST_EINVAL   (-3) /* count, types or ranges of the arguments are wrong */
#define MOTE_GUEST_ENOMEM   (-4) /* arguments, result or log lines do not fit the limits */

/* Not an error: serve the call in `call` first, ring with its answer, then look again. */
#define MOTE_GUEST_SERVE 1

#endif
