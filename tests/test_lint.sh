#!/usr/bin/env bash
# clang-tidy and cppcheck find nothing in src, by the committed configurations; each suppression has its reason.
. "$(dirname "$0")/testing.sh"

no_finding() { make -s -j"$(nproc)" lint; }

# Every suppression stands under a comment, or carries one.
every_suppression_has_a_reason()
{
    awk '/^#/ { reason = 1; next } NF && !reason { print "no reason above: " $0; bad = 1 } !NF { reason = 0 } END { exit bad }' .cppcheck &&
        ! grep -rnE 'NOLINT|cppcheck-suppress' src include | grep -vE 'NOLINT[A-Z]*\([a-z0-9.,*-]+\): [a-z]'
}

# The check that looks for findings finds one that is planted.
planted_is_found()
{
    mkdir -p "$WORK/src"
    printf '#include <stdlib.h>\n#include <string.h>\nvoid f(const char *s)\n{\n    char *p = malloc(strlen(s + 1));\n    if (p) strcpy(p, s);\n}\n' >"$WORK/src/bad.c"
    ! clang-tidy --quiet --config-file=.clang-tidy "$WORK/src/bad.c" -- -std=gnu11 &&
        ! cppcheck -q --error-exitcode=1 --suppressions-list=.cppcheck "$WORK/src/bad.c"
}

if ! command -v clang-tidy >/dev/null || ! command -v cppcheck >/dev/null; then
    skip 'no finding of clang-tidy and cppcheck' 'not installed: make deps-lint'
    finish
fi
it 'clang-tidy and cppcheck find nothing' no_finding
it 'every suppression has a reason' every_suppression_has_a_reason
it 'a planted mistake is found' planted_is_found
finish
