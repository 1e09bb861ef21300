#!/usr/bin/env bash
# Breaks the code in ways that matter and demands that a named test sees it. One object file is compiled from a changed copy of its source and linked
# before the library, so that it takes the place of the right one; of a header, the object files of all sources of its room that include it.
. tests/testing.sh

B=${B:-build/plain} BM_LIBS=${BM_LIBS:--lopenblas -llapacke -lamd -lcamd -lgsl -lcjson -lz -lm -ldl} OUT=$B/mutants

case $B in *address* | *undefined* | *thread*)
    skip 'planted faults are caught' 'sanitizer build'
    finish ;;
esac
mkdir -p "$OUT"

# sources FILE COPY: what is compiled where COPY takes the place of FILE
sources()
{
    case $1 in
        *.h) grep -lF "$1" "$B/${1%/*}"/*.d | sed "s|^$B/||; s|\.d\$|.c|" ;;
        *) echo "$2" ;;
    esac
}

# build NAME FILE COPY TEST: TEST with the objects made of COPY, in the place of FILE, in front of the library
build()
{
    local source object objects=()

    if [[ $2 == *.h ]]; then
        mkdir -p "$OUT/$1.d/${2%/*}" && cp "$3" "$OUT/$1.d/$2"
    fi
    for source in $(sources "$2" "$3"); do
        object=$OUT/$1-$(basename "$source" .c).o
        objects+=("$object")
        ${CC:-cc} -D_GNU_SOURCE -Iinclude -I"$OUT/$1.d/src" -Isrc -I/usr/include/suitesparse -O2 -std=gnu11 -fopenmp -fno-math-errno -w -c "$source" -o "$object" || return
    done
    ${CC:-cc} -fopenmp "${objects[@]}" "$B/tests/$4.o" "$B/libbmixed.a" -lcmocka $BM_LIBS -o "$OUT/$1"
}

# The same with nothing changed must pass, or a test that fails says nothing. Once for every file and test.
sound()
{
    local file=$1 test=$2 filter=$3 key
    key=$(tr -c 'a-zA-Z0-9_\n' _ <<<"sound-$file-$test-$filter")

    [ -e "$OUT/$key.passed" ] && return
    build "$key" "$file" "$file" "$test" && "$OUT/$key" "$filter" 2>&1 | tee "$OUT/$key.out" && ! grep -q ' 0 test(s) run' "$OUT/$key.out" && : >"$OUT/$key.passed"
}

# caught NAME FILE 's/right/wrong/' TEST FILTER
caught()
{
    local name=$1 file=$2 change=$3 test=$4 filter=$5 copy=$OUT/$1.c

    sed "$change" "$file" >"$copy"
    if cmp -s "$file" "$copy"; then
        echo "the line to break was not found in $file"
        return 1
    fi
    if ! sound "$file" "$test" "$filter"; then
        echo "$test fails, or runs nothing, with the right code, too"
        return 1
    fi
    build "$name" "$file" "$copy" "$test" || return 1
    ! "$OUT/$name" "$filter"
}

# mutant NAME FILE 's/right/wrong/' TEST FILTER      MUTANTS='jacobian gibbs': only those whose name contains one of the words
mutant()
{
    local word
    for word in ${MUTANTS:-}; do
        [[ $1 != *"$word"* ]] || break
    done
    [ -z "${MUTANTS:-}" ] || [[ $1 == *"$word"* ]] || return
    it "$4 sees $1" caught "$@"
}

rm -f "$OUT"/sound-*

# ---- quantiles of group effects ---------------------------------------------------------------------------------------------------

mutant origins_of_chains_taken_for_one src/api/conditionals.c 's/ + (o\[e\] - o0\[e\]) .*;/;/' test_conditionals '*few*'
mutant conditional_sds_too_small src/api/conditionals.c 's/(float)(s\[j\] \/ f->unit\[i\])/(float)(0.8 * s[j] \/ f->unit[i])/' test_conditionals '*many*'
mutant quantile_of_a_normal src/api/conditionals.c 's/r->q5 = r->mean + r->sd \* q\[j\]/r->q5 = r->mean - 1.645 * r->sd/' test_conditionals '*many*'

# ---- priors and their Jacobians --------------------------------------------------------------------------------------------------

mutant sd_jacobian_dropped src/posterior/theta_prior.c 's/\*jac += log(c) - M_LN2;/*jac += 0;/' test_sbc '*intercept*'
mutant sigma_jacobian_dropped src/posterior/theta_prior.c 's/\*jac += pt->x\[th->sigma_x\];/*jac += 0;/' test_sbc '*linear*'
mutant correlation_jacobian_dropped src/posterior/theta_prior.c 's/\*jac += (tree + 1) \* l;/*jac += tree * l;/' test_theta '*integrate*'
mutant lkj_exponent_off src/posterior/theta_prior.c 's/tree = ((double)b->q - 2 - (double)j) \/ 2/tree = ((double)b->q - 1 - (double)j) \/ 2/' test_theta '*integrate*'
mutant inverse_wishart_jacobian_off src/posterior/theta_prior.c 's/\*jac += (double)q \* log(fabs(pt->s\[b->sd + i\])) + M_LN2;/*jac += log(fabs(pt->s[b->sd + i])) + M_LN2;/' test_sbc '*wishart*'
mutant sd_for_variance_of_a_coefficient src/posterior/coef_prior.c 's/c->base_prec\[m\] = 1 \/ (s \* s);/c->base_prec[m] = 1 \/ s;/' test_marginal '*dense*'
mutant inverse_gamma_stated_on_the_sd src/model/dist.c 's/return -(2 \* a + 1) \* log(x) - v;/return -(a + 1) * log(x) - v;/' test_sbc '*uncorrelated*'
mutant mixing_precision_short_of_half_a_degree src/posterior/coef_prior.c 's/bm_rng_gamma(rng, (df + 1) \/ 2)/bm_rng_gamma(rng, df \/ 2)/' test_theta '*student_t*'
mutant intercept_not_centred src/posterior/coef_prior.c 's/if (centred) memcpy/if (0) memcpy/' test_marginal '*dense*'

# ---- cross-products ----------------------------------------------------------------------------------------------------------------

mutant weights_left_out_of_the_groups src/suffstat/stats.c 's/double  w = weight ? weight\[i\] : 1;/double  w = 1;/' test_marginal '*dense*'
mutant log_weights_left_out src/suffstat/stats.c 's/s->sum_log_w += d->w ? log(d->w\[i\]) : 0;/s->sum_log_w += 0;/' test_marginal '*dense*'
mutant offset_left_out src/suffstat/stats.c 's/if (d->o) v -= d->o\[i\];//' test_marginal '*dense*'
mutant new_response_without_weights src/suffstat/respond.c 's/weight = w ? w\[i\] : 1;/weight = 1;/' test_respond '*'

# ---- the marginal likelihood, effects ----------------------------------------------------------------------------------------------

mutant log_determinant_left_out src/posterior/marginal.c 's/st->sum_log_w + log_M + /st->sum_log_w + /' test_marginal '*dense*'
mutant factor_transposed src/posterior/kernel_factor.h 's/v += T\[k + i \* q\] \* AT\[k + j \* q\];/v += T[i + k * q] * AT[k + j * q];/' test_marginal '*dense*'
mutant conditional_noise_not_scaled src/posterior/kernel_effects.h 's/t\[i\] += a->sigma \* root/t[i] += root/' test_mcmc '*conditional*'
mutant coefficients_by_the_transposed_factor src/posterior/effects.c 's/bm_solve_lower_t(p, 1, m->S, beta);/bm_solve_lower(p, 1, m->S, beta);/' test_mcmc '*conditional*'
mutant shared_factor_counted_once src/posterior/classes.c 's/log_M += 2 \* k->count\[i\] \* factor/log_M += 2 * factor/' test_classes '*one_by_one*'
mutant joint_log_determinant_halved src/posterior/joint.c 's/return 2 \* log_C;/return log_C;/' test_joint '*dense*'
mutant joint_noise_not_scaled src/posterior/effects_joint.c 's/v\[i\] = m->sigma \* v\[i\] + /v[i] = v[i] + /' test_joint '*draws*'

# ---- kernels -------------------------------------------------------------------------------------------------------------------------

mutant proposal_of_the_wrong_scale src/fit/mixture_draw.c 's/x\[i\] = sign\[i\] \* (m->mean\[k \* d + i\] + scale \* v);/x[i] = sign[i] * (m->mean[k * d + i] + 2 * scale * v);/' test_sbc '*intercept*'
mutant scores_without_their_scale src/fit/mixture_draw.c 's/m->df\[k\] + distance/m->df[k] + 0 * distance/' test_mixture '*other_side*'
mutant scores_of_another_image src/fit/mixture_draw.c 's/m->sign + at . BM_MIX_LANES \* m->d, x, z/m->sign, x, z/' test_mixture '*other_side*'
mutant other_side_of_the_wrong_width src/fit/mixture_draw.c 's/rest = sqrt(1 - correlation \* correlation)/rest = 1/' test_mixture '*other_side*'
mutant proposal_density_missing_from_the_ratio src/fit/chain.c 's/ratio = c->star->lp - lq_star;/ratio = c->star->lp;/' test_sbc '*intercept*'
mutant effects_from_the_rejected_factor src/fit/mcmc.c 's/bm_marginal_draw(c->cur->m, /bm_marginal_draw(c->star->m, /' test_mcmc '*conditional*'
mutant gibbs_residual_of_the_wrong_effects src/fit/gibbs_chain.c 's/c->rss = s->st.yy - 2 \* fitted_product(c, s) + c->W\[i\];/c->rss = s->st.yy - fitted_product(c, s);/' test_sbc '*one_by_one*'
mutant gibbs_coefficients_ignore_the_other_factor src/fit/gibbs_chain.c 's/s->st.Xy\[k\] -= c->Bv\[l \* p + k\];/s->st.Xy[k] -= 0;/' test_sbc '*one_by_one*'
mutant gibbs_effects_of_another_theta src/fit/gibbs_chain.c 's/bm_marginal_draw(s->cur->m, rng/bm_marginal_draw(s->star->m, rng/' test_sbc '*one_by_one*'

# ---- the same and others by the joint-distribution test, kernel by kernel ------------------------------------------------------------

mutant walk_that_accepts_everything src/fit/chain.c 's/if (evaluate(c, c->star) == BM_OK \&\& log(u) < c->star->lp - c->cur->lp)/if (evaluate(c, c->star) == BM_OK)/' test_geweke '*linear*'
mutant jump_with_the_gradient_of_before src/fit/mcmc.c 's/    if (!moved) return;/    return;/' test_mcmc '*jumps*'
mutant proposal_density_missing_under_geweke src/fit/chain.c 's/ratio = c->star->lp - lq_star;/ratio = c->star->lp;/' test_geweke '*slope*'
mutant energy_of_the_momentum_alone src/fit/hmc.c 's/end = star->lp - /end = cur->lp - /' test_geweke '*linear*'
mutant momentum_of_half_the_size src/fit/hmc.c 's/double u = bm_rng_uniform(rng);/for (size_t k = 0; k < d; k++) p[k] *= 0.5;\n    &/' test_geweke '*linear*'
mutant offset_left_out_under_geweke src/suffstat/stats.c 's/if (d->o) v -= d->o\[i\];//' test_geweke '*linear*'
mutant residual_variance_over_squared_weights src/api/simulate.c 's/sigma \/ sqrt(d->w ? d->w\[i\] : 1)/sigma \/ (d->w ? d->w[i] : 1)/' test_geweke '*linear*'
mutant mixing_precision_under_geweke src/posterior/coef_prior.c 's/bm_rng_gamma(rng, (df + 1) \/ 2)/bm_rng_gamma(rng, df \/ 2)/' test_geweke '*linear*'
mutant intercept_not_centred_under_geweke src/posterior/coef_prior.c 's/if (centred) memcpy/if (0) memcpy/' test_geweke '*linear*'
mutant lkj_density_left_out src/posterior/theta_prior.c 's/\*nat += (eta - 1) \* l;/*nat += 0;/' test_geweke '*slope*'
mutant determinant_of_inverse_wishart_off src/posterior/theta_prior.c 's/0.5 \* (v + (double)q + 1) \* log_G/0.5 * (v + (double)q) * log_G/' test_geweke '*wishart*'
mutant gibbs_walk_that_accepts_everything src/fit/gibbs.c 's/if (!(log(u) < gain)) continue;/if (gain == -INFINITY) continue;/' test_geweke '*crossed*'
mutant gibbs_response_keeps_the_other_effects src/fit/gibbs_chain.c 's/if (!in_part(part, l)) bm_table_take/if (0) bm_table_take/' test_geweke '*crossed*'

finish
