#!/usr/bin/env bash
# What the shared library exports: all of bmixed.h and nothing else.
. "$(dirname "$0")/testing.sh"
lib=${B:-build/plain}/libbmixed.so
if [ ! -e "$lib" ]; then
    skip 'the library exports bm_* only' "no $lib (sanitizers)"
    finish
fi
exported() { nm -D --defined-only "$lib" | awk '{ print $3 }' | sort; }
declared() { grep -v '^ *\*\|^/\*' include/bmixed.h | tr '\n' ' ' | grep -o 'BM_API[^;]*;' | grep -o 'bm_[a-z_]*(' | tr -d '(' | sort -u; }

it 'the library exports bm_* only' bash -c '! grep -v "^bm_" <<<"$1"' _ "$(exported)"
it 'the library exports what bmixed.h declares and nothing else' diff <(declared) <(exported)
it 'the soname carries the major version' bash -c 'objdump -p "$1" | grep -q "SONAME *libbmixed\.so\.[0-9]*$"' _ "$lib"
finish
