/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a guest controls, through the real API on a hypervisor that is not
 * there: the input is a script of what a hostile guest does each time that it
 * runs. What reaches host functions, results, texts and reports is checked.
 */
#include <sanitizer/allocator_interface.h>

#include "../tests/unit/tiny_elf.h"
#include "arch/x86_64/gate.h"
#include "arch/x86_64/paging.h"
#include "fake_hv.h"
#include "os/os.h"
#include "sandbox.h"
#include "script.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT   (2u << 20)
#define BUFFERS ((MOTE_MAX_DEPTH + 1) * 0x11000u) /* small ones that stay */
#define LONGEST 1024u /* bytes of a script: some actions move megabytes */

static const char *const exports[] = {"()->void",           "(i32,string,f64,bytes,bool)->bytes",
                                      "(string)->string",   "(u64,f32)->bool",
                                      "(bytes,bytes)->f32", "()->i64"};
static const char *const imports[] = {
    "()->void",
    "(bytes,string,i32)->bytes",
    "(i32,u32,i64,u64,f32,f64,bool,string,bytes)->string",
    "(bool)->bool",
    "(bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,"
    "bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,bytes,"
    "bytes,bytes)->f64",
};

#define NEXPORTS (sizeof exports / sizeof exports[0])
#define NIMPORTS (sizeof imports / sizeof imports[0]) /* one more is weak and not granted */

static mote_host *host;
static mote_image *image;     /* booted without a script */
static mote_image *booting;   /* the image of an input that is the script of a boot */
static mote_sandbox *sandbox; /* of `image` */
static mote_signature granted[NIMPORTS];
static const mote_signature *pending; /* of the host function that answers later */
static const mote_value *pending_args;
static struct script script;
static uint8_t payload[LIMIT + 0x1000]; /* what the host gives out */
static volatile uint8_t sink;

/* ---- choices ---- */

static const struct mote__layout *layout(void)
{
    return booting ? &booting->layout : &image->layout;
}

static uint64_t region_edge(void)
{
    const struct mote__regions *r = &sandbox->shell->memory.regions;
    return r->list[script_u8(&script) % r->count].end - script_u8(&script);
}

static uint64_t choose_address(void)
{
    const struct mote__layout *l = layout();
    switch (script_u8(&script) % 11) {
    case 0:
        return l->mailbox + script_u16(&script);
    case 1:
        return TINY_DATA + (script_u16(&script) & 0x1fff);
    case 2:
        return l->stack_top - script_u16(&script);
    case 3:
        return region_edge();
    case 4:
        return script_u64(&script);
    case 5:
        return UINT64_MAX - script_u16(&script);
    case 6:
        return l->gate + script_u16(&script);
    case 7:
        return TINY_TEXT + (script_u16(&script) & 0x1fff);
    case 8:
        return l->heap + script_u16(&script);
    case 9:
        return l->mmap + (script_u16(&script) & 0x3f000);
    default:
        return TINY_DATA;
    }
}

static uint64_t choose_size(uint64_t address)
{
    const struct mote__regions *r = &sandbox->shell->memory.regions;
    size_t at = mote__regions_find(r, address);
    uint64_t left = at < r->count ? r->list[at].end - address : 0;
    switch (script_u8(&script) % 8) {
    case 0:
        return 0;
    case 1:
        return script_u8(&script);
    case 2:
        return script_u16(&script);
    case 3:
        return script_u64(&script);
    case 4:
        return UINT64_MAX - script_u16(&script);
    case 5:
        return left;
    case 6:
        return left + 1;
    default:
        return (uint64_t)LIMIT - 128 + script_u8(&script);
    }
}

static struct mote_slot choose_slot(void)
{
    struct mote_slot slot;
    slot.lo = choose_address();
    slot.hi = choose_size(slot.lo);
    return slot;
}

/* ---- the hostile guest ---- */

/* The control block as the host left it. */
static struct mote_mailbox peek_mailbox(struct mote__vm *vm)
{
    struct mote_mailbox mailbox;
    fake_check(fake_peek(vm, layout()->mailbox, &mailbox, sizeof mailbox), "the mailbox is there");
    return mailbox;
}

