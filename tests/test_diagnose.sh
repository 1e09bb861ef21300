#!/usr/bin/env bash
# bmixed diagnose: verdicts, advice and exit codes on good and bad draws, ours and those of Stan.
. "$(dirname "$0")/testing.sh"
run "$BMIXED" fit models/sleepstudy.json -o "$WORK/sleep" -q
it 'a fit to judge' exits 0
good=$WORK/sleep/draws.csv

level() { jq -r --arg id "$1" '.checks[] | select(.id == $id) | .level' <<<"$out"; }
parameter() { jq -r --arg id "$1" '.checks[] | select(.id == $id) | .parameter' <<<"$out"; }
# change AWK-STATEMENT: a copy of the draws with it applied to every row; columns are .chain, .iteration, .draw, lp__, b_Intercept, b_Days, ...
change() { awk -F, -v OFS=, 'NR > 1 { '"$1"' } { print }' "$good" >"$WORK/bad.csv"; }

run "$BMIXED" diagnose "$WORK/sleep"
it 'a good fit is trusted: exit code 0 and a sentence' eval 'exits 0 && silent && prints "Nothing speaks against trusting these draws."'
it 'checks that cannot be made are not shown without -v' eval '! prints "not known here"'
run "$BMIXED" diagnose "$WORK/sleep" --json
it 'the JSON has every check, all of them good' jq -e '.trusted and (.checks | length == 10) and all(.checks[]; .level == "good" and .verdict != null)' <<<"$out"
it 'the JSON has the numbers of summary.json' eval '[ "$(jq ".checks[] | select(.id == \"pareto_k\").value" <<<"$out")" = "$(jq .diagnostics.pareto_k "$WORK/sleep/summary.json")" ]
    [ "$(jq ".checks[] | select(.id == \"acceptance\").value" <<<"$out")" = "$(jq ".sampler.acceptance | min" "$WORK/sleep/summary.json")" ]'

change '$6 += ($1 == 3) * 1.7'
run "$BMIXED" diagnose "$WORK/bad.csv"
it 'a shifted chain is not trusted: exit code 3' eval 'exits 3 && prints "Do not trust these draws yet."'
it 'the chain, the distance and the variable are named' eval 'flat=$(tr -s " \n" " " <<<"$out") && [[ $flat =~ "Chain 3 lies "(0\.9[0-9]*|1|1\.[01][0-9]*)" sds above the others in b_Days." ]]'
it 'it says what to do' eval '[[ $flat == *"give it more --warmup"* ]]'
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'and so in JSON' eval '[ "$(level chains)" = bad ] && [ "$(level rhat)" = bad ] && [ "$(parameter chains)" = b_Days ] && jq -e ".trusted == false" <<<"$out"'
it 'a shift of one sd is measured as one sd' jq -e '.checks[] | select(.id == "chains") | .value > 0.9 and .value < 1.15' <<<"$out"

change 'if ($1 == 2) $6 = 10'
run "$BMIXED" diagnose "$WORK/bad.csv"
it 'a chain that does not move is named' eval 'exits 3 && tr -s " \n" " " <<<"$out" | grep -q "Chain 2 did not move: its draws of b_Days are all the same"'
change 'if (NR == 77) $6 = "nan"'
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'a draw that is no number is not trusted' eval 'exits 3 && [ "$(level finite)" = bad ]'
change '$7 = ($7 - 15) * ($7 > 15)'
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'an sd with mass at 0 deserves a look, and no more' eval 'exits 0 && [ "$(level boundary)" = watch ] && [ "$(parameter boundary)" = sd_Subject__Intercept ]'
change '$9 = 0.99 + $9 / 1000'
run "$BMIXED" diagnose "$WORK/bad.csv"
it 'a correlation at 1 deserves a look' eval 'exits 0 && prints "cor_Subject__Intercept__Days is near +1"'
awk -F, 'NR == 1 || $2 <= 60' "$good" >"$WORK/bad.csv"
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'too few draws are counted' eval 'exits 3 && [ "$(level ess)" = bad ] && [ "$(level mcse)" != good ]'
awk -F, 'NR == 1 || $2 == 1' "$good" >"$WORK/bad.csv"
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'a draw per chain is not trusted' eval 'exits 3 && [ "$(level ess)" = bad ]'
awk -F, 'NR == 1 || $1 == 1' "$good" >"$WORK/bad.csv"
run "$BMIXED" diagnose "$WORK/bad.csv" --json
it 'one chain is watched: it cannot disagree with itself' eval '[ "$(level rhat)" = watch ] && [ "$(level chains)" = skipped ]'
awk -F, 'NR == 1 || $1 < 3' "$good" | awk -F, -v OFS=, 'NR > 1 { $6 += ($1 == 2) * 3 } { print }' >"$WORK/bad.csv"
run "$BMIXED" diagnose "$WORK/bad.csv"
it 'of two chains neither is blamed' eval 'exits 3 && prints "The two chains differ by"'

# A large Pareto k is bad where ratios weigh, and only the shape of noise where they are nearly equal.
ratios() { jq ".diagnostics.pareto_k = $1 | .diagnostics.top_ratio = $2" "$WORK/sleep/summary.json" >"$WORK/ratios/summary.json"; }
cp -r "$WORK/sleep" "$WORK/ratios"
ratios 3.2 50
run "$BMIXED" diagnose "$WORK/ratios" --json
it 'a tail that the proposal misses is not trusted' eval 'exits 3 && [ "$(level pareto_k)" = bad ]'
ratios 3.2 1.6
run "$BMIXED" diagnose "$WORK/ratios"
it 'ratios that are nearly equal are trusted, whatever their shape' eval 'exits 0 && tr -s " \n" " " <<<"$out" | grep -q "no ratio is more than 1.6 times their mean"'
ratios 3.2 null
run "$BMIXED" diagnose "$WORK/ratios" --json
it 'where the largest is not known, k decides' eval 'exits 3 && [ "$(level pareto_k)" = bad ]'

run "$BMIXED" fit models/sleepstudy.json -o "$WORK/conflict" -q --prior 'b_Days ~ normal(-20, 1)'
run "$BMIXED" diagnose "$WORK/conflict" --json
it 'a prior that the data contradict is named' eval 'exits 3 && [ "$(level prior)" = bad ] && [ "$(parameter prior)" = b_Days ]'
run "$BMIXED" fit models/sleepstudy.json -o "$WORK/narrow" -q --prior 'sigma ~ half_normal(0, 1)'
run "$BMIXED" diagnose "$WORK/narrow" --json
it 'so is one of a standard deviation' eval 'exits 3 && [ "$(level prior)" = bad ] && [ "$(parameter prior)" = sigma ]'
run "$BMIXED" fit models/sleepstudy.json -o "$WORK/stan" -q --format cmdstan
run "$BMIXED" diagnose "$WORK"/stan/draws-[1-4].csv
it 'Stan CSV files are judged' eval 'exits 0 && prints "4 chains x 1000 draws"'
run "$BMIXED" diagnose "$WORK"/stan/draws-[1-4].csv -v
it 'what is not known of them is said with -v' prints 'these draws come without a model.json'
run "$BMIXED" diagnose "$WORK/stan"
it 'an output directory with Stan CSV files is judged with its priors' eval 'exits 0 && prints "Priors against data"'

cp -R "$WORK/sleep" "$WORK/moved"
jq '.data = "/nowhere.csv"' "$WORK/sleep/model.json" >"$WORK/moved/model.json"
run "$BMIXED" diagnose "$WORK/moved" -v
it 'without the data all but the priors is judged' eval 'exits 0 && prints "The priors are not known here"'
sed 's/249.56/250.56/' tests/data/sleepstudy.csv >"$WORK/other.csv"
jq --arg f "$WORK/other.csv" '.data = $f' "$WORK/sleep/model.json" >"$WORK/moved/model.json"
run "$BMIXED" diagnose "$WORK/moved" -v
it 'other data than those of the fit are noticed' eval 'tr -s " \n" " " <<<"$out" | grep -q "has changed since the fit"'
jq --arg f "$PWD/tests/data/sleepstudy.csv" '.data = $f | .formula = "Reaction ~ 1 + (Days | Subject)"' "$WORK/sleep/model.json" >"$WORK/moved/model.json"
jq 'del(.data.hash)' "$WORK/sleep/summary.json" >"$WORK/moved/summary.json"
run "$BMIXED" diagnose "$WORK/moved" -v
it 'another model than that of the draws is noticed' eval 'tr -s " \n" " " <<<"$out" | grep -q "are not of the model in its model.json"'
echo '{' >"$WORK/moved/summary.json"
run "$BMIXED" diagnose "$WORK/moved"
it 'a summary.json that is cut short is refused' refuses 2 'is not JSON'
echo '{}' >"$WORK/moved/summary.json"
run "$BMIXED" diagnose "$WORK/moved"
it 'a summary.json of others is refused' refuses 2 'is not a summary.json of bmixed'
run "$BMIXED" diagnose "$WORK/nowhere"
it 'what is not there is refused' refuses 2 'nowhere'
run "$BMIXED" diagnose
it 'without arguments it says how it is used' eval 'exits 2 && says "Usage: bmixed diagnose"'
finish
