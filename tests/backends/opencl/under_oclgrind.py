#!/usr/bin/env python3
"""Runs the operator cases on oclgrind: no invalid access, no race, no API misuse, in both device
classes; and every kernel of every .cl file is launched at least once, with at most 4,096 work-items.

    under_oclgrind.py CASES_PROGRAM KERNEL_FOLDER [--require-all]

Without --require-all a kernel that was never launched is named, but is no failure.

Exit 77 where oclgrind is missing; 1 where TENON_REQUIRE names it.
"""
import os
import shutil
import subprocess
import sys
import tempfile

CLASSES = ('gpu', 'cpu')
MAX_ITEMS = 4096


def fnv(data):
    h = 0xcbf29ce484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    return f'{h:016x}'


def sources(folder):
    """File names by the hash of their text; common.cl goes before each of them."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith('.cl') and name != 'common.cl':
            with open(os.path.join(folder, name), 'rb') as stream:
                found[fnv(stream.read())] = name
    return found


def missing_launches(path, folder):
    """What was never launched, as text."""
    files, built, ran = sources(folder), set(), {}
    with open(path, encoding='utf-8') as stream:
        for line in stream:
            kind, source, name, *items = line.split()
            if kind == 'kernel':
                built.add((source, name))
            else:
                n = int(items[0])
                ran[source, name] = min(n, ran.get((source, name), n))
    problems = [f'{name}: no program of it was built' for source, name in files.items()
                if not any(s == source for s, _ in built)]
    for source, name in sorted(built):
        n = ran.get((source, name))
        if source not in files:
            problems.append(f'{name}: of a program that is no file in {folder}')
        elif n is None:
            problems.append(f'{files[source]}: {name} was never launched')
        elif n > MAX_ITEMS:
            problems.append(f'{files[source]}: {name} had at least {n} work-items')
    return problems, len(ran)


def main() -> int:
    oclgrind = shutil.which('oclgrind')
    if not oclgrind:
        print('skipped: oclgrind is not installed')
        return 1 if 'oclgrind' in os.environ.get('TENON_REQUIRE', '') else 77
    program, folder = sys.argv[1:3]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        launches = os.path.join(scratch, 'launches')
        for device_class in CLASSES:
            log = os.path.join(scratch, 'log')
            code = subprocess.call(
                [oclgrind, '--check-api', '--data-races', '--log', log, program, 'Oclgrind', '--small',
                 'gemm=own', 'class=' + device_class], env=dict(os.environ, OCL_TEST_LAUNCHES=launches))
            with open(log, encoding='utf-8', errors='replace') as f:
                text = f.read()
            if text:
                print(text[:8000])
            print(f'class {device_class}: exit {code}')
            failed += bool(text) or code != 0
        problems, n_ran = missing_launches(launches, folder)
    for problem in problems:
        print(problem)
    print(f'{n_ran} kernels ran, {len(problems)} did not')
    return 1 if failed or (problems and '--require-all' in sys.argv) else 0


if __name__ == '__main__':
    sys.exit(main())
