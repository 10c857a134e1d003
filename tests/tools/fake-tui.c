/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-tui, on the tests' own host. */
#include "tui/tui.h"

int main(int argc, char **argv)
{
	return keel_tui_main(argc, argv);
}
