# `make coverage`: the unit and model tests once more in a build with counters, and what they reach of
# the hypervisor's pure part. Fails below the share that the project asks for.
COVERAGE_MIN = 85
coverage_units = $(filter-out unit/coverage.sh,$(filter unit/%,$(TESTS)))
TESTS += unit/coverage.sh
dist_check_SCRIPTS += unit/coverage.sh

.PHONY: coverage coverage-run
coverage:
	$(MKDIR_P) coverage-build
	cd coverage-build && { test -f Makefile || $(abs_top_srcdir)/configure -q \
		--disable-tools --disable-dom0 CFLAGS='-g --coverage' && \
		rm -f *conftest.gc*; }
	$(MAKE) -C coverage-build/hypervisor libkeellogic.a # so that what no test links counts as missed
	$(MAKE) -C coverage-build/tests coverage-run

coverage-run: $(filter unit/%,$(check_PROGRAMS))
	$(MAKE) check-TESTS check_PROGRAMS= check_DATA= TESTS='$(coverage_units)'
	$(GCOVR) -r $(realpath $(top_srcdir)) --filter '$(realpath $(top_srcdir))/hypervisor/logic/' \
		--fail-under-line $(COVERAGE_MIN) $(abs_top_builddir)

GCOVR = gcovr
clean-local:
	rm -rf coverage-build
