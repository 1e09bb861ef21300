#!/usr/bin/env bash
# The whole program on sleepstudy: fit, its files, summary, model, simulate, interruption, and what help and README say to type.
. "$(dirname "$0")/testing.sh"
here=$PWD
formula='Reaction ~ Days + (Days | Subject)'
cp tests/data/sleepstudy.csv "$WORK/"
cd "$WORK" || exit 1
PATH=$(dirname "$BMIXED"):$PATH
same() { cmp "$1" "$2"; }
json() { jq -e "$@" >/dev/null; }

# ---- fit -----------------------------------------------------------------------------------------------------------------------

run "$BMIXED" fit "$formula" sleepstudy.csv
it 'fit prints a summary and exits with 0' eval 'exits 0 && prints b_Days && prints sigma && prints Subject'
it 'without -o it says that nothing was written' says 'bmixed: note: nothing was written'
it 'and writes nothing' eval '[ "$(ls)" = sleepstudy.csv ]'
it 'no progress bar where standard error is no terminal' eval '[[ $err != *$'"'\r'"'* ]]'
run "$BMIXED" fit "$formula" sleepstudy.csv -q
it '-q: the summary only' eval 'exits 0 && prints b_Days && silent'

run "$BMIXED" fit "$formula" sleepstudy.csv -o sleep --threads 1
it 'fit -o exits with 0' exits 0
it 'and says where the files are' says 'written to sleep'
for f in draws.csv summary.csv summary.json ranef.csv model.json; do
    it "fit -o writes $f" test -s "sleep/$f"
done
it 'and nothing beside them' eval '[ "$(ls)" = "sleep
sleepstudy.csv" ]'
it 'draws.csv has 4 x 1000 draws' eval '[ "$(wc -l <sleep/draws.csv)" -eq 4001 ]'
it 'draws.csv begins with chain, iteration, draw, lp__' eval '[[ "$(head -1 sleep/draws.csv)" == ".chain,.iteration,.draw,lp__,b_Intercept,b_Days,"* ]]'
it 'summary.csv begins as posterior::summarise_draws' eval \
    '[[ "$(head -1 sleep/summary.csv)" == variable,mean,median,sd,mad,q5,q95,rhat,ess_bulk,ess_tail,mcse_mean* ]]'
it 'summary.json parses and knows its version, model and command' json \
    '.bmixed and .schema == 1 and .model and (.command | startswith("bmixed fit ")) and (.parameters | length > 5)' sleep/summary.json
it 'the command is recorded as a shell reads it' json --arg want \
    "bmixed fit 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv -o sleep --threads 1" '.command == $want' sleep/summary.json
it 'the slope is that of lme4 (10.467) to half a standard error (1.546)' json \
    '.parameters[] | select(.name == "b_Days") | (.mean - 10.467 | fabs) < 0.77' sleep/summary.json
it 'ranef.csv has 18 subjects with 2 effects' eval '[ "$(wc -l <sleep/ranef.csv)" -eq 37 ]'

run "$BMIXED" fit "$formula" sleepstudy.csv -o two --threads 2 -q
it 'draws are byte-identical with 1 and 2 threads' same sleep/draws.csv two/draws.csv
run "$BMIXED" fit sleep -o again -q
it 'an output directory repeats its fit, byte for byte' same sleep/draws.csv again/draws.csv
run "$BMIXED" fit sleep/model.json -o again -q --force
it 'so does its model file' eval 'exits 0 && same sleep/draws.csv again/draws.csv'
run "$BMIXED" fit sleepstudy.csv "$formula" --seed 2 -o other -q
it 'another seed, other draws; the formula may come second' eval 'exits 0 && ! cmp -s sleep/draws.csv other/draws.csv'
run bash -c '"$1" fit "$2" - -q -o stdin <sleepstudy.csv' _ "$BMIXED" "$formula"
it 'data from standard input give the same draws' eval 'exits 0 && same sleep/draws.csv stdin/draws.csv'
run "$BMIXED" fit sleep --json -q
it 'fit --json prints the JSON of summary.json' eval 'exits 0 && json ".parameters | length > 5" <<<"$out"'
run "$BMIXED" fit sleep --draws 50 --chains 2 -q -o small
it 'options override the model file' eval 'exits 0 && [ "$(wc -l <small/draws.csv)" -eq 101 ]'

