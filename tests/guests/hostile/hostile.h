/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The misdeeds, by what they abuse. Each function's name is the word for it on the
 * command line. What a misdeed gets answered is checked where the ABI says it. */
#pragma once
#include "guests/domu.h"

/* crash.c: each ends the domain, and only it. */
void crash_asked(void);
void crash_without_handler(void);
void crash_on_bad_stack(void);
void crash_in_iret(void);
void crash_in_failsafe(void);
void crash_by_event(void);

/* cpu.c: the first is refused everything, the others never end. */
void privileged_instructions(void);
void spin(void);
void storm(void);

/* rings.c */
void console_garbage(void);
void console_flood(void);
void hypervisor_console_flood(void);
void store_garbage(void);
void store_large_header(void);

/* devices.c: a disk at xvda, two NICs */
void disk_bad_requests(void);
void disk_bad_index(void);
void net_bad_requests(void);
void net_bad_index(void);

/* resources.c */
void grants_exhausted(void);
void ports_exhausted(void);
void memory_abused(void);
void tables_abused(void);
void all_memory_given_back(void);

/* random.c */
void random_hypercalls(void);
