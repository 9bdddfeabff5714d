/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPUID table of a guest: what KVM supports, cut down to a level of the
 * x86-64 psABI (section 3.1.1), so that a snapshot says what it needs and a
 * guest sees the same features wherever it runs.
 */
#include <cpuid.h>
#include <string.h>

#include "error.h"
#include "hv/kvm/kvm.h"
#include "os/os.h"

/* Feature bits by leaf: Intel SDM vol. 2A, table 3-8; AMD APM vol. 3, appendix E. */
struct features {
    uint32_t leaf1_ecx, leaf1_edx, leaf7_ebx, ext1_ecx, ext1_edx;
};

static const struct features v2_features = {
    /* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE OSXSAVE */
    .leaf1_ecx = 1u << 0 | 1u << 1 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 |
                 1u << 23 | 1u << 25 | 1u << 26 | 1u << 27,
    /* FPU TSC MSR PAE CX8 CMOV CLFLUSH MMX FXSR SSE SSE2 */
    .leaf1_edx = 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 15 | 1u << 19 | 1u << 23 |
                 1u << 24 | 1u << 25 | 1u << 26,
    /* FSGSBASE SMEP ERMS */
    .leaf7_ebx = 1u << 0 | 1u << 7 | 1u << 9,
    /* LAHF */
    .ext1_ecx = 1u << 0,
    /* SYSCALL NX LM and AMD's copies of leaf 1 */
    .ext1_edx = 1u << 11 | 1u << 20 | 1u << 29 | 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8 |
                1u << 15 | 1u << 23 | 1u << 24,
};

/* FMA F16C AVX; BMI1 AVX2 BMI2; LZCNT */
static const struct features v3_more = {
    .leaf1_ecx = 1u << 12 | 1u << 28 | 1u << 29,
    .leaf7_ebx = 1u << 3 | 1u << 5 | 1u << 8,
    .ext1_ecx = 1u << 5,
};

/* Finds a leaf in a table; zeros when it is not there. */
static void read_all(const struct mote__kvm_cpuid *table, uint32_t leaf, uint32_t subleaf,
                     uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
    for (uint32_t i = 0; i < table->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &table->entries[i];
        bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (e->function != leaf || (indexed && e->index != subleaf))
            continue;
        out[0] = e->eax;
        out[1] = e->ebx;
        out[2] = e->ecx;
        out[3] = e->edx;
        return;
    }
}

/* Leaves that guests see: basic, features, caches, XSAVE, extended, addresses. */
static const struct {
    uint32_t leaf, subleaves; /* 0: not indexed */
} kept[] = {
    {0x0, 0},        {0x1, 0},        {0x2, 0},        {0x4, 4},        {0x7, 1},
    {0xd, 3},        {0x80000000, 0}, {0x80000001, 0}, {0x80000002, 0}, {0x80000003, 0},
    {0x80000004, 0}, {0x80000005, 0}, {0x80000006, 0}, {0x80000008, 0}, {0x8000001d, 4},
};

static void limit_xsave(struct kvm_cpuid_entry2 *e, bool v3)
{
    /* Standard XSAVE of x87, SSE and, for v3, AVX: SDM vol. 1, section 13.2. */
    uint32_t size = v3 ? 832 : 576;
    uint32_t keep_eax = e->eax, keep_ebx = e->ebx, keep_ecx = e->ecx;
    e->eax = e->ebx = e->ecx = e->edx = 0;
    if (e->index == 0) {
        e->eax = v3 ? 7 : 3;
        e->ebx = e->ecx = size;
    } else if (e->index == 2 && v3) {
        e->eax = keep_eax;
        e->ebx = keep_ebx;
        e->ecx = keep_ecx;
    }
}

static void limit_entry(struct kvm_cpuid_entry2 *e, const struct features *f, bool v3)
{
    switch (e->function) {
    case 0x0:
        e->eax = 0xd;
        break;
    case 0x1:
        e->ebx &= 0x0000ff00; /* one processor, APIC id 0; CLFLUSH size kept */
        e->ecx = (e->ecx & f->leaf1_ecx) | 1u << 27;
        e->edx &= f->leaf1_edx;
        break;
    case 0x7:
        e->eax = 0;
        e->ebx = e->index == 0 ? e->ebx & f->leaf7_ebx : 0;
        e->ecx = e->edx = 0;
        break;
    case 0xd:
        limit_xsave(e, v3);
        break;
    case 0x80000000:
        e->eax = 0x8000001d;
        break;
    case 0x80000001:
        e->ecx &= f->ext1_ecx;
        e->edx &= f->ext1_edx;
        break;
    default:
        break;
    }
}

