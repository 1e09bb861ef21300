#!/usr/bin/env bash
# Every allocation failing in turn, in the whole program and the libraries under it (cJSON, GSL, CHOLMOD, OpenBLAS, libc): a message about memory and exit status
# 1, or it is done without; never a crash, never part of an output. Then little address space.
. "$(dirname "$0")/testing.sh"
SHIM=${B:-$PWD/build/plain}/faults.so
[ -e "$SHIM" ] || { skip 'every failing allocation' 'a sanitizer owns malloc here'; finish; }
cp tests/data/{sleepstudy,Penicillin}.csv "$WORK/"
cd "$WORK" || exit 1
PATH=$(dirname "$BMIXED"):$PATH
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
slope=('Reaction ~ Days + (Days | Subject)' sleepstudy.csv)
crossed=('diameter ~ 1 + (1 | plate) + (1 | sample)' Penicillin.csv)
short=(--draws 40 --warmup 40 --chains 2 --threads 1 -q)
bmixed fit "${slope[@]}" "${short[@]}" -o ref >/dev/null 2>&1 || exit 1

# each COMMAND...: all allocations up to the first call that changes files; sets n
each()
{
    rm -f "$WORK/log"
    rm -rf out out.*
    timeout 300 env FAULT_ALLOC=each FAULT_LOG="$WORK/log" LD_PRELOAD="$SHIM" \
        FAULT_CHECK='if [ "$1" = 0 ] || [ "$1" = 3 ]; then rm -rf out; fi; [ -z "$(ls -d out* 2>/dev/null)" ]' "$@" >/dev/null 2>"$WORK/e"
    code=$? err=$(cat "$WORK/e") n=$(tail -1 "$WORK/log")
    [ "$(wc -l <"$WORK/log")" -eq 1 ] || { head -20 "$WORK/log"; return 1; }
    [ "$n" -gt "$least" ] || { echo "$n allocations"; return 1; }
}
# and_more COMMAND...: that one and every later one
and_more() { FAULT_MORE=1 each "$@"; }
# then_whole COMMAND...: from there on, a process for each; out is absent, or as it is when nothing fails
then_whole()
{
    local k whole
    each "$@" || return 1
    whole=$(sums)
    for ((k = n; ; k += 1 + (k - n) / 20)); do     # each of a few, then fewer: the tests of the library fail them one by one
        rm -rf out out.*
        timeout 60 env FAULT_ALLOC=$k LD_PRELOAD="$SHIM" "$@" >/dev/null 2>"$WORK/e"
        code=$? err=$(cat "$WORK/e")
        if [ $code -eq 0 ]; then
            [ "$(sums)" = "$whole" ] || { echo "allocation $k: another out"; return 1; }
            [ $((same = same + 1)) -gt 5 ] && return 0           # past the last one
        else
            same=0
            # the summary on the terminal comes last: the directory is whole then
            [ $code -eq 1 ] && says memory && { [ -z "$(ls -d out* 2>/dev/null)" ] || [ "$(sums)" = "$whole" ]; } || { echo "allocation $k: status $code"; ls -d out*; return 1; }
        fi
    done
}
# sampled COMMAND...: a process for each of some allocations, where children would share a pipe to another program
sampled()
{
    local k
    for ((k = 3; k < 4000; k += 1 + k / 12)); do
        rm -rf out
        timeout 60 env FAULT_ALLOC=$k LD_PRELOAD="$SHIM" "$@" >/dev/null 2>"$WORK/e"
        code=$? err=$(cat "$WORK/e")
        [ $code -eq 0 ] && [ -s out/density.svg ] && continue
        [ $code -eq 1 ] && [ ! -e out ] && says memory || { echo "allocation $k: status $code"; return 1; }
    done
}
sums() { if [ -d out ]; then (cd out && cat draws.csv ranef.csv model.json summary.csv reml.json 2>/dev/null | grep -v '"command"\|seconds' | cksum); else grep -av '[0-9] s</td>\|command' out | cksum; fi; }

least=300 same=0
it 'fit' then_whole bmixed fit "${slope[@]}" "${short[@]}" -o out
it 'fit, no memory at all from some moment on' and_more bmixed fit "${slope[@]}" "${short[@]}" -o out
it 'fit factor by factor' each bmixed fit "${crossed[@]}" "${short[@]}" --sampler gibbs
it 'fit of crossed factors, jointly' each bmixed fit "${crossed[@]}" "${short[@]}" --sampler collapsed
least=200
it 'model' each bmixed model "${slope[@]}"
it 'model --json, no memory from some moment on' and_more bmixed model "${slope[@]}" --json
it 'simulate' each bmixed simulate "${slope[@]}" -q
it 'reml' each bmixed reml "${slope[@]}"
it 'reml --json of crossed factors' each bmixed reml "${crossed[@]}" --json
it 'reml -o' then_whole bmixed reml "${slope[@]}" -q -o out
it 'reml, no memory from some moment on' and_more bmixed reml "${crossed[@]}"
least=100
it 'summary' each bmixed summary ref
it 'summary --json, no memory from some moment on' and_more bmixed summary ref --json
it 'diagnose' each bmixed diagnose ref
it 'fit of a directory' each bmixed fit ref "${short[@]}" --json
it 'help' eval 'least=1; each bmixed help fit'
least=20
it 'report' each bmixed report ref -o - -q
it 'compare' each bmixed compare ref -q
if command -v gnuplot >/dev/null; then it 'plot' sampled bmixed plot ref --kind density -o out; else skip 'plot' 'no gnuplot'; fi

# ---- little address space ---------------------------------------------------------------------------------------------------------------

# With less than they need, the system's loader or OpenBLAS may give up before the program begins: that is not ours, but it must not hang, nor write anything.
little()
{
    local mb
    for mb in 40 60 80 100 120 140 160 200 240 300 400 600 1000; do
        rm -rf out
        run timeout -k 1 60 bash -c 'ulimit -v $(($1 * 1024)); shift; exec "$@"' _ $mb bmixed fit "${slope[@]}" "${short[@]}" -o out
        [ $code -ne 124 ] && [ $code -ne 137 ] || { echo "$mb MB: hangs"; return 1; }
        [ $code -eq 0 ] || [ ! -e out ] || { echo "$mb MB: part of an output"; return 1; }
        [ $code -eq 0 ] || [ -n "$err" ] || { echo "$mb MB: status $code without a word"; return 1; }
        [ $code -lt 128 ] || { echo "$mb MB: status $code: $err"; return 1; }
    done
    [ $code -eq 0 ]
}
unset OPENBLAS_NUM_THREADS OMP_NUM_THREADS
it 'little address space: a message, or the whole result; no hang' little
finish
