/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A network tree through libcurl: each file is asked for by its URL. There are
 * no listings, so rules that name files work and nothing else is looked at. A
 * transfer that breaks off is resumed where it stopped, a few times.
 */
#include "medium.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 20L
#define STALL_SECONDS	30L /* without a byte a second, the transfer is given up */
#define IDLE_RESUMES	5   /* in a row without a byte */
#define ALL_RESUMES	100

struct http_medium {
	struct ki_medium base;
	CURL *curl;
	char message[CURL_ERROR_SIZE];
};

struct transfer {
	struct http_medium *h;
	ki_sink sink;
	void *arg;
	uint64_t got;
	int stopped; /* the sink's answer, when it was not 0 */
	bool range;  /* resumed: only 206 may deliver bytes */
};

static char *url_of(const struct http_medium *h, const char *path)
{
	struct ki_buf url = {0};

	ki_buf_printf(&url, "%s", h->base.location);
	if (*path)
		ki_buf_printf(&url, "/");
	for (; *path; path++)
		if ((*path >= '0' && *path <= '9') || (*path >= 'A' && *path <= 'Z') ||
		    (*path >= 'a' && *path <= 'z') || strchr("/._-~+", *path))
			ki_buf_add(&url, path, 1);
		else
			ki_buf_printf(&url, "%%%02X", (unsigned char)*path);
	return ki_buf_take(&url);
}

static size_t discard(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static void set_common(struct http_medium *h, const char *url)
{
	CURL *c = h->curl;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->message);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "keel-install");
	h->message[0] = '\0';
}

static int curl_fail(struct http_medium *h, CURLcode rc, const char *url,
		     struct ki_error *err)
{
	return ki_fail(err, "check the URL and the network of this host",
		       "the network tree cannot be read", "%s: %s", url,
		       h->message[0] ? h->message : curl_easy_strerror(rc));
}

static long status_of(struct http_medium *h)
{
	long status = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* What the server says of a URL's presence: HTTP 404 and FTP 550 are "absent". */
static bool is_absent(CURLcode rc, long status)
{
	return rc == CURLE_REMOTE_FILE_NOT_FOUND || rc == CURLE_FTP_COULDNT_RETR_FILE ||
	       rc == CURLE_REMOTE_ACCESS_DENIED || status == 404 || status == 410 ||
	       status == 403;
}

static bool is_http(const struct http_medium *h)
{
	return ki_prefix(h->base.location, "http");
}

static int http_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		     struct ki_error *err)
{
	struct http_medium *h = (struct http_medium *)m;
	char *clean = ki_clean_path(path), *url;
	curl_off_t size = -1;
	CURLcode rc;
	long status;

	if (!clean)
		return 1;
	url = url_of(h, clean);
	free(clean);
	set_common(h, url);
	curl_easy_setopt(h->curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, discard);
	rc = curl_easy_perform(h->curl);
	status = status_of(h);
	curl_easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
	if (is_absent(rc, status)) {
		free(url);
		return 1;
	}
	if (rc || (is_http(h) && (status < 200 || status > 299))) {
		if (!rc)
			snprintf(h->message, sizeof(h->message), "HTTP status %ld",
				 status);
		curl_fail(h, rc, url, err);
		free(url);
		return -1;
	}
	free(url);
	/* A directory has no length of its own. */
	ent->type = size > 0 ? KI_FT_FILE : KI_FT_DIR;
	ent->size = size > 0 ? (uint64_t)size : 0;
	return 0;
}

static int http_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		     struct ki_error *err)
{
	(void)m;
	(void)path;
	(void)list;
	(void)err;
	return 0; /* no listings: every directory looks empty */
}

static size_t deliver(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;

	if (t->range && is_http(t->h) && status_of(t->h) != 206)
		return 0;
	t->stopped = len ? t->sink(t->arg, data, len) : 0;
	if (t->stopped)
		return 0;
	t->got += len;
	return len;
}

static bool worth_resuming(CURLcode rc)
{
	return rc == CURLE_PARTIAL_FILE || rc == CURLE_RECV_ERROR ||
	       rc == CURLE_GOT_NOTHING || rc == CURLE_OPERATION_TIMEDOUT ||
	       rc == CURLE_HTTP2_STREAM;
}

static CURLcode get_once(struct transfer *t, const char *url)
{
	CURL *c = t->h->curl;

	set_common(t->h, url);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, deliver);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	t->range = t->got > 0;
	if (t->range)
		curl_easy_setopt(c, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->got);
	return curl_easy_perform(c);
}

static int http_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		     struct ki_error *err)
{
	struct http_medium *h = (struct http_medium *)m;
	struct transfer t = {.h = h, .sink = sink, .arg = arg};
	char *clean = ki_clean_path(path), *url;
	unsigned idle = 0, all = 0;
	uint64_t before;
	CURLcode rc;

	if (!clean)
		return ki_fail(err, NULL, "not a path of a tree", "%s", path);
	url = url_of(h, clean);
	free(clean);
	do {
		before = t.got;
		rc = get_once(&t, url);
		idle = t.got > before ? 0 : idle + 1;
	} while (rc && !t.stopped && worth_resuming(rc) && idle < IDLE_RESUMES &&
		 all++ < ALL_RESUMES);
	if (rc && !t.stopped)
		curl_fail(h, rc, url, err);
	free(url);
	return t.stopped ? t.stopped : rc ? -1 : 0;
}

static void http_close(struct ki_medium *m)
{
	struct http_medium *h = (struct http_medium *)m;

	curl_easy_cleanup(h->curl);
	ki_medium_free(m);
}

static const struct ki_medium_ops http_ops = {
	.stat = http_stat,
	.list = http_list,
	.read = http_read,
	.close = http_close,
};

struct ki_medium *ki_http_open(const char *url, struct ki_error *err)
{
	struct http_medium *h = ki_zalloc(sizeof(*h));
	size_t len = strlen(url);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->curl = curl_easy_init())) {
		free(h);
		ki_fail(err, NULL, "the network tree cannot be read",
			"libcurl does not start");
		return NULL;
	}
	while (len && url[len - 1] == '/')
		len--;
	h->base.ops = &http_ops;
	h->base.location = ki_strndup(url, len);
	h->base.format = ki_strdup("network tree");
	h->base.label = ki_strdup("");
	h->base.system = ki_strdup("");
	h->base.application = ki_strdup("");
	return &h->base;
}

bool ki_is_url(const char *location)
{
	return ki_prefix(location, "http://") || ki_prefix(location, "https://") ||
	       ki_prefix(location, "ftp://");
}
