/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry point of an image that is linked at 1 TiB. The start files of libc and
 * gcc cannot serve there: non-PIE ones hold 32-bit addresses, and the others
 * call undefined weak functions, which are out of reach of a 32-bit call.
 */
#include <features.h>

int main(void);
int __libc_start_main(int (*program)(void), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*linker_fini)(void), void *stack_end);
void mote__start(long *stack);
void _init(void);
void _fini(void);

__asm__(".pushsection .text\n"
        ".globl _start\n"
        ".type _start,@function\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call mote__start\n"
        "    ud2\n"
        ".size _start, . - _start\n"
        ".popsection\n");

/* `stack` is what the kernel leaves there: argc, argv, NULL, environment ... */
__attribute__((used, visibility("hidden"))) void mote__start(long *stack)
{
    __libc_start_main(main, (int)stack[0], (char **)(stack + 1), 0, 0, 0, stack);
}

/* libc calls them before and after main; crti.o and crtn.o would frame them. */
void _init(void)
{
}

void _fini(void)
{
}

#ifdef __GLIBC__
/* Undefined weak functions of static glibc 2.36, for the same reason. Its own
 * definitions, where it has them, come first. */
__attribute__((weak)) void __pthread_initialize_minimal(void)
{
}

__attribute__((weak)) void __call_tls_dtors(void)
{
}

__attribute__((weak)) void __pthread_unwind(void *buffer)
{
    (void)buffer;
    __builtin_trap();
}

/* crt1.o defines this one for programs that are not PIE. */
void _dl_relocate_static_pie(void)
{
}
#endif
