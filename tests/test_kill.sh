#!/usr/bin/env bash
# Whatever ends a run, at whichever of its calls that change files: what it was to write is there as a whole or not at all, what was there before is the old or
# the new, another run gives the same bytes and removes what was left; a disk that refuses is a message, exit status 1, and no trace.
. "$(dirname "$0")/testing.sh"
SHIM=${B:-$PWD/build/plain}/faults.so
[ -e "$SHIM" ] || { skip 'every call at which a run can end' 'a sanitizer owns the preloading here'; finish; }
cp tests/data/sleepstudy.csv "$WORK/"
cd "$WORK" || exit 1
PATH=$(dirname "$BMIXED"):$PATH
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
formula='Reaction ~ Days + (Days | Subject)'
short=(--draws 60 --warmup 60 --chains 2 --threads 1 -q)
fit=(bmixed fit "$formula" sleepstudy.csv "${short[@]}")
"${fit[@]}" -o ref >/dev/null 2>&1 || exit 1
"${fit[@]}" -o old --seed 2 >/dev/null 2>&1
mkdir in && cd in && cp -r ../ref ../old ../sleepstudy.csv . || exit 1

# The i-th call of COMMAND: killed, signalled or refused there; sets code, err. Signals are not ignored, though the suite may run in the background of a script.
at() { local how=$1; shift; { env --default-signal=INT,TERM,HUP LD_PRELOAD="$SHIM" "$how" "$@" >../o 2>../e; } 2>/dev/null; code=$?; err=$(tr -d '\0' <../e); }
killed_at() { at FAULT_KILL="$@"; }
refused_at() { at FAULT_ERROR="$@"; }
stopped_at() { local s=$1; shift; export FAULT_SIGNAL=$s; at FAULT_KILL="$@"; unset FAULT_SIGNAL; }
draws_of() { cmp -s "$1/draws.csv" "$2/draws.csv" && cmp -s "$1/ranef.csv" "$2/ranef.csv" && jq -e .timing "$1/summary.json" >/dev/null 2>&1; }
# nothing X: no file of that name, nor any that a run may have begun
nothing() { ! ls -A | grep -qx -e "\\.\{0,1\}$1.*"; }
only() { [ "$(ls -A | grep -x -e "\\.\{0,1\}$1.*")" = "$1" ]; }

# ---- fit -o DIR -----------------------------------------------------------------------------------------------------------------------

# each_fit LEAST BEFORE HOW AFTER COMMAND...: at each of its calls, more than LEAST of them, COMMAND is ended by HOW, after BEFORE, and AFTER holds then; undisturbed at
# last, it writes ref's draws to out.
each_fit()
{
    local least=$1 before=$2 how=$3 after=$4 k
    shift 4
    for ((k = 1; ; k++)); do
        rm -rf out out.*
        $before
        $how $k "$@"
        [ $code -eq 0 ] && break
        $after || { echo "call $k: status $code; not $after"; ls -A; return 1; }
    done
    [ $k -gt "$least" ] && draws_of out ref
}
old_there() { cp -r old out; }
whole_or_absent()
{
    [ $code -eq 137 ] && { [ ! -e out ] || draws_of out ref; } || return 1
    rm -rf out
    "${fit[@]}" -o out >/dev/null 2>&1
    draws_of out ref && only out
}
old_or_new() { [ $code -eq 137 ] && { draws_of out old || draws_of out ref; }; }
told_without_trace() { [ $code -eq 1 ] && says 'No space left' && nothing out; }
told_and_old() { [ $code -eq 1 ] && says 'No space left' && draws_of out old && only out; }
it 'fit, killed at any call: the directory is whole or absent; the next run gives the same bytes, and leaves nothing else' \
    each_fit 12 : killed_at whole_or_absent "${fit[@]}" -o out
it 'fit --force, killed at any call: the old directory or the new one' each_fit 12 old_there killed_at old_or_new "${fit[@]}" -o out --force
it 'fit, a disk that is full from any call on: a message, status 1, no trace' each_fit 10 : refused_at told_without_trace "${fit[@]}" -o out
it 'fit --force, the same: the old directory stays' each_fit 10 old_there refused_at told_and_old "${fit[@]}" -o out --force
stopped()
{
    local sig=$1 k n=0
    for ((k = 1; ; k++)); do
        rm -rf out out.*
        stopped_at $sig $k "${fit[@]}" -o out
        if [ $code -eq 0 ]; then
            draws_of out ref && only out || { echo "call $k: not whole, or not alone"; ls -A; return 1; }
            [ $((++n)) -ge 8 ] && break              # no call left, or too late to matter
        elif [ $code -eq $((128 + sig)) ]; then
            nothing out || { echo "call $k: left"; ls -A; return 1; }
        else
            echo "call $k: status $code"
            return 1
        fi
    done
    [ $k -gt 15 ] || { echo "only $k calls"; return 1; }
}
it 'SIGTERM while the results are written: nothing, and 143, or all of them' stopped 15
it 'SIGINT: nothing, and 130, or all of them' stopped 2

