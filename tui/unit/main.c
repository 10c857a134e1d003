/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program keel-guest-unit, with the real host. */
#include "tui/unit/guest-unit.h"

int main(int argc, char **argv)
{
	return keel_guest_unit_main(argc, argv);
}
