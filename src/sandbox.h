/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox, as the files that serve its calls share it. */
#ifndef MOTE_SANDBOX_H
#define MOTE_SANDBOX_H

#include "crowd.h"
#include "handle.h"
#include "image/image.h"
#include "linux/fd.h"
#include "linux/personality.h"
#include "mote_abi.h"
#include "policy.h"
#include "vm/shell.h"

/* What the guest wants when it stops of its own accord. */
enum mote__stop {
    MOTE__STOP_READY,  /* it is initialised and waits for a call */
    MOTE__STOP_RETURN, /* the call has its results */
    MOTE__STOP_FAIL,   /* the call failed, as the guest itself reports */
    MOTE__STOP_EXIT,   /* the program ended */
    MOTE__STOP_PENDING /* it waits for a host function that will answer later */
};

/* Bytes that the host keeps for its embedder; they live until the next operation. */
struct mote__buffer {
    uint8_t *data;
    size_t room, used;
    size_t most; /* bytes that were ever used since it was wiped */
};

/* Values of sandbox.entered besides 0, nobody, and 1, a thread. */
#define MOTE__LEFT_BEHIND  2u /* by orphans only, see below */
#define MOTE__BEING_PARKED 3u /* by a thread that parks it for another sandbox's sake */

/* A call in progress. The mailbox holds their frames one behind the other. */
struct mote__call {
    uint32_t function;             /* number of the export */
    uint64_t frame;                /* guest address; 0 while booting and of a program */
    size_t used;                   /* bytes of the mailbox up to the end of its payload */
    uint64_t deadline;             /* monotonic; 0: none; never later than the outer one's */
    struct mote__buffer arguments; /* of the host function for which it waits */
};

struct mote_sandbox {
    mote_host *host;
    mote_image *image;
    mote_policy *policy; /* NULL: nothing is granted */
    mote_handle *handle;
    void *user;
    struct mote__resident *resident; /* NULL: calls run on the thread that makes them */
    struct mote__shell *shell;   /* NULL while parked, and after it was retired, until the reset */
    struct mote__parked *parked; /* NULL: not parked */
    struct mote__snapshot *snapshot;    /* where it starts; NULL while the image boots */
    const struct mote__grant **imports; /* by index; NULL: a weak one that is missing */
    char *tenant;                       /* a copy; NULL: a tenant of its own */
    char **args, **env;                 /* copies, NULL-terminated; NULL: none */
    uint8_t *init_data;
    size_t init_size;

    struct mote__crowd_place place;
    mote_state state;
    _Atomic uint32_t entered;   /* a thread is inside */
    _Atomic uintptr_t callback; /* pthread_self() of the thread that runs a callback; 0: none */
    int cancel;                 /* state of cancellation of the thread that entered */
    bool may_nest;              /* that callback is a host function */
    bool broken;                /* the VM must be given up once the call has ended */
    int ended;                  /* the error with which a nested call has ended all; 0: none */
    struct mote__linux personality;
    struct mote__fds fds; /* the guest's descriptors */
    uint64_t cpu_seen;    /* processor clock of the thread when the guest last asked; 0: not in
                             this call */
    uint64_t generation;  /* of the next start; see struct mote_info */
    uint32_t depth;       /* of the innermost call */
    uint32_t orphans;     /* nested calls around which all has ended, still on some stack */
    struct mote__call calls[MOTE_MAX_DEPTH + 1]; /* the outermost first */
    const struct mote__grant *pending;           /* whose answer a suspended call waits for */
    uint64_t started;                            /* when the outermost call began, monotonic */
    uint64_t cpu_started; /* processor time of the thread at its last entry */
    struct mote__buffer results;
    size_t base_used; /* bytes of memory in use when it starts */
    mote_error error;
    mote_report report;
};

/* ---- sandbox.c ---- */

/* `image` is booted, or `snapshot` is NULL: for the boot itself. */
int mote__sandbox_create(mote_sandbox **sandbox, mote_image *image, mote_policy *policy,
                         const mote_sandbox_options *options, struct mote__snapshot *snapshot,
                         mote_error *error);
void mote__sandbox_destroy(mote_sandbox *sandbox);
/* One thread at a time: MOTE_EBUSY, MOTE_EFORKED, MOTE_EINVAL. */
int mote__sandbox_enter(mote_sandbox *sandbox);
/* It stays busy while there are orphans, until the last of them has ended. */
void mote__sandbox_leave(mote_sandbox *sandbox);

/* The innermost call in progress. */
static inline struct mote__call *mote__call_now(mote_sandbox *sandbox)
{
    return &sandbox->calls[sandbox->depth];
}
/* Forgets all calls: nothing is in progress. */
void mote__calls_clear(mote_sandbox *sandbox);

/* ---- attach.c ---- */

