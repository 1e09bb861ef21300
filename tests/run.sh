#!/usr/bin/env bash
# Runs test programs (cmocka binaries and shell scripts) and counts: run.sh PROGRAM...; needs nothing but bash.
# Each prints TAP: "ok N - name", "not ok N - name", "ok N - name # SKIP why". A program that dies without a failed test counts as one.
# Only failures are shown (V=1: everything). The last line is "N passed, N failed"; the status is 1 if anything failed.
set -u
passed=0 failed=0 skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

for program in "$@"; do
    name=${program##*/}
    start=$EPOCHREALTIME
    case $program in
        *.sh) bash "$program" ;;
        */*) "$program" ;;
        *) "./$program" ;;
    esac >"$log" 2>&1
    status=$?
    took=$(( (${EPOCHREALTIME/[.,]/} - ${start/[.,]/}) / 1000 ))
    ok=0 bad=0 skip=0
    while IFS= read -r line; do
        case $line in
            'ok '*'# SKIP'* | 'not ok '*'# SKIP'*) skip=$((skip + 1)) ;;    # cmocka says "not ok N # SKIP"
            'not ok '*) bad=$((bad + 1)) ;;
            'ok '*) ok=$((ok + 1)) ;;
        esac
    done <"$log"
    crash=''
    if [ $status -ne 0 ] && [ $bad -eq 0 ]; then
        bad=1 crash=" (exit status $status)"
    elif [ $((ok + bad + skip)) -eq 0 ]; then
        bad=1 crash=' (no test ran)'
    fi
    printf '%-24s %4d passed, %d failed' "$name" $ok $bad
    [ $skip -gt 0 ] && printf ', %d skipped' $skip
    printf '  %d.%03d s%s\n' $((took / 1000)) $((took % 1000)) "$crash"
    if [ $bad -gt 0 ] || [ -n "${V:-}" ]; then
        if [ -n "${V:-}" ] || [ -n "$crash" ]; then sed 's/^/    /' "$log"
        else grep -v '^ok ' "$log" | sed 's/^/    /'
        fi
    elif [ $skip -gt 0 ]; then
        sed -n 's/^\(not \)\{0,1\}ok [0-9]* *-* *\(.*# SKIP.*\)/    skipped: \2/p' "$log"
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

[ $skipped -gt 0 ] && echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
