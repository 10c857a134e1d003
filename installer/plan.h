/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan of an install, as pure data: what the user asked for (ki_spec), what
 * the host has (ki_host), and from these every directory, file and disk that
 * will be made (ki_plan), with its problems. Nothing here changes the host.
 *
 *   ki_spec -> ki_spec_complete -> ki_plan_make -> ki_plan_check -> ki_execute
 */
#ifndef KEEL_INSTALLER_PLAN_H
#define KEEL_INSTALLER_PLAN_H

#include "detect.h"

#define KI_VCPUS_MAX 512
#define KI_DISKS_MAX 16
#define KI_NICS_MAX  8
#define KI_PVGRUB    "/usr/lib/grub-xen/grub-x86_64-xen.bin"

enum ki_source { KI_SRC_MEDIUM, KI_SRC_TREE, KI_SRC_IMAGE, KI_SRC_ARCHIVE, KI_SRC_EMPTY };
enum ki_format { KI_RAW, KI_QCOW2 };

struct ki_disk {
	char *path;    /* NULL until completed: POOL/NAME-N.FORMAT */
	char *pool;    /* directory; NULL: the default one */
	uint64_t size; /* bytes, a multiple of 512; 0 only with keep */
	enum ki_format format;
	bool keep;     /* take an existing disk as it is, create nothing */
	bool prealloc; /* raw only: allocate all of it now */
};

struct ki_nic {
	char *bridge; /* NULL: the toolstack's default */
	uint8_t mac[6];
	bool mac_set;
};

/* A file that is added to the installer's initramfs. */
struct ki_extra_file {
	char *path; /* relative to the initramfs' root */
	char *data;
	size_t len;
	unsigned mode; /* permission bits */
};

struct ki_spec {
	char *name;
	enum ki_source source;
	char *location; /* image file, device, directory or URL; NULL when empty */
	char *kernel;	/* by hand, on the medium; NULL: as detected */
	char *initrd;
	char *args; /* further kernel arguments; NULL: none */
	char uuid[37];
	unsigned vcpus, max_vcpus;
	uint64_t memory;     /* MiB */
	uint64_t max_memory; /* MiB; 0: the same */
	struct ki_disk *disks;
	size_t n_disks;
	struct ki_nic *nics;
	size_t n_nics;
	struct ki_extra_file *files;
	size_t n_files;
	char *answers; /* host path of a preseed or kickstart file; NULL: none */
	struct ki_strv ssh_keys; /* for the seed of an image */
	bool replace;		 /* what exists may be overwritten */
	bool start;		 /* start the guest */
	bool attach;		 /* and attach to its console */
};

struct ki_paths {
	char *conf;  /* /etc/keel: guests/NAME.cfg */
	char *state; /* /var/lib/keel: guests/NAME/, disks/, iso/ */
};

enum ki_path_kind {
	KI_PATH_NONE,
	KI_PATH_FILE,
	KI_PATH_DIR,
	KI_PATH_BLOCK,
	KI_PATH_OTHER
};

/* What the plan is held against; gathered by ki_host_gather, or made up by tests. */
struct ki_host {
	bool root;	       /* this process may do everything */
	bool xen;	       /* there is a hypervisor to start guests on */
	unsigned cpus;	       /* 0 unknown */
	uint64_t free_memory;  /* MiB; what dom0 would give up included; 0 unknown */
	uint64_t total_memory; /* MiB */
	struct ki_strv running;
	struct ki_strv bridges;
	enum ki_path_kind (*kind)(void *arg, const char *path);
	/* Space of the file system that @path will be on; false unknown. */
	bool (*space)(void *arg, const char *path, uint64_t *bytes, uint64_t *fs);
	/* Defined guest whose file names @path as a disk, other than @name; caller frees.
	 */
	char *(*disk_user)(void *arg, const char *path, const char *name);
	void *arg;
};

enum ki_step_kind {
	KI_MKDIR,   /* path */
	KI_KERNEL,  /* medium file -> path */
	KI_INITRD,  /* medium file + text (the extra cpio, text_len bytes) -> path */
	KI_DISK,    /* path, bytes, format, prealloc */
	KI_CONVERT, /* image from -> path, grown to bytes */
	KI_UNPACK,  /* archive from -> path, a disk of size bytes */
	KI_SEED,    /* text/text_len -> path */
	KI_CONFIG,  /* text -> path */
	KI_START,   /* the guest */
	KI_FOLLOW,  /* the process that ends the install */
};

struct ki_step {
	enum ki_step_kind kind;
	char *title; /* "extract kernel install.amd/vmlinuz" */
	char *path;
	char *from;
	char *sha256; /* what @from has to hash to; NULL: not known */
	char *text;
	size_t text_len;
	uint64_t bytes; /* what it takes on disk at once (progress, space) */
	uint64_t size;	/* of a disk: its virtual size */
	enum ki_format format;
	bool prealloc;
	bool replace; /* @path exists and is put aside first */
};

/* Pages of the wizard, so that a problem leads to the page that mends it. */
enum ki_page {
	KI_PAGE_NAME,
	KI_PAGE_SOURCE,
	KI_PAGE_CPU,
	KI_PAGE_DISKS,
	KI_PAGE_NICS,
	KI_PAGE_ANSWERS
};