# ---- files that go into a directory, and single files --------------------------------------------------------------------------------------

# each_call TARGET MOST COMMAND...: TARGET is absent or as the command makes it undisturbed, but for timings and the like (lines with "seconds", "written")
content() { if [ -d "$1" ]; then (cd "$1" && for f in *; do echo "== $f"; [ ! -e "$f" ] || grep -v 'seconds\|command' "$f"; done); else grep -av 'seconds\|[0-9] s</td>\|bmixed report\|command' "$1"; fi; }
each_call()
{
    local target=$1 k whole
    shift
    rm -rf "$target" && "$@" >/dev/null 2>&1 && whole=$(content "$target" | cksum) || return 1
    for ((k = 1; ; k++)); do
        rm -rf "$target" ".$target".*
        killed_at $k "$@"
        [ $code -eq 0 ] && break
        [ -e "$target" ] && [ "$(content "$target" | cksum)" != "$whole" ] && [ -z "$parts" ] && { echo "call $k: half of $target"; return 1; }
        for f in $parts; do [ ! -e "$target/$f" ] || [ -s "$target/$f" ] || { echo "call $k: half of $f"; return 1; }; done
        rm -rf "$target"
        refused_at $k "$@"
        [ $code -eq 0 ] && [ "$(content "$target" | cksum)" = "$whole" ] && continue     # a call that removes something
        [ $code -eq 1 ] && says 'No space left' || { echo "call $k refused: status $code"; return 1; }
        [ ! -e "$target" ] || { echo "call $k refused: $target is there"; return 1; }
    done
    [ $k -gt 2 ]
}
parts=reml.json
it 'reml -o' each_call r bmixed reml "$formula" sleepstudy.csv -q -o r
parts='compare.csv compare.json'
it 'compare -o' each_call c bmixed compare ref -q -o c
# What kill -9 leaves goes with the next run.
each_rest()
{
    local k whole
    rm -rf new && "$@" -o new >/dev/null 2>&1 && whole=$(ls -A new) || return 1
    for ((k = 1; ; k++)); do
        rm -rf new
        killed_at $k "$@" -o new
        [ $code -eq 0 ] && break
        "$@" -o new --force >/dev/null 2>&1
        [ "$(ls -A new)" = "$whole" ] || { echo "call $k: left"; ls -A new; return 1; }
    done
    [ $k -gt 3 ]
}
it 'what a killed reml -o leaves goes with the next' each_rest bmixed reml "$formula" sleepstudy.csv -q
it 'what a killed compare -o leaves, too' each_rest bmixed compare ref -q
# A signal at any call: nothing and its status, or all of it and no temporary file; in a directory that holds something else, too.
each_stop()
{
    local sig k n whole
    rm -rf new held && mkdir held && echo mine >held/other && "$@" -o new >/dev/null 2>&1 && whole=$(ls -A new) || return 1
    for sig in 2 15; do
        for ((k = 1, n = 0; n < 3; k++)); do
            rm -rf new
            stopped_at $sig $k "$@" -o new
            if [ $code -eq 0 ]; then
                [ "$(ls -A new)" = "$whole" ] || { echo "signal $sig at call $k: not whole, or not alone"; ls -A new; return 1; }
                n=$((n + 1))
            elif [ $code -ne $((128 + sig)) ] || ! says interrupted || [ -e new ]; then
                echo "signal $sig at call $k: status $code"
                return 1
            fi
            stopped_at $sig $k "$@" -o held
            [ $code -eq 0 ] || [ "$(ls -A held)" = other ] || { echo "signal $sig at call $k: left"; ls -A held; return 1; }
            (cd held && rm -f $whole)
            [ "$(ls -A held)" = other ] || { echo "signal $sig at call $k: left"; ls -A held; return 1; }
        done
        [ $k -gt 5 ] || { echo "only $k calls"; return 1; }
    done
}
it 'SIGINT and SIGTERM while reml -o writes: nothing and 130 or 143, or all' each_stop bmixed reml "$formula" sleepstudy.csv -q
it 'SIGINT and SIGTERM while compare -o writes: the same' each_stop bmixed compare ref -q --pooling
parts='trace.svg density.svg'
if command -v gnuplot >/dev/null; then it 'plot -o' each_call p bmixed plot ref --kind trace,density -o p; else skip 'plot -o' 'no gnuplot'; fi
parts=
it 'report -o' each_call report.html bmixed report ref -o report.html -q
it 'sbc -o' each_call s bmixed sbc 'Reaction ~ Days + (1 | Subject)' sleepstudy.csv --prior 'Intercept ~ normal(300, 50)' --reps 20 --seed 5 -q -o s

