/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's page tables and the memory behind them, from the host's side. */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t *table_at(struct vm *vm, uint64_t gpa)
{
    return (uint64_t *)(void *)(vm->tables + (gpa - TABLES_GPA));
}

uint64_t *vm_entry(struct vm *vm, uint64_t va, int level)
{
    uint64_t gpa = TABLES_GPA;
    for (int at = 4;; at--) {
        uint64_t *e = table_at(vm, gpa) + (va >> (3 + 9 * at) & 511);
        if (at == level || (*e & PTE_PS))
            return e;
        if (!(*e & PTE_P)) {
            if (vm->tables_used >= TABLES_SIZE)
                give_up("out of page tables");
            *e = (TABLES_GPA + vm->tables_used) | PTE_P | PTE_W | PTE_U;
            vm->tables_used += PAGE;
        }
        gpa = *e & PTE_ADDRESS;
    }
}

void vm_map(struct vm *vm, uint64_t va, uint64_t gpa, uint64_t size, uint64_t bits)
{
    for (uint64_t at = 0; at < size; at += PAGE)
        *vm_entry(vm, va + at, 1) = (gpa + at) | PTE_P | bits;
}

void vm_map_big(struct vm *vm, uint64_t va, uint64_t gpa, uint64_t bits)
{
    *vm_entry(vm, va, 2) = gpa | PTE_P | PTE_PS | bits;
}

uint64_t *vm_leaf(struct vm *vm, uint64_t va)
{
    return vm_entry(vm, va, 1);
}

void *vm_at(struct vm *vm, uint64_t user_va)
{
    return vm->user + (user_va - USER_GPA);
}

void vm_place(struct vm *vm, uint64_t user_va, const struct guest *guest)
{
    memcpy(vm_at(vm, user_va), guest->code, guest->size);
}

uint64_t vm_word(struct vm *vm, uint64_t user_va)
{
    uint64_t word;
    memcpy(&word, vm_at(vm, user_va), sizeof word);
    return word;
}

void vm_zap_dontneed(struct vm *vm, uint64_t user_va, size_t size)
{
    if (madvise(vm_at(vm, user_va), size, MADV_DONTNEED) < 0)
        give_up("MADV_DONTNEED: %s", strerror(errno));
}

void vm_zap_toggle(struct vm *vm, uint64_t user_va, size_t size)
{
    void *at = vm_at(vm, user_va);
    if (mprotect(at, size, PROT_NONE) < 0 || mprotect(at, size, PROT_READ | PROT_WRITE) < 0)
        give_up("mprotect: %s", strerror(errno));
}
