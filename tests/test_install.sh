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
    share/bash-completion/completions/bmixed share/zsh/site-functions/_bmixed share/doc/bmixed/examples/sleepstudy/lines.png share/doc/bmixed/README.md share/bmixed/models; do
    it "installs $f" test -e "$D/usr/$f"
done
run "$D/usr/bin/bmixed" --version
it 'the installed program runs' exits 0
run "$D/usr/bin/bmixed" fit "$D/usr/share/bmixed/models/sleepstudy.json" --draws 100 -q
it 'and fits an installed model' eval 'exits 0 && prints b_Days'
it 'pkg-config finds the version of the header' eval \
    '[ "$(PKG_CONFIG_PATH=$D/usr/lib/pkgconfig pkg-config --modversion bmixed)" = "$(sed -n "s/.*BM_VERSION \"\(.*\)\".*/\1/p" include/bmixed.h)" ]'

export PKG_CONFIG_PATH=$D/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$D LD_LIBRARY_PATH=$D/usr/lib
# shellcheck disable=SC2046
run cc -Wall -Wextra -Werror -o "$WORK/sleepstudy" examples/c/sleepstudy.c $(pkg-config --cflags --libs bmixed)
it 'the C example builds with pkg-config against the installed library' exits 0
it 'it has thirty lines' eval '[ "$(wc -l <examples/c/sleepstudy.c)" -le 32 ]'
it 'it is linked with the installed library' eval 'ldd "$WORK/sleepstudy" | grep -qF "$D/usr/lib/libbmixed.so.0"'
run "$WORK/sleepstudy" tests/data/sleepstudy.csv
it 'and fits: the slope is 10.5, give or take 0.5 (its Monte Carlo error is 0.03)' eval 'exits 0 && [[ $out == "slope "@(10.[0-9]|11.0)", above 10 with"*", 0 parameters"* ]]'
run "$WORK/sleepstudy" none.csv
it 'its message is that of the library' eval 'exits 1 && [[ $err == *none.csv* ]] && [ -z "$out" ]'
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
