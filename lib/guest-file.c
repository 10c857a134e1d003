/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/guest-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxlutil.h>

/* A definition longer than this is not one. */
#define MAX_FILE       (1 << 20)
#define MAX_VCPUS      4096
#define MAX_MEMORY_MIB (1L << 30)

const char *keel_guest_type_name(enum keel_guest_type type)
{
	switch (type) {
	case KEEL_GUEST_PV:
		return "PV";
	case KEEL_GUEST_PVH:
		return "PVH";
	case KEEL_GUEST_HVM:
		return "HVM";
	case KEEL_GUEST_UNKNOWN:
		break;
	}
	return "?";
}

const char *keel_guest_dir(void)
{
	static char dir[4096];
	const char *etc;

	if (!dir[0]) {
		etc = secure_getenv("KEEL_ETC");
		snprintf(dir, sizeof(dir), "%s/guests", etc && *etc ? etc : "/etc/keel");
	}
	return dir;
}

char *keel_guest_file_path(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s.cfg", keel_guest_dir(), name);
	return buf;
}

void keel_strv_free(char **strings)
{
	if (!strings)
		return;
	for (char **s = strings; *s; s++)
		free(*s);
	free(strings);
}

void keel_guest_file_free(struct keel_guest_file *file)
{
	free(file->uuid);
	free(file->kernel);
	free(file->ramdisk);
	free(file->extra);
	free(file->bootloader);
	free(file->on_poweroff);
	free(file->on_reboot);
	free(file->on_crash);
	keel_strv_free(file->disks);
	keel_strv_free(file->vifs);
	free(file->text);
	memset(file, 0, sizeof(*file));
}

/* One parse: the parser's messages are gathered in report. */
struct parse {
	XLU_Config *cfg;
	char *report;
	size_t report_size;
	FILE *stream;
};

static void parse_end(struct parse *p)
{
	if (p->cfg)
		xlu_cfg_destroy(p->cfg);
	if (p->stream)
		fclose(p->stream);
	free(p->report);
}

/* Fails with the parser's first line, or with text when it said nothing. */
static int parse_fail(struct parse *p, const char *name, const char *text,
		      struct keel_error *err)
{
	fflush(p->stream);
	if (p->report && p->report[0]) {
		p->report[strcspn(p->report, "\n")] = '\0';
		return keel_fail(err, KEEL_EFILE, "%s", p->report);
	}
	return keel_fail(err, KEEL_EFILE, "%s.cfg: %s", name, text);
}

static int parse_begin(struct parse *p, const char *name, const char *text,
		       struct keel_error *err)
{
	char label[KEEL_NAME_MAX + 8];

	memset(p, 0, sizeof(*p));
	snprintf(label, sizeof(label), "%s.cfg", name);
	p->stream = open_memstream(&p->report, &p->report_size);
	if (p->stream)
		p->cfg = xlu_cfg_init(p->stream, label);
	if (!p->cfg) {
		parse_end(p);
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	}
	if (xlu_cfg_readdata(p->cfg, text, (int)strlen(text)) != 0) {
		parse_fail(p, name, "cannot be parsed", err);
		parse_end(p);
		return -1;
	}
	return 0;
}

/* A string, or fallback (NULL: none) when the key is absent; false when it is no string.
 */
static bool get_string(struct parse *p, const char *key, const char *fallback, char **out)
{
	const char *value;
	int rc = xlu_cfg_get_string(p->cfg, key, &value, 0);

	*out = NULL;
	if (rc == ESRCH)
		value = fallback;
	else if (rc)
		return false;
	if (!value)
		return true;
	*out = strdup(value);
	return *out != NULL;
}

static bool get_number(struct parse *p, const char *key, long max, long fallback,
		       long *out)
{
	int rc = xlu_cfg_get_bounded_long(p->cfg, key, 1, max, out, 0);

	if (rc == ESRCH)
		*out = fallback;
	return rc == 0 || rc == ESRCH;
}

static bool get_strings(struct parse *p, const char *key, char ***out)
{
	XLU_ConfigList *list;
	int count = 0, rc = xlu_cfg_get_list(p->cfg, key, &list, &count, 0);

	if (rc == ESRCH)
		count = 0;
	else if (rc)
		return false;
	*out = calloc((size_t)count + 1, sizeof(**out));
	if (!*out)
		return false;
	for (int i = 0; i < count; i++) {
		const char *item = xlu_cfg_get_listitem(list, i);

		if (!item)
			return false;
		(*out)[i] = strdup(item);
		if (!(*out)[i])
			return false;
	}
	return true;
}

