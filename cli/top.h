/* SPDX-License-Identifier: Apache-2.0 */
/* What the hosts of another process publish. It is not trusted: its files are looked at before they
 * are opened, and what they hold is copied and checked before it is believed. */
#ifndef MOTE_CLI_TOP_H
#define MOTE_CLI_TOP_H

#include <mote_use.h>
#include <stdbool.h>
#include <stddef.h>

enum { TOP_HOSTS_MAX = 64 };

struct top_hosts {
    int fd[TOP_HOSTS_MAX];
    mote_use use[TOP_HOSTS_MAX]; /* as of the last reading */
    size_t count;
};

/* Opens what the process publishes; 0 or a negative errno. */
int top_find(struct top_hosts *hosts, int pid);
/* Reads it again; what is not to be believed is dropped. */
void top_read(struct top_hosts *hosts);
void top_close(struct top_hosts *hosts);
/* Whether `size` bytes begin with a structure of a version that is known; copies it. */
bool top_decode(mote_use *use, const void *data, size_t size);

#endif