cp sleep/draws.csv kept.csv
run "$BMIXED" fit "$formula" sleepstudy.csv -o sleep --seed 9
it 'an existing directory is refused before the run' eval 'exits 2 && says sleep && says --force && [ -z "$out" ]'
it 'and left alone' same kept.csv sleep/draws.csv
run "$BMIXED" fit "$formula" sleepstudy.csv -o other --seed 1 --force -q
it '--force replaces it' eval 'exits 0 && same sleep/draws.csv other/draws.csv'
mkdir thesis
echo precious >thesis/chapter1.txt
run "$BMIXED" fit "$formula" sleepstudy.csv -o thesis --force
it '--force does not replace a directory that bmixed did not write' eval 'exits 2 && [ -s thesis/chapter1.txt ]'
run "$BMIXED" fit "$formula" sleepstudy.csv -o nowhere/out
it 'an output directory that cannot be made is said before the run' eval '! exits 0 && says nowhere && [ -z "$out" ]'

# ---- strict ----------------------------------------------------------------------------------------------------------------------

run "$BMIXED" fit "$formula" sleepstudy.csv --draws 20 --chains 2 --strict -q
it '--strict: too few draws exit with 3' exits 3
run "$BMIXED" fit "$formula" sleepstudy.csv --draws 1 --strict
it '--strict: so does one draw, which is shown' eval 'exits 3 && prints "4 chains x 1 kept" && says "too few draws to have one" && prints "1 draw per chain cannot be judged"'
it 'and a loud warning, -q or not' says 'DO NOT TRUST THIS RESULT YET'
it 'the summary is printed all the same' prints b_Days
run "$BMIXED" fit "$formula" sleepstudy.csv --draws 20 --chains 2
it 'without --strict the same warns and exits with 0' eval 'exits 0 && says "DO NOT TRUST THIS RESULT YET"'
run "$BMIXED" fit "$formula" sleepstudy.csv --strict
it '--strict: a good run exits with 0' eval 'exits 0 && [[ $err != *TRUST* ]]'

# ---- input that must change -------------------------------------------------------------------------------------------------------

run "$BMIXED" fit 'Reaction ~ Days + (Days | Subject' sleepstudy.csv
it 'a formula that cannot be read: 2, with a caret under the place' eval 'refuses 2 "Subject" && says "^"'
run "$BMIXED" fit 'Reaction ~ Day + (1 | Subject)' sleepstudy.csv
it 'an unknown column: 2, and the one that was meant' eval 'refuses 2 Days'
run "$BMIXED" fit "$formula" sleepstudy.csv --chains none
it 'an option that is no number: 2, and the option is named' refuses 2 chains
run "$BMIXED" fit "$formula" sleepstudy.csv --prior 'b_Dayz ~ normal(0, 1)'
it 'a prior on nothing: 2, and what there is' eval 'refuses 2 b_Dayz && says b_Days'
echo '{"formula": "Reaction ~ Days", "data": "sleepstudy.csv", "piror": []}' >bad.json
run "$BMIXED" fit bad.json
it 'an unknown key of a model file: 2, and the closest one' eval 'refuses 2 piror && says priors'
printf 'y,g\n1,a\n2\n' >ragged.csv
run "$BMIXED" fit 'y ~ 1' ragged.csv
it 'a ragged row: 2, with file and line' eval 'refuses 2 "ragged.csv:3"'

# Every option that the table hands to the engine is known there.
while read -r key value; do
    run "$BMIXED" model "$formula" sleepstudy.csv "--$key" "$value"
    it "the engine takes --$key" eval 'exits 0 || { cat .err; false; }'
done <<'END'
prior b ~ normal(0, 100)
factor Subject
contrasts sum
na fail
na-strings NA,-
delim ,
chains 2
warmup 100
draws 100
thin 2
seed 3
threads 1
target-ess 500
sampler collapsed
ranef-draws none
END
awk -F, -v OFS=, '{ print $0, NR == 1 ? "w,s,f" : "2,20," (NR % 2 ? "lo" : "hi") }' sleepstudy.csv >wide.csv
run "$BMIXED" model 'Reaction ~ Days + f + (1 | Subject)' wide.csv --weights w --levels f=lo,hi
it 'the engine takes --weights and --levels' eval 'exits 0 && prints b_fhi'
run "$BMIXED" model 'Reaction ~ Days + (1 | Subject)' wide.csv --se s
it 'the engine takes --se: no sigma then' eval 'exits 0 && ! grep -q "^ *sigma" <<<"$out"'

