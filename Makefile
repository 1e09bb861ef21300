# bmixed: Bayesian mixed models from the command line. Everything that is built stays below build/.
#
#   make               build/bmixed, the library (.a and .so), the manual page
#   make quickstart    installs what building needs, builds, fits the first example
#   make check         installs what testing needs, builds, runs every test
#   make check-all     the same with R (cross-checks) and Chromium (the report in a browser), then check-memory, check-threads, check-valgrind and
#                      check-coverage, each in a build of its own
#   make fuzz          builds fuzzers below build/fuzz (clang): build/fuzz/csv -max_total_time=600 build/fuzz/corpus/csv tests/fuzz/corpus/csv
#   make fuzz-run      fuzzes every target for FUZZ_SECONDS=1800 and prints a table
#   make check-mutants | check-references | check-calibration    planted faults, each caught by a named test; tables of agreement with
#                      reference posteriors and REML fits, and of simulation-based calibration (ten minutes)
#   make soak          random models against slow and plain computations, for SOAK_SECONDS=1800 from SOAK_SEED (default: the clock)
#   make lint          clang-tidy and cppcheck: no finding is allowed (.clang-tidy, .cppcheck); make lint-deep: clang's path analyser, to be read
#   make check-threads | check-memory    with ThreadSanitizer what runs in threads, with AddressSanitizer and UBSan what reads and what fails
#   make coverage      which lines the suite runs (gcov); make check-coverage: what is quick of the suite, and a figure that must not fall
#   make check-messages    every error message is quoted by a test, or listed with the reason
#   make check-valgrind | check-layers | check-symbols | test-NAME
#   make bench         how fast, beside R's packages where they are installed (make deps-bench); make bench-quick: without R, under two minutes
#   make install | uninstall   PREFIX=/usr/local DESTDIR=
#   make deb           a Debian package; make check-deb: installs, uses and removes it on a bare Debian
#   make SAN=address,undefined check      CC=clang      V=1 (show commands)      OPENMP= (without OpenMP)

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
CC      ?= cc
SAN     ?=
V       ?=
OPENMP  ?= -fopenmp

VERSION := $(shell sed -n 's/.*BM_VERSION "\(.*\)".*/\1/p' include/bmixed.h)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))
CLANG   := $(findstring clang,$(notdir $(firstword $(CC))))
comma   := ,
COV     ?=
B       := build/$(if $(COV),coverage,$(or $(subst $(comma),-,$(SAN)),plain)$(CLANG:%=-%))

# ---- Debian packages -------------------------------------------------------------------------------------------------------

PACKAGES       := build-essential pkg-config libgsl-dev libopenblas0 libsuitesparse-dev libcjson-dev zlib1g-dev \
                  $(if $(CLANG),clang $(if $(OPENMP),libomp-dev))
CHECK_PACKAGES := $(PACKAGES) libcmocka-dev jq gnuplot-nox
ALL_PACKAGES   := $(CHECK_PACKAGES) clang-tidy cppcheck python3-minimal r-base-core r-cran-posterior r-cran-bayesplot r-cran-rstan r-cran-jsonlite r-cran-lme4 \
                  chromium python3-pandas zsh valgrind

# MCMCglmm is not in Debian.
BENCH_PACKAGES := $(PACKAGES) r-base-core r-cran-posterior r-cran-lme4 r-cran-rjags jags r-cran-rstanarm r-cran-brms

# ---- flags -----------------------------------------------------------------------------------------------------------------

WARN     := -Wall -Wextra -Wpedantic -Wno-psabi -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror \
            $(if $(OPENMP),,-Wno-unknown-pragmas)
CFLAGS   ?= $(if $(COV),-O1,-O3) -g
override CFLAGS   += -std=gnu11 $(OPENMP) -fPIC -fvisibility=hidden -fno-math-errno -ffp-contract=fast \
                     $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) \
                     $(if $(COV),--coverage -fprofile-update=single -Wno-maybe-uninitialized)
override CPPFLAGS += -Iinclude -Isrc -Itests -D_GNU_SOURCE -I/usr/include/suitesparse
override LDFLAGS  += -Wl,--as-needed
# OpenBLAS is loaded by the first large matrix (src/base/blas.c).
LIBS     := -lamd -lcamd -lgsl -lcjson -lz -lm -ldl

# ---- files -----------------------------------------------------------------------------------------------------------------

