/* SPDX-License-Identifier: Apache-2.0 */
/* A program that uses what `mote run` can grant: cli_probe WHAT [ARGUMENTS]. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

extern char **environ;

static int failed(const char *what)
{
    perror(what);
    return 1;
}

static int read_file(const char *path)
{
    char text[256];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file))
        return failed(path);
    fputs(text, stdout);
    return 0;
}

static int write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    return !file || fputs(text, file) < 0 || fclose(file) != 0 ? failed(path) : 0;
}

static int tell_time(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return failed("clock_gettime");
    printf("%lld\n", (long long)now.tv_sec);
    return 0;
}

static int tell_random(void)
{
    unsigned char bytes[8];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return failed("getrandom");
    for (size_t i = 0; i < sizeof bytes; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "read") == 0 && argc == 3)
        return read_file(argv[2]);
    if (strcmp(what, "write") == 0 && argc == 4)
        return write_file(argv[2], argv[3]);
    if (strcmp(what, "time") == 0)
        return tell_time();
    if (strcmp(what, "random") == 0)
        return tell_random();
    if (strcmp(what, "socket") == 0)
        socket(AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(what, "env") == 0)
        for (char **at = environ; *at; at++)
            puts(*at);
    return 0;
}