static enum keel_guest_type get_type(struct parse *p)
{
	const char *value;

	if (xlu_cfg_get_string(p->cfg, "type", &value, 1) == 0) {
		if (strcmp(value, "pv") == 0)
			return KEEL_GUEST_PV;
		if (strcmp(value, "pvh") == 0)
			return KEEL_GUEST_PVH;
		if (strcmp(value, "hvm") == 0)
			return KEEL_GUEST_HVM;
		return KEEL_GUEST_UNKNOWN;
	}
	if (xlu_cfg_get_string(p->cfg, "builder", &value, 1) == 0)
		return strcmp(value, "hvm") == 0 ? KEEL_GUEST_HVM : KEEL_GUEST_PV;
	return KEEL_GUEST_PV;
}

static bool get_sizes(struct parse *p, struct keel_guest_file *file)
{
	long vcpus, max_vcpus, memory, max_memory;

	if (!get_number(p, "vcpus", MAX_VCPUS, 1, &vcpus) ||
	    !get_number(p, "maxvcpus", MAX_VCPUS, vcpus, &max_vcpus) ||
	    !get_number(p, "memory", MAX_MEMORY_MIB, 32, &memory) ||
	    !get_number(p, "maxmem", MAX_MEMORY_MIB, memory, &max_memory))
		return false;
	file->vcpus = (unsigned)vcpus;
	file->max_vcpus = (unsigned)max_vcpus;
	file->memory_mib = (uint64_t)memory;
	file->max_memory_mib = (uint64_t)max_memory;
	return true;
}

static bool get_all(struct parse *p, struct keel_guest_file *file)
{
	return get_sizes(p, file) && get_string(p, "uuid", NULL, &file->uuid) &&
	       get_string(p, "kernel", NULL, &file->kernel) &&
	       get_string(p, "ramdisk", NULL, &file->ramdisk) &&
	       get_string(p, "extra", NULL, &file->extra) &&
	       get_string(p, "bootloader", NULL, &file->bootloader) &&
	       get_string(p, "on_poweroff", "destroy", &file->on_poweroff) &&
	       get_string(p, "on_reboot", "restart", &file->on_reboot) &&
	       get_string(p, "on_crash", "destroy", &file->on_crash) &&
	       get_strings(p, "disk", &file->disks) && get_strings(p, "vif", &file->vifs);
}

static int check_meaning(const struct keel_guest_file *file, const char *given,
			 struct keel_error *err)
{
	if (!given)
		return keel_fail(err, KEEL_EFILE, "%s.cfg: there is no name= in it",
				 file->name);
	if (strcmp(given, file->name) != 0)
		return keel_fail(err, KEEL_EFILE,
				 "%s.cfg: name=\"%s\" is not the name of the file",
				 file->name, given);
	if (file->type == KEEL_GUEST_UNKNOWN)
		return keel_fail(err, KEEL_EFILE, "%s.cfg: type= is not pv, pvh or hvm",
				 file->name);
	if (file->max_vcpus < file->vcpus)
		return keel_fail(err, KEEL_EFILE, "%s.cfg: maxvcpus=%u is below vcpus=%u",
				 file->name, file->max_vcpus, file->vcpus);
	if (file->max_memory_mib < file->memory_mib)
		return keel_fail(err, KEEL_EFILE,
				 "%s.cfg: maxmem= is below memory=", file->name);
	if (file->type == KEEL_GUEST_PV && !file->kernel && !file->bootloader)
		return keel_fail(
			err, KEEL_EFILE,
			"%s.cfg: a PV guest needs kernel= or bootloader=", file->name);
	return 0;
}

int keel_guest_file_parse(const char *name, const char *text,
			  struct keel_guest_file *file, struct keel_error *err)
{
	struct parse p;
	char *given = NULL;
	int rc;

	memset(file, 0, sizeof(*file));
	if (keel_name_check(name, err) || parse_begin(&p, name, text, err))
		return -1;
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->text = strdup(text);
	file->type = get_type(&p);
	if (!file->text || !get_string(&p, "name", NULL, &given) || !get_all(&p, file))
		rc = parse_fail(&p, name, "a value is of the wrong kind", err);
	else
		rc = check_meaning(file, given, err);
	free(given);
	parse_end(&p);
	if (rc)
		keel_guest_file_free(file);
	return rc;
}

