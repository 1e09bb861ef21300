#!/usr/bin/env bash
# bmixed sbc: what it prints and writes, what it refuses, its exit codes.
. "$(dirname "$0")/testing.sh"
formula='Reaction ~ Days + (Days | Subject)'
cp tests/data/sleepstudy.csv tests/data/sleepstudy_w.csv tests/data/Dyestuff.csv tests/data/Penicillin.csv "$WORK/"
cp tests/data/eight_schools.csv "$WORK/schools.csv"
cd "$WORK" || exit 1
json() { jq -e "$@" >/dev/null; }

run "$BMIXED" sbc "$formula" sleepstudy.csv --reps 100 -o out -q
it 'a right sampler is calibrated, and the exit code is 0' eval 'exits 0 && prints "Calibrated: over 100 data sets" && silent'
it 'every parameter, the log-likelihood, effects of the rarest group and a cell are judged' eval \
    'for q in b_Intercept b_Days sd_Subject__Days cor_Subject__Intercept__Days sigma log_lik "r_Subject[308,Days]" "r_Subject[308,Days]/sd" "mean[row 1]"; do
         prints "  $q " || exit 1; done'
it 'it says that default priors are kept at their numbers' prints 'Default priors depend on the data; here they are kept at these numbers.'
it 'it says how chains are thinned' eval '[[ $(tr -s " \n" " " <<<"$out") == *"truths ranked among 99 draws of each chain, one in "*" on average"* ]]'
it 'no line is longer than 80 columns' eval '! grep ".\{81\}" <<<"$out"'
it '-o writes ranks, JSON and a picture' eval '[ "$(ls out | tr "\n" " ")" = "ranks.csv sbc.json sbc.svg " ] && grep -q "<svg" out/sbc.svg'
it 'ranks.csv has a row for every data set and quantity' eval '[ "$(wc -l <out/ranks.csv)" -eq 1201 ] && [ "$(sed -n 1p out/ranks.csv)" = data_set,quantity,truth,rank ]'
it 'sbc.json counts the ranks between the bands' json '.calibrated and .data_sets.counted == 100 and (.quantities | length == 12)
    and all(.quantities[]; .level == "calibrated" or .level == "watch") and (.bands.lower | length == 99)' out/sbc.json
awk -F, '$2 == "sigma" && $4 < 50' out/ranks.csv | wc -l >half
it 'the counts in sbc.json are those of ranks.csv' json --argjson half "$(cat half)" '.quantities[] | select(.name == "sigma") | .below[49] == $half' out/sbc.json
run "$BMIXED" sbc "$formula" sleepstudy.csv --reps 100 -o out2 -q --threads 1
it 'the same seed gives the same ranks, byte for byte, whatever --threads is' cmp out/ranks.csv out2/ranks.csv
run "$BMIXED" sbc "$formula" sleepstudy.csv --reps 100 -o out2 -q --threads 3 --seed 2 --force
it 'another seed gives others' eval 'exits 0 && ! cmp -s out/ranks.csv out2/ranks.csv'
run "$BMIXED" sbc "$formula" sleepstudy.csv --reps 50 --json
it '--json prints JSON' json '.method == "simulation-based calibration" and .sampler.ranked_among == 99' <<<"$out"

# ---- refusals ------------------------------------------------------------------------------------------------------------------

for prior in 'sd_Subject__Days ~ flat()' 'sigma ~ flat()'; do
    run "$BMIXED" sbc "$formula" sleepstudy.csv --prior "$prior" -o never
    it "an improper prior is refused with its parameter and one to give: $prior" eval \
        'refuses 2 "that of ${prior%% *} is improper (flat)" && says "such as --prior '"'"'${prior%% *} ~ " && says "constant(...)" && [ ! -e never ]'
