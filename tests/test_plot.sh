#!/usr/bin/env bash
# Pictures: every kind draws for every kind of model, whatever the names; messages; nothing is left behind.
. "$(dirname "$0")/testing.sh"
command -v gnuplot >/dev/null || { skip 'pictures' 'there is no gnuplot here (apt-get install gnuplot-nox)'; finish; }
data=$PWD/tests/data
cp "$data/sleepstudy.csv" "$data/kidiq.csv" "$data/Dyestuff.csv" "$WORK/"
cd "$WORK" || exit 1
mkdir tmp && export TMPDIR=$WORK/tmp
kinds='trace rank density intervals caterpillar lines shrinkage predictive reml pairs qq acf'
usual='caterpillar.svg density.svg intervals.svg lines.svg predictive.svg rank.svg shrinkage.svg trace.svg'

well_formed()
{
    [ -s "$1" ] && grep -q '</svg>' "$1" || { echo "$1 is no SVG"; return 1; }
    ! command -v xmllint >/dev/null || xmllint --noout --nonet "$1"
}
all_well_formed() { local f; for f in "$1"/*.svg; do well_formed "$f" || return 1; done; }
nothing_left() { [ -z "$(ls -A tmp)" ] || { ls -A tmp; false; }; }
listing() { [ "$(ls "$1" | tr '\n' ' ')" = "$2 " ] || { ls "$1"; false; }; }

"$BMIXED" fit 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv -o sleep -q --draws 250 >/dev/null
run "$BMIXED" plot sleep
it 'plot draws the useful kinds into DIR/plots' eval 'exits 0 && silent && listing sleep/plots "$usual"'
it 'and prints their names' eval '[ "$(wc -l <<<"$out")" -eq 8 ] && prints sleep/plots/trace.svg'
it 'they are well-formed SVG' all_well_formed sleep/plots
it 'nothing is left in the temporary directory' nothing_left
run "$BMIXED" plot sleep --kind trace
it 'pictures are not replaced unasked' refuses 2 "'sleep/plots/trace.svg' exists; --force replaces it"
run "$BMIXED" plot sleep --kind pairs
it 'others are added' eval 'exits 0 && [ -s sleep/plots/pairs.svg ] && [ -s sleep/plots/trace.svg ]'
run "$BMIXED" plot sleep --kind all --force
it '--kind all draws every kind' eval 'exits 0 && for k in $kinds; do well_formed sleep/plots/$k.svg || exit 1; done'
run "$BMIXED" plot sleep --kind all -o few --hold-rows 20
it 'without the rows: what is not made of them' eval 'exits 0 && for k in $kinds; do case $k in lines|shrinkage|predictive|qq) [ ! -e few/$k.svg ] ;; *) well_formed few/$k.svg ;; esac || exit 1; done'
it 'what is, is named' eval 'for k in lines shrinkage predictive qq; do says "$k is not drawn: it is made of the rows of the data" || exit 1; done'
it 'pictures of draws are the same' eval 'for k in trace rank pairs acf caterpillar; do cmp few/$k.svg sleep/plots/$k.svg || exit 1; done'
run "$BMIXED" plot sleep --kind lines --kind trace -o few --hold-rows 20 --force
it 'asked for by name it is drawn' eval 'exits 0 && cmp few/lines.svg sleep/plots/lines.svg'
it 'its title says what it shows' grep -q '<title>Trace of the draws: Draws of each parameter in order' sleep/plots/trace.svg
it 'the formula is on the picture' grep -q 'Reaction ~ Days + (Days | Subject)' sleep/plots/trace.svg
it 'effects are in units of the response, slopes per unit of the predictor' eval 'grep -q ">Reaction<" sleep/plots/caterpillar.svg && grep -q ">Reaction per unit of Days<" sleep/plots/caterpillar.svg'
it 'a level is named in the caterpillar' grep -q '308' sleep/plots/caterpillar.svg
it 'no temporary file is left beside the pictures' eval '! ls -A sleep/plots | grep -q "^\."'
run "$BMIXED" fit sleep -o sleep --force -q --draws 250
it 'fit --force replaces a directory with pictures in it, and the old pictures go' eval 'exits 0 && [ ! -e sleep/plots ]'
"$BMIXED" plot sleep --kind trace >/dev/null
echo mine >sleep/plots/notes.txt
run "$BMIXED" fit sleep -o sleep --force -q --draws 250
it 'but not one with something of the user among the pictures' eval 'exits 2 && [ -s sleep/plots/notes.txt ] && [ -s sleep/plots/trace.svg ]'

# ---- options -----------------------------------------------------------------------------------------------------------------------

run "$BMIXED" plot sleep --kind trace,acf --kind qq --format png -o png
it '--kind takes lists and may be repeated; --format png' eval 'exits 0 && listing png "acf.png qq.png trace.png" && head -c 4 png/qq.png | grep -q PNG'
run "$BMIXED" plot sleep --kind intervals --format pdf -o pdf
it '--format pdf' eval 'exits 0 && head -c 5 pdf/intervals.pdf | grep -q %PDF-'
run "$BMIXED" plot sleep --kind density --vars 'b_*' --vars 'r_Subject[308,Days]' -o vars
it '--vars chooses variables' eval 'exits 0 && grep -q "r_Subject\[308,Days\]" vars/density.svg && ! grep -q sigma vars/density.svg'
run "$BMIXED" plot sleep --kind catterpillar
it 'an unknown kind: 2, and the closest one' refuses 2 "unknown kind of plot 'catterpillar'; did you mean 'caterpillar'?"
run "$BMIXED" plot sleep --kind density --vars b_Dayz -o vars --force
it 'an unknown variable: 2, and the closest one' refuses 2 "no variable matches 'b_Dayz'; did you mean 'b_Days'?"
run "$BMIXED" plot nowhere -o x
it 'no such directory: 2' refuses 2 nowhere
run "$BMIXED" plot sleep -o sleepstudy.csv
it 'a file is no directory for pictures: 1' eval 'exits 1 && says sleepstudy.csv'
run "$BMIXED" plot sleep -o no/such/place
it 'a directory that cannot be made: 1' refuses 1 "cannot create the directory 'no/such/place'"
run "$BMIXED" plot
it 'without arguments: help, 2' eval 'exits 2 && says "Usage: bmixed plot"'
run "$BMIXED" plot sleep/draws.csv
it 'a file of draws needs -o' refuses 2 '-o says where the pictures of draws in files go'
run "$BMIXED" plot sleep/draws.csv -o file
it 'with it, the kinds that need only draws are drawn' eval 'exits 0 && listing file "density.svg intervals.svg rank.svg trace.svg"'
it 'and the others say why not' says 'caterpillar is not drawn: a file of draws does not say which model'
run "$BMIXED" plot sleep/draws.csv -o file2 --kind lines
it 'asked for by name, that is an error' eval 'refuses 2 "lines cannot be drawn: a file of draws" && [ ! -e file2 ]'

# ---- other models ------------------------------------------------------------------------------------------------------------------

"$BMIXED" fit 'kid_score ~ mom_iq + mom_hs' kidiq.csv -o lm -q --draws 250 >/dev/null
run "$BMIXED" plot lm --kind all
it 'a linear model: all but the kinds of groups' eval 'exits 0 && all_well_formed lm/plots && [ -s lm/plots/lines.svg ] && [ ! -e lm/plots/caterpillar.svg ]'
it 'which are noted' says 'caterpillar is not drawn: the model has no group effects'
"$BMIXED" fit 'Yield ~ 1 + (1 | Batch)' Dyestuff.csv -o dye -q --draws 250 >/dev/null
run "$BMIXED" plot dye --kind all
it 'a model without predictor: no lines' eval 'exits 0 && all_well_formed dye/plots && says "lines is not drawn: the model has no numeric predictor"'
run "$BMIXED" plot dye --kind shrinkage,lines -o dye2
it 'one impossible kind asked for by name: an error, and no pictures' eval 'refuses 2 "lines cannot be drawn: the model has no numeric predictor" && [ ! -e dye2 ]'
awk -v OFS=, 'BEGIN { srand(1); print "y", "x", "g"; for (j = 0; j < 600; j++) for (i = 0; i < 4; i++) { x = rand() * 10; print 3 * sin(j) + x + rand(), x, "a rather long name of site number " j } }' >big.csv
"$BMIXED" fit 'y ~ x + (x | g)' big.csv -o big -q --draws 250 >/dev/null
run "$BMIXED" plot big --kind all
it '600 groups whose draws were not kept' eval 'exits 0 && all_well_formed big/plots && grep -q "the 50 with the largest effects" big/plots/caterpillar.svg'
it 'pictures stay small enough to load (2 MB)' eval '[ -z "$(find big/plots -size +2048k)" ]'
"$BMIXED" fit 'Reaction ~ Days + I(Days^2) + (1 | Subject)' sleepstudy.csv -o square -q --draws 250 --prior 'sigma ~ constant(30)' >/dev/null
run "$BMIXED" plot square --kind all
it 'curves, and a parameter that is a constant' eval 'exits 0 && all_well_formed square/plots && ! grep -q ">sigma<" square/plots/trace.svg'
"$BMIXED" fit 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv -o iw -q --draws 100 --chains 1 --prior 'cov(Subject) ~ inv_wishart(4, 100)' --format cmdstan >/dev/null
run "$BMIXED" plot iw --kind all
it 'one chain, an inverse Wishart prior, draws as Stan CSV' eval 'exits 0 && all_well_formed iw/plots'

# ---- hostile names -----------------------------------------------------------------------------------------------------------------

cat >hostile.csv <<'END'
"y% 'q",x,g
1.5,1,it's
2.1,2,it's
3.9,3,it's
1.1,1,"a ""b"" \ {/Bold c}_d^e"
2.6,2,"a ""b"" \ {/Bold c}_d^e"
3.0,3,"a ""b"" \ {/Bold c}_d^e"
1.0,1,"line
break'; system('touch pwned') #"
2.9,2,"line
break'; system('touch pwned') #"
3.3,3,"line
break'; system('touch pwned') #"
0.4,1,`touch pwned` $(touch pwned) @home 50 %s
2.2,2,`touch pwned` $(touch pwned) @home 50 %s
2.7,3,`touch pwned` $(touch pwned) @home 50 %s
1.9,1,<script>&amp;</script>
2.0,2,<script>&amp;</script>
4.4,3,<script>&amp;</script>
END
"$BMIXED" fit "\`y% 'q\` ~ x + (1 | g)" hostile.csv -o "it's \`touch pwned\`" -q --draws 250 >/dev/null
run "$BMIXED" plot "it's \`touch pwned\`" --kind all
it 'hostile names are drawn' eval 'exits 0 && all_well_formed "it'"'"'s \`touch pwned\`/plots"'
it 'as they are' eval 'grep -qF "\`touch pwned\` \$" "it'"'"'s \`touch pwned\`/plots/lines.svg"'
it 'and nothing in them is executed' eval '[ -z "$(find . -name pwned)" ]'
run "$BMIXED" plot "it's \`touch pwned\`" --vars "r_g[*" --kind trace,intervals,acf -o hostile
it 'nor in the names of variables' eval 'exits 0 && all_well_formed hostile && [ -z "$(find . -name pwned)" ]'

# ---- letters that no font has: a fc-list that knows no font, and one that knows all; what gnuplot is handed ----

mkdir fakes
printf '#!/bin/sh\ncp script "%s/handed"\nprintf x >picture\n' "$WORK" >fakes/gnuplot
printf '#!/bin/sh\nexit 0\n' >fakes/fc-list
chmod +x fakes/*
sed 's/^\(3[0-9]*\),/한국-\1,/; s/,\(3[0-9]*\)$/,한국-\1/' sleepstudy.csv >korean.csv
"$BMIXED" fit 'Reaction ~ Days + (Days | Subject)' korean.csv -o korean -q --draws 100 >/dev/null
run env PATH="$WORK/fakes:$PATH" "$BMIXED" plot korean --kind caterpillar --format png -o boxes
it 'letters that no font has become boxes in a PNG, and a note says so' eval 'exits 0 && says "in no font that is installed here" && grep -q "□□-308" handed && ! grep -q 한 handed'
run env PATH="$WORK/fakes:$PATH" "$BMIXED" plot korean --kind caterpillar -o boxes
it 'in an SVG they are left to the reader' eval 'exits 0 && silent && grep -q 한국-308 handed'
run env PATH="$WORK/fakes:$PATH" "$BMIXED" plot sleep --kind caterpillar --format png -o boxes --force
it 'Latin letters are not asked about' eval 'exits 0 && silent && ! grep -q □ handed'
printf '#!/bin/sh\necho font\n' >fakes/fc-list
run env PATH="$WORK/fakes:$PATH" "$BMIXED" plot korean --kind caterpillar --format png -o boxes --force
it 'letters that a font has stay' eval 'exits 0 && silent && grep -q 한국-308 handed'
printf 'y,x,g\n' >names.csv
awk 'BEGIN { for (j = 1; j <= 6; j++) for (i = 0; i < 5; i++) print i * j + (i * i * j) % 3 "," i ",a name that begins as all do and ends in its number " j }' >>names.csv
"$BMIXED" fit 'y ~ x + (1 | g)' names.csv -o names -q --draws 100 >/dev/null
run "$BMIXED" plot names --kind caterpillar,lines
it 'long names lose their middle, so that they can be told apart' eval 'exits 0 && for j in 1 2 3 4 5 6; do grep -q "a name.*….*number $j" names/plots/caterpillar.svg && grep -q "a name.*….*r $j" names/plots/lines.svg || exit 1; done'
"$BMIXED" fit 'y ~ x + I(x^2) + (x | g)' big.csv -o bent -q --draws 100 >/dev/null
run "$BMIXED" plot bent --kind lines
it 'the legend has no sample of a line that is not drawn' eval 'exits 0 && ! grep -q "rgb(213, *94, *0)" bent/plots/lines.svg && grep -q "rgb(213, *94, *0)" big/plots/lines.svg'

# ---- what is missing ---------------------------------------------------------------------------------------------------------------

cp -R dye gone
rm -r gone/plots
mv Dyestuff.csv elsewhere.csv
run "$BMIXED" plot gone
it 'data that are gone: what needs only draws is drawn' eval 'exits 0 && listing gone/plots "density.svg intervals.svg rank.svg trace.svg"'
it 'and the reason given' eval 'says "caterpillar is not drawn: " && says Dyestuff.csv'
{ cat elsewhere.csv; echo A,1500; } >Dyestuff.csv
run "$BMIXED" plot gone --force --kind predictive
it 'data that have changed since the fit: said, not drawn' refuses 2 'has changed since the fit'
cp -R sleep other && jq '.formula = "Reaction ~ 1 + (Days | Subject)"' sleep/model.json >other/model.json
run "$BMIXED" plot other --kind lines -o other/lines
it 'a model.json that is not of the draws: said, as the report and diagnose say it' refuses 2 'are not of the model in its model.json'
echo '{' >other/summary.json
run "$BMIXED" plot other --kind lines -o other/lines
it 'a summary.json that is cut short, too' refuses 2 'is not JSON; was it edited or cut short?'
mkdir bin
run env PATH="$WORK/bin" "$BMIXED" plot sleep -o nognuplot
it 'no gnuplot: 1, and the package to install' refuses 1 'gnuplot, which draws the pictures, was not found: install it (Debian, Ubuntu: apt-get install gnuplot-nox)'
it 'and no directory' eval '[ ! -e nognuplot ] && nothing_left'
printf '#!/bin/sh\necho "script, line 7: bad" >&2\nexit 3\n' >bin/gnuplot
chmod +x bin/gnuplot
run env PATH="$WORK/bin:$PATH" "$BMIXED" plot sleep -o failed
it 'a gnuplot that fails: 1, with what it said' eval 'refuses 1 "gnuplot failed with status 3: script, line 7: bad" && [ ! -e failed ] && nothing_left'
printf '#!/bin/sh\nexit 0\n' >bin/gnuplot
run env PATH="$WORK/bin:$PATH" "$BMIXED" plot sleep -o failed
it 'a gnuplot that draws nothing: 1' eval 'refuses 1 "gnuplot ended well but drew nothing" && [ ! -e failed ] && nothing_left'
printf '#!/bin/sh\nkill -9 $$\n' >bin/gnuplot
run env PATH="$WORK/bin:$PATH" "$BMIXED" plot sleep -o failed
it 'a gnuplot that is killed: 1' eval 'refuses 1 "gnuplot was stopped by signal 9" && nothing_left'
run env TMPDIR=/no/such "$BMIXED" plot sleep -o failed
it 'no temporary directory: 1' refuses 1 "cannot create a temporary directory in '/no/such'"
printf '#!/bin/sh\nexec sleep 20\n' >bin/gnuplot
run env PATH="$WORK/bin:$PATH" bash -c '"$1" plot sleep -o stopped & sleep 1; kill $!; wait $!' _ "$BMIXED"
it 'kill: 143, no pictures, nothing left' eval 'exits 143 && says "interrupted: no pictures were written" && [ ! -e stopped ] && nothing_left'
echo 'this is no gnuplot command' >.gnuplot
run env HOME="$WORK" "$BMIXED" plot sleep --kind intervals -o home
it "the user's gnuplot settings are not read" exits 0
printf '.chain,.iteration,.draw,a\n1,1,1,2\n1,2,2,2\n1,3,3,2\n' >const.csv
run "$BMIXED" plot const.csv -o const --kind trace
it 'draws that are all constant: said' eval 'refuses 2 "trace cannot be drawn: every variable is constant" && [ ! -e const ]'
printf '.chain,.iteration,.draw,a\n1,1,1,2\n' >one.csv
run "$BMIXED" plot one.csv -o const
it 'a single draw: said' refuses 2 'a chain needs at least 2 draws'
finish
