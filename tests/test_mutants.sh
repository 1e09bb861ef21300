#!/usr/bin/env bash
# Breaks the code in ways that matter and demands that a named test sees it. One object file is compiled from a changed copy of its source and linked
# before the library, so that it takes the place of the right one.
. tests/testing.sh

B=${B:-build/plain} BM_LIBS=${BM_LIBS:--lopenblas -llapacke -lcholmod -lgsl -lcjson -lz -lm} OUT=$B/mutants

case $B in *address* | *undefined* | *thread*)
    skip 'planted faults are caught' 'sanitizer build'
    finish ;;
esac
mkdir -p "$OUT"

# caught NAME FILE 's/right/wrong/' TEST FILTER
caught()
{
    local name=$1 file=$2 change=$3 test=$4 filter=$5 copy=$OUT/$1.c

    sed "$change" "$file" >"$copy"
    if cmp -s "$file" "$copy"; then
        echo "the line to break was not found in $file"
        return 1
    fi
    ${CC:-cc} -D_GNU_SOURCE -Iinclude -Isrc -O2 -std=gnu11 -fopenmp -fno-math-errno -w -c "$copy" -o "$OUT/$name.o" &&
        ${CC:-cc} -fopenmp "$OUT/$name.o" "$B/tests/$test.o" "$B/libbmixed.a" -lcmocka $BM_LIBS -o "$OUT/$name" || return 1
    ! "$OUT/$name" "$filter"
}

# mutant NAME FILE 's/right/wrong/' TEST FILTER
mutant()
{
    it "$4 sees $1" caught "$@"
}

mutant prior_jacobian_dropped src/posterior/theta.c 's/\*jac += log(c) - M_LN2;/*jac += 0;/' test_sbc '*intercept*'
mutant sigma_jacobian_dropped src/posterior/theta.c 's/\*jac += pt->x\[th->sigma_x\];/*jac += 0;/' test_sbc '*linear*'
mutant proposal_density_of_the_wrong_scale src/fit/mixture.c 's/x\[i\] = sign\[i\] \* (m->mean\[k \* d + i\] + scale \* v);/x[i] = sign[i] * (m->mean[k * d + i] + 2 * scale * v);/' test_sbc '*intercept*'
mutant proposal_density_missing_from_the_ratio src/fit/chain.c 's/ratio = c->star->lp - lq_star;/ratio = c->star->lp;/' test_sbc '*intercept*'
mutant effects_from_the_rejected_factor src/fit/mcmc.c 's/bm_marginal_draw(c->cur->m, /bm_marginal_draw(c->star->m, /' test_mcmc '*conditional*'
mutant log_determinant_left_out src/posterior/marginal.c 's/st->sum_log_w + log_M + /st->sum_log_w + /' test_marginal '*dense*'
mutant factor_transposed src/posterior/kernel.c 's/v += T\[k + i \* q\] \* AT\[k + j \* q\];/v += T[i + k * q] * AT[k + j * q];/' test_marginal '*dense*'
mutant sd_for_variance src/posterior/coef_prior.c 's/c->base_prec\[m\] = 1 \/ (s \* s);/c->base_prec[m] = 1 \/ s;/' test_marginal '*dense*'
mutant lkj_exponent_off src/posterior/theta.c 's/tree = ((double)b->q - 2 - (double)j) \/ 2/tree = ((double)b->q - 1 - (double)j) \/ 2/' test_theta '*published*'
mutant conditional_noise_not_scaled src/posterior/kernel.c 's/t\[i\]\[l\] += sigma \* z/t[i][l] += z/' test_mcmc '*conditional*'

finish
