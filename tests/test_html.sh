#!/usr/bin/env bash
# The report: sections, sentences that are computed, well-formed and accessible HTML, hostile names, and what a real browser makes of it.
. "$(dirname "$0")/testing.sh"
here=$PWD
cd "$WORK" || exit 1
has() { grep -qF -e "$1" "$page"; }
flat() { tr -s ' \n' ' ' <"$page" | sed 's/<[^>]*>//g; s/&nbsp;/ /g; s/−/-/g'; }
says_in_page() { [[ $(flat) == *"$1"* ]]; }
tidy() { if command -v python3 >/dev/null; then python3 "$here/tests/html_check.py" "$page"; else echo 'no python3'; fi; }

# ---- sleepstudy: what it says ------------------------------------------------------------------------------------------------

run "$BMIXED" fit "$here/models/sleepstudy.json" -o sleep -q
run "$BMIXED" report sleep
page=sleep/report.html
it 'a report is written into the directory' eval 'exits 0 && says "written to sleep/report.html" && [ -s "$page" ]'
for id in question data results groups lines predictive checks priors reml reproduce; do it "it has the section $id" has "id=\"$id\""; done
number() { jq -r --arg n "$1" --arg k "$2" '.parameters[] | select(.name == $n) | .[$k] * 10 | round / 10' sleep/summary.json | sed 's/^\(-*[0-9]*\)$/\1.0/'; }
it 'the slope is said in a sentence, with the numbers of summary.json' says_in_page \
    "Each further unit of Days goes with a Reaction that is higher by $(number b_Days rb_mean) (95 % interval $(number b_Days q2.5) to $(number b_Days q97.5))"
it 'the formula, the seed and the hash of the data are there' eval \
    'says_in_page "Reaction ~ Days + (Days | Subject)" && says_in_page "Seed1" && has "$(jq -r .data.hash sleep/summary.json)"'
it 'the REML estimates are those of bmixed reml' eval \
    'says_in_page "sigma$(number sigma mean)" && says_in_page "$(run "$BMIXED" reml "$here/models/sleepstudy.json" --json; jq -r ".sigma * 10 | round / 10" <<<"$out")"'
"$BMIXED" compare "$here/models/sleepstudy.json" -q --json >compare.json
every_reason() { local n=0 why; while IFS= read -r why; do n=$((n + 1)); says_in_page "${why/ - / -}" || { echo "$why"; return 1; }; done < <(jq -r '.parameters[].why[]' compare.json | sed 's/−/-/g'); [ $n -ge 2 ]; }
it 'it says why the two differ, as bmixed compare does, from the saved draws' every_reason
it 'intervals of the REML sds are those of compare: profile likelihood' eval \
    'says_in_page "sigma profile likelihood" && says_in_page "sigma$(number sigma mean)$(number sigma q2.5) to $(number sigma q97.5)$(jq -r ".parameters[] | select(.name == \"sigma\") | [.reml, .reml_lower, .reml_upper] | map(. * 10 | round / 10) | \"\(.[0])\(.[1]) to \(.[2])\"" compare.json)"'
it 'equations are MathML' has '<math display="block">'
it 'the verdict is on top' says_in_page 'Nothing speaks against trusting these draws.'
it 'every one of 18 subjects has a panel' eval '[ "$(grep -c "Reaction over Days, level" "$page")" -eq 18 ]'
it 'it is well-formed, accessible and self-contained' tidy
cp "$page" sleep.html
run "$BMIXED" report sleep -q
it 'a report is the same each time, and replaces the one in the directory' cmp "$page" sleep.html
run "$BMIXED" fit "$here/models/sleepstudy.json" -o sleep -q --force
it 'a directory with a report can be replaced by fit --force' eval 'exits 0 && [ ! -e sleep/report.html ]'

# ---- other shapes --------------------------------------------------------------------------------------------------------------

