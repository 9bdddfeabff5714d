/* SPDX-License-Identifier: Apache-2.0 */
/* cli/guest/doctor.c as a static program, inside the command: no file is needed. */
    .section .rodata
    .balign 16
    .globl cli_doctor_guest
    .globl cli_doctor_guest_size
cli_doctor_guest:
    .incbin CLI_DOCTOR_GUEST
cli_doctor_guest_end:
    .balign 8
cli_doctor_guest_size:
    .quad cli_doctor_guest_end - cli_doctor_guest
    .section .note.GNU-stack, "", @progbits