/* One leaf as this processor answers it, cut down. Not KVM's own table: software
 * KVM leaves out what guests run natively. The self-test shows what really works. */
static void add_leaf(struct mote__kvm_cpuid *out, uint32_t leaf, uint32_t subleaf, bool indexed,
                     const struct features *f, bool v3)
{
    struct kvm_cpuid_entry2 *e = &out->entries[out->nent++];
    *e = (struct kvm_cpuid_entry2){
        .function = leaf, .index = subleaf, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0};
    __get_cpuid_count(leaf, subleaf, &e->eax, &e->ebx, &e->ecx, &e->edx);
    limit_entry(e, f, v3);
}

static void build(struct mote__kvm_cpuid *out, bool v3)
{
    struct features f = v2_features;
    if (v3) {
        f.leaf1_ecx |= v3_more.leaf1_ecx;
        f.leaf7_ebx |= v3_more.leaf7_ebx;
        f.ext1_ecx |= v3_more.ext1_ecx;
    }
    out->nent = 0;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        uint32_t n = kept[i].subleaves;
        for (uint32_t subleaf = 0; subleaf < (n ? n : 1); subleaf++)
            add_leaf(out, kept[i].leaf, subleaf, n != 0, &f, v3);
    }
}

/* What KVM offers: it decides which bits of CR4 and XCR0 it lets us set. */
static void read_offers(struct mote__hv *hv)
{
    uint32_t l1[4], l7[4];
    read_all(&hv->supported, 1, 0, l1);
    read_all(&hv->supported, 7, 0, l7);
    hv->offers_xsave = l1[2] >> 26 & 1;
    hv->offers_fsgsbase = l7[1] & 1;
    hv->offers_smep = l7[1] >> 7 & 1;
    hv->offers_umip = l7[2] >> 2 & 1;
}

int mote__kvm_read_cpuid(struct mote__hv *hv, mote_error *error)
{
    hv->supported.nent = MOTE__KVM_MAX_CPUID;
    int status = mote__ioctl(hv->fd, KVM_GET_SUPPORTED_CPUID, &hv->supported);
    if (status < 0)
        return mote__fail_system(error, status, "KVM_GET_SUPPORTED_CPUID");
    read_offers(hv);
    build(&hv->v2, false);
    build(&hv->v3, true);
    return 0;
}

struct mote__kvm_cpuid *mote__kvm_cpuid(struct mote__hv *hv, mote_cpu level)
{
    return level == MOTE_CPU_V3 ? &hv->v3 : &hv->v2;
}

int mote__hv_check_cpu(struct mote__hv *hv, mote_cpu level, mote_error *error)
{
    if (level == MOTE_CPU_V2 || (level == MOTE_CPU_V3 && hv->has_v3))
        return 0;
    if (level == MOTE_CPU_V3)
        return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, 0,
                          "use MOTE_CPU_V2, or a host with AVX2",
                          "this host cannot offer x86-64-v3 (AVX2, BMI, FMA) to guests");
    return mote__fail_argument(error, "mote_image_options.cpu is not a mote_cpu");
}

void mote__hv_cpuid(struct mote__hv *hv, mote_cpu level, uint32_t *eax, uint32_t *ebx,
                    uint32_t *ecx, uint32_t *edx)
{
    uint32_t out[4];
    read_all(mote__kvm_cpuid(hv, level), *eax, *ecx, out);
    *eax = out[0];
    *ebx = out[1];
    *ecx = out[2];
    *edx = out[3];
}

void mote__hv_room(const struct mote__hv *hv, unsigned *address_bits, unsigned *slots)
{
    *slots = hv->slots;
    *address_bits = 36; /* where the table does not say: Intel SDM vol. 2, CPUID 80000008H */
    for (uint32_t i = 0; i < hv->v2.nent; i++)
        if (hv->v2.entries[i].function == 0x80000008)
            *address_bits = hv->v2.entries[i].eax & 0xff;
}
