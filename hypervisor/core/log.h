/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages to the console ring, the serial line and the screen. Implemented in core/console.c
 * (ring, levels, console_io) and core/printf.c; bytes reach the devices through
 * machine_console_write() (core/machine.h). Any context, any lock held. */
#pragma once
#include <stdarg.h>
#include "logic/types.h"

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* printf subset: d i u x X c s p % with l, ll, z, width, 0, -, *, .N; %pM-like extensions: none. */
void log_msg(enum log_level level, const char *fmt, ...) __printf(2, 3);
#define log_err(...)   log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_msg(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/* About a guest's doing: own threshold (guest_loglvl=) and rate-limited. */
struct domain;
void guest_log(const struct domain *d, enum log_level level, const char *fmt, ...)
        __printf(3, 4);

/* Without level or prefix, always shown (key handlers, panic). */
void printk(const char *fmt, ...) __printf(1, 2);
void vprintk(const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/* Prints message, registers and backtrace, then reboots or waits (option noreboot). x86/panic.c */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* XEN_SYSCTL_readconsole on the ring. */
struct xen_sysctl_readconsole;
long console_ring_read(struct xen_sysctl_readconsole *op);

/* For invariants of our own that no guest can break. */
#define ASSERT(cond)                                                                       \
	do {                                                                               \
		if (unlikely(!(cond)))                                                     \
			panic("%s:%d: invariant broken: %s", __FILE__, __LINE__, #cond);   \
	} while (0)
