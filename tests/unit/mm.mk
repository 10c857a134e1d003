# Page types (model, races), emulated page-table writes, descriptors.
MM_TESTS = unit/page_type_model unit/page_type_race unit/pte_insn_test unit/descriptor_test
TESTS += $(MM_TESTS)
check_PROGRAMS += $(MM_TESTS)
MM_SANITIZE = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

# These two include ../hypervisor/logic/page_type.c, the first with tables of its own shape.
unit_page_type_model_SOURCES = unit/page_type_model.c
unit_page_type_model_CPPFLAGS = -I$(top_srcdir) -I$(top_srcdir)/hypervisor
unit_page_type_model_CFLAGS = $(KEEL_CFLAGS) $(MM_SANITIZE)
unit_page_type_race_SOURCES = unit/page_type_race.c
unit_page_type_race_CPPFLAGS = -I$(top_srcdir) -I$(top_srcdir)/hypervisor
unit_page_type_race_CFLAGS = $(KEEL_CFLAGS) -g -O2 -fsanitize=thread -pthread
unit_page_type_race_LDFLAGS = -fsanitize=thread -pthread

unit_pte_insn_test_SOURCES = unit/pte_insn_test.c ../hypervisor/logic/pte_insn.c
unit_pte_insn_test_CPPFLAGS = -I$(top_srcdir)/hypervisor
unit_pte_insn_test_CFLAGS = $(KEEL_CFLAGS) $(CHECK_CFLAGS) $(MM_SANITIZE)
unit_pte_insn_test_LDADD = $(CHECK_LIBS)
unit_descriptor_test_SOURCES = unit/descriptor_test.c ../hypervisor/logic/descriptor.c
unit_descriptor_test_CPPFLAGS = -I$(top_srcdir)/hypervisor
unit_descriptor_test_CFLAGS = $(KEEL_CFLAGS) $(CHECK_CFLAGS) $(MM_SANITIZE)
unit_descriptor_test_LDADD = $(CHECK_LIBS)
