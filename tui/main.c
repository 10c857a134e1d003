/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program keel-tui, with the real host. */
#include "tui/tui.h"

int main(int argc, char **argv)
{
	return keel_tui_main(argc, argv);
}
