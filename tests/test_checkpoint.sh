#!/usr/bin/env bash
# A run that is killed at any moment and resumed gives the files of one that nothing has ended, byte for byte; checkpoints of other runs, of other data, damaged
# ones are refused, and nothing is lost.
. "$(dirname "$0")/testing.sh"
SHIM=${B:-$PWD/build/plain}/faults.so
[ -e "$SHIM" ] || { skip 'kills and resumes' 'a sanitizer owns the preloading here'; finish; }
cp tests/data/{sleepstudy,cake,Penicillin}.csv "$WORK/"
cd "$WORK" || exit 1
PATH=$(dirname "$BMIXED"):$PATH
slope='Reaction ~ Days + (Days | Subject)'

# same A B: the files that depend on data, model and seed only
same()
{
    for f in draws.csv ranef.csv summary.csv; do cmp "$1/$f" "$2/$f" || return 1; done
    cmp <(grep -v '"threads"' "$1/model.json") <(grep -v '"threads"' "$2/model.json")
}
# Only the results are left, no checkpoint and nothing half-written.
only() { [ -d "$1" ] && [ "$(ls -d "$1"*)" = "$1" ]; }
# killed K COMMAND...: the command, killed before the K-th call that changes files; fails if it came to its end
killed()
{
    local k=$1
    shift
    { FAULT_KILL=$k LD_PRELOAD=$SHIM "$@"; } >/dev/null 2>&1
    [ $? -eq 137 ]
}

# ---- killed and resumed: every sampler ----------------------------------------------------------------------------------------------

# survives K...: killed before the K-th call, resumed with another number of threads and killed again ..., resumed to the end. Adds to kills.
survives()
{
    local threads=1 k
    rm -rf cut cut.*
    killed "$1" bmixed fit "${model[@]}" -o cut --checkpoint 0 -q && kills=$((kills + 1))
    shift
    for k in "$@"; do
        [ -e cut ] && break                          # at its end, or killed when only the checkpoint was to be removed
        [ -e cut.checkpoint ] || { echo 'no checkpoint'; return 1; }
        threads=$((3 - threads))
        killed "$k" bmixed fit --resume cut --threads $threads -q && kills=$((kills + 1))
    done
    [ -e cut ] || bmixed fit --resume cut -q >/dev/null 2>&1 || { echo 'not resumed'; return 1; }
    same whole cut
}
# How many checkpoints there are depends on the speed of the machine; the first kills come for certain.
all_survive()
{
    local k kills=0
    rm -rf whole
    bmixed fit "${model[@]}" -o whole --threads 2 -q >/dev/null 2>&1 || return 1
    for k in 5 6 7 21 50; do survives $k $((k + 1)) 8 30 || { echo "killed at $k"; return 1; }; done
    [ $kills -ge 6 ] || { echo "only $kills kills"; return 1; }
}
model=("$slope" sleepstudy.csv --draws 5000 --thin 2)
it 'collapsed: killed at any moment and resumed, byte for byte' all_survive
model=("$slope" sleepstudy.csv --draws 200 --warmup 20000 --chains 2)
it 'in warm-up, too' all_survive
model=(sleepstudy.csv 'Reaction ~ Days + (1 | Subject)' --draws 300 --target-ess 9000 --warmup 200 --prior 'b ~ student_t(4, 0, 100)')
it 'with draws until an effective sample size is reached' all_survive
model=("$slope" sleepstudy.csv --draws 5000 --ranef-draws none --format cmdstan)
stan() { rm -rf whole; bmixed fit "${model[@]}" -o whole -q >/dev/null && survives_stan; }
survives_stan()
{
    rm -rf cut cut.*
    killed 21 bmixed fit "${model[@]}" -o cut --checkpoint 0 -q && bmixed fit --resume cut -q >/dev/null && cmp whole/ranef.csv cut/ranef.csv && for c in 1 2 3 4; do cmp <(grep -v '^#' whole/draws-$c.csv) <(grep -v '^#' cut/draws-$c.csv) || return 1; done
}
it 'with group effects that are summarised and not kept, in the format asked for' stan
model=('angle ~ recipe + temperature + (temperature | recipe:replicate)' cake.csv --factor temperature --draws 150 --warmup 150 --chains 2)
it 'Hamiltonian: the same' all_survive
model=('diameter ~ 1 + (1 | plate) + (1 | sample)' Penicillin.csv --sampler gibbs --draws 1500 --warmup 300)
it 'factor by factor: the same' all_survive
model=('diameter ~ 1 + (1 | plate) + (1 | sample)' Penicillin.csv --sampler gibbs --draws 50 --warmup 4000)
it 'factor by factor, in warm-up' all_survive