run "$BMIXED" fit 'mAch ~ sector * cses + meanses + (cses | school)' "$here/tests/data/Hsb82.csv.gz" -o hsb -q
run "$BMIXED" report hsb -o hsb.html -q
page=hsb.html
it 'a named file is written silently under -q' eval 'exits 0 && silent && tidy'
it 'of 160 schools the 50 largest are drawn, and it says so' says_in_page 'The 50 largest of 160 levels'
it 'differences from REML are counted from a quarter of an sd on' says_in_page 'more than 0.25 posterior standard deviations'
it 'an sd with mass at 0 is pointed out' says_in_page 'sd_school__cses may be 0'
it 'a factor is told by its levels' says_in_page 'With sector = Public instead of Catholic'
sed '1s/Days/days awake/; 1s/Reaction/reaction time (ms)/' "$here/tests/data/sleepstudy.csv" >names.csv
run "$BMIXED" fit '`reaction time (ms)` ~ `days awake` + (`days awake` | Subject)' names.csv -o names -q
run "$BMIXED" report names -q
page=names/report.html
it 'names with blanks are variables like others: sentences and fitted lines' eval 'exits 0 && tidy && has "id=\"lines\"" && says_in_page "Each further unit of \`days awake\` goes with"'
page=hsb.html
run "$BMIXED" report hsb -o hsb.html
it 'a named file is not replaced without --force' refuses 2 'hsb.html exists'
run "$BMIXED" report hsb -o - -q
it '-o - is standard output' eval 'exits 0 && cmp - hsb.html <<<"$out"'
run "$BMIXED" fit 'kid_score ~ mom_hs + mom_iq' "$here/tests/data/kidiq.csv" -o kid -q
run "$BMIXED" report kid
page=kid/report.html
it 'a model without groups has a report without group effects' eval 'exits 0 && tidy && ! has "id=\"groups\""'
run "$BMIXED" fit 'yield ~ 1 + (1 | batch)' "$here/tests/data/Dyestuff.csv" -o dye -q --ranef-draws none
[ $code -eq 0 ] || run "$BMIXED" fit 'Yield ~ 1 + (1 | Batch)' "$here/tests/data/Dyestuff.csv" -o dye -q --ranef-draws none
run "$BMIXED" report dye
page=dye/report.html
it 'a model without predictors, its group effects not kept' eval 'exits 0 && tidy && ! has "id=\"lines\"" && says_in_page "with new levels of the groups"'
run "$BMIXED" fit 'y ~ 1 + (1 | school)' "$here/tests/data/eight_schools.csv" --se sigma -o eight -q
if [ $code -eq 0 ]; then
    run "$BMIXED" report eight
    page=eight/report.html
    it 'known standard errors' eval 'exits 0 && tidy'
fi
run "$BMIXED" fit 'diameter ~ 1 + (1 | plate) + (1 | sample)' "$here/tests/data/Penicillin.csv" -o pen -q
run "$BMIXED" report pen
page=pen/report.html
it 'crossed factors have a level, a caterpillar and a table each' eval 'exits 0 && tidy && says_in_page "Level 2: plate" && says_in_page "Level 2: sample" && has "6 levels of sample</summary>"'
awk 'BEGIN { srand(1); print "y,x,shop"; for (j = 0; j < 3000; j++) { a = rand(); for (i = 0; i < 4; i++) { x = rand(); print a + x + rand() / 2 "," x ",shop " j } } }' >big.csv
run "$BMIXED" fit 'y ~ x + (1 | shop)' big.csv -o big -q
run "$BMIXED" report big
page=big/report.html
it 'three thousand groups stay below half a megabyte' eval 'exits 0 && tidy && [ "$(wc -c <"$page")" -lt 500000 ] && says_in_page "The 50 largest of 3,000 levels"'
awk -F, -v OFS=, 'NR > 1 { $6 += ($1 == 3) * 9 } { print }' sleep/draws.csv >shifted.csv
cp -R sleep bad && cp shifted.csv bad/draws.csv
run "$BMIXED" report bad
page=bad/report.html
it 'a bad fit is called one, and the chain is named' eval 'exits 0 && tidy && says_in_page "Do not trust these draws yet." && says_in_page "Chain 3 lies" && says_in_page "Provisional"'

# ---- names that mean harm -------------------------------------------------------------------------------------------------------

evil='<script>alert(1)</script>"&'"'"
{
    printf '"y<b>","x""><img src=x onerror=alert(1)>","g&amp;<i>"\n'
    awk -v e="$evil" 'BEGIN { srand(2); gsub(/"/, "\"\"", e); for (i = 0; i < 120; i++) printf "%g,%g,\"%s%d\"\n", rand() + i % 6, rand(), e, i % 6 }'
} >evil.csv
cat >evil.json <<'J'
{ "name": "</title><script>alert(2)</script>", "title": "</h1><script>alert(3)</script> \u202e", "description": "<iframe src=x>", "source": "a & b <c>",
  "data": "evil.csv", "formula": "`y<b>` ~ `x\"><img src=x onerror=alert(1)>` + (1 | `g&amp;<i>`)" }
J
run "$BMIXED" fit evil.json -o evil -q
run "$BMIXED" report evil
page=evil/report.html
it 'hostile names are shown and not run' eval 'exits 0 && tidy && has "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;&#39;" && has "&lt;iframe src=x&gt;"'

# ---- what cannot be reported --------------------------------------------------------------------------------------------------------