/* The whole of a regular file, zero-terminated; NULL with errno. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	size_t have = 0;
	int saved;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
		errno = EINVAL;
		goto out;
	}
	text = malloc((size_t)st.st_size + 1);
	while (text && have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, (size_t)st.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(text);
			text = NULL;
		}
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (text)
		text[have] = '\0';
	if (text && strlen(text) != have) {
		free(text);
		text = NULL;
		errno = EILSEQ;
	}
out:
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

int keel_guest_file_read(const char *name, struct keel_guest_file *file,
			 struct keel_error *err)
{
	char path[4200], *text;
	int rc;

	memset(file, 0, sizeof(*file));
	if (keel_name_check(name, err))
		return -1;
	text = read_text(keel_guest_file_path(name, path, sizeof(path)));
	if (!text && errno == ENOENT)
		return keel_fail(err, KEEL_ENOGUEST, "no guest is called %s", name);
	if (!text)
		return keel_fail_errno(err, KEEL_EFILE, errno, "cannot read %s", path);
	rc = keel_guest_file_parse(name, text, file, err);
	free(text);
	return rc;
}

static int make_dirs(const char *dir)
{
	char path[4200], *slash = path;

	snprintf(path, sizeof(path), "%s", dir);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/*
 * Puts text at path through a temporary file.  Without replace, link() makes "does not
 * exist yet" and "is complete" one step.
 */
static int store(const char *path, const char *text, bool replace)
{
	char temp[4300];
	int fd, rc, saved;

	if (make_dirs(keel_guest_dir()))
		return -1;
	/* A leading dot: keel_guest_file_list() never takes it for a definition. */
	snprintf(temp, sizeof(temp), "%s/.new-XXXXXX", keel_guest_dir());
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = write_all(fd, text);
	if (close(fd) && !rc)
		rc = -1;
	if (!rc)
		rc = replace ? rename(temp, path) : link(temp, path);
	saved = errno;
	if (rc || !replace)
		unlink(temp);
	if (!rc)
		return sync_dir(keel_guest_dir());
	errno = saved;
	return rc;
}

/* A fresh random uuid; 0 or an errno. */
static int make_uuid(char out[37])
{
	FILE *f = fopen("/proc/sys/kernel/random/uuid", "re");
	int rc = 0;

	if (!f)
		return errno;
	if (!fgets(out, 37, f) || strlen(out) != 36)
		rc = EIO;
	fclose(f);
	return rc;
}

/* The text with the uuid that its guest had so far, or a new one; NULL with errno. */
static char *with_identity(const char *name, const char *text)
{
	struct keel_guest_file old;
	struct keel_error err;
	char uuid[37] = "", *quoted, *out;

	if (keel_guest_file_read(name, &old, &err) == 0) {
		if (old.uuid)
			snprintf(uuid, sizeof(uuid), "%s", old.uuid);
		keel_guest_file_free(&old);
	}
	if (!uuid[0]) {
		errno = make_uuid(uuid);
		if (errno)
			return NULL;
	}
	quoted = keel_guest_quote(uuid);
	out = quoted ? keel_guest_text_set(text, "uuid", quoted) : NULL;
	free(quoted);
	return out;
}

int keel_guest_file_write(const char *name, const char *text, bool replace,
			  struct keel_error *err)
{
	struct keel_guest_file file;
	char path[4200], *whole;
	bool has_identity;
	int rc;

	if (keel_guest_file_parse(name, text, &file, err))
		return -1;
	has_identity = file.uuid != NULL;
	keel_guest_file_free(&file);
	whole = has_identity ? strdup(text) : with_identity(name, text);
	if (!whole)
		return keel_fail_errno(err, KEEL_EFAIL, errno, "cannot give %s a uuid", name);
	keel_guest_file_path(name, path, sizeof(path));
	rc = store(path, whole, replace);
	free(whole);
	if (rc == 0)
		return 0;
	if (errno == EEXIST) {
		keel_fail(err, KEEL_ESTATE, "a guest called %s exists already", name);
		return keel_hint(err,
				 "choose another name, or ask for it to be replaced");
	}
	return keel_fail_errno(err, KEEL_EFAIL, errno, "cannot write %s", path);
}

