/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox, as the files that serve its calls share it. */
#ifndef MOTE_SANDBOX_H
#define MOTE_SANDBOX_H

#include "handle.h"
#include "image.h"
#include "linux/fd.h"
#include "linux/personality.h"
#include "mote_abi.h"
#include "policy.h"
#include "shell.h"

/* What the guest wants when it stops of its own accord. */
enum mote__stop {
    MOTE__STOP_READY,  /* it is initialised and waits for a call */
    MOTE__STOP_RETURN, /* the call has its results */
    MOTE__STOP_FAIL,   /* the call failed, as the guest itself reports */
    MOTE__STOP_EXIT    /* the program ended */
};

/* Bytes that the host keeps for its embedder; they live until the next operation. */
struct mote__buffer {
    uint8_t *data;
    size_t room, used;
    size_t most; /* bytes that were ever used since it was wiped */
};

struct mote_sandbox {
    mote_host *host;
    mote_image *image;
    mote_policy *policy; /* NULL: nothing is granted */
    mote_handle *handle;
    void *user;
    struct mote__shell *shell;             /* NULL after it was retired, until the reset */
    const struct mote__snapshot *snapshot; /* NULL while the image boots */
    const struct mote__grant **imports;    /* by index; NULL: a weak one that is missing */
    char **args, **env;                    /* copies, NULL-terminated; NULL: none */
    uint8_t *init_data;
    size_t init_size;

    mote_state state;
    _Atomic uint32_t entered;      /* a thread is inside */
    _Atomic bool in_host_function; /* one of its callbacks runs, on the thread of the handle */
    bool broken;                   /* the VM must be given up once the call has ended */
    struct mote__linux personality;
    struct mote__fds fds; /* the guest's descriptors */
    uint64_t cpu_seen;    /* processor clock of the thread when the guest last asked; 0: not in
                             this call */
    uint64_t generation;  /* of the next start; see struct mote_info */
    uint64_t call_frame;  /* guest address of the frame in progress */
    size_t mailbox_used;  /* bytes of the mailbox that hold frames and payload */
    struct mote__buffer results, arguments;
    size_t base_used; /* bytes of memory in use when it starts */
    size_t allowance; /* dirty pages that a reset may keep (reset.c) */
    size_t resets_since_trim;
    bool trimmed; /* a dirty set was given up not long ago */
    mote_error error;
    mote_report report;
};

/* ---- sandbox.c ---- */

/* `image` is booted, or `snapshot` is NULL: for the boot itself. */
int mote__sandbox_create(mote_sandbox **sandbox, mote_image *image, mote_policy *policy,
                         const mote_sandbox_options *options, const struct mote__snapshot *snapshot,
                         mote_error *error);
void mote__sandbox_destroy(mote_sandbox *sandbox);
/* A new shell in the snapshot's state, with the sandbox's own init data. */
int mote__sandbox_give_shell(mote_sandbox *sandbox, mote_error *error);
/* Makes the sandbox's info page say what is true now, with a new generation. */
void mote__sandbox_write_info(mote_sandbox *sandbox);
/* One thread at a time: MOTE_EBUSY, MOTE_EFORKED, MOTE_EINVAL. */
int mote__sandbox_enter(mote_sandbox *sandbox);
void mote__sandbox_leave(mote_sandbox *sandbox);

/* ---- execute.c ---- */

/* Runs the guest until it stops: fills report and error, poisons where it must.
 * The deadline is absolute; 0: none. */
int mote__execute(mote_sandbox *sandbox, uint64_t deadline, enum mote__stop *stop);
/* The moment `ns` from now; 0 stays 0, none. */
uint64_t mote__deadline_in(uint64_t ns);

/* ---- mailbox.c ---- */

/* Writes the call of an export into the mailbox. */
int mote__mailbox_post(mote_sandbox *sandbox, uint32_t function, const mote_signature *signature,
                       const mote_value *args);
/* Reads the results of the call that was posted. */
int mote__mailbox_collect(mote_sandbox *sandbox, const mote_signature *signature,
                          mote_value *results);
/* The control block, copied. */
struct mote_mailbox mote__mailbox_read(const mote_sandbox *sandbox);
/* Answers a request: status, the code of a failure, and the result; the payload of string and bytes
 * is copied in. */
int mote__mailbox_answer(mote_sandbox *sandbox, int32_t status, int64_t code,
                         const mote_value *result);
/* A text message of the guest, cut to MOTE_MAX_TEXT; `text` has room for one byte more. */
int mote__mailbox_text(mote_sandbox *sandbox, uint64_t message, struct mote_text *head, char *text,
                       size_t *size);
/* A slot of the guest as a value; bytes go to `buffer`, whose room was made before. */
int mote__mailbox_value(mote_sandbox *sandbox, mote_type type, struct mote_slot slot,
                        struct mote__buffer *buffer, mote_value *value);
int mote__buffer_reserve(const mote_allocator *allocator, struct mote__buffer *buffer, size_t size);
/* Empties it, leaves nothing of its contents, and keeps little memory. */
void mote__buffer_wipe(struct mote__buffer *buffer);

/* ---- hostcall.c ---- */

/* Around every callback of the embedder. The second is MOTE_EFORKED when the callback
 * forked and this is the child: then no memory of the guest may be touched. */
void mote__callback_begin(mote_sandbox *sandbox);
int mote__callback_end(mote_sandbox *sandbox);

/* Serves MOTE_REQUEST_CALL and MOTE_REQUEST_LOG. Negative: the call ends. */
int mote__hostcall_serve(mote_sandbox *sandbox, uint64_t message);
int mote__hostcall_log(mote_sandbox *sandbox, uint64_t message);

/* ---- fault.c ---- */

/* A processor exception: 0 when the guest can go on (the stack grew, CPUID was answered). */
int mote__fault_serve(mote_sandbox *sandbox, struct mote__halt *halt);
/* Ends the call: fills report and error and poisons. Returns `code`. */
__attribute__((format(printf, 5, 6))) int mote__fault_end(mote_sandbox *sandbox, int code,
                                                          mote_fault_kind kind, int64_t detail,
                                                          const char *format, ...);

/* ---- backtrace.c ---- */

/* Tells in the report of a call that failed where the guest stood: registers, symbol, frames.
 * Leaves out what is not known. */
void mote__report_place(mote_sandbox *sandbox);
/* RIP and the return addresses that the frame pointers lead to; at most MOTE_FRAMES_MAX. */
uint32_t mote__backtrace(const struct mote__elf *elf, const struct mote__memory *memory,
                         const struct mote__cpu_regs *regs, uint64_t *frames);

/* ---- reset.c ---- */

int mote__sandbox_reset(mote_sandbox *sandbox, mote_error *error);
/* Gives the VM up; the next reset makes another. */
void mote__sandbox_retire(mote_sandbox *sandbox);

/* ---- linux/start.c ---- */

/* Builds the initial stack of a program and the registers for its entry. */
int mote__linux_start(mote_sandbox *sandbox, struct mote__cpu_regs *regs, mote_error *error);

#endif
