/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.pooled.image: a VM of the pool gets a sandbox of another image than it had last, one
 * call, and is given back, against the cycle of a bare VM. sandbox.pooled.tenant: the same with
 * one image and another tenant each time, against one KVM_RUN that rings a doorbell.
 */
#include <stdio.h>

#include <mote.h>

#include "bare.h"
#include "bench.h"
#include "measure.h"

#define US     1000.0
#define IMAGES ((size_t)2)

struct pooled {
    mote_host *host;
    mote_image *images[IMAGES];
    mote_func funcs[IMAGES];
    size_t nimages; /* that take turns */
    size_t turn;
    struct bare_kvm *kvm;
    struct bare_vm *vm;
};

static int failed(const char *what, const mote_error *error)
{
    fprintf(stderr, "\nmote_bench: %s: %s %s\n", what, error->text, error->remedy);
    return -1;
}

static int open_image(struct pooled *p, size_t index, const char *guest, const char *function)
{
    char path[512];
    mote_error error = MOTE_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", MOTE_GUEST_DIR, guest);
    mote_source source = MOTE_SOURCE_PATH(path);
    int status = mote_image_open(&p->images[index], p->host, &source, NULL, &error);
    if (!status)
        status = mote_image_boot(p->images[index], &error);
    if (!status)
        status = mote_find(p->images[index], function, "()->void", &p->funcs[index], &error);
    return status ? failed(guest, &error) : 0;
}

static int open_all(struct pooled *p, size_t nimages)
{
    static const mote_host_options options = {
        .size = sizeof options, .shells_high = 1, .reuse = MOTE_REUSE_FREELY};
    mote_error error = MOTE_ERROR_INIT;
    p->nimages = nimages;
    if (mote_host_new(&p->host, &options, &error))
        return failed("mote_host_new", &error);
    p->kvm = bare_open();
    p->vm = p->kvm ? bare_new(p->kvm, 0) : NULL;
    if (!p->vm || open_image(p, 0, "echo", "nothing"))
        return -1;
    return open_image(p, 1, "dirty", "nothing");
}

static void close_all(struct pooled *p)
{
    for (size_t i = 0; i < IMAGES; i++)
        mote_image_unref(p->images[i]);
    bare_free(p->vm);
    bare_close(p->kvm);
    mote_host_free(p->host);
}

/* Of the next image, for the next tenant; a round through all of them before comes from the
 * batch's first sample, which does not count. */
static int64_t time_sandbox(void *context)
{
    struct pooled *p = context;
    const char *tenant = p->turn++ % 2 ? "one" : "other";
    size_t image = p->turn % p->nimages;
    mote_sandbox_options options = {.size = sizeof options, .tenant = tenant};
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;
    uint64_t start = now_ns();
    if (mote_sandbox_new(&sandbox, p->images[image], NULL, &options, &error))
        return failed("mote_sandbox_new", &error);
    int status = mote_call(sandbox, p->funcs[image], NULL, NULL, 0, NULL, 0);
    mote_sandbox_free(sandbox);
    uint64_t end = now_ns();
    return status ? failed("mote_call", &error) : (int64_t)(end - start);
}

static int64_t time_bare(void *context)
{
    struct pooled *p = context;
    uint64_t start = now_ns();
    struct bare_vm *vm = bare_new(p->kvm, 0);
    int status = vm ? bare_ring(vm) : -1;
    bare_free(vm);
    uint64_t end = now_ns();
    return status ? -1 : (int64_t)(end - start);
}

static int measure(struct bench *bench, struct pooled *p, struct row *row, struct side *sides,
                   size_t n)
{
    /* The VM is made, and has a memory for each image. */
    for (size_t i = 0; i < 2 * IMAGES; i++)
        if (time_sandbox(p) < 0)
            return -1;
    int status = interleave(row->name, sides, 2, n, 10);
    if (!status) {
        row_fill(row, &sides[1], &sides[0], US);
        bench_add(bench, row);
    }
    sides_free(sides, 2);
    return status;
}

int bench_pooled_image(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pooled p = {0};
    struct row row = {.name = "sandbox.pooled.image", .unit = "us", .goal = 0.10};
    struct side sides[] = {{.run = time_bare, .context = &p}, {.run = time_sandbox, .context = &p}};
    int status = open_all(&p, IMAGES);
    if (!status)
        status = measure(bench, &p, &row, sides, bench_samples(bench, 1000, 100));
    close_all(&p);
    return status;
}

int bench_pooled_tenant(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pooled p = {0};
    struct row row = {.name = "sandbox.pooled.tenant", .unit = "us", .goal = 1.5};
    int status = open_all(&p, 1);
    struct side sides[] = {{.run = bare_time_ring, .context = p.vm},
                           {.run = time_sandbox, .context = &p}};
    if (!status)
        status = measure(bench, &p, &row, sides, bench_samples(bench, 10000, 1000));
    close_all(&p);
    return status;
}
