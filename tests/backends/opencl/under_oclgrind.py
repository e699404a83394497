#!/usr/bin/env python3
"""Runs the operator cases on oclgrind: no invalid access, no race, no API misuse.

    under_oclgrind.py CASES_PROGRAM [ARGUMENT]...

Exit 77 where oclgrind is missing; 1 where TENON_REQUIRE names it.
"""
import os
import shutil
import subprocess
import sys
import tempfile


def main() -> int:
    oclgrind = shutil.which('oclgrind')
    if not oclgrind:
        print('skipped: oclgrind is not installed')
        return 1 if 'oclgrind' in os.environ.get('TENON_REQUIRE', '') else 77
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, 'log')
        code = subprocess.call([oclgrind, '--check-api', '--data-races', '--log', log] +
                               sys.argv[1:])
        with open(log, encoding='utf-8', errors='replace') as f:
            text = f.read()
    if text:
        print(text[:8000])
    return 1 if text else code


if __name__ == '__main__':
    sys.exit(main())