static void ring(struct mote__vm *vm, struct mote__exit *exit, uint32_t request, uint64_t message)
{
    struct mote_mailbox mailbox = peek_mailbox(vm);
    uint64_t at = layout()->mailbox, frame = mailbox.call;
    size_t lies = script_u8(&script) % (sizeof mailbox + 1);
    script_take(&script, &mailbox, lies);
    if (lies % 4 != 3) /* else it names another call */
        mailbox.call = frame;
    mailbox.request = request;
    mailbox.message = message;
    fake_check(fake_write(vm, at, &mailbox, sizeof mailbox), "the mailbox is the guest's");
    fake_doorbell(vm, exit);
}

static void call_host(struct mote__vm *vm, struct mote__exit *exit)
{
    struct {
        struct mote_host_call head;
        struct mote_slot slots[MOTE_MAX_PARAMS];
    } message;
    uint32_t function = script_u8(&script) % (NIMPORTS + 2);
    const mote_signature *s = &granted[function % NIMPORTS];
    memset(&message, 0, sizeof message);
    message.head.function = function;
    message.head.nargs = s->nparams;
    message.head.result_type = s->result;
    for (uint32_t i = 0; i < s->nparams; i++) {
        message.head.types[i] = (uint8_t)s->params[i];
        message.slots[i] = choose_slot();
    }
    for (uint8_t lies = script_u8(&script) % 4; lies; lies--)
        ((uint8_t *)&message.head)[script_u8(&script) % sizeof message.head] = script_u8(&script);
    uint64_t at = choose_address();
    size_t size = sizeof message.head + s->nparams * sizeof message.slots[0];
    fake_write(vm, at, &message, size); /* or what happens to be there */
    ring(vm, exit, MOTE_REQUEST_CALL, at);
}

static void send_text(struct mote__vm *vm, struct mote__exit *exit, uint32_t request)
{
    uint64_t at = choose_address();
    struct mote_text text = {script_u8(&script), script_u32(&script), choose_address(), 0};
    text.size = choose_size(text.text);
    fake_write(vm, at, &text, sizeof text);
    ring(vm, exit, request, at);
}

static void give_result(struct mote__vm *vm, struct mote__exit *exit)
{
    struct mote_slot slot = choose_slot();
    uint64_t at = peek_mailbox(vm).call + sizeof(struct mote_call_frame) +
                  script_u8(&script) % 8 * sizeof slot;
    fake_write(vm, at, &slot, sizeof slot);
    ring(vm, exit, MOTE_REQUEST_RETURN, choose_address());
}

static void scribble(struct mote__vm *vm, struct mote__exit *exit)
{
    uint8_t bytes[64];
    size_t size = script_u8(&script) % (sizeof bytes + 1);
    script_take(&script, bytes, size);
    fake_write(vm, choose_address(), bytes, size);
    exit->kind = MOTE__EXIT_INTERRUPTED;
}

static void choose_registers(struct mote__vm *vm)
{
    uint64_t *list[] = {&vm->regs.rdi, &vm->regs.rsi, &vm->regs.rdx,
                        &vm->regs.r10, &vm->regs.r8,  &vm->regs.r9};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        *list[i] = script_u8(&script) & 1 ? choose_address() : choose_size(0);
    vm->regs.rsp = choose_address();
    vm->regs.rflags = (script_u32(&script) & MOTE__FLAGS_USER) | MOTE__FLAGS_FIXED;
}

static void make_syscall(struct mote__vm *vm, struct mote__exit *exit)
{
    choose_registers(vm);
    vm->regs.rax = script_u8(&script);
    if (vm->regs.rax > 250)
        vm->regs.rax = script_u64(&script);
    if (script_u8(&script) & 1)
        vm->regs.rdi = script_u8(&script) % 4; /* a stream */
    fake_syscall(vm, exit, script_u8(&script) & 7 ? TINY_TEXT : choose_address());
    vm->regs.r11 = script_u64(&script);
}

static void make_trap(struct mote__vm *vm, struct mote__exit *exit)
{
    choose_registers(vm);
    uint32_t vector = script_u8(&script) & 1 ? 14 : script_u8(&script) % 32;
    fake_trap(vm, exit, vector, script_u8(&script) & 0x17, choose_address());
}

/* Registers at a halt that no monitor of ours leaves behind. */
static void halt_strangely(struct mote__vm *vm, struct mote__exit *exit)
{
    make_trap(vm, exit);
    vm->regs.rip += script_u16(&script) % 64;
    vm->regs.rsp += script_u8(&script) % 16;
}

