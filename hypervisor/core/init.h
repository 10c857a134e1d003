/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps of the boot list (x86/setup.c), in the order in which they are called. Each runs once, on
 * the boot CPU, before any guest exists. */
#pragma once

void console_init(void);  /* the ring and the log levels; printing works from here on */
void heap_init(void);     /* before the first heap_add() */
void timers_init(void);   /* after per-CPU areas exist for every CPU */
void trace_init(void);
void keys_init(void);
void domains_init(void);  /* idle domain with one vCPU a CPU, dom_xen, dom_io */
void sched_init(void);
void sched_start_cpu(void); /* on every CPU: its idle vCPU becomes current */
void dom0_build(void);    /* pv/dom0_build.c */