int keel_guest_file_remove(const char *name, struct keel_error *err)
{
	char path[4200];

	if (keel_name_check(name, err))
		return -1;
	if (unlink(keel_guest_file_path(name, path, sizeof(path))) == 0)
		return sync_dir(keel_guest_dir())
			       ? keel_fail_errno(err, KEEL_EFAIL, errno, "cannot sync %s",
						 keel_guest_dir())
			       : 0;
	if (errno == ENOENT)
		return keel_fail(err, KEEL_ENOGUEST, "no guest is called %s", name);
	return keel_fail_errno(err, KEEL_EFAIL, errno, "cannot remove %s", path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The guest's name in file name "NAME.cfg", or NULL. */
static char *name_of_file(const char *file)
{
	size_t len = strlen(file);
	char *name;

	if (len <= 4 || strcmp(file + len - 4, ".cfg") != 0)
		return NULL;
	name = strndup(file, len - 4);
	if (name && !keel_name_valid(name)) {
		free(name);
		return NULL;
	}
	return name;
}

int keel_guest_file_list(char ***names, struct keel_error *err)
{
	DIR *dir = opendir(keel_guest_dir());
	char **list = calloc(1, sizeof(*list)), **grown;
	struct dirent *entry;
	size_t count = 0;

	if (!dir && errno != ENOENT) {
		free(list);
		return keel_fail_errno(err, KEEL_EFAIL, errno, "cannot read %s",
				       keel_guest_dir());
	}
	while (list && dir && (entry = readdir(dir))) {
		char *name = name_of_file(entry->d_name);

		if (!name)
			continue;
		grown = reallocarray(list, count + 2, sizeof(*list));
		if (!grown) {
			free(name);
			keel_strv_free(list);
			list = NULL;
			break;
		}
		list = grown;
		list[count++] = name;
		list[count] = NULL;
	}
	if (dir)
		closedir(dir);
	if (!list)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	qsort(list, count, sizeof(*list), by_name);
	*names = list;
	return 0;
}

/*
 * End of the statement that begins at p: past the newline that is in no bracket and no
 * string.  Mirrors the lexer of xl.cfg(5): strings end at their line's end at the latest,
 * # begins a comment outside strings, ; ends a statement as well.
 */
static const char *statement_end(const char *p)
{
	int depth = 0;
	char quote = 0;

	for (; *p; p++) {
		if (quote) {
			if (*p == '\\' && p[1] && p[1] != '\n')
				p++;
			else if (*p == quote || *p == '\n')
				quote = 0;
			continue;
		}
		if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '[')
			depth++;
		else if (*p == ']' && depth)
			depth--;
		else if (*p == '#')
			p += strcspn(p, "\n") - 1;
		else if ((*p == '\n' || *p == ';') && depth == 0)
			return p + 1;
	}
	return p;
}

static bool assigns(const char *p, const char *key)
{
	size_t len = strlen(key);

	p += strspn(p, " \t");
	if (strncmp(p, key, len) != 0)
		return false;
	p += len;
	p += strspn(p, " \t");
	return *p == '=';
}

char *keel_guest_text_set(const char *text, const char *key, const char *value)
{
	const char *p = text, *end;
	char *out;

	for (; *p; p = end) {
		end = statement_end(p);
		if (assigns(p, key)) {
			if (asprintf(&out, "%.*s%s = %s\n%s", (int)(p - text), text, key,
				     value, end) < 0)
				return NULL;
			return out;
		}
	}
	if (asprintf(&out, "%s%s%s = %s\n", text, p == text || p[-1] == '\n' ? "" : "\n",
		     key, value) < 0)
		return NULL;
	return out;
}

char *keel_guest_quote(const char *s)
{
	char quote = strchr(s, '"') ? '\'' : '"';
	char *out, *o;

	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == quote) {
			errno = EINVAL;
			return NULL;
		}
	out = malloc(2 * strlen(s) + 3);
	if (!out)
		return NULL;
	o = out;
	*o++ = quote;
	for (const char *p = s; *p; p++) {
		if (*p == '\\')
			*o++ = '\\';
		*o++ = *p;
	}
	*o++ = quote;
	*o = '\0';
	return out;
}
