# The installer's parsers and the way to a medium: a short run here; the targets
# themselves run as long as you like.
EXTRA_DIST += fuzz/install-parse.c fuzz/install-media.c fuzz/install-smoke.sh
if HAVE_CLANG
if TOOLS
install_fuzz_dir = $(top_srcdir)/installer
install_fuzz_cc = $(CLANG) -std=gnu17 -D_GNU_SOURCE -g -O1 -I$(top_srcdir) $(ARCHIVE_CFLAGS)
check_SCRIPTS += fuzz/install-parse fuzz/install-media
CLEANFILES += fuzz/install-parse fuzz/install-media \
	fuzz/install-parse.log fuzz/install-media.log
TESTS += fuzz/install-smoke.sh

install_fuzz_sources = \
	$(install_fuzz_dir)/bootcfg.c $(install_fuzz_dir)/cpio.c \
	$(install_fuzz_dir)/detect.c $(install_fuzz_dir)/guestcfg.c \
	$(install_fuzz_dir)/medium.c $(install_fuzz_dir)/medium-dir.c \
	$(install_fuzz_dir)/medium-http.c \
	$(install_fuzz_dir)/medium-iso.c $(install_fuzz_dir)/medium-udf.c \
	$(install_fuzz_dir)/medium-worker.c $(install_fuzz_dir)/plan.c \
	$(install_fuzz_dir)/rules.c $(install_fuzz_dir)/spec.c $(install_fuzz_dir)/util.c
install_fuzz_libs = $(ISO9660_LIBS) $(UDF_LIBS) $(SECCOMP_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS)

fuzz/install-parse: $(srcdir)/fuzz/install-parse.c $(install_fuzz_sources)
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(install_fuzz_cc) -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $(srcdir)/fuzz/install-parse.c \
		$(install_fuzz_sources) $(install_fuzz_libs)
fuzz/install-media: $(srcdir)/fuzz/install-media.c $(install_fuzz_sources)
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(install_fuzz_cc) -fsanitize=fuzzer -o $@ $(srcdir)/fuzz/install-media.c \
		$(install_fuzz_sources) $(install_fuzz_libs)
endif
endif
