/* Elements by index. T: an element of the size at hand; L: int or long, the indices. An index below
 * 0 counts from the end, one outside gives zero and takes part in no sum. */

/* In the indices' own type: Mesa 22.3 compares an int that was made long as if it had no sign. */
static inline int resolve(L v, int n)
{
    const L w = v < 0 ? (L)(v + (L)n) : v;
    return w >= 0 && w < (L)n ? (int)w : -1;
}

/* y [outer, n_ids, inner] = x [outer, N, inner] at the indices. */
__kernel void gather_axis(IN(T, x), IN(L, id), OUT(T, y), const int n_ids, const int N,
                          const int inner, const int n, const int chunk)
{
#ifdef CPU_CLASS
    EACH(row, n, chunk) {
        const int outer = row / n_ids, v = resolve(PTR(id)[row - outer * n_ids], N);
        __global T *py = PTR(y) + (long)row * inner;
        if (v < 0) {
            for (int j = 0; j < inner; j++)
                py[j] = (T)0;
        } else {
            __global const T *px = PTR(x) + ((long)outer * N + v) * inner;
            INDEPENDENT
            for (int j = 0; j < inner; j++)
                py[j] = px[j];
        }
    }
#else
    EACH(i, n, chunk) {
        const int row = i / inner, j = i - row * inner, outer = row / n_ids;
        const int v = resolve(PTR(id)[row - outer * n_ids], N);
        PTR(y)[i] = v < 0 ? (T)0 : PTR(x)[((long)outer * N + max(v, 0)) * inner + j];
    }
#endif
}

/* y, like the indices, = x at the index along one axis. The table: x's strides, 0 along the axis. */
__kernel void take_along(IN(T, x), IN(L, id), OUT(T, y), IN(int, table), const int N,
                         const int step, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int v = resolve(PTR(id)[i], N);
        const int at = table_offset(PTR(table), 0, i) + max(v, 0) * step;
        PTR(y)[i] = v < 0 ? (T)0 : PTR(x)[N > 0 ? at : 0];
    }
}

/* The slice that tuple t names, or -1. dims [0] = how many numbers a tuple has, then x's dims. */
static inline int slice_of(__global const L *ids, __global const int *dims, int per_batch, int t)
{
    int row = t / per_batch;
    const int K = dims[0];
    for (int j = 0; j < K; j++) {
        const int v = resolve(ids[(long)t * K + j], dims[1 + j]);
        if (v < 0)
            return -1;
        row = row * dims[1 + j] + v;
    }
    return row;
}

/* y [tuples, width] = the slices of x. */
__kernel void gather_tuples(IN(T, x), IN(L, id), OUT(T, y), IN(int, dims), const int per_batch,
                            const int width, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int t = i / width, row = slice_of(PTR(id), PTR(dims), per_batch, t);
        PTR(y)[i] = row < 0 ? (T)0 : PTR(x)[(long)max(row, 0) * width + (i - t * width)];
    }
}

/* key [n] = the row that each position goes to, or -1: by tuples, */
__kernel void key_of_tuple(IN(L, id), OUT(int, key), IN(int, dims), const int per_batch,
                           const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(key)[i] = slice_of(PTR(id), PTR(dims), per_batch, i);
}

/* by indices of the rows themselves (wraps: a negative one counts from the end), */
__kernel void key_of_index(IN(L, id), OUT(int, key), const int N, const int wraps, const int n,
                           const int chunk)
{
    EACH(i, n, chunk) {
        const L v = PTR(id)[i];
        PTR(key)[i] = wraps ? resolve(v, N) : (v >= 0 && v < (L)N ? (int)v : -1);
    }
}

/* and by indices along an axis: the element's own place. */
__kernel void key_along(IN(L, id), OUT(int, key), IN(int, table), const int N, const int step,
                        const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int v = resolve(PTR(id)[i], N);
        PTR(key)[i] = v < 0 ? -1 : table_offset(PTR(table), 0, i) + v * step;
    }
}
