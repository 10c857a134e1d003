/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tui/cli/json.h"

#include <stdio.h>

void json_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void json_num(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_flag(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static void add_io(struct json_object *o, const struct keel_io *io, bool disk, bool net)
{
	if (disk) {
		json_num(o, "disk_read_bytes", io->disk_read);
		json_num(o, "disk_written_bytes", io->disk_written);
	}
	if (net) {
		json_num(o, "net_received_bytes", io->net_received);
		json_num(o, "net_sent_bytes", io->net_sent);
	}
}

struct json_object *json_of_guest(const struct keel_guest *guest)
{
	struct json_object *o = json_object_new_object();

	json_str(o, "name", guest->name);
	if (guest->uuid[0])
		json_str(o, "uuid", guest->uuid);
	if (guest->domid != KEEL_NO_DOMAIN)
		json_num(o, "domid", guest->domid);
	json_str(o, "state", keel_state_name(guest->state));
	json_str(o, "type", keel_guest_type_name(guest->type));
	json_flag(o, "defined", guest->defined);
	json_flag(o, "file_broken", guest->broken);
	json_flag(o, "autostart", guest->autostart);
	json_flag(o, "unit_active", guest->has_unit);
	json_flag(o, "unit_failed", guest->unit_failed);
	json_num(o, "vcpus_online", guest->vcpus_online);
	json_num(o, "vcpus_max", guest->vcpus_max);
	json_num(o, "memory_kib", guest->memory_kib);
	json_num(o, "max_memory_kib", guest->max_memory_kib);
	json_num(o, "cpu_ns", guest->cpu_ns);
	if (guest->started)
		json_num(o, "started", (uint64_t)guest->started);
	add_io(o, &guest->io, true, true);
	return o;
}

struct json_object *json_of_vcpu(const struct keel_guest *guest,
				 const struct keel_vcpu *vcpu)
{
	struct json_object *o = json_object_new_object();

	json_num(o, "vcpu", vcpu->id);
	json_flag(o, "requested", vcpu->requested);
	json_flag(o, "online", vcpu->online);
	json_str(o, "reason", keel_vcpu_reason(guest, vcpu));
	if (vcpu->cpu != UINT32_MAX)
		json_num(o, "cpu", vcpu->cpu);
	json_num(o, "cpu_ns", vcpu->cpu_ns);
	json_str(o, "affinity", vcpu->affinity);
	return o;
}

struct json_object *json_of_disk(const struct keel_disk *disk)
{
	struct json_object *o = json_object_new_object();

	json_str(o, "vdev", disk->vdev);
	json_str(o, "target", disk->target);
	json_str(o, "format", disk->format);
	json_str(o, "backend", disk->backend);
	json_flag(o, "writable", disk->writable);
	json_flag(o, "cdrom", disk->cdrom);
	json_flag(o, "connected", disk->connected);
	if (disk->size)
		json_num(o, "size", disk->size);
	add_io(o, &disk->io, true, false);
	return o;
}

struct json_object *json_of_nic(const struct keel_nic *nic)
{
	struct json_object *o = json_object_new_object();

	json_num(o, "devid", nic->devid);
	json_str(o, "mac", nic->mac);
	json_str(o, "bridge", nic->bridge);
	json_str(o, "interface", nic->ifname);
	json_flag(o, "connected", nic->connected);
	add_io(o, &nic->io, false, true);
	return o;
}

struct json_object *json_of_host(const struct keel_host_info *info)
{
	struct json_object *o = json_object_new_object();

	json_str(o, "hostname", info->hostname);
	json_str(o, "hypervisor", info->hypervisor);
	json_str(o, "capabilities", info->capabilities);
	json_str(o, "command_line", info->command_line);
	json_str(o, "kernel", info->kernel);
	json_num(o, "cpus", info->cpus);
	json_num(o, "nodes", info->nodes);
	json_num(o, "cores_per_socket", info->cores_per_socket);
	json_num(o, "threads_per_core", info->threads_per_core);
	json_num(o, "cpu_khz", info->cpu_khz);
	json_num(o, "memory_kib", info->memory_kib);
	json_num(o, "free_kib", info->free_kib);
	json_flag(o, "pv", info->pv);
	json_flag(o, "hvm", info->hvm);
	json_flag(o, "hap", info->hap);
	return o;
}

int json_print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return fflush(stdout) ? KEEL_EFAIL : KEEL_OK;
}
