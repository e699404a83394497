#!/usr/bin/env python3
"""Checks the rules that keep the rooms of the house apart. usage: check_rules.py SOURCE_ROOT

Prints each breach as FILE:LINE: what, and what to do; exits with 1 if there is any.
"""
import os
import re
import sys

# Who may include whom: a room may include those of a lower rank, itself, and those of its own rank.
RANK = {
    'base': 0, 'tensor': 1, 'graph': 2, 'ops': 2, 'plan': 3, 'runtime': 4,
    'nn': 5, 'data': 5, 'io': 5, 'train': 6, 'recipe': 7, 'cli': 8,
}
# A public header belongs to the room that implements it; tenon/backend.h and the numbers that every
# backend draws by, tenon/normal_table.h, are for everyone.
PUBLIC_ROOM = {
    'status.h': 'base', 'custom_op.h': 'ops', 'tensor.h': 'tensor', 'graph.h': 'graph', 'runtime.h': 'runtime',
    'model.h': 'nn', 'data.h': 'data', 'io.h': 'io', 'train.h': 'train', 'recipe.h': 'recipe',
}
FOREIGN = re.compile(r'^(CL/|OpenCL/|clblast|cblas|openblas|lapack|mkl|dnnl|oneapi/|mpi\.h|cuda|hip/)')
FORBIDDEN_CALL = re.compile(
    r'(?<![\w.>])(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort)\s*\(')
FORBIDDEN_STREAM = re.compile(r'\b(stdout|stderr)\b')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
SOURCE = ('.c', '.h', '.cl', '.inc', '.cpp', '.hpp')
MAX_LINES = 600
# C99's inline alone makes no function to call where a compiler decides not to inline it.
LONE_INLINE = re.compile(r'(?<!static )\binline\b')


def strip(text):
    """Comments and the insides of literals become blanks; lines stay where they are."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def strip_comments(text):
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return token.sub(lambda m: m.group() if m.group()[0] == '"' else re.sub(r'[^\n]', ' ', m.group()),
                     text)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


class Checker:
    def __init__(self, root):
        self.root = root
        self.breaches = []

    def breach(self, path, line, text):
        self.breaches.append(f'{os.path.relpath(path, self.root)}:{line}: {text}')

    def files(self, top):
        for folder, _, names in os.walk(os.path.join(self.root, top)):
            for name in sorted(names):
                if name.endswith(SOURCE):
                    yield os.path.join(folder, name)

    def exists(self, *parts):
        return os.path.isfile(os.path.join(self.root, *parts))

    def resolve(self, path, name):
        """Path, from the root, of what `#include "name"` means in `path`; None: not in the tree."""
        for base in (os.path.dirname(path), os.path.join(self.root, 'core'),
                     os.path.join(self.root, 'include'), self.root):
            full = os.path.normpath(os.path.join(base, name))
            if os.path.isfile(full):
                return os.path.relpath(full, self.root)
        return None

    @staticmethod
    def room(relative):
        parts = relative.split(os.sep)
        if parts[0] == 'core':
            return parts[1] if len(parts) > 2 else None
        if parts[0] == 'include':
            return PUBLIC_ROOM.get(parts[-1])
        return parts[0]

    def check_ranks(self, path, room, text):
        for match in INCLUDE.finditer(text):
            target = self.resolve(path, match.group(2))
            if target is None:
                continue
            other = self.room(target)
            line = line_of(text, match.start())
            if other == 'backends':
                self.breach(path, line, f'includes {target}: nothing outside a backend knows its files')
            if other == room or other not in RANK:
                continue
            if RANK[other] > RANK[room]:
                self.breach(path, line,
                            f'{room} includes {match.group(2)} of {other}: it may include only what '
                            'lies below it; move what both need down, or the caller up')

    def check_core(self, path, text):
        for match in INCLUDE.finditer(text):
            if FOREIGN.match(match.group(2)):
                self.breach(path, line_of(text, match.start()),
                            f'core includes {match.group(2)}: only a backend may know that library')
        code = strip(text)
        for pattern in (FORBIDDEN_CALL, FORBIDDEN_STREAM):
            for match in pattern.finditer(code):
                self.breach(path, line_of(code, match.start()),
                            f'{match.group().strip()} in core: return a tn_status, or log')

    def check_backend(self, path, text):
        parts = os.path.relpath(path, self.root).split(os.sep)
        own = os.path.join(*parts[:2]) + os.sep
        for match in INCLUDE.finditer(text):
            name = match.group(2)
            if name in ('tenon/backend.h', 'tenon/normal_table.h'):
                continue
            target = self.resolve(path, name)
            if target is None or target.startswith(own):
                continue
            if re.fullmatch(r'backends/\w+\.h', target):
                continue # arithmetic that backends share, which sees no more than they may
            if match.group(1) == '<' and not name.startswith('tenon/'):
                continue # a system header of the same name as a file of ours
            self.breach(path, line_of(text, match.start()),
                        f'a backend includes {name}: only tenon/backend.h, its own files, and headers in backends/')

    def check_length(self, path, text):
        n = text.count('\n')
        if n > MAX_LINES and 'generated' not in '\n'.join(text.split('\n')[:5]).lower():
            self.breach(path, n, f'{n} lines: a file is read in one sitting; split it '
                        f'(at most {MAX_LINES}; a generated file says so in its first five lines)')

    def check_kernels(self, path, text):
        code = strip(text)
        for match in LONE_INLINE.finditer(code):
            self.breach(path, line_of(code, match.start()),
                        'inline without static: a driver that does not inline it has no function to '
                        'call; write static inline')

    def run(self):
        for top in ('core', 'cli', 'backends', 'include'):
            for path in self.files(top):
                with open(path, encoding='utf-8') as stream:
                    text = stream.read()
                code = strip_comments(text)
                room = self.room(os.path.relpath(path, self.root))
                if top != 'include':
                    self.check_length(path, text)
                if top == 'backends':
                    self.check_backend(path, code)
                    if path.endswith('.cl'):
                        self.check_kernels(path, text)
                elif room is not None:
                    if room not in RANK:
                        self.breach(path, 1, f"room '{room}' has no rank in tests/rules/check_rules.py")
                    else:
                        self.check_ranks(path, room, code)
                if top == 'core':
                    self.check_core(path, code)
        return self.breaches


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    breaches = Checker(os.path.abspath(sys.argv[1])).run()
    for breach in breaches:
        print(breach)
    if breaches:
        sys.exit(f'{len(breaches)} breaches of the rules')


if __name__ == '__main__':
    main()