struct ki_problem {
	bool fatal;
	enum ki_page page;
	struct ki_error text;
};

struct ki_plan {
	struct ki_spec spec;
	struct ki_paths paths;
	struct ki_detection found;
	struct ki_step *steps;
	size_t n_steps;
	char *cfg_path;
	char *cfg;	    /* the guest file */
	char *command;	    /* the command that does the same */
	uint64_t bytes_now; /* written during the install */
	uint64_t bytes_max; /* when every disk is full */
	struct ki_problem *problems;
	size_t n_problems;
};

void ki_spec_init(struct ki_spec *spec); /* the defaults */
void ki_spec_free(struct ki_spec *spec);
void ki_spec_copy(struct ki_spec *to, const struct ki_spec *from);
struct ki_disk *ki_spec_add_disk(struct ki_spec *spec); /* NULL: KI_DISKS_MAX reached */
struct ki_nic *ki_spec_add_nic(struct ki_spec *spec);
void ki_spec_drop_disk(struct ki_spec *spec, size_t index);
void ki_spec_drop_nic(struct ki_spec *spec, size_t index);
/* Adds a copy of @data as a file of the installer's initramfs. */
void ki_spec_add_file(struct ki_spec *spec, const char *path, const char *data,
		      size_t len, unsigned mode);
/*
 * Reads the answers file of @spec (preseed, kickstart) and adds it where the
 * detected installer looks for it. -1 and @err when it cannot be read.
 */
int ki_spec_take_answers(struct ki_spec *spec, const struct ki_detection *found,
			 struct ki_error *err);
/* "size=8G,format=qcow2,pool=DIR,path=FILE,keep=yes,prealloc=yes" -> @disk. */
int ki_disk_parse(struct ki_disk *disk, const char *text, struct ki_error *err);
/* "bridge=xenbr0,mac=00:16:3e:01:02:03" or "none" left to the caller. */
int ki_nic_parse(struct ki_nic *nic, const char *text, struct ki_error *err);
bool ki_mac_parse(const char *text, uint8_t mac[6]);

void ki_paths_default(struct ki_paths *paths); /* honours KEEL_ETC and KEEL_VAR */
void ki_paths_copy(struct ki_paths *to, const struct ki_paths *from);
void ki_paths_free(struct ki_paths *paths);
char *ki_guest_cfg_path(const struct ki_paths *paths, const char *name);
char *ki_guest_dir(const struct ki_paths *paths, const char *name);

/* Gives uuid and MAC addresses that are not set yet. */
void ki_spec_identity(struct ki_spec *spec, void (*random)(void *buf, size_t len));
/*
 * Gives what was left open: uuid, MAC addresses (00:16:3e, from @random, which
 * fills a buffer), disk paths, at least one vCPU.
 */
void ki_spec_complete(struct ki_spec *spec, const struct ki_paths *paths,
		      void (*random)(void *buf, size_t len));

/*
 * Makes the plan of a completed spec. @found is what ki_detect said (NULL for
 * sources that have no installer). @seed (may be NULL) is the NoCloud image.
 * Never fails: what is wrong is found by ki_plan_check.
 */
void ki_plan_make(struct ki_plan *plan, const struct ki_spec *spec,
		  const struct ki_paths *paths, const struct ki_detection *found);
/* Fills @plan->problems; returns the number of fatal ones. */
size_t ki_plan_check(struct ki_plan *plan, const struct ki_host *host);
void ki_plan_free(struct ki_plan *plan);
/* The plan as a person reads it. */
char *ki_plan_text(const struct ki_plan *plan);
/* A word as a shell takes it, quoted when needed. */
char *ki_shell_quote(const char *word);

/* guestcfg.c: the guest file. */
char *ki_guestcfg_text(const struct ki_spec *spec, const struct ki_paths *paths,
		       const struct ki_detection *found, const char *seed);
/*
 * The guest file after its installer has ended: lines marked as the installer's
 * are dropped, those kept for the installed system come in force; what the user
 * changed elsewhere stays. NULL when nothing is marked (caller frees).
 */
char *ki_guestcfg_finish(const char *text);
/* The device that the medium is seen as, "xvdb". */
void ki_medium_vdev(const struct ki_spec *spec, char out[8]);
/* The kernel's command line while installing; the caller frees it. */
char *ki_kernel_args(const struct ki_spec *spec, const struct ki_detection *found);

/* The rule that brings added vCPUs and memory online, as text for udev. */
const char *ki_udev_rule(void);
/* cpio.c: a newc archive of @files, padded so that it can follow an initramfs. */
int ki_cpio_make(const struct ki_extra_file *files, size_t n, char **data, size_t *len,
		 struct ki_error *err);
/* The files that @hooks ask for, to be freed with ki_extra_free. */
struct ki_extra_file *ki_hook_files(enum ki_hooks hooks, size_t *n);
void ki_extra_free(struct ki_extra_file *files, size_t n);

/* host.c */
void ki_host_gather(struct ki_host *host, const struct ki_paths *paths);
void ki_host_free(struct ki_host *host);
void ki_random(void *buf, size_t len);

#endif