awk 'BEGIN { print "y,g"; for (i = 0; i < 300000; i++) print i % 101 + i % 150000 % 7 ",g" i % 150000 }' >many.csv
run "$BMIXED" fit 'y ~ 1 + (1 | g)' many.csv --draws 220 --warmup 60 -q
it 'quantiles of many effects say where they come from and how far they can be trusted' eval \
    'exits 0 && prints "quantiles of the 150000 group effects" && prints "distributions at 112 of the 880 draws" && prints "than 0.001 of a posterior sd"'
run "$BMIXED" fit 'y ~ 1 + (1 | g)' many.csv --draws 100 --warmup 60 -q
it 'and nothing where they come from all' eval 'exits 0 && ! prints "quantiles of the"'

# ---- model --------------------------------------------------------------------------------------------------------------------------

run "$BMIXED" model "$formula" sleepstudy.csv
it 'model shows parameters, priors and sampler' eval \
    'exits 0 && silent && prints b_Days && prints sd_Subject__Days && prints cor_Subject__Intercept__Days && prints half_cauchy && prints collapsed'
run "$BMIXED" model sleep --json
it 'model --json parses' eval 'exits 0 && json . <<<"$out"'

# ---- summary --------------------------------------------------------------------------------------------------------------------------

run "$BMIXED" summary sleep
it 'summary of a directory' eval 'exits 0 && prints b_Days && prints sigma'
table=$out
run "$BMIXED" summary sleep/draws.csv
it 'of its draws.csv: the same' eval 'exits 0 && [ "$out" = "$table" ]'
run "$BMIXED" summary sleep --vars 'b_*,sigma' --vars 'r_Subject[308,Days]'
it '--vars chooses by pattern and by name, commas in brackets and all' eval \
    'exits 0 && prints b_Days && prints sigma && prints "r_Subject[308,Days]" && [[ $out != *sd_Subject* && $out != *"[309"* ]]'
run "$BMIXED" summary sleep --vars b_Dayz
it 'a variable that is not there: 2' refuses 2 b_Dayz
run "$BMIXED" summary sleep --probs 0.1,0.5,0.9 --csv
it '--probs and --csv: the header has these quantiles' eval 'exits 0 && [[ "$(head -1 <<<"$out")" == variable,*q10*q50*q90* ]]'
run "$BMIXED" summary sleep --json
it 'summary --json parses' eval 'exits 0 && json . <<<"$out"'
run "$BMIXED" fit sleep --format cmdstan -o stan -q
run "$BMIXED" summary stan/draws-*.csv --vars b_Days --csv
it 'Stan CSV files, one per chain, are read' eval 'exits 0 || { ls stan; false; }'

# ---- simulate ---------------------------------------------------------------------------------------------------------------------------

truth=(--set b_Intercept=250 --set b_Days=10 --set sd_Subject__Intercept=25 --set sd_Subject__Days=5
    --set cor_Subject__Intercept__Days=0.1 --set sigma=25)
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o sim.csv
it 'simulate -o writes the rows with a new response' eval 'exits 0 && [ "$(wc -l <sim.csv)" -eq 181 ] && ! cmp -s sim.csv sleepstudy.csv'
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}"
it 'to standard output, the same' eval 'exits 0 && cmp .out sim.csv'
run "$BMIXED" simulate sleep --rows-from sleepstudy.csv "${truth[@]}" --seed 2
it 'another seed, other data' eval 'exits 0 && ! cmp -s .out sim.csv'
run "$BMIXED" simulate sleep
it 'from the prior' eval 'exits 0 && [ "$(wc -l <.out)" -eq 181 ]'
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o sim.csv
it 'an existing file is refused' refuses 2 'sim.csv exists; --force replaces it'
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o sim.csv --force
it '--force replaces it' exits 0
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o sleep
it 'a directory is no file' refuses 2 'sleep is a directory'
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o nowhere/sim.csv
it 'a file that cannot be made: 1' refuses 1 'cannot write nowhere/sim.csv: No such file or directory'
run "$BMIXED" simulate "$formula" sleepstudy.csv "${truth[@]}" -o /dev/full
it 'a full disk: 1' refuses 1 'No space left on device'
before=$(ls)
run "$BMIXED" simulate "$formula" sleepstudy.csv --set b_Dayz=1 -o never.csv
it 'a parameter that is not there: 2, and no file, whole or half' eval 'refuses 2 b_Dayz && [ "$(ls)" = "$before" ]'
run "$BMIXED" simulate "$formula" sleepstudy.csv --set b_Days -o never.csv
it '--set without a value: 2' eval 'refuses 2 b_Days && [ ! -e never.csv ]'
run "$BMIXED" simulate "$formula" sleepstudy.csv --prior 'b ~ flat()'
it 'a prior that cannot be drawn from: 2' refuses 2 b_
run "$BMIXED" fit sleep sim.csv -q --json
it 'the fit to simulated data covers the true slope (4 sds)' json \
    '.parameters[] | select(.name == "b_Days") | (.mean - 10 | fabs) < 4 * .sd' .out