/* As from another thread, at the worst moments. */
static void interrupt(struct mote__vm *vm, struct mote__exit *exit)
{
    uint8_t how = script_u8(&script);
    if (how & 1 && !booting)
        mote_interrupt(sandbox->handle);
    if (how & 2)
        vm->refused_entries = 1 + how % 3;
    if (how & 4)
        make_syscall(vm, exit);
    else
        exit->kind = MOTE__EXIT_INTERRUPTED;
}

static void act(struct mote__vm *vm, struct mote__exit *exit)
{
    uint8_t choice = script_u8(&script) % 16;
    switch (choice) {
    case 0:
    case 1:
    case 2:
    case 3:
        call_host(vm, exit);
        return;
    case MOTE_REQUEST_ABORT:
    case MOTE_REQUEST_LOG:
    case MOTE_REQUEST_FAIL:
        send_text(vm, exit, choice);
        return;
    case 7:
    case 8:
        give_result(vm, exit);
        return;
    case 9:
    case 10:
        make_syscall(vm, exit);
        return;
    case 11:
        make_trap(vm, exit);
        return;
    case 12:
        ring(vm, exit, script_u32(&script), choose_address());
        return;
    case 13:
        halt_strangely(vm, exit);
        return;
    case 14:
        exit->kind = script_u8(&script) & 1 ? MOTE__EXIT_BAD_ACCESS : MOTE__EXIT_STRANGE;
        return;
    default:
        if (script_u8(&script) & 3)
            scribble(vm, exit);
        else
            interrupt(vm, exit);
    }
}

/* The end of every script. */
static void finish(struct mote__vm *vm, struct mote__exit *exit)
{
    bool boots = booting || !sandbox;
    ring(vm, exit, boots ? MOTE_REQUEST_READY : MOTE_REQUEST_RETURN, 0);
}

static void guest(struct mote__vm *vm, struct mote__exit *exit)
{
    if (script_ended(&script) || !sandbox)
        finish(vm, exit);
    else
        act(vm, exit);
}

/* ---- what the embedder sees ---- */

static void touch(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i += 1024)
        sink = ((const uint8_t *)data)[i];
    if (size)
        sink = ((const uint8_t *)data)[size - 1];
}

/* Bytes of a value of the declared type; bounded by what a guest may have. */
static size_t check_value(const mote_value *value, mote_type type)
{
    fake_check(value->type == type, "a value has its declared type");
    if (!mote__type_is_bytes(type))
        return 0;
    fake_check(value->of.bytes.size <= LIMIT, "a payload is within the memory limit");
    touch(value->of.bytes.data, value->of.bytes.size);
    return value->of.bytes.size;
}

static void make_value(mote_value *value, mote_type type)
{
    value->type = type;
    if (mote__type_is_bytes(type)) {
        size_t size = script_u8(&script) & 1 ? script_u8(&script) : script_u32(&script);
        value->of.bytes.data = payload;
        value->of.bytes.size = size < sizeof payload ? size : sizeof payload;
    } else if (type == MOTE_BOOL) {
        value->of.boolean = script_u8(&script) & 1;
    } else if (type != MOTE_VOID) {
        value->of.u64 = script_u64(&script);
    }
}

static void check_args(const mote_value *args, const mote_signature *s)
{
    size_t total = 0;
    for (size_t i = 0; i < s->nparams; i++)
        total += check_value(&args[i], s->params[i]);
    fake_check(total <= LIMIT, "all payloads together are within the memory limit");
}

static int call_export(mote_value *result, mote_type *type)
{
    uint32_t index = script_u8(&script) % NEXPORTS;
    mote_func func = {image, index};
    const mote_signature *s = &image->notes.exports.list[index].signature;
    mote_value args[MOTE_PARAMS_MAX];
    for (uint32_t i = 0; i < s->nparams; i++)
        make_value(&args[i], s->params[i]);
    *type = s->result;
    return mote_call(sandbox, func, NULL, args, s->nparams, s->nresults ? result : NULL,
                     s->nresults);
}

/* From a host function; the arguments of all around it stay. */
static void call_nested(void)
{
    mote_value result;
    mote_type type;
    uint32_t depth = sandbox->depth;
    int status = call_export(&result, &type);
    fake_check(status <= 0, "a nested call is never suspended");
    fake_check(sandbox->depth == depth, "calls return inner first");
    if (status == 0 && type != MOTE_VOID)
        check_value(&result, type);
}

