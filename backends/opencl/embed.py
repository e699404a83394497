#!/usr/bin/env python3
"""Writes the kernel sources as C arrays: embed.py OUTPUT.c FILE.cl..."""
import os
import sys


def main() -> int:
    out, files = sys.argv[1], sys.argv[2:]
    lines = ['/* made by embed.py: do not edit */', '#include "opencl.h"', '']
    names = []
    for path in files:
        name = os.path.splitext(os.path.basename(path))[0]
        with open(path, 'rb') as f:
            data = f.read()
        names.append((name, len(data)))
        lines.append('static const unsigned char text_%s[] = {' % name)
        for i in range(0, len(data), 24):
            lines.append('    ' + ', '.join(str(b) for b in data[i:i + 24]) + ',')
        lines += ['};', '']
    lines.append('const struct ocl_source ocl_sources[] = {')
    for name, size in names:
        lines.append('    {"%s", text_%s, %d},' % (name, name, size))
    lines += ['};', 'const size_t ocl_n_sources = %d;' % len(names), '']
    with open(out, 'w', encoding='ascii') as f:
        f.write('\n'.join(lines))
    return 0


if __name__ == '__main__':
    sys.exit(main())
