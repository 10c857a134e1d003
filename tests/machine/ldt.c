// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Processes that run 32-bit code by a descriptor of their own LDT, on one CPU, so that each is interrupted in
 * that code, and returned to after the others' LDTs were in use. Linked at a fixed low address: 32-bit code
 * returns to it.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 3
#define CALLS     100
#define LOOPS     1000000
#define SELECTOR  7 /* entry 0, LDT, ring 3 */

/* 32-bit: 1: inc %edx; dec %ecx; jnz 1b; lret */
static const uint8_t code32[] = {0x42, 0x49, 0x75, 0xfc, 0xcb};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint8_t *low_memory(void)
{
	uint8_t *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

/* Calls code32 with a stack that 32-bit code can use; gives back what it counted. */
static uint32_t call32(uint8_t *memory)
{
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) target = {(uint32_t)(uintptr_t)memory, SELECTOR};
	uint32_t counted = 0, loops = LOOPS;

	__asm__ volatile("mov %%rsp, %%r15\n\t"
	                 "mov %[stack], %%rsp\n\t"
	                 "lcall *(%[target])\n\t"
	                 "mov %%r15, %%rsp"
	                 : "+d"(counted), "+c"(loops)
	                 : [stack] "r"(memory + 65536), [target] "r"(&target)
	                 : "r15", "memory", "cc");
	return counted;
}

static void one_process(void)
{
	struct user_desc d = {.limit = 0xfffff, .seg_32bit = 1, .contents = MODIFY_LDT_CONTENTS_CODE,
	                      .limit_in_pages = 1};
	uint8_t *memory = low_memory();

	memcpy(memory, code32, sizeof(code32));
	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)) != 0)
		fail("modify_ldt");
	for (int i = 0; i < CALLS; i++)
		if (call32(memory) != LOOPS) {
			fprintf(stderr, "32-bit code counted wrongly\n");
			exit(1);
		}
	exit(0);
}

int main(void)
{
	cpu_set_t one;
	int status, bad = 0;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		fail("sched_setaffinity");
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			one_process();
	}
	while (wait(&status) > 0)
		if (status != 0) {
			fprintf(stderr, "a process ended with status %#x\n", status);
			bad = 1;
		}
	return bad;
}