static int host_function(void *user, mote_context *context, const mote_value *args, size_t nargs,
                         mote_value *result)
{
    const mote_signature *s = user;
    fake_check(mote_context_sandbox(context) == sandbox, "the context is the sandbox's");
    fake_check(nargs == s->nparams, "a host function gets the declared number of arguments");
    check_args(args, s);
    uint8_t outcome = script_u8(&script) % 16;
    if (outcome == 1)
        return mote_context_fail(context, script_u8(&script), "because");
    if (outcome == 2)
        return -(int)script_u8(&script);
    if (outcome == 5)
        mote_interrupt(sandbox->handle);
    if (outcome == 3) {
        uint64_t at = choose_address(), word = 1;
        mote_memory_write(sandbox, at, &word, sizeof word);
        mote_memory_read(sandbox, at, &word, sizeof word);
    }
    if (outcome == 6 || outcome == 7)
        call_nested();
    if (outcome == 7)
        call_nested();
    check_args(args, s);
    if (outcome == 8) {
        pending = s;
        pending_args = args;
        return MOTE_PENDING;
    }
    make_value(result, outcome == 4 ? (mote_type)(script_u8(&script) % 10) : s->result);
    return 0;
}

static void log_line(void *user, mote_sandbox *s, unsigned level, const char *text, size_t size)
{
    (void)user;
    fake_check(s == sandbox && level <= 3 && size <= MOTE_MAX_TEXT, "a log line is bounded");
    touch(text, size);
}

static int64_t write_stream(void *user, mote_sandbox *s, const void *data, size_t size)
{
    (void)user;
    fake_check(s == sandbox && size <= LIMIT, "a write is bounded");
    touch(data, size);
    return (int64_t)(size ? script_u32(&script) % (size + 1) : 0);
}

static int64_t read_stream(void *user, mote_sandbox *s, void *data, size_t size)
{
    (void)user;
    fake_check(s == sandbox && size <= LIMIT, "a read is bounded");
    memset(data, 1, size);
    return (int64_t)size;
}

/* ---- set up once ---- */

static mote_policy *make_policy(void)
{
    static const mote_stream in = {.size = sizeof in, .read = read_stream};
    static const mote_stream out = {.size = sizeof out, .write = write_stream};
    mote_policy *policy;
    int failed = mote_policy_new(&policy, host, NULL);
    fake_check(!failed, "a policy");
    failed |= mote_policy_set(policy, MOTE_OPT_MEMORY, LIMIT, NULL);
    failed |= mote_policy_log(policy, log_line, NULL, NULL);
    failed |= mote_policy_stream(policy, 0, &in, NULL);
    failed |= mote_policy_stream(policy, 1, &out, NULL);
    for (size_t i = 0; i < NIMPORTS; i++) {
        const char name[] = {'f', (char)('0' + i), '\0'};
        failed |= mote_signature_parse(&granted[i], imports[i], NULL);
        failed |= mote_policy_function(policy, "env", name, imports[i], host_function, &granted[i],
                                       NULL, NULL);
    }
    fake_check(!failed, "the policy's grants");
    return policy;
}

static mote_image *open_image(void)
{
    mote_image *opened;
    static struct tiny_elf elf;
    tiny_init(&elf);
    tiny_abi(&elf, MOTE_ABI_VERSION);
    for (size_t i = 0; i < NEXPORTS; i++) {
        const char name[] = {'e', (char)('0' + i), '\0'};
        tiny_function(&elf, MOTE_NOTE_EXPORT, 0, "", name, exports[i]);
    }
    for (size_t i = 0; i <= NIMPORTS; i++) {
        const char name[] = {'f', (char)('0' + i), '\0'};
        tiny_function(&elf, MOTE_NOTE_IMPORT, MOTE_NOTE_WEAK, "env", name,
                      i < NIMPORTS ? imports[i] : "()->void");
    }
    tiny_finish(&elf);
    mote_source source = MOTE_SOURCE_DATA(elf.bytes, sizeof elf.bytes);
    mote_image_options options = {.size = sizeof options, .boot_memory = LIMIT};
    fake_check(mote_image_open(&opened, host, &source, &options, NULL) == 0, "an image");
    return opened;
}

