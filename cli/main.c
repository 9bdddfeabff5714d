/* SPDX-License-Identifier: Apache-2.0 */
/* The mote command: picks the subcommand. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const char help_main[] =
    "Usage: mote COMMAND [OPTIONS] ...\n"
    "\n"
    "Runs programs that nobody has to trust, each in its own micro-VM.\n"
    "\n"
    "Commands:\n"
    "  run      run a guest program, or call one function of it\n"
    "  build    compile a WebAssembly module to a guest\n"
    "  inspect  show what is in a guest or a WebAssembly module\n"
    "  snapshot save a guest's state to a file, or show what is in one\n"
    "  bench    measure what calls and sandboxes cost on this machine\n"
    "  top      show what the hosts of a process have in use\n"
    "  doctor   check this machine, and say what to do\n"
    "  help     show this, or the help of a command: mote help run\n"
    "  version  show the version\n"
    "\n"
    "mote(1) is the manual page.\n";

static const struct command commands[] = {
    {"run", cmd_run, help_run},
    {"build", cmd_build, help_build},
    {"inspect", cmd_inspect, help_inspect},
    {"snapshot", cmd_snapshot, help_snapshot},
    {"bench", cmd_bench, help_bench},
    {"top", cmd_top, help_top},
    {"doctor", cmd_doctor, help_doctor},
    {"help", cmd_help, help_main},
    {"version", cmd_version, "Usage: mote version\n\nShows the version.\n"},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    if (name[0] == '-')
        say("%s: there is no such option", name);
    else if (access(name, F_OK) == 0)
        say("%s is not a command; to run that file: mote run %s", name, name);
    else
        say("%s is not a command", name);
    fputs(help_main, stderr);
    return CLI_USAGE;
}

static int print(const char *text)
{
    fputs(text, stdout);
    return fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
}

static int cmd_help(int argc, char **argv)
{
    if (argc < 2)
        return print(help_main);
    const struct command *command = find_command(argv[1]);
    return command != NULL ? print(command->help) : unknown_command(argv[1]);
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("mote %s\n", mote_version());
    return fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
}

static const char *spelled_out(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return "version";
    return word;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help_main, stderr);
        return CLI_USAGE;
    }
    const char *name = spelled_out(argv[1]);
    const struct command *command = find_command(name);
    return command != NULL ? command->run(argc - 1, argv + 1) : unknown_command(name);
}
