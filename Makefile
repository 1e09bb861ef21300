# bmixed: Bayesian mixed models from the command line. Everything that is built stays below build/.
PREFIX ?= /usr/local
CC     ?= cc
SAN    ?=
comma  := ,
B      := build/$(or $(subst $(comma),-,$(SAN)),plain)

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CFLAGS   ?= -O2 -g
override CFLAGS   += -std=gnu11 -fopenmp -fvisibility=hidden -fno-math-errno -ffp-contract=fast $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
override CPPFLAGS += -Iinclude -Isrc -Itests -D_GNU_SOURCE -I/usr/include/suitesparse
# -lopenblas first and no -lgslcblas: GSL's own BLAS is three times slower.
LIBS     := -lopenblas -llapacke -lcholmod -lgsl -lcjson -lz -lm

ROOMS    := base data model suffstat posterior fit draws report api
LIB_SRC  := $(wildcard $(ROOMS:%=src/%/*.c))
CLI_SRC  := $(wildcard src/cli/*.c)
TEST_SRC := $(wildcard tests/test_*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(B)/%.o)
TESTS    := $(TEST_SRC:tests/%.c=$(B)/%)

all: build/bmixed

build/bmixed: $(B)/bmixed
	@ln -sf $(B:build/%=%)/bmixed $@

$(B)/bmixed: $(CLI_OBJ) $(B)/libbmixed.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/libbmixed.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(WARN) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/test_%: $(B)/tests/test_%.o $(B)/libbmixed.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka $(LIBS) -o $@

tests: $(TESTS)

# One room's tests: make test-data
test-%: $(B)/test_%
	$<

clean:
	rm -rf build

.PHONY: all tests clean
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d)