static void make_sandbox(void)
{
    mote_sandbox *made;
    fake_guest = guest;
    fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    image = open_image();
    mote_policy *policy = make_policy();
    fake_check(mote_sandbox_new(&made, image, policy, NULL, NULL) == 0, "a sandbox");
    mote_policy_unref(policy);
    sandbox = made;
}

/* ---- one input ---- */

/* What the host keeps of arguments. */
static size_t held(void)
{
    size_t sum = 0;
    for (size_t i = 0; i <= MOTE_MAX_DEPTH; i++)
        sum += sandbox->calls[i].arguments.room;
    return sum;
}

static void check_after(int status)
{
    const mote_report *report = mote_sandbox_report(sandbox);
    const mote_error *error = mote_sandbox_error(sandbox);
    fake_check(memchr(report->text, 0, sizeof report->text), "the report's text ends");
    fake_check(memchr(report->symbol, 0, sizeof report->symbol), "the report's symbol ends");
    fake_check(status <= 0 && status > -64, "a status is 0 or an error");
    fake_check(error->code == status, "the error is that of the call");
    bool usable = status == 0 || status == MOTE_EGUEST || status == MOTE_ETYPE ||
                  (status == MOTE_ELIMIT && report->exits == 0);
    fake_check(usable == (mote_sandbox_state(sandbox) == MOTE_STATE_READY),
               "what fails in the guest poisons, and nothing else does");
    fake_check(held() <= 2 * LIMIT + BUFFERS && sandbox->results.room <= LIMIT,
               "host buffers are within the memory limit");
    if (sandbox->shell)
        fake_check(mote__memory_in_use(&sandbox->shell->memory) <= LIMIT, "memory in use");
}

/* Answers, well or badly; 1 as long as the call is suspended. */
static int go_on(mote_value *result, size_t nresults)
{
    mote_value answer;
    uint8_t choice = script_u8(&script) % 16;
    switch (choice) {
    case 1:
        return mote_resume_fail(sandbox, NULL, script_u8(&script), "later", result, nresults);
    case 2:
        fake_check(mote_cancel(sandbox) == 0, "a suspended call is cancelled");
        return MOTE_EINTERRUPTED;
    case 3:
        fake_check(mote_interrupt(sandbox->handle) == 0, "a suspended call is interrupted");
        break;
    case 4:
        fake_check(mote_call(sandbox, (mote_func){image, 0}, NULL, NULL, 0, NULL, 0) ==
                       MOTE_ESUSPENDED,
                   "calls wait");
        break;
    default:
        break;
    }
    mote_type type = choice == 5 ? (mote_type)(script_u8(&script) % 10) : pending->result;
    make_value(&answer, type);
    check_args(pending_args, pending);
    int status = mote_resume(sandbox, NULL, type == MOTE_VOID ? NULL : &answer, result, nresults);
    return type != pending->result && status == MOTE_ETYPE ? MOTE_PENDING : status;
}

static void call(void)
{
    mote_value result;
    mote_type type;
    int status = call_export(&result, &type);
    while (status == MOTE_PENDING) {
        fake_check(mote_sandbox_state(sandbox) == MOTE_STATE_SUSPENDED, "the call is suspended");
        status = go_on(type == MOTE_VOID ? NULL : &result, type != MOTE_VOID);
    }
    check_after(status);
    if (status == 0 && type != MOTE_VOID)
        check_value(&result, type);
}

/* The script as a guest that boots: it is ready at last, or the boot fails. */
static void boot(void)
{
    mote_error error = MOTE_ERROR_INIT;
    booting = open_image();
    int status = mote_image_boot(booting, &error);
    fake_check(status == 0 || (status == MOTE_EBOOT && error.code == status && error.text[0]),
               "a boot ends");
    mote_image_unref(booting);
    booting = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!sandbox)
        make_sandbox();
    size_t before = __sanitizer_get_current_allocated_bytes();
    script = (struct script){data, size < LONGEST ? size : LONGEST};
    if (script_u8(&script) >= 0xf0)
        boot();
    while (!script_ended(&script) && mote_sandbox_state(sandbox) == MOTE_STATE_READY)
        call();
    size_t after = __sanitizer_get_current_allocated_bytes();
    fake_check(after <= before + 3 * LIMIT + 2 * BUFFERS, "host memory is within bounds");
    fake_check(mote_reset(sandbox) == 0, "a reset");
    return 0;
}
