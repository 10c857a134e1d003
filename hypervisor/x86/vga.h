/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside x86/: the text screen, until dom0 takes it. */
#pragma once
#include <stddef.h>

void vga_write(const char *s, size_t n);
