#!/usr/bin/env bash
# The benchmark: bench.sh [--quick]. Prints tables and writes build/bench/*.csv. --quick: without R, smaller sizes, under two minutes.
#   BENCH_LIMIT=60      seconds of CPU that one peer may take on one model (five times as long on the clock)
#   BENCH_PEERS=...     which (default: rstanarm brms MCMCglmm JAGS); BENCH_ROWS=1e7: read up to so many rows (default 1e8)
#   BENCH_RATINGS=3.2e7 fit crossed factors of up to so many rows (default 1e6; 3.2e7 takes 3 GB and some ten minutes)
set -u
BMIXED=${BMIXED:-build/plain/bmixed} BENCH=${BENCH:-build/plain/bench} OUT=build/bench
quick=${1:-}
mkdir -p "$OUT"
export OPENBLAS_NUM_THREADS=1

machine()
{
    echo "Date:     $(date -u '+%Y-%m-%d %H:%M UTC')"
    echo "Machine:  $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)"
    echo "Load:     $(cut -d' ' -f1-3 /proc/loadavg) (other work makes wall times and, through caches, CPU times longer: trust ratios)"
    echo "Versions: $("$BMIXED" --version | head -1), $(${CC:-cc} --version | head -1)"
    [ -n "$quick" ] || ! command -v Rscript >/dev/null || Rscript --vanilla -e '
        cat("         ", R.version.string)
        for (p in c("lme4", "rstanarm", "brms", "MCMCglmm", "rjags", "posterior"))
            cat(",", p, if (requireNamespace(p, quietly = TRUE)) as.character(packageVersion(p)) else "not installed")
        cat("\n")' 2>/dev/null
    echo
}

# peer PEER MODEL CSV: one run, bounded in time; only its own line is shown
peer()
{
    local status limit=${BENCH_LIMIT:-60}

    (
        ulimit -t "$limit"
        exec timeout $((5 * limit)) Rscript --vanilla tests/bench/peers.R "$1" "$2" "$3" 2>"$OUT/peer.log"
    ) | grep "^$1 "
    status=${PIPESTATUS[0]}
    case $status in
        0) ;;
        124 | 137 | 152) printf '%-10s %-12s not done in %s s of CPU\n' "$1" "$2" "$limit" ;;
        *) printf '%-10s %-12s failed: %s\n' "$1" "$2" "$(tail -1 "$OUT/peer.log" | cut -c1-100)" ;;
    esac
}

names() { grep -v '^#' "$1" | cut -f1; }

# Effective draws per CPU second side by side, and how many times as many ours are. A peer's CPU time is that of its fitting call: warm-up and sampling, data in memory
# before, draws in memory after. So are ours, for the ratio; the whole run, from the CSV file to the written directory, stands beside it.
compare_draws()
{
    awk -F, '
        FILENAME ~ /models/ { if (FNR > 1) { whole[$1] = $13; ours[$1] = $21; least[$1] = $22; most[$1] = $23; order[++n] = $1 } next }
        FNR > 1 { rate[$2, $1] = $7; compile[$2, $1] = $5; rhat[$2, $1] = $9; if (!($1 in seen)) { seen[$1] = 1; peers[++m] = $1 } }
        END {
            printf "Effective draws per CPU second (smallest bulk ESS of b, sd, cor, sigma; warm-up included), and sampler over peer\n"
            printf "%-12s %9s %30s", "model", "whole run", "sampler (min - max)"
            for (k = 1; k <= m; k++) printf " %22s", peers[k]
            print ""
            for (i = 1; i <= n; i++) {
                printf "%-12s %9.0f %10.0f (%7.0f - %7.0f)", order[i], whole[order[i]], ours[order[i]], least[order[i]], most[order[i]]
                for (k = 1; k <= m; k++) {
                    r = rate[order[i], peers[k]]
                    if (r > 0) printf " %10.2f x %8.0f%s", r, ours[order[i]] / r, (rhat[order[i], peers[k]] > 1.05 ? "*" : " ")
                    else printf " %22s", "-"
                }
                print ""
            }
            print "* R-hat above 1.05: that peer has not converged, its rate is too good"
        }' "$OUT/models.csv" "$OUT/peers.csv"
}

compare_reml()
{
    awk -F, '
        FILENAME ~ /peers/ { if (FNR > 1) { theirs[$2] = $4; least[$2] = $5; most[$2] = $6 } next }
        FNR == 1 { printf "REML, milliseconds of CPU\n%-12s %10s %26s %8s\n", "model", "bmixed", "lme4 (min - max)", "ratio"; next }
        theirs[$1] { printf "%-12s %10.2f %9.1f (%6.1f - %6.1f) %8.0f\n", $1, 1e3 * $4, 1e3 * theirs[$1], 1e3 * least[$1], 1e3 * most[$1], theirs[$1] / $4 }
    ' "$OUT/peers_reml.csv" "$OUT/reml.csv"
}

machine
"$BENCH" commands $quick --program "$BMIXED" --csv "$OUT/commands.csv" || exit 1
echo
"$BENCH" models $quick --csv "$OUT/models.csv" || exit 1
echo
"$BENCH" models $quick --draws 100000 --only Penicillin --csv "$OUT/models_long.csv" || exit 1
echo
"$BENCH" reml $quick --csv "$OUT/reml.csv" || exit 1
echo
"$BENCH" kernel $quick --csv "$OUT/kernel.csv" || exit 1
echo
"$BENCH" growth $quick --rows "${BENCH_ROWS:-1e8}" --csv "$OUT/growth.csv" || exit 1
echo
"$BENCH" threads $quick --csv "$OUT/threads.csv" || exit 1
echo
"$BENCH" crossed $quick --rows "${BENCH_RATINGS:-1e6}" --csv "$OUT/crossed.csv" || exit 1
[ -n "$quick" ] && exit 0
echo
if ! command -v Rscript >/dev/null; then
    echo 'No R here: the peers are skipped.'
    exit 0
fi
echo 'peer,model,version,cpu_s,compile_s,ess,ess_per_cpu,worst,rhat' >"$OUT/peers.csv"
echo 'peer,model,version,cpu_s,cpu_s_min,cpu_s_max' >"$OUT/peers_reml.csv"
for p in ${BENCH_PEERS:-rstanarm brms MCMCglmm JAGS}; do
    for m in ${BENCH_MODELS:-$(names tests/bench/models.tsv)}; do peer "$p" "$m" "$OUT/peers.csv"; done
done
for m in $(names tests/bench/reml_models.tsv); do peer lme4 "$m" "$OUT/peers_reml.csv"; done
echo
compare_draws
echo
compare_reml
