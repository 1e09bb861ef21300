#!/usr/bin/env bash
# make install, a C program against the installed library, make uninstall.
. "$(dirname "$0")/testing.sh"
if [[ ${B:-build/plain} == *address* || ${B:-} == *undefined* || ${B:-} == *thread* ]]; then
    skip 'make install' 'sanitizers'
    finish
fi
unset MAKEFLAGS MAKELEVEL
D=$WORK/root
run make -s install DESTDIR="$D" PREFIX=/usr
it 'make install with DESTDIR and PREFIX' exits 0
for f in bin/bmixed lib/libbmixed.a lib/libbmixed.so include/bmixed.h lib/pkgconfig/bmixed.pc share/man/man1/bmixed.1 \
    share/bash-completion/completions/bmixed share/doc/bmixed/README.md share/bmixed/models; do
    it "installs $f" test -e "$D/usr/$f"
done
run "$D/usr/bin/bmixed" --version
it 'the installed program runs' exits 0
it 'pkg-config finds the version of the header' eval \
    '[ "$(PKG_CONFIG_PATH=$D/usr/lib/pkgconfig pkg-config --modversion bmixed)" = "$(sed -n "s/.*BM_VERSION \"\(.*\)\".*/\1/p" include/bmixed.h)" ]'

cat >"$WORK/slope.c" <<'END'
#include <bmixed.h>
#include <string.h>

int main(int argc, char **argv)
{
    bm_spec *spec = NULL; bm_model *model = NULL; bm_fit *fit = NULL; bm_error err = { 0 };
    double sum = 0;

    if (argc < 2 || bm_spec_new(&spec, &err) || bm_spec_set(spec, "formula", "Reaction ~ Days + (Days | Subject)", &err)
        || bm_spec_set(spec, "data", argv[1], &err) || bm_model_new(&model, spec, NULL, &err) || bm_fit_run(&fit, model, NULL, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    const bm_draws *d = bm_fit_draws(fit);
    size_t n = bm_draws_nchain(d) * bm_draws_niter(d);
    for (size_t v = 0; v < bm_draws_nvar(d); v++)
        if (strcmp(bm_draws_name(d, v), "b_Days") == 0)
            for (size_t i = 0; i < n; i++) sum += bm_draws_values(d, v)[i] / (double)n;
    printf("%.1f\n", sum);
    bm_fit_free(fit); bm_model_free(model); bm_spec_free(spec);
    return 0;
}
END
export PKG_CONFIG_PATH=$D/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$D LD_LIBRARY_PATH=$D/usr/lib
# shellcheck disable=SC2046
run cc -Wall -Wextra -Werror -o "$WORK/slope" "$WORK/slope.c" $(pkg-config --cflags --libs bmixed)
it 'a C program builds with pkg-config' exits 0
run "$WORK/slope" tests/data/sleepstudy.csv
it 'and fits: the slope is 10.5, give or take 0.5' eval 'exits 0 && [[ $out == 10.[0-9] || $out == 11.0 ]]'
printf '#include <bmixed.h>\nint main() { return bm_version() == nullptr; }\n' >"$WORK/v.cpp"
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046
    run c++ -Wall -Wextra -Werror -std=c++11 -o "$WORK/v" "$WORK/v.cpp" $(pkg-config --cflags --libs bmixed)
    it 'the header is C++ too' exits 0
else
    skip 'the header is C++ too' 'no c++'
fi
run make -s uninstall DESTDIR="$D" PREFIX=/usr
it 'make uninstall leaves no file' eval 'exits 0 && [ -z "$(find "$D" ! -type d)" ]'
finish