done
run "$BMIXED" sbc "$formula" sleepstudy.csv --prior 'b ~ flat()' --prior 'Intercept ~ flat()' --reps 100 --json
it 'coefficients may have flat priors' json '.calibrated and .data_sets.counted == 100' <<<"$out"
run "$BMIXED" sbc "$formula" sleepstudy.csv --prior 'b_Days ~ constant(10)' --reps 50
it 'a constant is no quantity' eval 'prints "  sd_Subject__Days " && ! prints "  b_Days  "'
run "$BMIXED" sbc "$formula" sleepstudy.csv --reps 5
it 'a few data sets say nothing' refuses 2 'between 20 and 100000, not 5'
run "$BMIXED" sbc "$formula" sleepstudy.csv --reps many
it '--reps takes a number' refuses 2 "--reps: 'many' is not a whole number above 0"
run "$BMIXED" sbc "$formula" sleepstudy.csv --sampler gibbs
it 'the factor-wise sampler needs two factors' refuses 2 'gibbs'
run "$BMIXED" sbc "$formula" sleepstudy.csv -o out
it 'an existing directory is not replaced' refuses 2 'exists'
"$BMIXED" fit "$formula" sleepstudy.csv -o fit -q --draws 50 --warmup 200 >/dev/null
run "$BMIXED" sbc fit --reps 50 -q -o fit --force
it 'a fit is not replaced by its calibration' eval 'refuses 2 "holds a fit" && [ -e fit/draws.csv ]'
run "$BMIXED" sbc fit --reps 50 -q
it 'an output directory stands for its model' eval 'exits 0 && prints "Days | Subject"'
mkdir bin && run env PATH="$PWD/bin" "$BMIXED" sbc "$formula" sleepstudy.csv --reps 30 -o nopicture
it 'without gnuplot the picture is missing, with a word' eval 'exits 0 && says "there is no picture: gnuplot" && [ -e nopicture/sbc.json ] && [ ! -e nopicture/sbc.svg ]'

# ---- options of the model ---------------------------------------------------------------------------------------------------------

run "$BMIXED" sbc 'Reaction ~ Days + offset(off) + (1 | Subject)' sleepstudy_w.csv --weights w --reps 100 --json
it 'weights and an offset are kept' json '.calibrated and .data_sets.counted == 100' <<<"$out"
run "$BMIXED" sbc 'diameter ~ 1 + (1 | plate) + (1 | sample)' Penicillin.csv --sampler gibbs --reps 50 --seed 2 --json
it '--sampler gibbs checks that sampler' json '.calibrated and .sampler.name == "gibbs" and (.sampler.kernel | startswith("factor-wise"))' <<<"$out"
run "$BMIXED" sbc 'y ~ 1 + (1 | school)' schools.csv --se se --reps 100 --json
it 'known standard errors leave no sigma' json '.calibrated and .data_sets.counted == 100 and all(.quantities[]; .name != "sigma")' <<<"$out"
run "$BMIXED" sbc 'Reaction ~ Days + I(Days^2) + I(Days^3) + I(Days^4) + (Days + I(Days^2) + I(Days^3) + I(Days^4) | Subject)' sleepstudy.csv --reps 20 --json
it 'sixteen variance parameters are moved by Hamiltonian steps, and ranked' json '.calibrated and .data_sets.counted >= 18 and (.sampler.kernel | startswith("Hamiltonian"))' <<<"$out"

# ---- extremes ------------------------------------------------------------------------------------------------------------------

run "$BMIXED" sbc 'Yield ~ 1 + (1 | Batch)' Dyestuff.csv --prior 'sigma ~ lognormal(-32, 1)' --prior 'sd ~ half_normal(0, 1)' --reps 40 --json
it 'data sets beyond double precision are counted, and it is an error if all are' refuses 1 'rounding hides it'
run "$BMIXED" sbc 'Yield ~ 1 + (1 | Batch)' Dyestuff.csv --prior 'sigma ~ lognormal(-22, 4)' --prior 'sd ~ half_normal(0, 1)' --reps 300 --json
it 'those that are not are calibrated' json '.calibrated and .data_sets.beyond_precision > 30 and .data_sets.counted > 100 and .data_sets.failed == 0
    and .data_sets.counted + .data_sets.beyond_precision == 300' <<<"$out"

for sigma in 1e-5 1e-6; do
    run "$BMIXED" sbc 'Yield ~ 1 + (1 | Batch)' Dyestuff.csv --prior "sigma ~ constant($sigma)" --prior 'sd ~ constant(1)' --reps 20 --json
    if [ $sigma = 1e-5 ]; then it 'sigma is resolved at a hundred-thousandth of the spread of the groups, as the help says' json '.data_sets.counted == 20' <<<"$out"
    else it 'but not at a millionth' refuses 1 'rounding hides it'; fi
done

# ---- Ctrl-C -----------------------------------------------------------------------------------------------------------------------

"$BMIXED" sbc "$formula" sleepstudy.csv --reps 100000 -o stopped >.out 2>.err &
pid=$!
sleep 1.5
kill -TERM $pid
wait $pid
code=$? out=$(cat .out) err=$(cat .err)
it 'an interrupted run judges what there is, and says so' eval 'exits 143 && says "interrupted" && prints "of 100000 data sets" && json .interrupted stopped/sbc.json'

finish
