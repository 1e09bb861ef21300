#!/usr/bin/env bash
# Data of which only cross-products are kept, from the command line: files, pipes, what is written, what is said.
. "$(dirname "$0")/testing.sh"
here=$PWD
data=$here/tests/data/sleepstudy.csv
formula='Reaction ~ Days + (Days | Subject)'
quick=(--draws 100 --warmup 100 --chains 2)
cd "$WORK" || exit 1

# The same draws, but for the rounding of sums.
same_means()
{
    jq -s '[.[0], .[1] | [.. | objects | select(has("mean")) | .mean]] | transpose | map((.[0] - .[1]) / ((.[1] | fabs) + 1e-9) | fabs) | max < 1e-6' \
        "$1/summary.json" "$2/summary.json" | grep -qx true
}

same_numbers()
{
    jq -s '[.[] | del(.. | .seconds?, .evaluations?) | [.. | numbers]] | (.[0] | length) > 50 and (.[0] | length) == (.[1] | length) and (transpose | all((.[0] - .[1] | fabs) < 1e-6 * (1 + (.[0] | fabs))))' \
        "$1" "$2" | grep -qx true
}

run "$BMIXED" fit "$formula" "$data" "${quick[@]}" -o all --hold-rows all
it 'all rows kept' exits 0
run "$BMIXED" fit "$formula" "$data" "${quick[@]}" -o streamed --hold-rows 20 -v
it 'in one pass' eval 'exits 0 && says "data: in one pass: 180 rows went into cross-products"'
it 'the results are those of the rows in memory' same_means streamed all
it 'the hash of the data is that of the file' eval '[ "$(jq -r "[.. | .hash? // empty][0]" streamed/summary.json)" = "$(jq -r "[.. | .hash? // empty][0]" all/summary.json)" ]'
run bash -c "'$BMIXED' fit '$formula' - ${quick[*]} -o piped --hold-rows 20 < '$data'"
it 'a pipe gives the same bytes as the file' eval 'exits 0 && cmp -s piped/draws.csv streamed/draws.csv'
run bash -c "while read -r l; do printf '%s\n' \"\$l\"; done < '$data' | '$BMIXED' fit '$formula' - ${quick[*]} -o slow --hold-rows 20"
it 'also one that comes in small pieces' eval 'exits 0 && cmp -s slow/draws.csv streamed/draws.csv'
for t in 1 3; do
    run "$BMIXED" fit "$formula" "$data" "${quick[@]}" -o "t$t" --hold-rows 20 --threads "$t"
    it "$t threads: the same bytes" eval "exits 0 && cmp -s t$t/draws.csv streamed/draws.csv"
done
"$BMIXED" reml "$formula" "$data" --json >rows.json
run "$BMIXED" reml "$formula" "$data" --json --hold-rows 20 -v
printf '%s' "$out" >sums.json
it 'reml in one pass' eval 'exits 0 && says "data: in one pass: 180 rows went into cross-products"'
it 'its numbers are those of the rows in memory' same_numbers rows.json sums.json
run "$BMIXED" reml "$formula" "$data" --hold-rows 20 --anova 'Reaction ~ Days + (1 | Subject)'
anova=$(grep -v '^ *Data' <<<"$out") held=$code
run "$BMIXED" reml "$formula" "$data" --hold-rows all --anova 'Reaction ~ Days + (1 | Subject)'
it 'a test of two models: the same without the rows' eval '[ $held -eq 0 ] && exits 0 && [ "$anova" = "$(grep -v "^ *Data" <<<"$out")" ]'
no_rounding() { sed -E '/"command"/d; s/([0-9]\.[0-9]{10})[0-9]+/\1/g' "$1"; }
same_plan()
{
    local json
    for json in '' --json; do
        "$BMIXED" model "$@" $json --hold-rows all >plan_rows || return 1
        "$BMIXED" model "$@" $json --hold-rows 5 -v >plan_sums 2>err || return 1
        cmp <(no_rounding plan_rows) <(no_rounding plan_sums) && grep -q 'went into cross-products' err || return 1
    done
}
it 'model: the same without the rows' same_plan "$formula" "$data"
it 'model: with an offset, a coefficient that is fixed, zeros, levels of several sizes' \
    same_plan 'angle ~ recipe * temp + I(temp > 200) + offset(replicate) + (temp || recipe:replicate) + (0 + recipe | temperature)' "$here/tests/data/cake.csv" --prior 'b_temp ~ constant(0.1)' --factor temperature
it 'model: with weights, and an offset for a coefficient that is fixed' same_plan 'Reaction ~ Days + (1 | Subject)' "$here/tests/data/sleepstudy_w.csv" --weights w --prior 'b_Days ~ constant(9)'
compare_both()
{
    local hold
    for hold in all 20; do
        "$BMIXED" compare "$1" "$data" "${quick[@]}" --test-ranef --json --hold-rows $hold -v >"compare-$hold.json" 2>"compare-$hold.err"
    done
    grep -q '180 rows went into cross-products' compare-20.err
}
# What does not come from draws, which after many steps may be apart by more than rounding.
of_reml() { jq '{reml, p: [.parameters[] | {reml, reml_se, reml_lower, reml_upper}], t: [.test_ranef[] | {reml, chisq, df, p, eps}], d: [.derived[].reml], u: [.ranef[] | {blup, shrinkage_reml}]}' "$1"; }
it 'compare: the same without the rows' eval 'compare_both "$formula" && same_numbers compare-all.json compare-20.json'
it 'compare of several factors: the same REML fits and tests' eval \
    'compare_both "Reaction ~ Days + (Days || Subject) + (1 | Days)" && same_numbers <(of_reml compare-all.json) <(of_reml compare-20.json)'
