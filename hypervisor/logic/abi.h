/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public ABI (Debian's libxen-dev), as the toolstack sees it. Every file that needs an ABI
 * structure includes this one first, so that the interface version is the same everywhere. */
#pragma once
#define __XEN_TOOLS__ 1
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include "logic/types.h"
#include <xen/errno.h>
#include <xen/xen.h>
#include <xen/version.h>
#include <xen/features.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/callback.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/nmi.h>
#include <xen/trace.h>

#define XEN_VERSION_MAJOR 4
#define XEN_VERSION_MINOR 17

/* Never seen by a guest: "not finished, call again". The public header hides it from tools. */
#define XEN_ERESTART 85
