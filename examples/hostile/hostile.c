/* SPDX-License-Identifier: Apache-2.0 */
/* Five guests that mean harm: each is ended, and its sandbox serves the next call. */
#include <inttypes.h>
#include <stdbool.h>

#include "../example.h"

enum { DEADLINE_MS = 100 };

struct attack {
    const char *title;
    const char *function;
    mote_fault_kind expected;
};

static const struct attack attacks[] = {
    {"wild write", "wild_write", MOTE_FAULT_PAGE},
    {"endless loop", "spin", MOTE_FAULT_DEADLINE},
    {"endless recursion", "recurse", MOTE_FAULT_STACK},
    {"privileged instruction (hlt)", "privileged", MOTE_FAULT_PROTECTION},
    {"storm of host calls", "storm", MOTE_FAULT_DEADLINE},
};
enum { NATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

/* ---- what the guests are granted --------------------------------------------- */

static int add(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    result->type = MOTE_I32;
    result->of.i32 = (int32_t)((uint32_t)args[0].of.i32 + (uint32_t)args[1].of.i32);
    return 0;
}

static mote_policy *make_policy(mote_host *host)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_policy *policy;
    must(mote_policy_new(&policy, host, &error), &error);
    must(mote_policy_set(policy, MOTE_OPT_DEADLINE, DEADLINE_MS * UINT64_C(1000000), &error),
         &error);
    must(mote_policy_function(policy, "env", "add", "(i32,i32)->i32", add, NULL, NULL, &error),
         &error);
    return policy;
}

/* ---- one attack ------------------------------------------------------------------ */

/* How the guest ended, in one line. */
static void describe(char *line, size_t size, const mote_report *report)
{
    static const char *const accesses[] = {"", ": read of", ": write to", ": execution of"};
    char address[64] = "";
    if (report->fault == MOTE_FAULT_DEADLINE) {
        snprintf(line, size, "the deadline of %d ms passed", DEADLINE_MS);
        return;
    }
    if (report->access != MOTE_ACCESS_NONE) {
        snprintf(address, sizeof(address), "%s 0x%" PRIx64, accesses[report->access & 3],
                 report->address);
    }
    snprintf(line, size, "%s%s%s%s", mote_fault_name(report->fault), address,
             report->symbol[0] != '\0' ? ", at " : "", report->symbol);
}

static bool attack_once(const struct attack *attack, mote_image *image, mote_sandbox *sandbox)
{
    char line[200];
    mote_func function;
    mote_value result;
    mote_error error = MOTE_ERROR_INIT;
    must(mote_find(image, attack->function, NULL, &function, &error), &error);
    double start = now_us();
    mote_function_info info = {0};
    must(mote_image_export(image, function.index, &info), &error);
    int rc = mote_call(sandbox, function, NULL, NULL, 0, &result, info.signature.nresults);
    double took = now_us() - start;
    const mote_report *report = mote_sandbox_report(sandbox);
    describe(line, sizeof(line), report);
    bool ended = rc != 0 && report->fault == attack->expected;
    if (report->host_calls > 0)
        show(took, "%s: %s, after %" PRIu64 " calls", attack->title, line, report->host_calls);
    else
        show(took, "%s: %s", attack->title, line);
    if (!ended)
        show(-1, "    but %s was expected", mote_fault_name(attack->expected));
    return ended;
}

/* After a reset the same sandbox must answer 42. */
static bool works_again(mote_image *image, mote_sandbox *sandbox)
{
    const mote_value args[2] = {{MOTE_I32, {.i32 = 2}}, {MOTE_I32, {.i32 = 40}}};
    mote_func function;
    mote_value answer = {MOTE_I32, {.i32 = 0}};
    mote_error error = MOTE_ERROR_INIT;
    must(mote_find(image, "alive", NULL, &function, &error), &error);
    double start = now_us();
    int rc = mote_reset(sandbox);
    if (rc == 0)
        rc = mote_call(sandbox, function, NULL, args, 2, &answer, 1);
    double took = now_us() - start;
    bool right = rc == 0 && answer.of.i32 == 42;
    show(took, "    reset, next call: %s", right ? "correct" : mote_sandbox_error(sandbox)->text);
    return right;
}

static bool attack_host(const struct attack *attack, mote_image *image, mote_policy *policy)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox;
    must(mote_sandbox_new(&sandbox, image, policy, NULL, &error), &error);
    bool ended = attack_once(attack, image, sandbox);
    bool works = works_again(image, sandbox);
    mote_sandbox_free(sandbox);
    return ended && works;
}

int main(void)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(guest_path("hostile"));
    /* A stack that is used up well before the deadline. */
    mote_image_options options = {.size = sizeof(options), .stack = 1 << 20};
    mote_host *host;
    mote_image *image;
    size_t survived = 0;
    must(mote_host_new(&host, NULL, &error), &error);
    must(mote_image_open(&image, host, &source, &options, &error), &error);
    mote_policy *policy = make_policy(host);
    for (size_t i = 0; i < NATTACKS; i++)
        survived += attack_host(&attacks[i], image, policy);
    mote_policy_unref(policy);
    mote_image_unref(image);
    mote_host_free(host);
    show(-1, "%zu of %d attacks ended, and the next call was right", survived, (int)NATTACKS);
    return survived == NATTACKS ? 0 : 1;
}
