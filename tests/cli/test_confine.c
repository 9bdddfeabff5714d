/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process can still do after confine(): each attempt in a child of its own. Status 0 when
 * none works, 3 when all do (as they must without confine()), else 1.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../cli/confine.h"

static int other = -1; /* a file that was open before */

static bool open_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool write_elsewhere(void)
{
    return write(other, "x", 1) == 1;
}

static bool read_standard_input(void)
{
    char byte;
    return read(STDIN_FILENO, &byte, 0) == 0;
}

static bool open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool start_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0;
}

static bool signal_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool be_traced(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool make_memory_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool take_memory(void)
{
    return mmap(NULL, (size_t)8 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0) != MAP_FAILED;
}

/* Says so itself when it works: nothing comes back from it. */
static int out_of_exec;

static bool start_program(void)
{
    char command[64];
    snprintf(command, sizeof command, "printf y >&%d", out_of_exec);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    return false;
}

static const struct {
    const char *name;
    bool (*works)(void);
} attempts[] = {
    {"open a file", open_file},
    {"write to another file", write_elsewhere},
    {"read standard input", read_standard_input},
    {"open a socket", open_socket},
    {"start a process", start_process},
    {"start a program", start_program},
    {"signal the parent", signal_parent},
    {"be traced", be_traced},
    {"map code", make_code},
    {"make memory code", make_memory_code},
    {"take 8 GiB", take_memory},
};

/* What it may do: take memory, and say so. */
static bool compute(void)
{
    char *memory = malloc(1 << 20);
    return memory != NULL && (memory[12345] = 1) == 1;
}

static bool attempt(bool (*works)(void))
{
    int ends[2], status;
    char said = 'n';
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        out_of_exec = ends[1];
        if (confine(ends[1]) == 0 && works())
            _exit(write(ends[1], "y", 1) == 1 ? 0 : 1);
        _exit(1);
    }
    close(ends[1]);
    bool done = read(ends[0], &said, 1) == 1 && said == 'y';
    close(ends[0]);
    waitpid(child, &status, 0);
    return done;
}

int main(void)
{
    enum { COUNT = sizeof attempts / sizeof attempts[0] };
    unsigned worked = 0;
    other = open("/dev/null", O_WRONLY);
    if (other < 0 || !attempt(compute)) {
        puts("a confined process cannot even compute");
        return 1;
    }
    for (unsigned i = 0; i < COUNT; i++) {
        bool works = attempt(attempts[i].works);
        printf("%s: %s\n", attempts[i].name, works ? "works" : "does not work");
        fflush(stdout);
        worked += works;
    }
    return worked == 0 ? 0 : worked == COUNT ? 3 : 1;
}
