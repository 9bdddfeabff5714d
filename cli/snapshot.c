/* SPDX-License-Identifier: Apache-2.0 */
/* mote snapshot: the state of a guest in a file, for `mote run --snapshot`. */
#include "snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "signals.h"

const char help_snapshot[] =
    "Usage: mote snapshot save [OPTIONS] -o FILE GUEST [ARGUMENTS...]\n"
    "       mote snapshot save [OPTIONS] --oci DIR GUEST [ARGUMENTS...]\n"
    "       mote snapshot info [OPTIONS] FILE [GUEST]\n"
    "\n"
    "save runs GUEST until it is ready, calls the function of --invoke with ARGUMENTS, if\n"
    "there is one, and writes the guest's state to FILE. 'mote run --snapshot FILE GUEST'\n"
    "goes on from there. FILE holds all of the guest's memory, secrets included.\n"
    "info shows what is in such a file, and with GUEST whether it can start from it.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE  where the snapshot goes\n"
    "  --oci DIR        instead, make the directory DIR with the guest and all its snapshots, in\n"
    "                   OCI's image layout, for 'mote run --oci DIR'\n"
    "  --snapshot FILE  start from that snapshot, whose pages are then not written again: it\n"
    "                   is the base of the new one; where it has a base itself, give that first\n"
    "  --json           one JSON object on standard output\n"
    "  -h, --help       show this\n"
    "About the guest, as of 'mote run' (info takes --stack alone):\n"
    "  --invoke NAME    call the exported function NAME first\n"
    "  --deadline TIME  stop the guest after TIME (default: none)\n"
    "  --memory SIZE    memory of the guest in all (default: 64M)\n"
    "  --stack SIZE     its stack (default: 8M)\n"
    "  --cpu LEVEL      x86-64 level that the guest may use: v2 or v3 (default: v2)\n"
    "  --dir HOST[::GUEST]     grant a directory, to read and write, as GUEST\n"
    "  --dir-ro HOST[::GUEST]  grant a directory, to read\n"
    "  --file HOST[::GUEST]    grant one file, to read, as it is now\n"
    "  --clock KIND     none, frozen (at 1970), coarse (10 ms) or real (default: none)\n"
    "  --random KIND    none, seeded:NUMBER or real (default: none)\n"
    "  --refused ANSWER what a system call gets that is not granted: enosys or fault\n"
    "                   (default: enosys)\n"
    "\n"
    "Exit status: as of 'mote run'; 1 also when FILE cannot be written, 126 also when it is\n"
    "not a snapshot or one of something else.\n"
    "\n"
    "Examples:\n"
    "  mote snapshot save -o warm.snap --invoke load ./engine @rules\n"
    "  mote run --snapshot warm.snap --invoke query ./engine 42\n";

/* ---- save -------------------------------------------------------------------------- */

static bool print_saved(const struct run *run, const char *file, const mote_snapshot_info *info)
{
    if (run->options.json) {
        struct json json = {stdout, false};
        json_open(&json, NULL, '{');
        json_bool(&json, "ok", true);
        json_text(&json, "file", file);
        json_uint(&json, "memory", info->memory);
        json_uint(&json, "own", info->own);
        json_uint(&json, "shared", info->shared);
        json_uint(&json, "layers", info->layers);
        json_close(&json, '}');
        return json_end(&json);
    }
    return true; /* a file that is there says enough */
}

/* Says what is wrong; `name` is what the user knows. */
static int cannot_write(const char *name, const char *text)
{
    bool named = strstr(text, name) != NULL;
    say("%s%s%s", named ? "" : name, named ? "" : ": ", text);
    return CLI_FAILED;
}

static int write_file(struct run *run, const char *file, const char *name)
{
    mote_snapshot *snapshot = NULL;
    mote_snapshot_info info = {.size = sizeof(info)};
    int rc = mote_snapshot_take(&snapshot, run->sandbox, &run->error);
    rc = rc != 0 ? rc : mote_snapshot_save(snapshot, file, &run->error);
    rc = rc != 0 ? rc : mote_snapshot_describe(snapshot, &info);
    mote_snapshot_unref(snapshot);
    if (rc != 0) {
        int status = cannot_write(name, run->error.text);
        return rc == MOTE_ESYSTEM ? status : CLI_MOTE;
    }
    return print_saved(run, name, &info) ? CLI_OK : CLI_MOTE;
}

/* The guest, the snapshots that it started from, and the new one, in a file for the while. */
static int write_layout(struct run *run, const char *directory)
{
    const char *files[OCI_LAYERS + 1] = {run->options.guest};
    const struct cli_list *bases = &run->options.snapshots;
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s.%ld.new", directory, (long)getpid()) >= (int)sizeof(path))
        return cannot_write(directory, strerror(ENAMETOOLONG));
    if (access(directory, F_OK) == 0 || bases->count == CLI_LIST_MAX)
        return cannot_write(directory, strerror(bases->count == CLI_LIST_MAX ? E2BIG : EEXIST));
    for (size_t i = 0; i < bases->count; i++)
        files[i + 1] = bases->item[i];
    files[bases->count + 1] = path;
    int status = write_file(run, path, directory);
    if (status != CLI_OK)
        return status;
    int rc = oci_write(directory, files, bases->count + 2, run->options.stack);
    unlink(path);
    return rc == 0 ? CLI_OK : cannot_write(directory, strerror(-rc));
}

static int save(struct run *run, const struct snapshot_options *options)
{
    int rc = run_make_sandbox(run);
    if (rc == 0 && run->options.invoke != NULL) {
        signals_catch(run->handle);
        rc = run_call(run);
    }
    int status = rc != 0                ? run_report(run, rc)
                 : options->oci != NULL ? write_layout(run, options->oci)
                                        : write_file(run, options->output, options->output);
    signals_release();
    return status;
}

static int open_and_save(struct run *run, const struct snapshot_options *options)
{
    mote_source source = MOTE_SOURCE_PATH(run->options.guest);
    int rc = run_open(run, &source);
    rc = rc != 0 ? rc : run_open_snapshots(run);
    if (rc == 0 && run->options.invoke != NULL)
        rc = run_find_function(run);
    if (rc != 0)
        return run_report(run, rc);
    bool good = run->options.invoke == NULL || run_read_arguments(run);
    return good ? save(run, options) : CLI_USAGE;
}

int cmd_snapshot(int argc, char **argv)
{
    static struct snapshot_options options;
    static struct run run;
    struct line problem = {0};
    (void)argc;
    run.error.size = sizeof(run.error);
    int status =
        cli_finish(snapshot_parse(&options, argv, &problem), "snapshot", help_snapshot, &problem);
    if (status >= 0)
        return status;
    run.options = options.guest;
    status = options.info ? snapshot_info(&run, &options) : open_and_save(&run, &options);
    run_release(&run);
    return status;
}
