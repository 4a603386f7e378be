# GNU make. `make help` lists the targets and the variables.
VERSION := $(shell sed -n 's/^.define DOBBY_VERSION "\(.*\)"/\1/p' include/dobby.h)
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
comma   := ,
BUILD   ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))
OBJCOPY ?= objcopy
NM      ?= nm
# Where scripts/setup unpacks fetched sources; the same rule as in the program (DOBBY_CACHE, then XDG).
export DOBBY_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dobby

PKGS      := sqlite3 libgit2 zlib libcrypto libpcre2-8 libzip jansson libcurl
TEST_PKGS := cmocka
LIBS       = $(shell pkg-config --libs $(PKGS)) -lm -pthread

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wdouble-promotion
# char is signed on every architecture, as it is where most tests run.
override CPPFLAGS += -Iinclude -Isrc -isystem $(TS_DIR)/lib/include -D_GNU_SOURCE
override CFLAGS   += -std=c11 $(WARN) -fsigned-char -ffp-contract=off -fno-common -fvisibility=hidden \
                     -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# tree-sitter and its grammars: fetched by scripts/setup, compiled once per compiler, without sanitizers
# (the parser lives in processes of its own), with assertions, so that an overrun aborts the worker. Two
# builds may share the cache: an object gets its name only when it is whole.
MACHINE   := $(shell $(CC) -dumpmachine)
TS_DIR    := $(DOBBY_CACHE)/src/tree-sitter-0.26.1
PACK_DIR  := $(DOBBY_CACHE)/src/tree-sitter-language-pack-0.13.0-p3
CS_DIR    := $(DOBBY_CACHE)/src/tree-sitter-c-sharp-0.23.1
COMPILER  := $(if $(findstring clang,$(shell $(CC) --version)),clang,gcc)
TS_OBJ    := $(DOBBY_CACHE)/obj/$(MACHINE)-$(COMPILER)-$(shell $(CC) -dumpfullversion -dumpversion)-p3
GRAMMARS  := c cpp python javascript typescript tsx go rust java csharp ruby php kotlin swift scala lua bash zig haskell ocaml sql
SCANNERS  := $(filter-out c go java zig,$(GRAMMARS))
TS_OBJS   := $(TS_OBJ)/core.o $(GRAMMARS:%=$(TS_OBJ)/%/parser.o) $(SCANNERS:%=$(TS_OBJ)/%/scanner.o)
TS_CFLAGS := -std=c11 -D_GNU_SOURCE -w -g0 -fvisibility=hidden -fPIC

# Files that end in the name of an instruction set are compiled on its architecture only.
FOREIGN := $(if $(filter x86_64%,$(MACHINE)),,%_avx2.c %_avxvnni.c %_avx512vnni.c) \
           $(if $(filter aarch64%,$(MACHINE)),,%_dotprod.c %_i8mm.c)