ROOMS    := base data model suffstat posterior fit draws report api
LIB_SRC  := $(wildcard $(ROOMS:%=src/%/*.c))
CLI_SRC  := $(wildcard src/cli/*.c)
TEST_SRC := $(wildcard tests/test_*.c)
TEST_SH  := $(wildcard tests/test_*.sh)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(B)/%.o)
TESTS    := $(TEST_SRC:tests/%.c=$(B)/%)
BENCH_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c))
REPLAYS  := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(B)/replay_%)
CLI_PART := $(filter-out src/cli/main.c,$(CLI_SRC))          # what fuzz_options.c, which includes main.c, needs beside it
STATIC   := $(B)/libbmixed.a
SHARED   := $(B)/libbmixed.so.$(VERSION)

Q   := $(if $(V),,@)
say  = $(if $(V)$(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS)))),@true,@printf '  %-8s%s\n')

all: $(B)/bmixed $(if $(SAN),,$(SHARED)) $(B)/bmixed.1
	@ln -sfn $(B:build/%=%)/bmixed build/bmixed

build/bmixed: all

$(B)/bmixed: $(CLI_OBJ) $(STATIC)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(STATIC): $(LIB_OBJ)
	$(say) AR $@
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SHARED): $(LIB_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libbmixed.so.$(SOMAJOR) -Wl,--no-undefined $^ $(LIBS) -o $@
	@ln -sf $(@F) $(B)/libbmixed.so.$(SOMAJOR)
	@ln -sf libbmixed.so.$(SOMAJOR) $(B)/libbmixed.so

$(B)/bmixed.1: $(B)/bmixed
	$(say) MAN $@
	$(Q)$< help --man > $@.tmp && mv $@.tmp $@

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(WARN) $(CFLAGS) -MMD -MP -c $< -o $@

# Sums whose roundings are computed, too, and sums that are the same whatever the machine.
$(B)/src/suffstat/residual.o $(B)/src/draws/lags.o: override CFLAGS += -ffp-contract=off

$(B)/test_%: $(B)/tests/test_%.o $(STATIC)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka $(LIBS) -o $@

# What the tests of faults preload: no sanitizer bears it.
SHIM := $(if $(SAN),,$(B)/faults.so)
$(B)/faults.so: tests/faults.c
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -std=gnu11 -fPIC -shared $< -ldl -o $@

$(B)/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(STATIC)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(STATIC) $(LIBS) -o $@

$(B)/replay_options: $(CLI_PART:%.c=$(B)/%.o)

# ---- a fresh machine: install what is missing, and only that ----------------------------------------------------------------

define install_missing
	@command -v dpkg-query >/dev/null || { echo 'No dpkg here: install the equivalents of: $(1)'; exit 0; }; \
	missing=; \
	for p in $(1); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	sudo=; \
	if [ "$$(id -u)" -ne 0 ]; then \
	    command -v sudo >/dev/null || { echo "As root: apt-get install$$missing"; exit 1; }; \
	    sudo=sudo; \
	fi; \
	echo "Installing$$missing"; \
	get="$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"; \
	$$get install -y --no-install-recommends $$missing || { $$get update && $$get install -y --no-install-recommends $$missing; }
endef

deps:
	$(call install_missing,$(PACKAGES))

deps-check:
	$(call install_missing,$(CHECK_PACKAGES))

deps-all:
	$(call install_missing,$(ALL_PACKAGES))

deps-lint:
	$(call install_missing,clang-tidy cppcheck)

deps-valgrind:
	$(call install_missing,valgrind)

deps-bench:
	$(call install_missing,$(BENCH_PACKAGES))

quickstart: deps
	@+$(MAKE) --no-print-directory all
	build/bmixed fit models/sleepstudy.json -o build/quickstart --force
	@printf '\nThe files are in build/quickstart:\n'
	@cd build/quickstart && wc -c * | sed '$$d;s/^/  /'

# ---- tests -----------------------------------------------------------------------------------------------------------------

check: deps-check
	@+$(MAKE) --no-print-directory check-run

# Parallel, where make was not told how.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# The suite as it is; then parts of it with sanitizers, under valgrind and with coverage. Each says what it found; the first failure ends it.
check-all: deps-all
	@+$(MAKE) --no-print-directory $(JOBS) check-run
	@echo 'With AddressSanitizer and UBSan:' && $(MAKE) -s $(JOBS) check-memory
	@echo 'With ThreadSanitizer:' && $(MAKE) -s $(JOBS) check-threads
	@echo 'Under valgrind:' && $(MAKE) -s check-valgrind
	@echo 'Coverage:' && $(MAKE) -s $(JOBS) check-coverage

check-run: $(B)/bmixed $(B)/bmixed.1 $(TESTS) $(REPLAYS) $(SHIM) $(if $(SAN),,$(SHARED))
	@BMIXED=$(abspath $(B)/bmixed) B=$(abspath $(B)) bash tests/run.sh $(TESTS) $(REPLAYS) $(TEST_SH)

tests: $(TESTS) $(REPLAYS) $(SHIM)

# One program's tests: make test-data, make test-cli
test-%: $(B)/test_%
	$<

$(TEST_SH:tests/test_%.sh=test-%): test-%: $(B)/bmixed $(B)/bmixed.1 $(SHIM) $(if $(SAN),,$(SHARED))
	@BMIXED=$(abspath $(B)/bmixed) B=$(abspath $(B)) bash tests/test_$*.sh

# Faults planted one by one, each of which a named test must see.
check-mutants: $(TESTS)
	@B=$(abspath $(B)) BM_LIBS="$(LIBS)" bash tests/mutants.sh

# Simulation-based calibration of every pair of structure, priors, options and kernel, as a table; rows begun within CALIBRATION_SECONDS.
CALIBRATION_SECONDS ?= 600
check-calibration: $(B)/test_calibration
	@bash -o pipefail -c "$< --table $(CALIBRATION_SECONDS) 2>&1 | grep -v '^\['"

# Every public reference, posteriors, REML and ML fits, as a table of agreement.
check-references: $(B)/test_references $(B)/test_reml_reference
	@bash tests/references.sh $^

# Random models against dense algebra, quadrature and random-walk Metropolis. A disagreement prints the command that repeats it.
SOAK_SECONDS ?= 1800
soak: $(B)/test_soak
	@SOAK_SECONDS=$(SOAK_SECONDS) $< --soak

# What runs in threads, with ThreadSanitizer: a data race ends a program with status 66.
THREADED := test_threads test_mcmc test_api
check-threads:
	@+$(MAKE) --no-print-directory SAN=thread threads-run

threads-run: $(B)/bmixed $(THREADED:%=$(B)/%)
	@BMIXED=$(abspath $(B)/bmixed) B=$(abspath $(B)) TSAN_OPTIONS='exitcode=66 halt_on_error=1' bash tests/run.sh $(THREADED:%=$(B)/%) tests/test_threaded.sh

# What reads bytes of others, the algebra, and every command, with AddressSanitizer and UBSan. The whole suite: make SAN=address,undefined check-run
MEMORY    := test_csv test_data test_formula test_spec test_priors test_design test_read_draws test_number test_marginal test_joint
MEMORY_SH := $(addprefix tests/test_,hostile.sh cli.sh diagnose.sh compare_cli.sh stream_cli.sh)
check-memory:
	@+$(MAKE) --no-print-directory SAN=address,undefined memory-run

memory-run: $(B)/bmixed $(MEMORY:%=$(B)/%) $(REPLAYS)
	@BMIXED=$(abspath $(B)/bmixed) B=$(abspath $(B)) bash tests/run.sh $(MEMORY:%=$(B)/%) $(REPLAYS) $(MEMORY_SH)

# Which lines the whole suite runs.
coverage:
	@+$(MAKE) --no-print-directory COV=1 check-run; status=$$?; bash tests/coverage.sh build/coverage && exit $$status

# The same of what is quick: without calibration, soak and their like, what only installs or looks at other programs, and what ends processes. The figure is a lower bound
# of the whole suite's.
NOT_QUICK := calibration soak posteriors references reml_reference efficiency coupling compare sbc geweke numerics hard_posteriors stream theta fit resume rng polar checkpoint checkpoint_file kill memory r html install deb lint \
             layers symbols examples
LEAST_COVERAGE ?= 80
quick-run: $(B)/bmixed $(B)/bmixed.1 $(filter-out $(NOT_QUICK:%=$(B)/test_%),$(TESTS)) $(REPLAYS) $(SHIM)
	@find $(B) -name '*.gcda' -delete
	@BMIXED=$(abspath $(B)/bmixed) B=$(abspath $(B)) bash tests/run.sh $(filter-out $(NOT_QUICK:%=$(B)/test_%),$(TESTS)) $(REPLAYS) \
	    $(filter-out $(NOT_QUICK:%=tests/test_%.sh),$(TEST_SH))

check-coverage:
	@+$(MAKE) --no-print-directory COV=1 quick-run && bash tests/coverage.sh build/coverage $(LEAST_COVERAGE)

# Every error message of src is quoted by a test, or is listed with the reason.
check-messages:
	@python3 tests/messages.py

# Rooms include only what stands above them.
check-layers:
	@bash tests/test_layers.sh

# Only bm_* is exported.
check-symbols: $(SHARED)
	@B=$(abspath $(B)) bash tests/test_symbols.sh

# One fuzz target's seeds and regressions: make replay-csv
replay-%: $(B)/replay_%
	$<

# The library again with the sanitizers and libFuzzer's counters; no OpenMP, so that a finding repeats.
FUZZ_CC    ?= clang
FUZZ_FLAGS := -O1 -g -std=gnu11 -fno-omit-frame-pointer -fno-math-errno -Wno-unknown-pragmas -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_BIN   := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=build/fuzz/%)

FUZZ_SECONDS ?= 1800

fuzz: $(FUZZ_BIN)
	@mkdir -p $(FUZZ_BIN:build/fuzz/%=build/fuzz/corpus/%)

# Half an hour of each, one after the other; FUZZ_SECONDS=60 for a look, FUZZ='csv draws' for some of them.
FUZZ ?= $(FUZZ_BIN:build/fuzz/%=%)
fuzz-run: fuzz
	@bash tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ)

build/fuzz/%: tests/fuzz/fuzz_%.c $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(say) LINK $@
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ $(LIBS) -lgomp -o $@

build/fuzz/options: $(CLI_PART:%.c=build/fuzz/obj/%.o)

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

check-valgrind: deps-valgrind $(B)/bmixed
	valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect --error-exitcode=99 \
	    $(B)/bmixed fit models/sleepstudy.json -o $(B)/valgrind --force
	@echo 'valgrind: no error, no leak'

# ---- analysers: a stamp per file, so that only what changed is looked at again ---------------------------------------------------

LINT_SRC := $(LIB_SRC) $(CLI_SRC)
LINT_HDR := $(wildcard src/*/*.h) include/bmixed.h
LINT_INC := -Iinclude -Isrc -D_GNU_SOURCE

lint: $(LINT_SRC:%.c=build/lint/%.tidy) build/lint/cppcheck
	@echo 'lint: no finding in $(words $(LINT_SRC)) files'

build/lint/%.tidy: %.c $(LINT_HDR) .clang-tidy
	@mkdir -p $(@D)
	$(say) TIDY $<
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(OPENMP) $(LINT_INC) -I/usr/include/suitesparse 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

build/lint/cppcheck: $(LINT_SRC) $(LINT_HDR) .cppcheck
	@mkdir -p $(@D)
	$(say) CPPCHECK src
	$(Q)cppcheck -q --std=c11 --enable=warning,portability,performance --error-exitcode=1 --suppressions-list=.cppcheck $(LINT_INC) \
	    --template='{file}:{line}: {id}: {message}' $(LINT_SRC)
	@touch $@

# What follows paths through functions, clang's analyser and gcc's: they take minutes and know no invariants, so that what they say is to be read.
lint-deep:
	-clang-tidy --quiet --checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*' --warnings-as-errors= $(LINT_SRC) -- \
	    -std=gnu11 $(OPENMP) $(LINT_INC) -I/usr/include/suitesparse
	-for f in $(LINT_SRC); do $(CC) $(CPPFLAGS) -std=gnu11 $(OPENMP) -O1 -fanalyzer -c $$f -o /dev/null; done

# ---- benchmark: tables, and build/bench/*.csv ---------------------------------------------------------------------------------

$(B)/bench: $(BENCH_OBJ) $(STATIC)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=bm_mcmc_warmup,--wrap=bm_mcmc_run $^ $(LIBS) -o $@

bench bench-quick: all $(B)/bench
	@BMIXED=$(abspath $(B)/bmixed) BENCH=$(abspath $(B)/bench) bash tests/bench/bench.sh $(if $(findstring quick,$@),--quick)

# ---- installation ------------------------------------------------------------------------------------------------------------

D := $(DESTDIR)

$(B)/bmixed.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(PREFIX)/include' '' 'Name: bmixed' \
	    'Description: Bayesian mixed models' 'Version: $(VERSION)' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lbmixed' \
	    'Libs.private: $(LIBS) $(OPENMP)' > $@

install: all $(B)/bmixed.pc
	$(say) INSTALL '$(D)$(PREFIX)'
	@install -d '$(D)$(BINDIR)' '$(D)$(LIBDIR)/pkgconfig' '$(D)$(PREFIX)/include' '$(D)$(DATADIR)/man/man1' '$(D)$(DATADIR)/doc/bmixed' \
	    '$(D)$(DATADIR)/bash-completion/completions' '$(D)$(ZSHDIR)' '$(D)$(DATADIR)/bmixed'
	@install -m 755 $(B)/bmixed '$(D)$(BINDIR)/bmixed'
	@install -m 644 $(STATIC) $(SHARED) '$(D)$(LIBDIR)/'
	@ln -sf $(notdir $(SHARED)) '$(D)$(LIBDIR)/libbmixed.so.$(SOMAJOR)'
	@ln -sf libbmixed.so.$(SOMAJOR) '$(D)$(LIBDIR)/libbmixed.so'
	@install -m 644 include/bmixed.h '$(D)$(PREFIX)/include/'
	@install -m 644 $(B)/bmixed.pc '$(D)$(LIBDIR)/pkgconfig/'
	@install -m 644 $(B)/bmixed.1 '$(D)$(DATADIR)/man/man1/'
	@install -m 644 README.md CHANGELOG.md LICENSE '$(D)$(DATADIR)/doc/bmixed/'
	@$(B)/bmixed help --completion bash > '$(D)$(DATADIR)/bash-completion/completions/bmixed'
	@$(B)/bmixed help --completion zsh > '$(D)$(ZSHDIR)/_bmixed'
	@cp -R models examples '$(D)$(DATADIR)/bmixed/'
	@ln -sfn ../../bmixed/examples '$(D)$(DATADIR)/doc/bmixed/examples'
	@chmod -R u=rwX,go=rX '$(D)$(DATADIR)/bmixed' '$(D)$(DATADIR)/bash-completion/completions/bmixed' '$(D)$(ZSHDIR)/_bmixed'
	@[ -n '$(D)' ] || [ "$$(id -u)" -ne 0 ] || ldconfig

uninstall:
	$(say) REMOVE '$(D)$(PREFIX)'
	@rm -f '$(D)$(BINDIR)/bmixed' '$(D)$(LIBDIR)/libbmixed.a' '$(D)$(LIBDIR)'/libbmixed.so* '$(D)$(PREFIX)/include/bmixed.h' \
	    '$(D)$(LIBDIR)/pkgconfig/bmixed.pc' '$(D)$(DATADIR)/man/man1/bmixed.1' '$(D)$(DATADIR)/bash-completion/completions/bmixed' '$(D)$(ZSHDIR)/_bmixed'
	@rm -rf '$(D)$(DATADIR)/bmixed' '$(D)$(DATADIR)/doc/bmixed'

# build/bmixed_VERSION_ARCH.deb of the above; check-deb installs it on a bare Debian (in a chroot below build/, as root), uses it and removes it.
deb: all
	@MAKE='$(MAKE)' bash .ci/deb.sh $(VERSION)

deps-deb:
	$(call install_missing,debootstrap)

check-deb: deb deps-deb
	@bash tests/bare_debian.sh build/bmixed_$(VERSION)-1_$$(dpkg --print-architecture).deb

clean:
	rm -rf build

FORCE:

.PHONY: coverage check-coverage quick-run check-threads threads-run check-memory memory-run check-messages soak \
        all build/bmixed deps deps-check deps-all deps-bench deps-valgrind deps-deb quickstart check check-all check-run tests check-layers check-symbols check-mutants check-references check-calibration soak check-valgrind \
        bench bench-quick lint lint-deep deps-lint fuzz fuzz-run install uninstall deb check-deb clean FORCE $(TEST_SH:tests/test_%.sh=test-%)
.SECONDARY:
.DELETE_ON_ERROR:
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d) $(BENCH_OBJ:.o=.d) $(FUZZ_SRC:%.c=$(B)/%.d) $(LIB_SRC:%.c=build/fuzz/obj/%.d)