# ---- interruption -----------------------------------------------------------------------------------------------------------------------

long=(fit sleep --thin 2000000 --chains 2)          # hours
run timeout --foreground -s INT --preserve-status 1.5 "$BMIXED" "${long[@]}" -o cut
it 'Ctrl-C: 130' exits 130
if [ -d cut ]; then
    it 'the draws so far are written and marked' json '[.. | strings, (objects | keys[])] | map(test("interrupt")) | any' cut/summary.json
else
    it 'or, before the first draw, it says that there is nothing' says 'interrupted before the first draw'
fi
run timeout --foreground -s TERM --preserve-status 1 "$BMIXED" "${long[@]}" -q
it 'kill: 143' exits 143
run timeout --foreground -s INT --preserve-status 2 "$BMIXED" fit sleep --draws 10000000 --chains 1 --ranef-draws none --warmup 10 -o cut2
it 'stopped while sampling: 130' exits 130
it 'the draws so far are written and marked' json '[.. | strings, (objects | keys[])] | map(test("interrupt")) | any' cut2/summary.json
it 'no temporary files stay' eval '! ls -A | grep -v "^\.[a-z]*$" | grep -i "tmp\|\.part\|XXXX"'

# ---- on a terminal ------------------------------------------------------------------------------------------------------------------------

if command -v script >/dev/null; then
    on_terminal() { script -qec "$1" /dev/null </dev/null 2>/dev/null | tr '\r' '\n'; }
    out=$(on_terminal "timeout --foreground -s INT 2.5 '$BMIXED' fit sleep --thin 2000000 --chains 2")
    it 'a run longer than a second shows a progress bar on a terminal' prints '%'
    out=$(on_terminal "timeout --foreground -s INT 4 '$BMIXED' fit sleep --thin 100 --draws 100000 --chains 2 --threads 2 --ranef-draws none")
    it 'with iterations, time left, and R-hat and ESS of the draws so far' eval '[[ $out =~ of\ 20000000.*left\ \ R-hat\ [0-9.]+,\ ESS\ [0-9]+ ]]'
    mkfifo slow.csv
    out=$(on_terminal "(head -90 sleepstudy.csv; sleep 1.5; tail -n +91 sleepstudy.csv) >slow.csv & '$BMIXED' model 'Reaction ~ Days' slow.csv")
    it 'and reading that takes longer than a second, too' prints 'reading   0 MB'
    out=$(on_terminal "timeout --foreground -s INT 2.5 '$BMIXED' fit sleep --thin 2000000 --chains 2 -q")
    it '-q: none' eval '! prints "%  "'
    out=$(on_terminal "NO_COLOR=1 TERM=xterm '$BMIXED' fit sleep")
    it 'NO_COLOR: no escape codes in the summary' eval '[[ $out != *$'"'\e['[0-9]*m"'* ]]'
else
    skip 'progress bar on a terminal' 'no script(1)'
fi

# ---- what help and README say to type ---------------------------------------------------------------------------------------------------

mkdir typed
cp sleepstudy.csv typed/
cp -R "$here/models" "$here/examples" typed/ 2>/dev/null
chmod -R u+w typed
cd typed || exit 1
while read -r line; do
    run bash -c "$line"
    it "help says: $line" eval 'exits 0 || { echo "$err"; false; }'
done < <(for sub in $("$BMIXED" help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    "$BMIXED" help "$sub" | sed -n '/^Examples:/,$s/^  \(bmixed .*\)/\1/p'
done)
rm -rf sleep sim.csv
while read -r line; do
    run bash -c "$line"
    it "README says: $line" eval 'exits 0 || { echo "$err"; false; }'
done < <(sed -n '/^```sh/,/^```$/s/^\(bmixed .*\)/\1/p' "$here/README.md")
finish
