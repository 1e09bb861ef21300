#!/usr/bin/env bash
# --format json against the rules of ArviZ's from_dict: its arguments and no others; every variable chains x draws x its dimensions, as long as the labels of
# those; numbers those of draws.csv.
. "$(dirname "$0")/testing.sh"
shape='def shape: if type == "array" then [length] + (.[0] | shape) else [] end;
       def even: if type == "array" and (.[0] | type) == "array" then (map(shape) | unique | length) == 1 and all(.[]; even) else true end;'
maps()          # maps FILE CHAINS DRAWS
{
    jq -e --argjson c "$2" --argjson n "$3" "$shape"'
        . as $d
        | (keys - ["posterior", "sample_stats", "coords", "dims"] == [])
        and ([.posterior, .sample_stats | to_entries[] | select(.value | even and shape[:2] == [$c, $n] | not) | .key] == [])
        and ([.posterior | to_entries[] | select((.value | shape[2:]) != [$d.dims[.key] // [] | .[] | $d.coords[.] | length]) | .key] == [])
        and ([.dims | keys[] | select($d.posterior[.] == null)] == [])
        and ([.dims[][]] | unique) == (.coords | keys)' "$1"
}
fit() { run "$BMIXED" fit "$1" "$2" -o "$WORK/$3" -q --format "$4" --chains 3 --draws 70; }

fit 'Reaction ~ Days + (Days | Subject)' tests/data/sleepstudy.csv sleep json
it 'a fit as JSON' exits 0
it 'maps one to one onto from_dict' maps "$WORK/sleep/draws.json" 3 70
it 'group effects are chains x draws x levels x terms' jq -e "$shape"'(.posterior.r_Subject | shape) == [3, 70, 18, 2] and .dims.r_Subject == ["Subject", "Subject__term"]' "$WORK/sleep/draws.json"
it 'lp is among the statistics of the sampler' jq -e "$shape"'.sample_stats.lp | shape == [3, 70]' "$WORK/sleep/draws.json"
fit 'Reaction ~ Days + (Days | Subject)' tests/data/sleepstudy.csv csv csv
number() { jq "$1" "$WORK/sleep/draws.json"; }
cell() { awk -F, -v name="$1" -v c="$2" -v i="$3" 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == name) at = k } $1 == c && $2 == i { print $at }' "$WORK/csv/draws.csv"; }
it 'the numbers are those of draws.csv' eval '[ "$(jq ".posterior.b_Days[1][41]" "$WORK/sleep/draws.json")" = "$(cell b_Days 2 42 | jq .)" ] && [ "$(jq ".posterior.sigma[2][69]" "$WORK/sleep/draws.json")" = "$(cell sigma 3 70 | jq .)" ]'
fit 'diameter ~ 1 + (1 | plate) + (1 | sample)' tests/data/Penicillin.csv pen json
it 'two factors, too' eval 'exits 0 && maps "$WORK/pen/draws.json" 3 70'
fit 'kid_score ~ mom_iq' tests/data/kidiq.csv kid json
it 'and none' eval 'exits 0 && maps "$WORK/kid/draws.json" 3 70'
it 'the rules see a variable that is too short' eval 'jq ".posterior.b_Days[1] |= .[1:]" "$WORK/sleep/draws.json" >"$WORK/short.json" && ! maps "$WORK/short.json" 3 70'
it 'a dimension without labels' eval 'jq "del(.coords.Subject)" "$WORK/sleep/draws.json" >"$WORK/short.json" && ! maps "$WORK/short.json" 3 70'
it 'and an argument that from_dict does not take' eval 'jq ".draws = 1" "$WORK/sleep/draws.json" >"$WORK/short.json" && ! maps "$WORK/short.json" 3 70'
finish
