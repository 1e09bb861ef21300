#!/usr/bin/env bash
# bmixed compare: what it prints and writes, what it refuses, its exit codes.
. "$(dirname "$0")/testing.sh"
here=$PWD
formula='Reaction ~ Days + (Days | Subject)'
cp tests/data/sleepstudy.csv tests/data/Dyestuff2.csv tests/data/Dyestuff.csv "$WORK/"
cd "$WORK" || exit 1
json() { jq -e "$@" >/dev/null; }

# ---- on the terminal -----------------------------------------------------------------------------------------------------------

run "$BMIXED" compare "$formula" sleepstudy.csv
it 'compare prints both answers and exits with 0' eval 'exits 0 && prints REML && prints posterior && prints b_Days && prints sd_Subject__Days'
it 'it says where both differ and why' eval 'prints "Why they differ (by more than 0.25 posterior sd" && prints "few groups: 18 levels of Subject"'
it 'it says which intervals REML has' eval 'prints "coefficients Wald" && prints "profile likelihood (ML deviance)"'
it 'it prints group effects and shares of variance' eval 'prints "Group effects" && prints "pull REML" && prints share_Subject'
it 'nothing is written, and nothing on standard error' eval 'silent && [ "$(ls *.json compare* 2>/dev/null)" = "" ]'
it 'no line is longer than 80 columns' eval '! grep ".\{81\}" <<<"$out"'
first=$out
run "$BMIXED" compare "$formula" sleepstudy.csv --threads 1
it 'the same seed gives the same answer, whatever --threads is' eval '[ "$out" = "$first" ]'
run "$BMIXED" compare "$formula" sleepstudy.csv --differ 5
it '--differ moves the bar' prints 'No estimate is at the boundary, and none differs'
run "$BMIXED" compare "$formula" sleepstudy.csv --ci wald
it '--ci wald' prints 'Wald on the'
run "$BMIXED" compare 'Yield ~ 1 + (1 | Batch)' Dyestuff2.csv --pooling --test-ranef
it 'an estimate at the boundary is explained' eval 'exits 0 && prints "on the boundary (0)" && prints "singular fit" && prints "REML takes sd_Batch__Intercept to be 0"'
it '--pooling shows every group' eval 'prints Pooling && prints "Intercept by Batch" && grep -q "^F  *5 " <<<"$out"'
it '--test-ranef gives three answers' eval 'prints "likelihood ratio" && prints "Pr(sd < " && prints "to 1 against the term; log -" && prints "Monte Carlo error"'
run "$BMIXED" compare "$formula" sleepstudy.csv -v
it '-v shows every group effect' eval '[ "$(grep -c "^r_Subject\[[0-9]" <<<"$out")" -eq 36 ]'
run "$BMIXED" compare "$formula" sleepstudy.csv --json
it '--json prints JSON' eval 'exits 0 && json ".parameters | length == 6" <<<"$out"'
run "$BMIXED" compare "$formula" sleepstudy.csv --test-ranef --eps 3 --json
it '--eps is the sd that counts as zero' eval 'json ".test_ranef | length == 2 and all(.eps == 3)" <<<"$out"'

# ---- files -----------------------------------------------------------------------------------------------------------------------

run "$BMIXED" compare "$formula" sleepstudy.csv -o out --pooling
it '-o writes compare.csv, compare.json and pooling.csv' eval 'exits 0 && says "written to out/compare.csv, compare.json and pooling.csv" && [ "$(ls out)" = "compare.csv
compare.json
pooling.csv" ]'
it 'compare.json has the command' json '.command | startswith("bmixed compare ")' out/compare.json
run "$BMIXED" compare "$formula" sleepstudy.csv -o out
it 'existing files are kept' refuses 2 "'out/compare.csv' exists; --force replaces it"
run "$BMIXED" compare "$formula" sleepstudy.csv -o out --force -q
it '--force replaces them' eval 'exits 0 && silent && [ ! -e out/pooling.csv ]'
run "$BMIXED" compare "$formula" sleepstudy.csv -o no/such
it 'a directory that cannot be made is refused before anything runs' refuses 2 "there is no directory 'no'"

run "$BMIXED" fit "$formula" sleepstudy.csv -o sleep -q --seed 9
run "$BMIXED" compare sleep
it 'an output directory is compared, and says that it is fitted again' eval 'exits 0 && says "fitted again from sleep/model.json: the same seed gives the same draws"'
it 'the comparison is written there' eval '[ -s sleep/compare.csv ] && [ -s sleep/compare.json ]'
same_draws()
{
    jq -e -s '(.[0].parameters[] | select(.name == "sigma")) as $f | (.[1].parameters[] | select(.name == "sigma")) as $c
              | $f.mean == $c.mean and $f.sd == $c.sd and $f["q97.5"] == $c["q97.5"]' sleep/summary.json sleep/compare.json
}
it 'from the same draws' same_draws
run "$BMIXED" compare sleep -q
it 'and may be written again' eval 'exits 0 && silent'
run "$BMIXED" compare sleep --seed 10
before=$(cat sleep/compare.json)
it 'options make it another model: nothing is written there' eval 'exits 0 && [ "$(cat sleep/compare.json)" = "$before" ] && ! says written'
run "$BMIXED" fit sleep -o sleep --force -q
it 'fit --force replaces a directory with a comparison in it' eval 'exits 0 && [ ! -e sleep/compare.csv ]'

run timeout -k 10 -s INT --preserve-status 3 "$BMIXED" compare "$formula" sleepstudy.csv --draws 5000 --thin 5000 -o stopped
it 'interrupted: nothing is printed or written' eval 'exits 130 && says "interrupted: nothing was compared and nothing is written" && [ -z "$out" ] && [ ! -e stopped ]'

# ---- what is refused -----------------------------------------------------------------------------------------------------------------

run "$BMIXED" compare "$formula" sleepstudy.csv --differ much
it 'a --differ that is no number' refuses 2 "--differ: 'much' is not a number of posterior standard deviations, 0 or more"
run "$BMIXED" compare "$formula" sleepstudy.csv --eps -1
it 'a negative --eps' refuses 2 "--eps: '-1' is not a standard deviation"
run "$BMIXED" compare "$formula" sleepstudy.csv --ci exact
it 'a --ci that is not known' refuses 2 "'exact' is none of auto|wald|profile"
run "$BMIXED" compare "$formula"
it 'a formula without data' eval 'exits 2 && says "a formula needs data"'
run "$BMIXED" compare nothere
it 'neither formula nor model' eval 'exits 2 && says "is neither a formula"'
printf 'y,g\n1,a\n2,b\n3,c\n4,d\n' >every.csv
run "$BMIXED" compare 'y ~ 1 + (1 | g)' every.csv
it 'a model that REML cannot fit' eval 'exits 2 && says "every row is a level of"'
run "$BMIXED" compare "$formula" sleepstudy.csv --draws 10 --strict
it '--strict: 3 where the posterior is not to be trusted' eval 'exits 3 && says "DO NOT TRUST THIS RESULT YET"'
run "$BMIXED" compare "$formula" sleepstudy.csv --draws 10
it 'without --strict a warning' eval 'exits 0 && says "DO NOT TRUST THIS RESULT YET"'
finish
