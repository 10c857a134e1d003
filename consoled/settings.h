/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keel-consoled.conf: a pure parser (text in, struct out) and the rules of
 * access.  Grammar in keel-consoled.conf(5).
 */
#ifndef KEEL_SETTINGS_H
#define KEEL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_MAX_BYTES (1u << 20)
#define CONFIG_MAX_RULES 1024
#define ACL_MAX		 32

enum flood_policy { FLOOD_DISCARD, FLOOD_HOLD };
enum log_format { LOG_PLAIN, LOG_RAW };

enum acl_kind { ACL_NONE, ACL_ALL, ACL_USER, ACL_GROUP };

struct acl_entry {
	uint8_t kind;
	bool resolved; /* id is set; an unknown name matches nobody */
	uint32_t id;
	char name[64];
};

struct acl {
	unsigned n;
	struct acl_entry e[ACL_MAX];
};

/* What holds for one guest. */
struct guest_conf {
	uint64_t history; /* bytes, rounded up to a power of two */
	bool log, log_compress;
	unsigned log_format;
	uint64_t log_size, log_age_s, log_keep; /* rotation; 0: never / no limit */
	unsigned flood_policy;
	uint64_t flood_bytes, flood_events; /* per second; 0: no limit */
	unsigned cols, rows;
	struct acl view, write;
};

struct guest_rule {
	char pattern[256]; /* glob over name and UUID */
	uint64_t set;	   /* bit i: key i of the table is given here */
	struct guest_conf conf;
};

struct config {
	char socket[108], log_dir[256], state_dir[108], user[64];
	bool hypervisor_log;
	uint64_t keep_gone;    /* sessions kept after their guest is gone */
	uint64_t keep_gone_s;  /* and for how long */
	uint64_t client_queue; /* bytes queued for one client before it lags */
	uint64_t max_clients;
	struct acl operators;
	unsigned nrules;
	struct guest_rule *rules;
};

struct config_error {
	unsigned line, column; /* from 1 */
	char text[160];
};

/* The built-in settings: root alone may view and write. */
void config_default(struct config *c);
/*
 * Parses len bytes of text over the defaults.  On failure *c is as
 * config_default() leaves it and *err tells where and why; false then.
 */
bool config_parse(struct config *c, const char *text, size_t len,
		  struct config_error *err);
/* Looks user and group names up.  Unknown ones are told to fn and match nobody. */
void config_resolve(struct config *c, void (*fn)(const char *what, void *ctx), void *ctx);
void config_free(struct config *c);

/* Settings for a guest: the rules that match, in order, later ones over earlier. */
void config_guest(const struct config *c, const char *name, const char *uuid,
		  struct guest_conf *out);

struct peer {
	uint32_t uid, gid, pid;
	unsigned ngroups;
	gid_t groups[64];
};

/* uid 0 passes always. */
bool acl_allows(const struct acl *a, const struct peer *p);

#endif
