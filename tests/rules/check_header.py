#!/usr/bin/env python3
"""Compiles one public header alone, twice included. usage: check_header.py HEADER INCLUDE_DIR LANGUAGE COMPILER...

LANGUAGE is c11 or c++17. Exits with 77 (skipped) when the compiler cannot be run.
"""
import subprocess
import sys


def main():
    header, include_dir, language, compiler = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    source = f'#include "{header}"\n#include "{header}"\nint tn_header_compiles = 1;\n'
    command = compiler + [f'-std={language}', '-x', 'c++' if '++' in language else 'c', '-I',
                          include_dir, '-Wall', '-Wextra', '-Wpedantic', '-Werror',
                          '-fsyntax-only', '-']
    try:
        done = subprocess.run(command, input=source, text=True)
    except OSError as error:
        print(f'cannot run {compiler[0]}: {error}')
        sys.exit(77)
    sys.exit(done.returncode)


if __name__ == '__main__':
    main()
