/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_host FOLDER TEXT: sends a text through every plugin in FOLDER, in the order of their
 * names.
 *
 * A plugin is a guest that exports filter(string)->string. It may ask for settings and say
 * something; it cannot do anything else, and when it fails the text goes on as it was.
 */
#include <dirent.h>
#include <mote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_NS = 100 * 1000 * 1000, MAX_TEXT = 4096 };

static void must(int rc, const mote_error *error)
{
    if (rc == 0)
        return;
    fprintf(stderr, "plugin_host: %s\n%s\n", error->text, error->remedy);
    exit(1);
}

/* ---- what plugins are granted -------------------------------------------------- */

static int setting(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)nargs;
    if (args[0].of.bytes.size != 4 || memcmp(args[0].of.bytes.data, "unit", 4) != 0)
        return mote_context_fail(context, 1, "there is no such setting");
    *result = mote_string("words");
    return 0;
}

/* The user data of a sandbox is the name of its plugin, so one policy serves all of them. */
static int say(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    (void)user;
    (void)nargs;
    (void)result;
    const char *plugin = mote_sandbox_user(mote_context_sandbox(context));
    printf("%s says: %.*s\n", plugin, (int)args[0].of.bytes.size,
           (const char *)args[0].of.bytes.data);
    return 0;
}

static mote_policy *make_policy(mote_host *host)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_policy *policy = NULL;
    must(mote_policy_new(&policy, host, &error), &error);
    must(mote_policy_set(policy, MOTE_OPT_DEADLINE, DEADLINE_NS, &error), &error);
    must(mote_policy_function(policy, "plugin", "setting", "(string)->string", setting, NULL, NULL,
                              &error),
         &error);
    must(mote_policy_function(policy, "plugin", "say", "(string)->void", say, NULL, NULL, &error),
         &error);
    return policy;
}

/* ---- one plugin ---------------------------------------------------------------------- */

/* Replaces `text` by what the plugin makes of it. The result lies in the sandbox, and is copied. */
static void filter(mote_sandbox *sandbox, mote_func function, const char *name, char *text)
{
    mote_value argument = mote_string(text);
    mote_value result;
    if (mote_call(sandbox, function, NULL, &argument, 1, &result, 1) != 0)
        printf("%s failed: %s\n", name, mote_sandbox_error(sandbox)->text);
    else
        snprintf(text, MAX_TEXT, "%.*s", (int)result.of.bytes.size,
                 (const char *)result.of.bytes.data);
}

static void run_plugin(mote_host *host, mote_policy *policy, const char *folder, char *name,
                       char *text)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_sandbox_options options = {.size = sizeof(options), .user = name};
    mote_error error = MOTE_ERROR_INIT;
    mote_image *image = NULL;
    mote_sandbox *sandbox = NULL;
    mote_func function;
    if (mote_image_open(&image, host, &source, NULL, &error) == 0 &&
        mote_find(image, "filter", "(string)->string", &function, &error) == 0 &&
        mote_sandbox_new(&sandbox, image, policy, &options, &error) == 0)
        filter(sandbox, function, name, text);
    else
        printf("%s is not a plugin: %s\n", name, error.text);
    mote_sandbox_free(sandbox);
    mote_image_unref(image);
}

static int is_file(const struct dirent *entry)
{
    return entry->d_type == DT_REG;
}

int main(int argc, char **argv)
{
    struct dirent **files = NULL;
    int count = argc == 3 ? scandir(argv[1], &files, is_file, alphasort) : -1;
    if (count < 0) {
        fprintf(stderr, "usage: plugin_host FOLDER TEXT\n");
        return 2;
    }
    char text[MAX_TEXT];
    snprintf(text, sizeof(text), "%s", argv[2]);

    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;
    must(mote_host_new(&host, NULL, &error), &error);
    mote_policy *policy = make_policy(host);
    for (int i = 0; i < count; i++) {
        run_plugin(host, policy, argv[1], files[i]->d_name, text);
        free(files[i]);
    }
    free(files);
    printf("%s\n", text);
    mote_policy_unref(policy);
    return mote_host_free(host);
}
