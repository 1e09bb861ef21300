#!/usr/bin/env python3
"""Every error message is expected by a test: lists those of src of which no test quotes a telling part.

A message is the text handed to one of CALLS. It counts as tested where twelve letters of it that stand in no other message occur in a file of tests/.
tests/messages_untested.txt names the exceptions, a part of the message and the reason; those not needed any more are named.
Usage: messages.py [-v]. Status 1: a message without test or reason."""
import pathlib
import re
import sys

CALLS = r'\b(?:bm_fail|bm_prior_fail|bm_formula_fail|fail_at|cli_error|cli_fail|cli_usage|parse_fail|fail)\s*\('
LETTERS = 12


def literal(text, at):
    """The first string literal in a call's arguments, adjacent ones joined; None where there is none before the call ends."""
    depth, out, i = 1, None, at
    while i < len(text) and depth:
        c = text[i]
        if c == '"':
            j = i + 1
            while text[j] != '"':
                j += 2 if text[j] == '\\' else 1
            out = (out or '') + text[i + 1:j]
            i = j + 1
            rest = re.match(r'\s*(?=")', text[i:])
            if not rest:
                return out
            i += rest.end()
            continue
        if c == "'":
            i += 4 if text[i + 1] == '\\' else 3
            continue
        depth += (c == '(') - (c == ')')
        i += 1
    return out


def plain(text):
    return re.sub(r'\\(["\'\\])', r'\1', text)


def messages():
    for path in sorted(pathlib.Path('src').glob('*/*.c')):
        text = path.read_text()
        for m in re.finditer(CALLS, text):
            s = literal(text, m.end())
            if s:
                yield f'{path}:{text.count(chr(10), 0, m.start()) + 1}', plain(s)


def windows(message):
    for piece in re.split(r'%[-+ #0-9.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z%]|\\n', message):
        n = min(LETTERS, max(len(piece), 1))
        if n >= min(LETTERS, 8):
            for i in range(len(piece) - n + 1):
                yield piece[i:i + n]


def tested_text():
    out = []
    for path in pathlib.Path('tests').rglob('*'):
        if path.suffix in ('.c', '.h', '.sh', '.R', '.r', '.py') and path.name != 'messages.py':
            out.append(plain(re.sub(r'"\s*\n\s*"', '', path.read_text(errors='replace'))))
    return '\n'.join(out)


def exceptions():
    for line in pathlib.Path('tests/messages_untested.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            part, _, why = line.partition(' | ')
            if not why:
                sys.exit(f'tests/messages_untested.txt: no reason: {line}')
            yield part


def main():
    found, tests = list(messages()), tested_text()
    count = {}
    for text in {m for _, m in found}:
        for w in set(windows(text)):
            count[w] = count.get(w, 0) + 1
    unused, bad = set(exceptions()), 0
    known = set(unused)
    for where, text in found:
        own = [w for w in windows(text) if count[w] == 1]
        if not own or any(w in tests for w in own):
            continue
        reasons = [p for p in known if p in text]
        unused -= set(reasons)
        if not reasons:
            bad += 1
            print(f'{where}: no test expects: {text[:160]}')
    for part in unused:
        print(f'tests/messages_untested.txt: a test expects it, or it is gone: {part}')
    print(f'# {len(found)} messages, {len(known) - len(unused)} exceptions, {bad} without a test')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
