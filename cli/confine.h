/* SPDX-License-Identifier: Apache-2.0 */
/* A process that may do nothing but compute, take memory and write to one pipe. */
#ifndef MOTE_CLI_CONFINE_H
#define MOTE_CLI_CONFINE_H

/* For the rest of a forked child's life: all files but `out` are closed, memory and CPU time
 * are bounded, system calls are filtered (seccomp): those that would open or look at a file fail
 * with EACCES, others that it has no need of kill it. 0 or a negative errno. */
int confine(int out);

#endif
