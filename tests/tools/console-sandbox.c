/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each helper's allow-list, tried from inside: what is on it works, what is not
 * kills the process with SIGSYS.  One child a call.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consoled/sandbox.h"

static void try_malloc(void)
{
	char *p = malloc(1 << 20);

	if (!p)
		_exit(3);
	memset(p, 1, 1 << 20);
	free(p);
}

static void try_open(void)
{
	syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
}

static void try_socket(void)
{
	syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static void try_exec(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void try_fork(void)
{
	syscall(SYS_fork);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_ioctl(void)
{
	syscall(SYS_ioctl, 0, 0, 0);
}

static void try_kill(void)
{
	syscall(SYS_kill, getpid(), 0);
}

static const struct trial {
	const char *name;
	void (*fn)(void);
	bool allowed[2]; /* screen, log */
} trials[] = {
	{"malloc", try_malloc, {true, true}},	{"openat", try_open, {false, true}},
	{"socket", try_socket, {false, false}}, {"execve", try_exec, {false, false}},
	{"fork", try_fork, {false, false}},	{"code", try_code, {false, false}},
	{"ioctl", try_ioctl, {false, false}},	{"kill", try_kill, {false, false}},
};

static bool survives(enum sandbox_kind kind, const struct trial *t)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(kind, "nobody", NULL) < 0)
			_exit(2);
		t->fn();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		exit(2);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		exit(2);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGSYS)
		exit(2);
	return WIFEXITED(status);
}

int main(void)
{
	int bad = 0;

	for (int kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
			bool s = survives((enum sandbox_kind)kind, &trials[i]);

			if (s == trials[i].allowed[kind])
				continue;
			printf("%s helper: %s %s\n", kind ? "log" : "screen",
			       trials[i].name, s ? "is permitted" : "kills");
			bad = 1;
		}
	}
	return bad;
}
