/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as frames and as payloads of each kind.  What is accepted must be
 * encoded again to the same bytes: the codec has one form for each message.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/console-proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct kcon_frame *f, const struct kcon_w *w)
{
	if (w->overflow || w->len != KCON_HEADER + f->len ||
	    memcmp(w->buf + KCON_HEADER, f->payload, f->len))
		abort();
}

#define ROUND_TRIP(type, get, put)                                                       \
	do {                                                                             \
		struct type v;                                                           \
		memset(&v, 0, sizeof(v));                                                \
		kcon_w_init(&w, buf, sizeof(buf));                                       \
		if (get(f, &v) && put(&w, f->tag, &v))                                   \
			same(f, &w);                                                     \
	} while (0)

static void payloads(const struct kcon_frame *f)
{
	static uint8_t buf[KCON_MAX_FRAME];
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX], text[512];
	struct kcon_w w;
	uint16_t n;

	ROUND_TRIP(kcon_attach, kcon_get_attach, kcon_put_attach);
	ROUND_TRIP(kcon_attached, kcon_get_attached, kcon_put_attached);
	ROUND_TRIP(kcon_verb, kcon_get_verb, kcon_put_verb);
	ROUND_TRIP(kcon_list_item, kcon_get_list_item, kcon_put_list_item);
	ROUND_TRIP(kcon_who_item, kcon_get_who_item, kcon_put_who_item);
	ROUND_TRIP(kcon_history_req, kcon_get_history_req, kcon_put_history_req);
	kcon_w_init(&w, buf, sizeof(buf));
	if (kcon_get_target(f, name, console) &&
	    kcon_put_target(&w, f->type, f->tag, name, console))
		same(f, &w);
	kcon_w_init(&w, buf, sizeof(buf));
	if (kcon_get_error(f, &n, text, sizeof(text)) &&
	    kcon_put_error(&w, f->tag, n, text))
		same(f, &w);
	kcon_get_hello(f, &n, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kcon_frame f = {
		.type = 1, .tag = 7, .len = (uint32_t)size, .payload = data};
	long n;

	if (size <= KCON_MAX_PAYLOAD)
		payloads(&f);
	while ((n = kcon_decode(data, size, &f)) > 0) {
		if ((size_t)n > size || f.payload != data + KCON_HEADER)
			abort();
		payloads(&f);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