LIB_SRC := $(filter-out $(FOREIGN),$(sort $(shell find src -name '*.c' ! -path 'src/cli/*')))
QUERIES := $(sort $(shell find src -name '*.scm'))
PAGE    := $(addprefix src/cli/page.,html css js)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(QUERIES:%=$(BUILD)/%.o)
CLI_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/cli/*.c))) $(PAGE:%=$(BUILD)/%.o)
BENCH_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard bench/*.c)))
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/support/*.c)))
TEST_C  := $(sort $(wildcard tests/*/test_*.c))
MODEL_C := $(sort $(wildcard tests/*/models_*.c))
SOAK_C  := tests/soak/soak.c
# What dobby-bench says of speed and memory means nothing under a sanitizer, and takes minutes. With DOBBY_TEST_SHORT, which
# .ci/run sets there, sanitizers leave out what tests scripts alone, and whole runs whose point is something else: same bits, the bound
# on memory, kill -9, which files are opened, what a model says. ThreadSanitizer makes every start of a program take seconds: then it runs only what threads are in.
WHOLE    := $(addprefix tests/cli/test_,same.sh kill.sh memory.sh hostile.sh term.sh eval.sh second.sh adapter.sh steer.sh batch.sh)
THREADED := $(addprefix $(BUILD)/tests/,base/test_thread base/test_memory base/test_trace cli/test_batchrun cli/test_view llm/test_batch \
            llm/test_budget llm/test_engine llm/test_engine_prefix llm/test_engine_random llm/test_engine_same llm/test_kv llm/test_model \
            llm/test_packed llm/test_remote pipeline/test_recover pipeline/test_remote_tree pipeline/test_run pipeline/test_tree \
            store/test_crash store/test_store) \
            $(addprefix tests/cli/test_,batch.sh batch_engine.sh remote.sh run.sh summarize.sh trace.sh)
UNASKED := $(if $(SAN),tests/bench/% $(if $(DOBBY_TEST_SHORT),tests/scripts/% $(WHOLE)))
SOLE     = $(if $(and $(DOBBY_TEST_SHORT),$(findstring thread,$(SAN))),$(filter $(THREADED),$(1)),$(1))
TESTS   := $(call SOLE,$(filter-out $(UNASKED),$(TEST_C:%.c=$(BUILD)/%) $(sort $(wildcard tests/*/test_*.sh))))
MODEL_TESTS := $(MODEL_C:%.c=$(BUILD)/%) $(sort $(wildcard tests/*/models_*.sh))
PEER_TESTS  := $(sort $(wildcard tests/*/peers_*.sh))
ARM_TESTS   := $(sort $(wildcard tests/*/arm_*.sh))
DEPS     = $(patsubst %.o,%.d,$(filter $(BUILD)/%,$(LIB_OBJ) $(WATCHED) $(CLI_OBJ) $(BENCH_OBJ) $(SUPPORT) \
             $(TEST_C:%.c=$(BUILD)/%.o) $(MODEL_C:%.c=$(BUILD)/%.o) $(SOAK_C:%.c=$(BUILD)/%.o) $(EMULATED:%.c=$(BUILD)/%.o)))

all: $(BUILD)/dobby $(BUILD)/libdobby.a

# A build folder remembers its compiler and flags: change them and everything in it is compiled again.
FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(KERNEL_OPT) $(UNWATCHED)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

# V=1 shows commands; without it a word and a file name stand for each.
Q = $(if $(V),,@echo '  $(1)' $(patsubst $(BUILD)/%,%,$@);)
$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(CPPFLAGS) $(CFLAGS) $(OPT) $(ISA) -MMD -MP -c -o $@ $<

# Query files and the parts of the HTML page become objects with symbols such as _binary_src_code_queries_LANG_scm_start and _end.
$(addprefix $(BUILD)/,$(addsuffix .o,$(QUERIES) $(PAGE))): $(BUILD)/%.o: %
	@mkdir -p $(@D)
	$(call Q,ld)$(LD) -r -b binary -z noexecstack -o $@ $<

# The only objects that may hold instructions beyond the baseline, reached through a table. ThreadSanitizer would slow
# them a hundredfold, so it leaves out these and what takes weights apart: they only touch what their callers divided
# among threads. Other sanitizers slow them tenfold; they see them in the
# kernels' own test and in the engine's at random, and with WATCH=1 everywhere.
KERNEL_OPT ?= -O3
THREADS := $(findstring thread,$(SAN))
UNWATCHED := $(if $(SAN),$(if $(THREADS),-fno-sanitize=thread,$(if $(WATCH),,-fno-sanitize=all)))
$(BUILD)/src/llm/kernels/%.o: OPT := $(KERNEL_OPT) $(UNWATCHED)
$(addprefix $(BUILD)/src/llm/,pack.o quant.o): OPT := $(if $(THREADS),$(UNWATCHED))
# Adds an adapter to all weights: columns side by side.
$(addprefix $(BUILD)/src/llm/,merge.o quantize.o): OPT := $(KERNEL_OPT) $(if $(THREADS),$(UNWATCHED))
WATCHED := $(if $(filter %=all,$(UNWATCHED)),$(patsubst src/llm/kernels/%.c,$(BUILD)/watched/%.o,$(filter src/llm/kernels/%,$(LIB_SRC))))
$(BUILD)/watched/%.o: src/llm/kernels/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(CPPFLAGS) $(CFLAGS) -O1 $(ISA) -MMD -MP -c -o $@ $<
$(BUILD)/tests/llm/test_kernels $(BUILD)/tests/llm/test_engine_random: $(WATCHED)
%_avx2.o:       ISA := -mavx2 -mfma -mf16c
%_avxvnni.o:    ISA := -mavx2 -mfma -mf16c -mavxvnni
%_avx512vnni.o: ISA := -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx512vnni -mavx2 -mfma -mf16c
# gcc's scheduler would spread the loads of a block until its sums have to leave the registers: up to 40% more instructions.
%_dotprod.o:    ISA := -march=armv8.2-a+dotprod $(if $(filter gcc,$(COMPILER)),-fno-schedule-insns)
%_i8mm.o:       ISA := -march=armv8.2-a+dotprod+i8mm $(if $(filter gcc,$(COMPILER)),-fno-schedule-insns)

$(TS_OBJ)/core.o: $(TS_DIR)/stamp
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(TS_CFLAGS) -O2 -fno-strict-aliasing -I$(TS_DIR)/lib/include -I$(TS_DIR)/lib/src -c -o $@.$$$$ $(TS_DIR)/lib/src/lib.c && mv $@.$$$$ $@
$(TS_OBJ)/%/parser.o: $(PACK_DIR)/stamp
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(TS_CFLAGS) -O1 -I$(PACK_DIR)/parsers/$*/src -c -o $@.$$$$ $(PACK_DIR)/parsers/$*/src/parser.c && mv $@.$$$$ $@
$(TS_OBJ)/%/scanner.o: $(PACK_DIR)/stamp
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(TS_CFLAGS) -O1 -I$(PACK_DIR)/parsers/$*/src -c -o $@.$$$$ $(PACK_DIR)/parsers/$*/src/scanner.c && mv $@.$$$$ $@
$(TS_OBJ)/csharp/parser.o $(TS_OBJ)/csharp/scanner.o: $(TS_OBJ)/csharp/%.o: $(CS_DIR)/stamp
	@mkdir -p $(@D)
	$(call Q,cc)$(CC) $(TS_CFLAGS) -O1 -I$(CS_DIR)/src -c -o $@.$$$$ $(CS_DIR)/src/$*.c && mv $@.$$$$ $@
$(TS_DIR)/stamp $(PACK_DIR)/stamp $(CS_DIR)/stamp:
	@echo 'make: $@ is missing: run scripts/setup first' >&2; exit 1

# One relocatable object in which only dobby_* stays global: nothing of ours can clash with a host.
$(BUILD)/libdobby.a: $(LIB_OBJ) $(TS_OBJS)
	$(call Q,ld)$(LD) -r -o $(BUILD)/libdobby.o $^
	@$(OBJCOPY) -w --keep-global-symbol='dobby_*' $(BUILD)/libdobby.o
	@rm -f $@ && $(AR) rcs $@ $(BUILD)/libdobby.o

# Programs of our own link with the objects, through a thin archive so that each takes what it needs.
$(BUILD)/objects.a: $(LIB_OBJ) $(TS_OBJS) $(filter-out %/main.o,$(CLI_OBJ) $(BENCH_OBJ))
	@rm -f $@ && $(AR) rcsT $@ $^
$(BUILD)/dobby: $(CLI_OBJ) $(BUILD)/objects.a
	$(call Q,link)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/dobby-bench: $(BENCH_OBJ) $(BUILD)/objects.a
	$(call Q,link)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
# What stands before the archive keeps its members of the same name out.
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(SUPPORT) $(BUILD)/objects.a
	$(call Q,link)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(shell pkg-config --libs $(TEST_PKGS)) $(LIBS)
# Not of what they need: a build folder has one set of flags.
$(BUILD)/tests/%.o: private override CPPFLAGS += -Itests
# Kernels of other processors, their instructions emulated.
EMULATED := $(filter-out $(FOREIGN),tests/llm/emulated.c tests/llm/avxvnni_on_avx2.c tests/llm/avx512vnni_on_avx2.c)
$(BUILD)/tests/llm/test_kernels: $(EMULATED:%.c=$(BUILD)/%.o)
$(EMULATED:%.c=$(BUILD)/%.o): OPT := -O0 -Wno-psabi $(UNWATCHED)

build-tests: $(filter $(BUILD)/%,$(TESTS) $(MODEL_TESTS)) $(SOAK_C:%.c=$(BUILD)/%)
bench: $(if $(BENCH_OBJ),$(BUILD)/dobby-bench)
metrics:
	@bench/metrics > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md

setup:
	@scripts/setup
# T=WORD runs only tests whose path holds WORD; REPEAT=N runs each N times.
RUN_TESTS = BUILD=$(BUILD) DOBBY=$(abspath $(BUILD)/dobby) SAN=$(SAN) CC='$(CC)' REPEAT=$(REPEAT) scripts/run-tests
test: setup
	@$(MAKE) --no-print-directory run-test
test-models: setup
	@$(MAKE) --no-print-directory run-test-models
# Other people's programs, which setup --ci brings, or which are built from source into the cache.
test-peers:
	@scripts/setup --ci
	@$(MAKE) --no-print-directory run-test-peers
run-test: $(BUILD)/dobby $(BUILD)/dobby-bench $(BUILD)/libdobby.a $(filter $(BUILD)/%,$(TESTS))
	@$(BUILD)/dobby models pull smollm2-135m
	@$(RUN_TESTS) $(if $(T),$(foreach t,$(TESTS),$(if $(findstring $(T),$(t)),$(t))),$(TESTS))
run-test-models: $(BUILD)/dobby $(filter $(BUILD)/%,$(MODEL_TESTS))
	@$(BUILD)/dobby models pull qwen2.5-coder-0.5b
	@$(RUN_TESTS) $(if $(T),$(foreach t,$(MODEL_TESTS),$(if $(findstring $(T),$(t)),$(t))),$(MODEL_TESTS))

# The engine under random use and staged faults, its memory flat: an hour, or SOAK_SECONDS on SOAK_THREADS cores.
SOAK_SECONDS ?= 3600
soak: setup
	@$(MAKE) --no-print-directory run-soak
run-soak: $(BUILD)/dobby $(SOAK_C:%.c=$(BUILD)/%)
	@$(BUILD)/dobby models pull smollm2-135m
	@$(BUILD)/tests/soak/soak -s $(SOAK_SECONDS) $(if $(SOAK_THREADS),-t $(SOAK_THREADS))
run-test-peers: $(BUILD)/dobby
	@$(BUILD)/dobby models pull smollm2-135m
	@$(RUN_TESTS) $(if $(T),$(foreach t,$(PEER_TESTS),$(if $(findstring $(T),$(t)),$(t))),$(PEER_TESTS))

# 64-bit ARM on any machine: a build in $(BUILD)/arm64 against Debian's packages, which setup --arm unpacks into the cache,
# run by qemu as processors that have both of the instruction sets, one and none. Each gets a folder of programs.
ARM       := aarch64-linux-gnu-
ARM_CC    ?= $(ARM)gcc
ARM_ROOT  := $(DOBBY_CACHE)/src/debian-12-arm64-p1
ARM_CPUS  := max neoverse-n1 cortex-a72
ARM_UNITS := $(ARM_CPUS:%=$(BUILD)/%/tests/llm/test_kernels) \
             $(patsubst tests/%.c,$(BUILD)/max/tests/%,$(wildcard tests/base/test_*.c)) \
             $(addprefix $(BUILD)/max/tests/llm/test_,batch chat gguf kv packed quant remote remote_msg)
test-arm:
	@scripts/setup --arm
	@$(MAKE) --no-print-directory $(BUILD)/dobby
	@$(BUILD)/dobby models pull smollm2-135m
	@PKG_CONFIG_SYSROOT_DIR=$(ARM_ROOT) PKG_CONFIG_LIBDIR=$(ARM_ROOT)/usr/lib/aarch64-linux-gnu/pkgconfig \
	    $(MAKE) --no-print-directory BUILD=$(BUILD)/arm64 SAN= HERE=$(abspath $(BUILD)/dobby) \
	    CC='$(ARM_CC) --sysroot=$(ARM_ROOT)' LD=$(ARM)ld AR=$(ARM)ar NM=$(ARM)nm OBJCOPY=$(ARM)objcopy run-test-arm
define ON_CPU
$(BUILD)/$(1)/%: $(BUILD)/%
	@mkdir -p $$(@D)
	@printf '#!/bin/sh\nexec qemu-aarch64 -L %s -cpu $(1) %s "$$$$@"\n' $(ARM_ROOT) $$(abspath $$<) >$$@ && chmod +x $$@
endef
$(foreach cpu,$(ARM_CPUS),$(eval $(call ON_CPU,$(cpu))))
# What takes longest comes first.
run-test-arm: $(ARM_CPUS:%=$(BUILD)/%/dobby) $(ARM_UNITS)
	@HERE=$(HERE) $(RUN_TESTS) $(if $(T),$(foreach t,$(ARM_TESTS) $(ARM_UNITS),$(if $(findstring $(T),$(t)),$(t))),$(ARM_TESTS) $(ARM_UNITS))

check: test
	@$(MAKE) --no-print-directory $(BUILD)/libdobby.a
	@bad=0; for c in tools/check-layers.sh 'tools/check-symbols.sh $(BUILD)' tools/check-format.sh; do \
	    NM='$(NM)' $$c || bad=1; done; exit $$bad

# What takes too long for every change: all tests whole under each sanitizer, random use at length, the soak.
LONG_RANDOM = DOBBY_TEST_ROUNDS=20000 TEST_TIMEOUT=7200 $(MAKE) run-test T=test_engine_random
nightly:
	@$(MAKE) check
	+@$(LONG_RANDOM)
	@$(MAKE) SAN=address,undefined WATCH=1 TEST_TIMEOUT=7200 check
	@$(MAKE) SAN=thread check
	+@$(LONG_RANDOM) SAN=thread
	@$(MAKE) soak

demo: setup
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) DOBBY=$(abspath $(BUILD)/dobby) scripts/demo

install: all bench
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(BUILD)/dobby $(DESTDIR)$(PREFIX)/bin
	$(if $(BENCH_OBJ),install -D -m 755 $(BUILD)/dobby-bench $(DESTDIR)$(PREFIX)/libexec/dobby-bench)
	install -m 644 $(BUILD)/libdobby.a $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/dobby.h $(DESTDIR)$(PREFIX)/include
	install -D -m 644 docs/dobby.1 $(DESTDIR)$(PREFIX)/share/man/man1/dobby.1
	$(foreach f,$(wildcard data/adapters/*.gguf data/adapters/*.md),install -D -m 644 $(f) $(DESTDIR)$(PREFIX)/share/dobby/adapters/$(notdir $(f)) &&) true
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@PKGS@|$(PKGS)|' dobby.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/dobby.pc

clean:
	rm -rf $(BUILD)

help:
	@echo 'all           the program and the library, in $(BUILD)'
	@echo 'test          everything that needs no model beyond SmolLM2-135M; T=WORD picks, REPEAT=N repeats'
	@echo 'test-models   what needs the default model'
	@echo 'test-peers    against llama.cpp'\''s own server, built from source; the HTML page in a browser; SCIP by its schema'
	@echo 'test-arm      the kernels and the engine of 64-bit ARM, run by qemu: the same bits as here'
	@echo 'check         test, then layers, symbols and format'
	@echo 'nightly       check plain and under each sanitizer, random use at length, soak: some hours'
	@echo 'soak          an hour of random use with staged faults, memory flat; SOAK_SECONDS=3600 SOAK_THREADS=all'
	@echo 'demo          fetch the default model and a known project, summarise it'
	@echo 'bench         dobby-bench; then see bench/job --help'
	@echo 'metrics       docs/metrics.md from bench/results'
	@echo 'install       DESTDIR= PREFIX=$(PREFIX)'
	@echo 'clean         remove $(BUILD)'
	@echo 'Variables: BUILD=folder SAN=address,undefined|thread WATCH=1 TEST_JOBS=N CC=clang CFLAGS="-O2 -g -Werror"'

FORCE:
.PHONY: all test test-models test-peers test-arm run-test run-test-models run-test-peers run-test-arm build-tests soak run-soak check nightly demo \
        bench metrics setup install clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(DEPS)
