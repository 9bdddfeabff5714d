/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes: the traced one does the work and marks its sections, the
 * tracer counts the system calls that its main thread makes between the marks.
 * Only that thread is traced, so the library's watchdog goes by unseen.
 */
#ifndef COUNTING_H
#define COUNTING_H

#include <stdint.h>

#include "mote.h"

/* A section begins and ends with getppid(MARK, ...), which nobody else calls so. */
#define MARK_BEGIN 0x6d6f7465000000b0ull
#define MARK_END   0x6d6f7465000000e0ull

enum section {
    SECTION_EMPTY,
    SECTION_WARM,
    SECTION_WARM_BYTES,
    SECTION_RESET,
    SECTION_FRESH,
    SECTION_FRESH_DIRTY,
    SECTION_FRESH_AFTER_FAULT,
    SECTION_HOST_CALL,
    SECTION_HOST_CALLS_5,
    SECTION_FRESH_HOST_CALL,
    SECTION_RESULT_OF_BYTES,
    SECTION_NESTED,
    SECTION_SUSPEND,
    SECTION_RESUME,
    SECTION_CPU_TIME,
    SECTION_MAPPED_FRESH,
    SECTION_MAPPED_LATER,
    SECTION_POOLED,
    SECTION_POOLED_IMAGE,
    SECTION_SUBMIT,
    SECTION_COUNT
};

/* What a section may do, each time that it is passed. */
struct expectation {
    const char *name;
    unsigned passes; /* how often the traced process passes it */
    unsigned runs;   /* ioctl(KVM_RUN), exactly */
    unsigned others; /* other system calls, at most */
};

extern const struct expectation expectations[SECTION_COUNT];

/* The traced process; returns when all sections are passed. */
void traced(const char *guests);
/* jobs.c: its part about an executor. */
void submitted_jobs(mote_host *host, const char *guests);
/* faults.c: page faults and pages put back. */
void counted_faults(mote_host *host, const char *guests);

#endif
