#!/usr/bin/env bash
# Numbers that are hard, and changes of the data under which the answer must change as theory says: REML to 1e-8, posteriors within Monte Carlo
# error (five standard errors of the difference, some 100 comparisons, fixed seeds), and no NaN or Inf in any file.
. "$(dirname "$0")/testing.sh"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { gsub(/"/, "", $i); at[$i] = i } print "y,x,g"; next }
         { gsub(/"/, "", $at["Subject"]); print $at["Reaction"] "," $at["Days"] ",s" $at["Subject"] }' tests/data/sleepstudy.csv >"$WORK/base.csv"
cp tests/data/Penicillin.csv "$WORK/"
cd "$WORK" || exit 1
slope='y ~ x + (x | g)' intercept='y ~ x + (1 | g)'
# change NAME Y X G: the table with these awk expressions for its columns
change() { awk -F, -v OFMT=%.17g -v CONVFMT=%.17g "NR == 1 { print; next } { y = \$1; x = \$2; g = \$3; i = NR - 2; print $2 \",\" $3 \",\" $4 }" base.csv >"$1.csv"; }
change yscaled 'y * 1000' x g
change xsmall y 'x * 1e-9' g
change xlarge y 'x * 1e9' g
change xshift y 'x + 100' g
change yshift 'y + 1e9' x g
change relabelled y x '"z" 999 - substr(g, 2)'
{ head -1 base.csv; tail -n +2 base.csv | awk '{ print (NR * 7919) % 181 "," $0 }' | sort -n | cut -d, -f2-; } >permuted.csv

# ---- REML: exactly ------------------------------------------------------------------------------------------------------------------

reml() { "$BMIXED" reml "$1" "$2.csv" --json -q >"$3.json" 2>"$WORK/.err"; }
numbers() { jq -c "[.criterion, .sigma, .fixef[\"(Intercept)\"].estimate, .fixef.x.estimate, .fixef.x.se, (.sd.g | .[])]" "$1.json"; }
# transforms A B TOLERANCE: B's numbers are A's x factor + shift, for [criterion, sigma, intercept, slope, se of slope, sds ...]
transforms()
{
    local a b
    a=$(numbers "$1") b=$(numbers "$2")
    echo "$a $b"
    jq -en --argjson a "$a" --argjson b "$b" --argjson f "$4" --argjson s "${5:-[0,0,0,0,0,0,0]}" --argjson tol "$3" \
        '[range($a | length)] | all(. as $i | ($a[$i] * $f[$i] + $s[$i]) as $want | (($b[$i] - $want) | fabs) <= $tol * ($want | fabs))' >/dev/null
}
same='[1,1,1,1,1,1,1]'
for model in intercept slope; do
    f=${!model}
    for table in base yscaled xsmall xlarge xshift yshift relabelled permuted; do reml "$f" $table $model-$table; done
    reml "y ~ ${f##*+ } + x" base $model-reordered
    it "REML, $model: rows in another order" transforms $model-base $model-permuted 1e-8 $same
    it "REML, $model: groups with other labels" transforms $model-base $model-relabelled 1e-8 $same
    it "REML, $model: terms in another order" transforms $model-base $model-reordered 1e-8 $same
    # the criterion has 2 (n - p) log of the factor, n - p = 178
    it "REML, $model: y a thousand times larger" transforms $model-base $model-yscaled 1e-8 '[1,1e3,1e3,1e3,1e3,1e3,1e3]' \
        "[$(awk 'BEGIN { printf "%.15g", 2 * 178 * log(1000) }'),0,0,0,0,0,0]"
    # the criterion has log |X'X|, that is, twice the log of the factor
    it "REML, $model: x in thousand millions" transforms $model-base $model-xsmall 1e-8 '[1,1,1,1e9,1e9,1,1e9]' \
        "[$(awk 'BEGIN { printf "%.15g", 2 * log(1e-9) }'),0,0,0,0,0,0]"
    it "REML, $model: x in thousand-millionths" transforms $model-base $model-xlarge 1e-8 '[1,1,1,1e-9,1e-9,1,1e-9]' \
        "[$(awk 'BEGIN { printf "%.15g", 2 * log(1e9) }'),0,0,0,0,0,0]"
    # y has 1e-7 left of its digits
    it "REML, $model: y with an offset of 1e9" transforms $model-base $model-yshift 1e-6 $same '[0,0,1e9,0,0,0,0]'
done
shifted() { transforms intercept-base intercept-xshift 1e-8 $same "[0,0,$(jq '-100 * .fixef.x.estimate' intercept-base.json),0,0,0,0]"; }
it 'REML, intercept: x shifted by 100 moves the intercept only' shifted

# G of a line shifted to x + 100 is A G A', A = (1 -100; 0 1)
sheared()
{
    jq -en --slurpfile a slope-base.json --slurpfile b slope-xshift.json '
        def near($x; $y): ($x - $y | fabs) <= 1e-7 * ($y | fabs);
        $a[0] as $a | $b[0] as $b | $a.sd.g["(Intercept)"] as $s0 | $a.sd.g.x as $s1 | $a.cor.g[0].value as $r |
        near($b.criterion; $a.criterion) and near($b.sigma; $a.sigma) and near($b.fixef.x.estimate; $a.fixef.x.estimate) and near($b.fixef.x.se; $a.fixef.x.se)
        and near($b.fixef["(Intercept)"].estimate; $a.fixef["(Intercept)"].estimate - 100 * $a.fixef.x.estimate)
        and near($b.sd.g.x; $s1) and near($b.sd.g["(Intercept)"]; ($s0 * $s0 - 200 * $r * $s0 * $s1 + 10000 * $s1 * $s1 | sqrt))
        and near($b.cor.g[0].value; ($r * $s0 * $s1 - 100 * $s1 * $s1) / ($b.sd.g["(Intercept)"] * $s1))' >/dev/null
}
it 'REML, slope: x shifted by 100 shears the covariance' sheared
awk -F, -v OFMT=%.17g -v CONVFMT=%.17g 'NR == 1 { print "y,x,g,w,w2,o"; next } { w = 1 + NR % 5; o = 3 * $2 - NR % 7; print $1 + o "," $2 "," $3 "," w "," 1000 * w "," o }' base.csv >extra.csv
sed 1d base.csv | awk -F, 'BEGIN { print "y,x,g,w,w2" } { w = 1 + (NR + 1) % 5; print $0 "," w "," 1000 * w }' >weighted.csv
for model in intercept slope; do
    "$BMIXED" reml "${!model}" weighted.csv --weights w --json -q >$model-w.json 2>/dev/null
    "$BMIXED" reml "${!model}" weighted.csv --weights w2 --json -q >$model-w2.json 2>/dev/null
    it "REML, $model: weights a thousand times larger make sigma larger, and no more" transforms $model-w $model-w2 1e-8 "[1,$(awk 'BEGIN { printf "%.17g", sqrt(1000) }'),1,1,1,1,1]"
    "$BMIXED" reml "${!model/x/x + offset(o)}" extra.csv --json -q >$model-offset.json 2>/dev/null
    it "REML, $model: what an offset takes away was never there" transforms $model-base $model-offset 1e-8 $same
done
"$BMIXED" reml "$slope" base.csv --ml --json -q >ml.json 2>/dev/null
"$BMIXED" reml "$slope" permuted.csv --ml --json -q >ml-permuted.json 2>/dev/null
"$BMIXED" reml "$slope" yscaled.csv --ml --json -q >ml-yscaled.json 2>/dev/null
it 'ML: rows in another order' transforms ml ml-permuted 1e-8 $same
it 'ML: y a thousand times larger' transforms ml ml-yscaled 1e-8 '[1,1e3,1e3,1e3,1e3,1e3,1e3]' "[$(awk 'BEGIN { printf "%.15g", 2 * 180 * log(1000) }'),0,0,0,0,0,0]"

# Two crossed factors: rows permuted, both relabelled, terms exchanged.
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { gsub(/"/, "", $i); at[$i] = i } print "d,p,s"; next }
         { gsub(/"/, ""); print $at["diameter"] "," $at["plate"] "," $at["sample"] }' Penicillin.csv >crossed.csv
{ head -1 crossed.csv; sed 1d crossed.csv | awk '{ print (NR * 7919) % 149 "," $0 }' | sort -n | cut -d, -f2-; } >crossed-permuted.csv
awk -F, 'NR == 1 { print; next } { print $1 ",z" 999 - NR % 1 "" $2 "q,t" $3 }' crossed.csv | sed 's/,t\(.\)$/,t\1/' >crossed-relabelled.csv
crossed() { "$BMIXED" reml "$1" "$2.csv" --json -q 2>/dev/null | jq -c '[.criterion, .sigma, .fixef["(Intercept)"].estimate, .fixef["(Intercept)"].se, .sd.p["(Intercept)"], .sd.s["(Intercept)"]]'; }
first=$(crossed 'd ~ 1 + (1 | p) + (1 | s)' crossed)
as_first() { jq -en --argjson a "$first" --argjson b "$1" '[range($a | length)] | all(. as $i | (($a[$i] - $b[$i]) | fabs) <= 1e-8 * ($a[$i] | fabs))' >/dev/null || { echo "$first $1"; return 1; }; }
it 'REML, crossed: rows in another order' as_first "$(crossed 'd ~ 1 + (1 | p) + (1 | s)' crossed-permuted)"
it 'REML, crossed: other labels' as_first "$(crossed 'd ~ 1 + (1 | p) + (1 | s)' crossed-relabelled)"
it 'REML, crossed: factors exchanged' as_first "$(crossed 'd ~ (1 | s) + (1 | p)' crossed)"

# ---- posteriors -----------------------------------------------------------------------------------------------------------------------

# No NaN, Inf or NA.
clean()
{
    [ -d "$1" ] || return 1
    sed 's/"[^"]*"/name/' "$1/summary.csv" | sed 1d | cat - "$1/draws.csv" "$1/ranef.csv" >clean.txt
    ! grep -iE '(^|,)(nan|-?inf|na)(,|$)' clean.txt
}
fit() { run "$BMIXED" fit "$1" "$2.csv" -q -o "$3" "${@:4}"; }
# near A B FACTOR VARIABLE: the mean of B is that of A times the factor, the sd too
near()
{
    jq -en --slurpfile a "$1/summary.json" --slurpfile b "$2/summary.json" --argjson f "$3" --arg v "$4" '
        def row(s): s[0].parameters[] | select(.name == $v);
        row($a) as $x | row($b) as $y | 7.5 as $k |
        (($y.mean - $f * $x.mean) | fabs) <= $k * $f * $x.mcse_mean and (($y.sd - $f * $x.sd) | fabs) <= $k * $f * $x.mcse_sd' >/dev/null
}
for table in base yscaled xsmall xlarge yshift relabelled permuted; do
    fit "$slope" $table $table
    it "fit: $table gives numbers only" eval "exits 0 && clean $table"
done
for v in sigma sd_g__Intercept sd_g__x cor_g__Intercept__x b_x; do
    case $v in b_x | sd_g__x) k=1 ;; *) k=0 ;; esac
    it "posterior of $v: rows in another order" near base permuted 1 $v
    it "posterior of $v: other labels" near base relabelled 1 $v
    it "posterior of $v: y + 1e9" near base yshift 1 $v
    it "posterior of $v: x in thousand millions" near base xsmall $([ $k = 1 ] && echo 1e9 || echo 1) $v
    it "posterior of $v: x in thousand-millionths" near base xlarge $([ $k = 1 ] && echo 1e-9 || echo 1) $v
    [[ $v == cor* ]] || it "posterior of $v: y a thousand times larger" near base yscaled 1000 $v
done

# Terms in another order, x shifted: the same random numbers drive the same chain.
for table in base xshift; do fit "$intercept" $table i-$table; done
fit 'y ~ (x | g) + x' base reordered
for v in sigma sd_g__Intercept b_x; do
    it "posterior of $v: x shifted by 100" near i-base i-xshift 1 $v
done
for v in sigma sd_g__Intercept sd_g__x cor_g__Intercept__x b_x b_Intercept; do
    it "posterior of $v: terms in another order" near base reordered 1 $v
done
for sampler in collapsed gibbs; do
    for table in crossed crossed-permuted crossed-relabelled; do fit 'd ~ 1 + (1 | p) + (1 | s)' $table $sampler-$table --sampler $sampler --draws 4000; done
    fit 'd ~ (1 | s) + (1 | p)' crossed $sampler-exchanged --sampler $sampler --draws 4000
    for v in sigma sd_p__Intercept sd_s__Intercept b_Intercept; do
        for other in crossed-permuted crossed-relabelled exchanged; do
            it "posterior of $v, crossed, $sampler: ${other#crossed-}" near $sampler-crossed $sampler-$other 1 $v
        done
    done
done
it 'crossed factors of either sampler: numbers only' eval 'clean collapsed-crossed && clean gibbs-crossed'

# ---- designs that are hard --------------------------------------------------------------------------------------------------------------

# odd NAME: columns one, zero, x2 = 2x + 1, w over 12 orders of magnitude, own: a group per row
awk -F, 'NR == 1 { print "y,x,g,zero,x2,w,own,exact"; next } { printf "%s,0,%.17g,%.17g,r%d,%.17g\n", $0, 2 * $2 + 1, 10 ^ ((NR * 37 % 121) / 10 - 6), NR, 1 + 2 * $2 }' \
    base.csv >odd.csv
awk 'BEGIN { srand(7); print "y,x,g"; for (i = 0; i <= 1000000; i++) { x = rand(); printf "%.6f,%.6f,%s\n", 1 + x + rand() - 0.5, x, i < 1000000 ? "a" : "b" } }' >unequal.csv
fit "$intercept" unequal unequal --draws 300 --warmup 300
it 'a million rows in one group, one in another' eval 'exits 0 && clean unequal'
it 'and the slope is that of the uniform noise, 1 within 0.02' jq -e '.parameters[] | select(.name == "b_x") | (.mean - 1 | fabs) < 0.02' unequal/summary.json
fit 'y ~ x + (1 | g)' odd weights --weights w
it 'weights over 12 orders of magnitude' eval 'exits 0 && clean weights'
fit 'y ~ x + x2 + (1 | g)' odd collinear
it 'collinear columns under proper priors' eval 'exits 0 && clean collinear'
fit 'y ~ x + x2 + (1 | g)' odd flat --prior 'b ~ flat()'
it 'under flat priors they are refused by name' refuses 2 improper
fit 'y ~ x + (zero | g)' odd zero
it 'a random-effect column of zeros: its sd keeps its prior' eval 'exits 0 && clean zero'
fit 'y ~ x + (1 | own)' odd own
it 'a group for each row' eval 'exits 0 && clean own'
run "$BMIXED" reml 'y ~ x + (1 | own)' odd.csv
it 'which REML refuses by name' refuses 2 own
fit 'zero ~ x + (1 | g)' odd constant
it 'a constant response is refused' refuses 2 constant
fit 'exact ~ x + (1 | g)' odd exact
it 'a perfect fit is refused' refuses 1 'perfect fit'
fit 'y ~ x + (1 | zero)' odd single
it 'a group with one level is refused' refuses 2 'only one level'
finish
