#!/usr/bin/env python3
"""Runs operator cases on oclgrind: no invalid access, no race, no API misuse, in both device classes;
and every kernel of every .cl file is launched, with at most 4,096 work-items.

    under_oclgrind.py GRIND_PROGRAM KERNEL_FOLDER [--require-all] [--full]

The program picks the cheapest cases that launch every kernel of the class, with every set of build
options that any case asks for. A kernel that either class launches has run: some are emitted for one
class alone, though both build them. --require-all: a kernel that neither launches is a failure.
--full, or TENON_TEST_FULL in the environment: every small case besides.

Exit 77 where oclgrind is missing; 1 where TENON_REQUIRE names it.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

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


def read_launches(path):
    """(source, kernel) of what was built, and the work-items of what was launched."""
    built, ran = set(), {}
    with open(path, encoding='utf-8') as stream:
        for line in stream:
            kind, source, name, *items = line.split()
            if kind == 'kernel':
                built.add((source, name))
            else:
                n = int(items[0])
                ran[source, name] = min(n, ran.get((source, name), n))
    return built, ran


def problems_of(built, ran, folder):
    files = sources(folder)
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
    return problems


def run_class(oclgrind, program, device_class, scratch, full):
    """Whether it failed, what was built, and what ran."""
    log, launches = os.path.join(scratch, 'log'), os.path.join(scratch, device_class)
    begin = time.time()
    code = subprocess.call(
        [oclgrind, '--check-api', '--data-races', '--log', log, program, 'Oclgrind', 'gemm=own',
         'class=' + device_class] + (['--all'] if full else []),
        env=dict(os.environ, OCL_TEST_LAUNCHES=launches))
    with open(log, encoding='utf-8', errors='replace') as f:
        text = f.read()
    if text:
        print(text[:8000])
    built, ran = read_launches(launches) if os.path.exists(launches) else (set(), {})
    print(f'class {device_class}: exit {code}, {len(ran)} kernels launched of {len(built)}, '
          f'{time.time() - begin:.0f} s')
    return bool(text) or code != 0, built, ran


def main() -> int:
    oclgrind = shutil.which('oclgrind')
    if not oclgrind:
        print('skipped: oclgrind is not installed')
        return 1 if 'oclgrind' in os.environ.get('TENON_REQUIRE', '') else 77
    program, folder = sys.argv[1:3]
    full = '--full' in sys.argv or bool(os.environ.get('TENON_TEST_FULL'))
    failed, built, ran = False, set(), {}
    with tempfile.TemporaryDirectory() as scratch:
        for device_class in CLASSES:
            bad, class_built, class_ran = run_class(oclgrind, program, device_class, scratch, full)
            failed = failed or bad
            built |= class_built
            for kernel, n in class_ran.items():
                ran[kernel] = min(n, ran.get(kernel, n))
    problems = problems_of(built, ran, folder)
    for problem in problems:
        print(problem)
    print(f'{len(ran)} kernels ran of {len(built)}; {len(problems)} problems')
    return 1 if failed or (problems and '--require-all' in sys.argv) else 0


if __name__ == '__main__':
    sys.exit(main())
