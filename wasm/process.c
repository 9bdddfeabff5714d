/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workspace.h"

#define CANNOT_RUN 127 /* exit status of a child that could not become its program */

/* ---- in the child: only async-signal-safe calls ---------------------------- */

static int limit(int resource, uint64_t value)
{
    const struct rlimit both = {value, value};
    return setrlimit((__rlimit_resource_t)resource, &both);
}

static int set_limits(const struct mote__limits *limits)
{
    if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_CPU, limits->cpu_seconds) != 0)
        return -1;
    return limit(RLIMIT_AS, limits->memory_bytes) != 0 ||
                   limit(RLIMIT_FSIZE, limits->file_bytes) != 0
               ? -1
               : 0;
}

static int redirect(const char *log)
{
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0)
        return -1;
    return dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ? -1 : 0;
}

static void unmask_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct mote__command *command, char *const *environment,
                             char *const *argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    unmask_signals();
    if (chdir(command->directory) != 0 || redirect(command->log) != 0 ||
        set_limits(&command->limits) != 0)
        _exit(CANNOT_RUN);
    (void)close_range(3, ~0u, 0); /* a kernel without it: descriptors of ours are O_CLOEXEC */
    execve(argv[0], argv, environment);
    _exit(CANNOT_RUN);
}

/* ---- in the parent --------------------------------------------------------- */

int mote__command_start(const struct mote__command *command, pid_t *pid,
                        struct mote__wasm_error *error)
{
    const char *path = getenv("PATH");
    struct mote__text variables = MOTE__TEXT_INIT;
    mote__text_format(&variables, "PATH=%s", path != NULL ? path : "/usr/bin:/bin");
    const size_t second = variables.size + 1;
    mote__text_append(&variables, "", 1);
    mote__text_format(&variables, "TMPDIR=%s", command->directory);
    if (!mote__text_ok(&variables)) {
        mote__text_free(&variables);
        return mote__wasm_out_of_memory(error);
    }
    char language[] = "LC_ALL=C";
    char *environment[] = {variables.data, variables.data + second, language, NULL};
    char *const *argv;
    memcpy(&argv, &command->argv, sizeof argv); /* execve does not write to it */
    *pid = fork();
    if (*pid == 0)
        become(command, environment, argv);
    const int failed = *pid < 0;
    mote__text_free(&variables);
    return failed ? mote__wasm_fail_errno(error, "cannot start %s", command->what) : 0;
}

/* The first lines of the log on one line, which is where tools say what is wrong. */
static void summarize_log(const struct mote__command *command, char *out, size_t size)
{
    char path[MOTE__PATH_MAX];
    out[0] = '\0';
    if (snprintf(path, sizeof path, "%s/%s", command->directory, command->log) >= (int)sizeof path)
        return;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    char raw[280];
    size_t length = fread(raw, 1, sizeof raw, file);
    fclose(file);
    while (length > 0 && raw[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++)
        if (raw[i] == '\n')
            raw[i] = ' ';
    mote__wasm_printable(out, size, raw, length);
}

static int describe(const struct mote__command *command, int status, int blame,
                    struct mote__wasm_error *error)
{
    char log[300];
    summarize_log(command, log, sizeof log);
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)) {
        mote__wasm_fail(error, blame, "%s was stopped: it used more than %llu s of CPU time",
                        command->what, (unsigned long long)command->limits.cpu_seconds);
        return mote__wasm_remedy(error, blame, "the module is too large for this limit; raise it");
    }
    if (WIFSIGNALED(status))
        return mote__wasm_fail(error, blame, "%s was ended by signal %d: %s", command->what,
                               WTERMSIG(status), log);
    if (WEXITSTATUS(status) == CANNOT_RUN)
        return mote__wasm_fail(error, MOTE__WASM_ETOOL, "cannot run %s (%s): %s", command->what,
                               command->argv[0], log);
    return mote__wasm_fail(error, blame, "%s failed: %s", command->what, log);
}

int mote__command_wait(const struct mote__command *command, pid_t pid, int blame,
                       struct mote__wasm_error *error)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return mote__wasm_fail_errno(error, "cannot wait for %s", command->what);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return describe(command, status, blame, error);
}

int mote__command_run(const struct mote__command *command, int blame,
                      struct mote__wasm_error *error)
{
    pid_t pid = -1;
    const int status = mote__command_start(command, &pid, error);
    return status != 0 ? status : mote__command_wait(command, pid, blame, error);
}

void mote__command_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

char *mote__find_program(const char *name)
{
    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0 ? realpath(name, NULL) : NULL;
    const char *path = getenv("PATH");
    for (path = path != NULL ? path : "/usr/bin:/bin"; *path != '\0';) {
        const size_t length = strcspn(path, ":");
        char candidate[MOTE__PATH_MAX];
        const int need = snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, path, name);
        if (length > 0 && need < (int)sizeof candidate && access(candidate, X_OK) == 0)
            return strdup(candidate); /* the name stays: ccache and the like look at it */
        path += length;
        path += *path == ':';
    }
    return NULL;
}