run bmixed report ref -o . -q
it 'report -o with the name of a directory is refused' refuses 2 'is a directory; -o takes the name of a file here'
# A signal while the report is computed: its temporary file goes, too.
rm -f report.html*
report_stopped() { stopped_at 15 2 bmixed report ref -o report.html -q; [ $code -eq 143 ] && nothing report.html; }
it 'SIGTERM during report: 143, and nothing is left' report_stopped

# ---- standard output that nobody reads, or that is full ------------------------------------------------------------------------------------

closed_pipe() { run bash -c 'set -o pipefail; "$@" | true; exit ${PIPESTATUS[0]}' _ "$@"; [ $code -eq 0 ] || [ $code -eq 3 ] || { exits 1 && says 'standard output'; }; }
full() { run bash -c '"$@" >/dev/full' _ "$@"; exits 1 && says 'No space left'; }
each_command()
{
    local c
    for c in "fit $PWD/sleepstudy.csv y" 'summary ref' 'summary ref --json' 'diagnose ref' 'model ref' 'model ref --json' 'reml ref' 'reml ref --json' 'simulate ref' 'compare ref' 'report ref -o -' \
             'help' 'help fit' 'help --man' '--version' '--help'; do
        [ "${c%% *}" = fit ] && set -- "${fit[@]}" || set -- bmixed $c
        "$how" "$@" || { echo "$c: status $code: $err"; return 1; }
    done
}
how=full
it 'a full disk behind standard output: every command says so' each_command
how=closed_pipe
it 'a closed pipe: a message, or done before it was seen; no death by SIGPIPE' each_command

# ---- input that vanishes, or ends in the middle ---------------------------------------------------------------------------------------------

rm -rf out out.*
{ head -n 40 sleepstudy.csv; printf 31; } >cut.csv
run bmixed fit "$formula" cut.csv "${short[@]}" -o out
it 'data cut in the middle of a line: the line is named, nothing written' eval 'refuses 2 "cut.csv" && nothing out'
gzip -c sleepstudy.csv | head -c 500 >cut.csv.gz
run bmixed fit "$formula" cut.csv.gz "${short[@]}" -o out
it 'compressed data cut short are refused' eval 'refuses 2 "cut.csv.gz" && nothing out'
run bmixed fit "$formula" . "${short[@]}" -o out
it 'a directory as data is refused' eval 'refuses 2 . && nothing out'
run bash -c '(cat cut.csv; kill -9 $BASHPID) | "$@"' _ bmixed fit "$formula" - "${short[@]}" -o out
it 'a pipe whose writer dies in the middle of a line: the same' eval 'exits 2 && nothing out'
reader_error() { at FAULT_READ=2 bmixed fit "$formula" sleepstudy.csv "${short[@]}" -o out; [ $code -eq 2 ] && says 'Input/output error' && nothing out; }
it 'a disk that fails while data are read is named' reader_error

# ---- before there is anything to write ------------------------------------------------------------------------------------------------------

# while_it_runs SIGNAL STATUS COMMAND...
while_it_runs()
{
    local sig=$1 status=$2
    shift 2
    rm -rf out
    env --default-signal=INT,HUP "$@" >../o 2>../e &
    local pid=$!
    sleep 0.3
    kill -"$sig" $pid
    wait $pid
    code=$? err=$(cat ../e)
    [ $code -eq "$status" ] || { echo "status $code"; return 1; }
}
mkfifo pipe
reading() { (exec 9>pipe; cat sleepstudy.csv >&9; exec sleep 2) & while_it_runs TERM 143 bmixed fit "$formula" pipe -o out && nothing out; }
it 'SIGTERM while data are read: 143, nothing' reading
# Factor by factor the warm-up is as long as it is asked to be.
crossed=(bmixed fit 'Reaction ~ 1 + (1 | Subject) + (1 | Days)' sleepstudy.csv "${short[@]}" --sampler gibbs --warmup 10000000 --draws 10)
warm_up() { while_it_runs TERM 143 "${crossed[@]}" -o out && nothing out; }
it 'SIGTERM in warm-up: 143, nothing' warm_up
hang_up() { while_it_runs HUP 129 "${crossed[@]}" -o out && nothing out; }
it 'a closed terminal in warm-up: 129, nothing' hang_up
sampling() { while_it_runs TERM 143 "${fit[@]}" --draws 3000000 --chains 1 --ranef-draws none --format none -o out && jq -e '.. | .interrupted? // empty' out/summary.json >/dev/null && only out; }
it 'SIGTERM while sampling: 143, what there was, marked as interrupted' sampling
finish