run "$BMIXED" compare "$formula" "$data" "${quick[@]}" --pooling --hold-rows 20
it 'compare --pooling needs them' refuses 2 '--pooling fits every group by itself, to its rows: leave --hold-rows out'
{ head -1 "$here/tests/data/cake.csv"; tail -n +2 "$here/tests/data/cake.csv" | tac; } >ekac.csv
"$BMIXED" fit 'angle ~ recipe + temp + scale(temp):recipe + offset(replicate / 10) + (temp | recipe:replicate)' ekac.csv "${quick[@]}" -q -o cake >/dev/null 2>&1
for hold in all 5; do run "$BMIXED" report cake -o "$hold.html" --hold-rows $hold; done
section() { sed -n "/<section aria-labelledby=\"$1\"/,/<\/section>/p" "$2"; }
it 'report without the rows' exits 0
it 'it says what it is made without' eval 'grep -q "fitted lines and the posterior predictive check are left out" 5.html && ! grep -q "left out: they are made of rows" all.html'
it 'and is without these' eval '[ -n "$(section lines all.html)" ] && [ -n "$(section predictive all.html)" ] && [ -z "$(section lines 5.html)$(section predictive 5.html)" ]'
rest() { sed "/<section aria-labelledby=\"\(lines\|predictive\)\"/,/<\/section>/d; /href=\"#\(lines\|predictive\)\"/d; /<h[0-9]>Notes</,/<\/ul>/d; s/[0-9][0-9.]*//g" "$1"; }
it 'the rest is the same' eval 'diff <(rest all.html) <(rest 5.html)'
run "$BMIXED" report streamed
it 'report reads the rows again' exits 0
run "$BMIXED" fit "$formula" "$data" "${quick[@]}" --hold-rows 200 -v
it 'a short file is kept without a word' eval 'exits 0 && ! says "data:"'
run "$BMIXED" fit 'Reaction ~ scale(Days) + (1 | Subject)' "$data" "${quick[@]}" --hold-rows 20 -v
it 'scale() takes a pass before' eval 'exits 0 && says "in 2 passes (scale() takes its mean and standard deviation from all rows): 180 rows went into cross-products"'
run bash -c "cat '$data' | '$BMIXED' fit 'Reaction ~ scale(Days) + (1 | Subject)' - ${quick[*]} --hold-rows 20 -v"
it 'in a pipe it keeps the rows, and says so' eval 'exits 0 && says "rows are kept in memory: scale() takes"'
run bash -c "'$BMIXED' fit 'Reaction ~ scale(Days) + (1 | Subject)' <(cat '$data') ${quick[*]} --hold-rows 20 -v"
it 'in a pipe with a name, too' eval 'exits 0 && says "rows are kept in memory: scale() takes"'
run "$BMIXED" fit 'Reaction ~ factor(Days) + (1 | Subject)' "$data" "${quick[@]}" --hold-rows 5 -v
it 'a level that comes late in a file: read again, not kept' eval 'exits 0 && says "in 2 passes (a level of '"'factor(Days)'"' first occurs in data row 6): 180 rows went into"'
run bash -c "'$BMIXED' fit 'Reaction ~ factor(Days) + (1 | Subject)' - --hold-rows 5 < '$data'"
it 'in a pipe: an error with a way out' refuses 2 'keep more of them (--hold-rows)'
run bash -c "'$BMIXED' fit 'Reaction ~ factor(Days) + (1 | Subject)' <(cat '$data') --hold-rows 5"
it 'in a pipe with a name: the same' refuses 2 'keep more of them (--hold-rows)'
days=Days=0,1,2,3,4,5,6,7,8,9
run bash -c "cat '$data' | '$BMIXED' fit 'Reaction ~ Days + (1 | Subject)' - ${quick[*]} --hold-rows 5 --levels '$days' -v"
it 'in a pipe with all levels listed: one pass' eval 'exits 0 && says "data: in one pass: 180 rows went into" && prints Days9'
run bash -c "cat '$data' | '$BMIXED' fit 'Reaction ~ Days + (1 | Subject)' - ${quick[*]} --hold-rows 5 --levels '$days,10'"
it 'one too many listed: an error with a way out' refuses 2 "no complete row has the level '10' of 'Days', which is listed"
run bash -c "cat '$data' | '$BMIXED' fit 'Reaction ~ I(Days == 0) + (1 | Subject)' - ${quick[*]} --factor Days --hold-rows 5 -v"
it 'a column that is compared with a label' eval 'exits 0 && says "data: in one pass: 180 rows went into"'
run bash -c "tail -n +3 '$data' | cat <(head -1 '$data') - | '$BMIXED' fit 'Reaction ~ I(Days == 12) + (1 | Subject)' - ${quick[*]} --factor Days --hold-rows 5"
it 'a label that never comes' refuses 2 "the factor 'Days' has no level '12'"
for v in 0 -1 x 1.5 99999999999999999999999; do
    run "$BMIXED" fit "$formula" "$data" --hold-rows "$v"
    it "--hold-rows $v" refuses 2 "--hold-rows: '$v' is neither"
done
run bash -c "{ cat '$data'; printf '300,1\n'; } | '$BMIXED' fit '$formula' - --hold-rows 20 -o bad"
it 'an error late in the data leaves nothing behind' eval 'refuses 2 ":182: 2 fields where the header has 3" && [ ! -e bad ]'
finish