# Sums of rows that are not kept differ in their last digits from those of rows that are: the run is resumed with the sums it had, whatever it is called with.
held()
{
    local k kills=0
    model=("$slope" sleepstudy.csv --draws 5000 --hold-rows 20)
    all_survive || return 1
    cp -r whole of20
    model=("$slope" sleepstudy.csv --draws 5000)
    rm -rf whole cut cut.*
    bmixed fit "${model[@]}" -o whole -q || return 1
    if cmp -s whole/draws.csv of20/draws.csv; then echo 'the same draws with and without rows: nothing is tested'; return 1; fi
    killed 21 bmixed fit "${model[@]}" -o cut --checkpoint 0 -q
    run bmixed fit --resume cut -q --hold-rows 20
    [ $code -eq 2 ] && [[ $err == *"held all rows of its data, not 20"* ]] || return 1
    bmixed fit --resume cut -q --hold-rows 200 && same whole cut
}
it 'rows held, or not: resumed with the same sums' held

# Kills that the program cannot see coming.
random_kills()
{
    local i ms
    rm -rf whole
    bmixed fit "${model[@]}" -o whole -q >/dev/null
    for i in 1 2 3 4; do
        rm -rf cut cut.*
        ms=40
        bmixed fit "${model[@]}" -o cut -q --checkpoint 0.01 >/dev/null 2>&1 &
        while kill -0 $! 2>/dev/null; do
            sleep "$(printf '0.%03d' $((RANDOM % ms)))"
            ms=$((ms < 900 ? ms + ms / 4 : ms))      # it must come to its end some day
            kill -9 $! 2>/dev/null
            wait $! 2>/dev/null
            [ -e cut ] && break
            if [ -e cut.checkpoint ]; then bmixed fit --resume cut -q >/dev/null 2>&1 & else bmixed fit "${model[@]}" -o cut -q --checkpoint 0.01 >/dev/null 2>&1 & fi
        done
        wait
        same whole cut || return 1
    done
}
model=("$slope" sleepstudy.csv --draws 4000)
it 'kill -9 at random moments, again and again' random_kills

# ---- stopped ------------------------------------------------------------------------------------------------------------------------

stop() { bmixed fit "${model[@]}" -o stopped --checkpoint 1000 -q >out 2>err & sleep 0.15; kill -"$1" $!; wait $!; code=$?; out=$(cat out) err=$(cat err); }
model=("$slope" sleepstudy.csv --draws 240000 --ranef-draws none)
bmixed fit "${model[@]}" -o whole --force -q >/dev/null
stop TERM
it 'SIGTERM saves the state, says how to go on and exits with 143' eval 'exits 143 && says "bmixed fit --resume stopped" && [ -e stopped.checkpoint ] && [ ! -e stopped ]'
run bmixed fit --resume stopped -q
it 'going on gives the same draws' eval 'exits 0 && same whole stopped && only stopped'
run bmixed fit --resume stopped -q
it 'a run whose results are there is said to have ended' eval 'exits 2 && says "as those in this directory are"'
it 'the files name the command that began the run' eval 'jq -e ".command | contains(\"--checkpoint 1000\")" stopped/summary.json'

model=("$slope" sleepstudy.csv --draws 2000)
bmixed fit "${model[@]}" -o whole --force -q >/dev/null
late() { env --default-signal=TERM FAULT_SIGNAL=15 FAULT_KILL=3 LD_PRELOAD="$SHIM" bmixed fit "${model[@]}" -o late --checkpoint 1000 -q >/dev/null 2>err; code=$?; err=$(cat err); }
late
it 'stopped while the results are written, and no state is on disk yet: they are written' eval 'exits 0 && same whole late && only late'

# ---- refused ------------------------------------------------------------------------------------------------------------------------

