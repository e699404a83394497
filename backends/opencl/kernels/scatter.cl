/* Rows of y [outer, R, inner] that rows of u [outer, n_keys, inner] join, by key: a row of y, or -1 for
 * none. -DJOIN: 0 replaced, 1 added, 2 multiplied, 3 the larger, 4 the smaller one. Position by position,
 * so that sums are the same on every run, and the last one wins. T: float; an integer of the element's
 * size, unsigned but for 3 and 4. */
#if JOIN == 1
#define PUT(to, v) ((to) = (T)((to) + (v)))
#elif JOIN == 2
#define PUT(to, v) ((to) = (T)((to) * (v)))
#elif JOIN == 3
#define PUT(to, v) ((to) = (v) > (to) || (v) != (v) ? (v) : (to))
#elif JOIN == 4
#define PUT(to, v) ((to) = (v) < (to) || (v) != (v) ? (v) : (to))
#else
#define PUT(to, v) ((to) = (v))
#endif

/* Each work-item owns columns of outer x inner and walks all keys; y holds what is added to. */
__kernel void columns(IN(int, key), IN(T, u), OUT(T, y), const int n_keys, const int R,
                      const int inner, const int n, const int chunk)
{
#ifdef CPU_CLASS
    const int hi = EACH_END(n, chunk);
    for (int c = (int)(get_global_id(0) * (ulong)chunk); c < hi;) {
        const int outer = c / inner, at = c - outer * inner, w = min(inner - at, hi - c);
        __global T *py = PTR(y) + (long)outer * R * inner + at;
        __global const T *pu = PTR(u) + (long)outer * n_keys * inner + at;
        for (int k = 0; k < n_keys; k++) {
            const int v = PTR(key)[k];
            if (v < 0)
                continue;
            INDEPENDENT
            for (int j = 0; j < w; j++)
                PUT(py[(long)v * inner + j], pu[(long)k * inner + j]);
        }
        c += w;
    }
#else
    EACH(c, n, chunk) {
        const int outer = c / inner, at = c - outer * inner;
        __global T *py = PTR(y) + (long)outer * R * inner + at;
        __global const T *pu = PTR(u) + (long)outer * n_keys * inner + at;
        for (int k = 0; k < n_keys; k++) {
            const int v = PTR(key)[k];
            if (v >= 0)
                PUT(py[(long)v * inner], pu[(long)k * inner]);
        }
    }
#endif
}

/* Few keys: each element of y looks through them all. */
__kernel void scan(IN(int, key), IN(T, u), OUT(T, y), const int n_keys, const int R,
                   const int inner, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / inner, at = i - line * inner, outer = line / R, row = line - outer * R;
        __global const T *pu = PTR(u) + (long)outer * n_keys * inner + at;
        T v = PTR(y)[i];
        for (int k = 0; k < n_keys; k++)
            if (PTR(key)[k] == row)
                PUT(v, pu[(long)k * inner]);
        PTR(y)[i] = v;
    }
}

/* Many keys, sorted: row r has positions pos[begin[r]] .. pos[begin[r + 1]]. */
__kernel void listed(IN(int, begin), IN(int, pos), IN(T, u), OUT(T, y), const int n_keys,
                     const int R, const int inner, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / inner, at = i - line * inner, outer = line / R, row = line - outer * R;
        __global const T *pu = PTR(u) + (long)outer * n_keys * inner + at;
        const int from = PTR(begin)[row], to = PTR(begin)[row + 1];
        T v = PTR(y)[i];
#if JOIN
        for (int k = from; k < to; k++)
            PUT(v, pu[(long)PTR(pos)[k] * inner]);
#else
        if (to > from)
            v = pu[(long)PTR(pos)[to - 1] * inner];
#endif
        PTR(y)[i] = v;
    }
}
