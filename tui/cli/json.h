/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model as JSON, for --json; the fields are described in keel(1). */
#ifndef KEEL_CLI_JSON_H
#define KEEL_CLI_JSON_H

#include <json-c/json.h>

#include "lib/host.h"

struct json_object *json_of_guest(const struct keel_guest *guest);
struct json_object *json_of_vcpu(const struct keel_guest *guest,
				 const struct keel_vcpu *vcpu);
struct json_object *json_of_disk(const struct keel_disk *disk);
struct json_object *json_of_nic(const struct keel_nic *nic);
struct json_object *json_of_host(const struct keel_host_info *info);

/* Adds a field; the functions below keep the many fields readable. */
void json_str(struct json_object *o, const char *key, const char *value);
void json_num(struct json_object *o, const char *key, uint64_t value);
void json_flag(struct json_object *o, const char *key, bool value);

/* Prints and releases; returns the exit status. */
int json_print(struct json_object *o);

#endif
