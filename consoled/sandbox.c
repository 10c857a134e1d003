/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

static int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int drop_rights(enum sandbox_kind kind, const char *user, const char *dir)
{
	const struct passwd *pw = getpwnam(user);
	uid_t uid = pw ? pw->pw_uid : kind == SANDBOX_SCREEN ? NOBODY : 0;
	gid_t gid = pw ? pw->pw_gid : kind == SANDBOX_SCREEN ? NOBODY : 0;
	int e;

	if (dir && (chroot(dir) < 0 || chdir("/") < 0))
		return -errno;
	e = become(uid, gid);
	return e < 0 ? e : drop_capabilities();
}

static const int common_calls[] = {
	SCMP_SYS(read),		SCMP_SYS(write),	  SCMP_SYS(pread64),
	SCMP_SYS(recvmsg),	SCMP_SYS(sendmsg),	  SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),	SCMP_SYS(poll),		  SCMP_SYS(ppoll),
	SCMP_SYS(close),	SCMP_SYS(fstat),	  SCMP_SYS(newfstatat),
	SCMP_SYS(munmap),	SCMP_SYS(mremap),	  SCMP_SYS(madvise),
	SCMP_SYS(brk),		SCMP_SYS(futex),	  SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),	  SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid),
	SCMP_SYS(gettid),	SCMP_SYS(tgkill),	  SCMP_SYS(exit),
	SCMP_SYS(exit_group),	SCMP_SYS(setitimer),
};

/* The log helper's descriptors all lie in one directory (it is its root). */
static const int log_calls[] = {
	SCMP_SYS(openat),   SCMP_SYS(renameat),	   SCMP_SYS(renameat2),
	SCMP_SYS(unlinkat), SCMP_SYS(ftruncate),   SCMP_SYS(fdatasync),
	SCMP_SYS(lseek),    SCMP_SYS(pwrite64),	   SCMP_SYS(writev),
	SCMP_SYS(fcntl),    SCMP_SYS(getdents64),  SCMP_SYS(statx),
	SCMP_SYS(flock),    SCMP_SYS(sched_yield),
};

static int allow_all(scmp_filter_ctx f, const int *calls, size_t n)
{
	int e = 0;

	for (size_t i = 0; i < n && e == 0; i++)
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return e;
}

/* Memory yes, code no. */
static int allow_memory(scmp_filter_ctx f)
{
	struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);

	return e ? e
		 : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec);
}

static int load_filter(enum sandbox_kind kind)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int e;

	if (!f)
		return -ENOMEM;
	e = allow_all(f, common_calls, sizeof(common_calls) / sizeof(common_calls[0]));
	if (!e)
		e = allow_memory(f);
	if (!e && kind == SANDBOX_LOG)
		e = allow_all(f, log_calls, sizeof(log_calls) / sizeof(log_calls[0]));
	if (!e)
		e = seccomp_load(f);
	seccomp_release(f);
	return e;
}

int sandbox_enter(enum sandbox_kind kind, const char *user, const char *dir)
{
	int e = 0;

	if (geteuid() == 0)
		e = drop_rights(kind, user, dir);
	if (!e && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		e = -errno;
	/* Neither ptrace by the same user nor a core of guest bytes. */
	if (!e && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		e = -errno;
	return e ? e : load_filter(kind);
}