/* A shell in the snapshot's state, with the sandbox's own init data. */
int mote__sandbox_attach(mote_sandbox *sandbox, mote_error *error);
/* Gives the VM up; the next reset makes another. */
void mote__sandbox_retire(mote_sandbox *sandbox);
/* Gives the shell to the pool, where others may have it; one that is broken is retired. The calls
 * are over, and nobody can kick them any more. */
void mote__sandbox_detach(mote_sandbox *sandbox);
/* A shell for a sandbox that is parked, or has one already: every operation that needs the guest
 * begins so. After a failure the sandbox is what it was. */
int mote__sandbox_need_shell(mote_sandbox *sandbox, mote_error *error);
/* The two halves of these: what it leaves goes to the pool, or away. */
struct mote__left {
    struct mote__shell *shell; /* NULL: nothing */
    bool whole;                /* others may have it */
};
struct mote__left mote__sandbox_part(mote_sandbox *sandbox);
void mote__shell_left(mote_host *host, const struct mote__left *left);
/* Makes the sandbox's info page say what is true now, with a new generation. */
void mote__sandbox_write_info(mote_sandbox *sandbox);

/* ---- call.c ---- */

/* Describes a mistake of the caller in the sandbox's error; returns `code`. */
int mote__call_refuse(mote_sandbox *sandbox, int code, const char *text);
int mote__call_read_options(mote_sandbox *sandbox, const mote_call_options *given,
                            mote_call_options *options);
/* Whether there is room for the results of this export. */
int mote__call_check_results(mote_sandbox *sandbox, uint32_t function, size_t nresults);
/* What the outermost call, or the program, that stopped like this comes to; or a nested call. */
int mote__call_finish(mote_sandbox *sandbox, enum mote__stop stop, mote_value *results);
int mote__run_finish(mote_sandbox *sandbox, enum mote__stop stop, int *exit_status);
/* Whether this thread runs a host function of the sandbox, which may call it. */
bool mote__call_may_nest(const mote_sandbox *sandbox);
/* What a nested call said is said: report and error belong to the outer call again. */
void mote__call_forget(mote_sandbox *sandbox);

/* ---- execute.c ---- */

/* Runs the guest until it stops: fills report and error, poisons where it must. With
 * MOTE__STOP_PENDING the sandbox is suspended. The deadline is absolute; 0: none. */
int mote__execute(mote_sandbox *sandbox, uint64_t deadline, enum mote__stop *stop);
/* The same for a nested call, whose frame is posted; its deadline is the call's. */
int mote__execute_nested(mote_sandbox *sandbox, enum mote__stop *stop);
/* The same for a suspended call, in two steps: between them the answer that it waits for is
 * given, with `status` 0 or the error with which that failed. The first step fails when this
 * thread cannot be stopped, and changes nothing then. */
int mote__execute_resume(mote_sandbox *sandbox);
int mote__execute_go_on(mote_sandbox *sandbox, int status, enum mote__stop *stop);
/* The moment `ns` from now; 0 stays 0, none. */
uint64_t mote__deadline_in(uint64_t ns);

/* ---- mailbox.c ---- */

/* Writes the innermost call into the mailbox, behind those that it is nested in. */
int mote__mailbox_post(mote_sandbox *sandbox, const mote_signature *signature,
                       const mote_value *args);
/* Reads the results of the innermost call. */
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
/* Gives a large one back; a small one keeps its contents. */
void mote__buffer_trim(struct mote__buffer *buffer);
/* Bytes of strings and bytes that one call may carry in each direction. */
uint64_t mote__call_bytes(const mote_sandbox *sandbox);

/* ---- hostcall.c ---- */

/* Around every callback of the embedder; the first gives the depth of the call in which it runs.
 * The second is MOTE_EFORKED when the callback forked and this is the child: then no memory of
 * the guest may be touched. MOTE_EHOSTFN, and the same holds: the calls around it have ended. */
uint32_t mote__callback_begin(mote_sandbox *sandbox);
int mote__callback_end(mote_sandbox *sandbox, uint32_t depth);
/* Whether this thread runs a callback of the sandbox. */
bool mote__callback_is_mine(const mote_sandbox *sandbox);

/* Serves MOTE_REQUEST_CALL and MOTE_REQUEST_LOG. Negative: the call ends. MOTE_PENDING: the host
 * function answers later. */
int mote__hostcall_serve(mote_sandbox *sandbox, uint64_t message);
int mote__hostcall_log(mote_sandbox *sandbox, uint64_t message);
/* Whether the pending host function can have this answer: MOTE_ETYPE, MOTE_EINVAL. */
int mote__hostcall_check(mote_sandbox *sandbox, const mote_value *answer);
/* Answers it, with such a result or with a failure. Negative: the call ends. */
int mote__hostcall_answer(mote_sandbox *sandbox, const mote_value *result);
int mote__hostcall_fail(mote_sandbox *sandbox, int code, const char *text);

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
/* The same to another snapshot of the image, to which later resets go back. */
int mote__sandbox_restore(mote_sandbox *sandbox, struct mote__snapshot *snapshot,
                          mote_error *error);

#endif
