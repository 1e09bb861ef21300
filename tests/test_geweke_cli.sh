#!/usr/bin/env bash
# bmixed geweke: what it prints, what it refuses, its exit codes.
. "$(dirname "$0")/testing.sh"
formula='Reaction ~ Days + (Days | Subject)'
cp tests/data/sleepstudy.csv tests/data/Penicillin.csv "$WORK/"
cd "$WORK" || exit 1
json() { jq -e "$@" >/dev/null; }

run "$BMIXED" geweke "$formula" sleepstudy.csv --reps 100 --steps 4
it 'right kernels pass, and the exit code is 0' eval 'exits 0 && prints "Passed: every kernel" && silent'
it 'every kernel of one factor is tested' eval 'for k in "independence proposals" "random walk" "Hamiltonian moves" "Hamiltonian with jumps" "coefficients and effects"; do prints "  $k" || exit 1; done
    ! prints "factor by factor"'
it 'in every quantity' eval 'for q in b_Intercept b_Days sd_Subject__Days cor_Subject__Intercept__Days sigma log_lik "r_Subject[308,Days]" "r_Subject[308,Days]/sd" "mean[row 1]"; do
         prints "  $q " || exit 1; done'
it 'it says what was done' eval 'prints "100 chains for every kernel, each 4 times 20 moves and new data; seed 1" && prints "4000 independent draws of parameters and data"'
it 'no line is longer than 80 columns' eval '! grep ".\{81\}" <<<"$out"'
run "$BMIXED" geweke "$formula" sleepstudy.csv --reps 30 --steps 2 --json --threads 1
one=$out
it '--json prints JSON' json '.passed and .chains == 30 and .steps == 2 and .seed == 1 and (.kernels | length == 5) and
    all(.kernels[]; .level != "failed" and .chains == 30 and .failed == 0 and (.quantities | length == 12) and all(.quantities[]; (.location | type == "number") and .p > 0))' <<<"$out"
run "$BMIXED" geweke "$formula" sleepstudy.csv --reps 30 --steps 2 --json --threads 3
it 'the same seed gives the same numbers whatever --threads is' eval '[ "$(jq -c .kernels <<<"$one")" = "$(jq -c .kernels <<<"$out")" ]'
run "$BMIXED" geweke "$formula" sleepstudy.csv --reps 30 --steps 2 --json --seed 2
it 'another seed gives others' eval 'exits 0 && [ "$(jq -c .kernels <<<"$one")" != "$(jq -c .kernels <<<"$out")" ]'
run "$BMIXED" geweke 'diameter ~ 1 + (1 | plate) + (1 | sample)' Penicillin.csv --reps 20 --steps 1 --json
it 'two grouping factors have the sweep factor by factor as well' json '[.kernels[].name] == ["independence", "random_walk", "hamiltonian", "hamiltonian_jumps", "factor_wise", "effects"]' <<<"$out"
run "$BMIXED" geweke 'Reaction ~ Days' sleepstudy.csv --prior 'sigma ~ constant(30)' --reps 20 --json
it 'without a free variance parameter there are only coefficients to draw' json '[.kernels[].name] == ["effects"] and .passed' <<<"$out"

# ---- refusals ------------------------------------------------------------------------------------------------------------------

for prior in 'sigma ~ flat()' 'b_Days ~ flat()' 'sd_Subject__Days ~ flat()'; do
    run "$BMIXED" geweke "$formula" sleepstudy.csv --prior "$prior"
    it "an improper prior is refused with its parameter and one to give: $prior" eval 'refuses 2 "that of ${prior%% *} is improper (flat)" && says "such as --prior"'
done
run "$BMIXED" geweke "$formula" sleepstudy.csv --reps 5
it 'a few chains say nothing' refuses 2 'between 20 and 100000, not 5'
run "$BMIXED" geweke "$formula" sleepstudy.csv --steps 0
it '--steps takes a number' refuses 2 "--steps: '0' is not a whole number above 0"
run "$BMIXED" geweke
it 'without a model it says how it is used' eval 'exits 2 && says "Usage: bmixed geweke FORMULA DATA" && [ -z "$out" ]'

# ---- Ctrl-C -----------------------------------------------------------------------------------------------------------------------

"$BMIXED" geweke "$formula" sleepstudy.csv --reps 20000 --steps 1 --json >.out 2>.err &
pid=$!
sleep 5
kill -TERM $pid
wait $pid
code=$? out=$(cat .out) err=$(cat .err)
it 'an interrupted run judges what there is, or says that there is nothing' eval '[ $code -eq 143 ] && says interrupted && { [ -z "$out" ] || json .interrupted <<<"$out"; }'

finish
