#!/usr/bin/env bash
# Every allocation failing in turn, in the whole program and the libraries under it (cJSON, GSL, CHOLMOD, OpenBLAS, libc): a message about memory and exit status
# 1, or it is done without; never a crash, never part of an output. Of commands with very many, and of those that write from the first on, some: FAULTS=all makes it
# every one (an hour). Then little address space.
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

# each COMMAND...: all allocations up to the first call that changes files; sets n. With FAULTS=all, what is done without one must print the same as ever.
same_text='/seconds\|"command"\|[0-9] s<.td>\|bmixed report/d; s/[0-9.]* *m\{0,1\}s\b//g'
each()
{
    rm -f "$WORK/log"
    rm -rf out out.*
    [ -z "${FAULTS:-}" ] || "$@" 2>/dev/null | sed "$same_text" >"$WORK/undisturbed"
    rm -rf out out.*
    timeout 7200 env FAULT_ALLOC=each FAULT_STEP=$([ "${FAULTS:-}" = all ] || echo "${rare:-1}") FAULT_LOG="$WORK/log" FAULT_OUT="$WORK/child" LD_PRELOAD="$SHIM" \
        FAULT_CHECK='if [ "$1" = 0 ] || [ "$1" = 3 ]; then rm -rf out; [ -z "'"${FAULTS:-}"'" ] || sed '"'$same_text' '$WORK/child' | cmp -s - '$WORK/undisturbed'"' || exit 1; fi; [ -z "$(ls -d out* 2>/dev/null)" ]' \
        "$@" >/dev/null 2>"$WORK/e"
    code=$? err=$(cat "$WORK/e") n=$(tail -1 "$WORK/log")
    [ "$(wc -l <"$WORK/log")" -eq 1 ] || { head -20 "$WORK/log"; return 1; }
    [ "$n" -gt "$least" ] || { echo "$n allocations"; return 1; }
}
# and_more COMMAND...: that one and every later one
and_more() { FAULT_MORE=1 each "$@"; }
# then_whole COMMAND...: from there on, a process for each; out is absent, or as it is when nothing fails
then_whole()
{
    local k whole same=0
    each "$@" || return 1
    whole=$(sums)
    for ((k = n; ; k++)); do
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
# in_processes COMMAND...: a process for each (of some), where children would share the pipe to another program or a file that is open from the first moment
in_processes()
{
    local k whole
    rm -rf out "$WORK/log"
    env FAULT_ALLOC=0 FAULT_LOG="$WORK/log" LD_PRELOAD="$SHIM" "$@" >/dev/null 2>&1
    n=$(tail -1 "$WORK/log") whole=$(sums)
    [ "$n" -gt "$least" ] || { echo "$n allocations"; return 1; }
    for ((k = 1; k <= n; )); do
        [ "${FAULTS:-}" = all ] && k=$((k + 1)) || k=$((k + 1 + k / 12))
        rm -rf out
        timeout 60 env FAULT_ALLOC=$k LD_PRELOAD="$SHIM" "$@" >/dev/null 2>"$WORK/e"
        code=$? err=$(cat "$WORK/e")
        [ $code -eq 0 ] && [ "$(sums)" = "$whole" ] && continue
        # the summary on the terminal comes last: the directory is whole then
        [ $code -eq 1 ] && says memory && { [ ! -e out ] || [ "$(sums)" = "$whole" ]; } || { echo "allocation $k: status $code"; return 1; }
    done
}
# What is in out, but for timings and the command line, and a picture that can be done without.
spare=
sums() { [ -z "$spare" ] || rm -f "out/$spare"; if [ -d out ]; then (cd out && ls -A && cat -- * | grep -av '"command"\|seconds' | cksum); else grep -av '[0-9] s</td>\|command' out | cksum; fi; }

least=300
it 'fit' then_whole bmixed fit "${slope[@]}" "${short[@]}" -o out
it 'fit --format cmdstan' then_whole bmixed fit "${slope[@]}" "${short[@]}" --format cmdstan -o out
it 'fit, no memory at all from some moment on' and_more bmixed fit "${slope[@]}" "${short[@]}" -o out
it 'fit in three passes, rows not kept' each bmixed fit 'Reaction ~ scale(Days * scale(Days)) + factor(Days) + offset(Days) + (1 | Subject)' sleepstudy.csv "${short[@]}" --hold-rows 4 --prior 'b_factor(Days)1 ~ constant(2)'
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
it 'report -o' in_processes bmixed report ref -o out -q
it 'compare -o' then_whole bmixed compare ref -q -o out
rare=29
it 'compare --pooling --test-ranef' each bmixed compare ref -q --pooling --test-ranef
if command -v gnuplot >/dev/null; then it 'plot' in_processes bmixed plot ref --kind density -o out; else skip 'plot' 'no gnuplot'; fi
own=('Reaction ~ Days + (1 | Subject)' sleepstudy.csv --prior 'Intercept ~ normal(300, 50)' --seed 5 --threads 1 -q)
spare=sbc.svg
it 'sbc -o' in_processes bmixed sbc "${own[@]}" --reps 20 -o out
rare=997
it 'geweke' each bmixed geweke "${own[@]}" --reps 20 --steps 2

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