model=("$slope" sleepstudy.csv --draws 20000)
killed 25 bmixed fit "${model[@]}" -o old --checkpoint 0 -q
cp old.checkpoint kept
unharmed() { cmp kept old.checkpoint && [ ! -e old ]; }
refused() { refuses 2 "$1" && unharmed; }
run bmixed fit "${model[@]}" -o old --checkpoint 5
it 'a run does not take the place of a checkpoint' refused "go on with it by --resume 'old'"
run bmixed fit --resume old --seed 7
it 'another seed is refused' refused "its seed is '1', not '7'"
run bmixed fit 'Reaction ~ Days + (1 | Subject)' sleepstudy.csv --draws 20000 --resume old
it 'another model is refused, by its formula' refused "its formula is '$slope', not 'Reaction ~ Days + (1 | Subject)'"
run bmixed fit --resume old --prior 'sigma ~ exponential(1)'
it 'other priors are refused' refused 'its prior is'
run bmixed fit --resume old -o new
it 'another directory is refused' refused "go to 'old'"
run bmixed fit --resume old --checkpoint soon
it 'seconds that are no number are refused' refused "'soon' is not a number of seconds"
sed '5s/[0-9]$/&1/' sleepstudy.csv >changed && mv sleepstudy.csv saved.csv && mv changed sleepstudy.csv
run bmixed fit --resume old
it 'changed data are refused' refused 'sleepstudy.csv has changed since the run began'
rm sleepstudy.csv
run bmixed fit --resume old
it 'data that are gone are named' refused 'sleepstudy.csv'
cp saved.csv elsewhere.csv
run bmixed fit "$slope" elsewhere.csv --draws 20000 --resume old -q
it 'data that have moved are named on the command line' eval 'exits 0 && only old'
mv saved.csv sleepstudy.csv
run bmixed fit "${model[@]}" -o whole --force -q
it 'and give the same draws' cmp whole/draws.csv old/draws.csv
rm -rf old

damage() { cp kept old.checkpoint && "$@" && run bmixed fit --resume old && refuses 2 "$why" && [ ! -e old ]; }
why='damaged or cut short'
size=$(stat -c %s kept)
flip() { printf "\\x$(printf %02x $(($(od -An -tu1 -j"$1" -N1 kept) ^ 255)))" | dd of=old.checkpoint bs=1 seek="$1" conv=notrunc status=none; }
each_byte() { local i; for i in 30 60 200 1000 $((size / 2)) $((size - 9)) $((size - 3)); do damage flip $i || { echo "byte $i"; return 1; }; done; }
cut_short() { local i; for i in 20 25 26 100 1000 $((size / 2)) $((size - 8)) $((size - 1)); do damage truncate -s $i old.checkpoint || { echo "$i bytes"; return 1; }; done; }
it 'one wrong byte anywhere is refused' each_byte
it 'a checkpoint cut short is refused' cut_short
it 'more than there was is refused' damage eval 'echo >>old.checkpoint'
why='is not a checkpoint of bmixed'
it 'another file is refused' damage cp sleepstudy.csv old.checkpoint
it 'an empty file is refused' damage truncate -s 0 old.checkpoint
rm old.checkpoint && mkdir old.checkpoint
run bmixed fit --resume old
it 'a directory is refused' refuses 2 'not a checkpoint'
rmdir old.checkpoint
run bmixed fit --resume old
it 'no checkpoint: it says where it looked' refuses 2 "there is no checkpoint 'old.checkpoint'"
run bmixed fit "$slope" sleepstudy.csv --checkpoint 10
it '--checkpoint without -o is refused' refuses 2 '--checkpoint needs -o'

# ---- a disk that refuses ---------------------------------------------------------------------------------------------------------------

run env LD_PRELOAD="$SHIM" FAULT_ERROR=1 FAULT_ONLY=rename bmixed fit "${model[@]}" -o full --checkpoint 0 -q
it 'a first checkpoint that cannot be written ends the run' eval 'refuses 1 "No space left" && [ -z "$(ls -d full*)" ]'
run env LD_PRELOAD="$SHIM" FAULT_ERROR=3 FAULT_ONLY=fsync bmixed fit "${model[@]}" -o full --checkpoint 0 -q
it 'so does one that cannot be synced' eval 'exits 1 && says "No space left" && [ ! -e full ]'
finish
