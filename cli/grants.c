/* SPDX-License-Identifier: Apache-2.0 */
/* What `mote run` grants to its guest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* ---- streams ---------------------------------------------------------------- */

static void log_line(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                     size_t size)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    (void)user;
    (void)sandbox;
    say("guest: %s: %.*s", level < 4 ? names[level] : "?", (int)size, text);
}

/* One that is closed, or not open for that, is so for the guest, too. */
static int give_fd(mote_policy *policy, int guest_fd, int fd, unsigned access, mote_error *error)
{
    int rc = mote_policy_fd(policy, guest_fd, fd, access, 0, error);
    return rc == MOTE_ESYSTEM ? 0 : rc;
}

static int give_streams(const struct run_options *options, mote_policy *policy, mote_error *error)
{
    if (options->no_stdio)
        return 0;
    int out = options->json ? STDERR_FILENO : STDOUT_FILENO;
    int rc = give_fd(policy, 0, STDIN_FILENO, MOTE_GRANT_READ, error);
    if (rc == 0)
        rc = give_fd(policy, 1, out, MOTE_GRANT_WRITE, error);
    if (rc == 0)
        rc = give_fd(policy, 2, STDERR_FILENO, MOTE_GRANT_WRITE, error);
    /* The streams are the user's own: nothing to protect by counting bytes. */
    if (rc == 0)
        rc = mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, INT64_MAX, error);
    return rc != 0 ? rc : mote_policy_log(policy, log_line, NULL, error);
}

/* ---- files ------------------------------------------------------------------ */

typedef int give_fn(mote_policy *policy, const char *host, const char *guest, mote_error *error);

static int give_dir(mote_policy *policy, const char *host, const char *guest, mote_error *error)
{
    return mote_policy_dir(policy, host, guest, MOTE_GRANT_READ | MOTE_GRANT_WRITE, error);
}

static int give_dir_read_only(mote_policy *policy, const char *host, const char *guest,
                              mote_error *error)
{
    return mote_policy_dir(policy, host, guest, MOTE_GRANT_READ, error);
}

/* HOST::GUEST, or HOST for both. */
static int give_path(mote_policy *policy, const char *value, give_fn *give, mote_error *error)
{
    const char *colons = strstr(value, "::");
    if (colons == NULL)
        return give(policy, value, value, error);
    char *host = strndup(value, (size_t)(colons - value));
    int rc = host != NULL ? give(policy, host, colons + 2, error) : MOTE_ENOMEM;
    free(host);
    return rc;
}

static int give_paths(mote_policy *policy, const struct cli_list *list, give_fn *give,
                      mote_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = give_path(policy, list->item[i], give, error);
    return rc;
}

/* ---- all ---------------------------------------------------------------------- */

static int set_options(const struct run_options *options, mote_policy *policy, mote_error *error)
{
    const struct {
        mote_option option;
        uint64_t value;
    } all[] = {
        {MOTE_OPT_CLOCK, options->clock},
        {MOTE_OPT_RANDOM, options->random},
        {MOTE_OPT_RANDOM_SEED, options->seed},
        {MOTE_OPT_REFUSED, options->refused},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(all) / sizeof(all[0]); i++)
        rc = mote_policy_set(policy, all[i].option, all[i].value, error);
    return rc;
}

int grants_give(const struct run_options *options, mote_policy *policy, mote_error *error)
{
    int rc = set_options(options, policy, error);
    if (rc == 0)
        rc = give_streams(options, policy, error);
    if (rc == 0)
        rc = give_paths(policy, &options->dirs, give_dir, error);
    if (rc == 0)
        rc = give_paths(policy, &options->dirs_read_only, give_dir_read_only, error);
    if (rc == 0)
        rc = give_paths(policy, &options->files, mote_policy_file, error);
    if (rc == 0 && options->trace)
        rc = mote_policy_trace(policy, trace_line, NULL, error);
    return rc;
}

/* ---- environment ------------------------------------------------------------------ */

/* NAME=VALUE as it is; NAME as it is here, and not at all where it is not set. */
static bool add_variable(char **env, size_t *count, const char *given)
{
    bool whole = strchr(given, '=') != NULL;
    const char *value = whole ? "" : getenv(given);
    if (value == NULL)
        return true;
    size_t size = strlen(given) + strlen(value) + 2;
    char *variable = malloc(size);
    if (variable == NULL)
        return false;
    snprintf(variable, size, "%s%s%s", given, whole ? "" : "=", value);
    env[(*count)++] = variable;
    return true;
}

char **grants_env(const struct run_options *options)
{
    size_t count = 0;
    char **env = calloc(options->env.count + 1, sizeof(*env));
    for (size_t i = 0; env != NULL && i < options->env.count; i++) {
        if (!add_variable(env, &count, options->env.item[i])) {
            grants_free_env(env);
            return NULL;
        }
    }
    return env;
}

void grants_free_env(char **env)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++)
        free(env[i]);
    free(env);
}
