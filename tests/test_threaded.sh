#!/usr/bin/env bash
# What runs in several threads gives the same bytes with one and with four, for every sampler and every subcommand that has threads.
# `make check-threads` runs it (and the programs that test threads) with ThreadSanitizer, where a data race ends the run with status 66.
. "$(dirname "$0")/testing.sh"
export TSAN_OPTIONS="${TSAN_OPTIONS:-} exitcode=66 halt_on_error=1"
data=$PWD/tests/data
cd "$WORK" || exit 1

# Two crossed factors and a slope, 120 rows: small enough for a sanitizer.
awk 'BEGIN { srand(1); print "y,x,g,h"; for (i = 0; i < 120; i++) printf "%.4f,%.3f,g%d,h%d\n", i % 8 + 2 * (i % 5) + rand(), rand(), i % 8, i % 5 }' >crossed.csv

# same_draws NAME ARGUMENT...: the draws with one thread and with four.
same_draws()
{
    local name=$1
    shift
    run "$BMIXED" fit "$@" --chains 4 --warmup 60 --draws 40 --seed 3 -q --threads 1 -o "$name-1" && exits 0 &&
        run "$BMIXED" fit "$@" --chains 4 --warmup 60 --draws 40 --seed 3 -q --threads 4 -o "$name-4" && exits 0 &&
        cmp "$name-1/draws.csv" "$name-4/draws.csv" && cmp "$name-1/ranef.csv" "$name-4/ranef.csv"
}

# same_output ARGUMENT...: standard output with one thread and with four, but for the seconds it took.
same_output()
{
    run "$BMIXED" "$@" --threads 1
    [ "$code" -lt 2 ] || [ "$code" -eq 3 ] || return 1
    local one=$out
    run "$BMIXED" "$@" --threads 4
    [ "$code" -lt 2 ] || [ "$code" -eq 3 ] || return 1
    diff <(sed 's/[0-9.]* *m\{0,1\}s\b//g; s/[0-9.]* seconds\{0,1\}//g' <<<"$one") <(sed 's/[0-9.]* *m\{0,1\}s\b//g; s/[0-9.]* seconds\{0,1\}//g' <<<"$out")
}

it 'a joint sampler of one factor' same_draws slope 'y ~ x + (x | g)' crossed.csv --sampler collapsed
it 'a joint sampler of crossed factors' same_draws joint 'y ~ x + (1 | g) + (1 | h)' crossed.csv --sampler collapsed
it 'a sampler factor by factor' same_draws gibbs 'y ~ x + (1 | g) + (1 | h)' crossed.csv --sampler gibbs
it 'many small groups' same_draws schools "$data/../../models/eight_schools.json"
it 'calibration' same_output sbc 'y ~ x + (1 | g)' crossed.csv --reps 20 --prior 'sigma ~ half_normal(0, 5)' --prior 'sd ~ half_normal(0, 5)' --seed 2
finish
