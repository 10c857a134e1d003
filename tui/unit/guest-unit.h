/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEEL_TUI_UNIT_GUEST_UNIT_H
#define KEEL_TUI_UNIT_GUEST_UNIT_H

/* The whole program but main(), so that it can be linked with another host. */
int keel_guest_unit_main(int argc, char **argv);

#endif
