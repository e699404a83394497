/* Moves elements of one size (-DT=uchar, uint or ulong) between a dense side and a strided side. L: the
 * type of a window's start. */

/* y dense = x at base + table offset, by rows of `inner` elements, `step` apart in x: transpose,
 * expand, slice. */
__kernel void gather_rows(IN(T, x), OUT(T, y), IN(int, table), const int base, const int inner,
                          const int step, const int n, const int chunk)
{
#ifdef CPU_CLASS
    EACH(row, n, chunk) {
        __global const T *px = PTR(x) + base + table_offset(PTR(table), 0, row);
        __global T *py = PTR(y) + (long)row * inner;
        if (step == 1) {
            INDEPENDENT
            for (int i = 0; i < inner; i++)
                py[i] = px[i];
        } else {
            INDEPENDENT
            for (int i = 0; i < inner; i++)
                py[i] = px[i * step];
        }
    }
#else
    EACH(i, n, chunk) {
        const int row = i / inner, at = i - row * inner;
        PTR(y)[i] = PTR(x)[base + table_offset(PTR(table), 0, row) + at * step];
    }
#endif
}

/* y at base + table offset = x [n] dense; each place at most once. */
__kernel void scatter(IN(T, x), OUT(T, y), IN(int, table), const int base, const int n,
                      const int chunk)
{
    __global T *py = PTR(y) + base;
    EACH(i, n, chunk)
        py[table_offset(PTR(table), 0, i)] = PTR(x)[i];
}

#ifndef L
#define L long
#endif

/* The element offset of a window that begins at start[rank], clamped so that it fits. bounds is
 * [rank, largest start[rank], stride[rank]]. */
static inline int window(__global const L *start, __global const int *bounds)
{
    const int rank = bounds[0];
    int offset = 0;
    for (int d = 0; d < rank; d++)
        offset += (int)clamp((long)start[d], 0L, (long)bounds[1 + d]) * bounds[1 + rank + d];
    return offset;
}

__kernel void dynamic_gather(IN(T, x), IN(L, start), OUT(T, y), IN(int, table),
                             IN(int, bounds), const int n, const int chunk)
{
    __global const T *px = PTR(x) + window(PTR(start), PTR(bounds));
    EACH(i, n, chunk)
        PTR(y)[i] = px[table_offset(PTR(table), 0, i)];
}

__kernel void dynamic_scatter(IN(T, x), IN(L, start), OUT(T, y), IN(int, table),
                              IN(int, bounds), const int n, const int chunk)
{
    __global T *py = PTR(y) + window(PTR(start), PTR(bounds));
    EACH(i, n, chunk)
        py[table_offset(PTR(table), 0, i)] = PTR(x)[i];
}

__kernel void fill(OUT(T, y), const long pattern, const int n, const int chunk)
{
    const T value = (T)(ulong)pattern;
    EACH(i, n, chunk)
        PTR(y)[i] = value;
}