run "$BMIXED" report
it 'without arguments it says how it is used' eval 'exits 2 && says "Usage: bmixed report"'
run "$BMIXED" report sleep hsb
it 'two directories are one too many' refuses 2 'one report is about one output directory'
run "$BMIXED" report nowhere
it 'a directory that is not there is refused' refuses 2 'nowhere is not an output directory of bmixed fit'
mkdir empty
cp sleep/draws.csv empty/
run "$BMIXED" report empty
it 'a directory of draws only is refused' refuses 2 'a report needs its summary.json and model.json'
run "$BMIXED" report sleep/draws.csv -o x.html
it 'draws without a model are refused' refuses 2 'is not an output directory of bmixed fit'
it 'and nothing is left behind' eval '! ls | grep -q "^x.html"'
cp -R sleep moved && jq '.data = "/gone.csv"' sleep/model.json >moved/model.json
run "$BMIXED" report moved
it 'without its data there is no report' refuses 2 'gone.csv'
cp -R sleep cut && head -5 sleep/ranef.csv >cut/ranef.csv
run "$BMIXED" report cut
it 'a ranef.csv that is cut short is refused' refuses 2 'ends after 4 of 36 group effects'
sed '2s/Intercept/Other/' sleep/ranef.csv >cut/ranef.csv
run "$BMIXED" report cut
it 'a ranef.csv of another model is refused with the line' refuses 2 'ranef.csv:2: not the group effect that the model has here'

# ---- a browser --------------------------------------------------------------------------------------------------------------------------

chromium=$(command -v chromium || command -v chromium-browser || true)
if [ -z "$chromium" ]; then
    skip 'a browser shows the report without errors' 'no chromium'
    finish
fi
# What the browser says of the page: a copy in a frame of that width measures itself, and the page around the frame shows the result. (A window
# cannot be as narrow as a phone.)
probe()
{
    {
        cat "$1"
        cat <<'J'
<script>
const empty = [...document.querySelectorAll('svg')].filter(s => { const r = s.getBoundingClientRect(); return !(r.width > 60 && r.height > 60 && s.querySelector('path,circle')); }).length;
const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, .skip, svg') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className).slice(0, 3);
const maths = [...document.querySelectorAll('math')].filter(m => m.getBoundingClientRect().height < 10).length;
// WCAG 2: text against what is behind it, 4.5 to 1, or 3 to 1 where it is large.
const rgb = c => (c.match(/[0-9.]+/g) || []).map(Number);
const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
const faint = [...document.querySelectorAll('body *')].filter(e => !['SCRIPT', 'TITLE', 'title'].includes(e.tagName) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).filter(e => {
    const s = getComputedStyle(e), size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
    const a = light(rgb(e instanceof SVGElement ? s.fill : s.color)), b = light(behind(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return ratio < (large ? 3 : 4.5);
}).map(e => e.tagName + '.' + (e.className.baseVal ?? e.className) + ': ' + e.textContent.slice(0, 20)).slice(0, 5);
parent.postMessage(JSON.stringify({ faint, window: innerWidth, content: document.documentElement.scrollWidth, drawings: document.querySelectorAll('svg').length, empty, maths, wide }), '*');
</script>
J
    } >probe.html
    echo "<title>none</title><script>addEventListener('message', e => document.title = e.data)</script><iframe src=probe.html width=$2 height=900 style='border:0'></iframe>" >around.html
    timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
        --disable-sync --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$WORK/profile" --enable-logging=stderr --window-size=1400,1000 \
        --virtual-time-budget=5000 --dump-dom "file://$WORK/around.html" >dom.html 2>console.txt
    sed -n 's/.*<title>\({.*}\)<\/title>.*/\1/p' dom.html | head -1 | sed 's/&quot;/"/g' >probe.json
    cat probe.json
    ! grep CONSOLE console.txt
}
fits() { probe "$1" "$2" && jq -e --argjson w "$2" '.window == $w and .content <= $w and .drawings > 5 and .empty == 0 and .maths == 0 and .faint == []' probe.json; }
for name in sleep.html hsb.html kid/report.html big/report.html bad/report.html evil/report.html; do
    it "on a phone, 390 pixels wide, $name needs no sideways scrolling and draws everything" fits "$name" 390
done
it 'on a screen too' fits sleep.html 1200
it 'the probe sees a page that is too wide' eval '{ cat sleep.html; echo "<div style=\"width:2000px\">x</div>"; } >wide.html; ! fits wide.html 390'
it 'the probe sees a drawing that is empty' eval 'sed "s/<svg /<svg style=\"display:none\" /" sleep.html >hidden.html; ! fits hidden.html 390'
it 'the probe sees text that is too faint' eval '{ cat sleep.html; echo "<p style=\"color:#999\">faint</p>"; } >faint.html; ! fits faint.html 390'
run timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$WORK/profile" --print-to-pdf="$WORK/sleep.pdf" --no-pdf-header-footer "file://$WORK/sleep.html"
it 'it prints, on a few pages' eval 'n=$(grep -ac "/Type */Page\b" sleep.pdf); [ "$n" -ge 3 ] && [ "$n" -le 9 ] || { echo "$n pages"; false; }'
it 'the probe sees an error on the console' eval '{ cat sleep.html; echo "<script>nothing()</script>"; } >error.html; ! fits error.html 390'
finish
