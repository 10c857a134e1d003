/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Debug keys: CTRL-a three times on the serial line, or `xl debug-keys`. core/keyhandler.c */
#pragma once
#include "logic/types.h"

void key_register(char key, void (*fn)(char key), const char *help);
void key_handle(char key); /* runs it in a tasklet */
