/* Along the middle of x [A, C, B]: argmax, argmin, cumsum, top_k and its gradient. T is the element
 * type. _item: a work-item per line; _group: a work-group. */
#define LINE(x, n) (PTR(x) + (long)(i / B) * (n) * B + i % B)

/* Whether v takes the place of `top`, which lies before it: NaN is what is sought. */
static inline int better(T v, T top, int smallest, int last)
{
    if (top != top)
        return v != v && last;
    if (v != v)
        return 1;
    if (v == top)
        return last;
    return smallest ? v < top : v > top;
}

__kernel void arg_item(IN(T, x), OUT(long, y), const int C, const int B, const int smallest,
                       const int last, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const T *p = LINE(x, C);
        int best = 0;
        T top = p[0];
        for (int c = 1; c < C; c++) {
            const T v = p[(long)c * B];
            if (better(v, top, smallest, last)) {
                top = v;
                best = c;
            }
        }
        PTR(y)[i] = best;
    }
}

/* Integers are summed as unsigned ones, which wrap. */
__kernel void cumsum_item(IN(T, x), OUT(T, y), const int C, const int B, const int exclusive,
                          const int reverse, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const T *p = LINE(x, C);
        __global T *q = LINE(y, C);
        T total = 0;
        for (int c = 0; c < C; c++) {
            const long at = (long)(reverse ? C - 1 - c : c) * B;
            const T next = total + p[at];
            q[at] = exclusive ? total : next;
            total = next;
        }
    }
}

/* Whether a comes before b in the order of top_k; of equals the lower index. */
static inline int before(int largest, T a, long ia, T b, long ib)
{
    if ((a != a) != (b != b))
        return (a != a) == largest;
    if (a == b || a != a)
        return ia < ib;
    return largest ? a > b : a < b;
}

static inline void sift(__global T *v, __global long *at, long B, int root, int n, int largest)
{
    const T value = v[root * B];
    const long index = at[root * B];
    for (int child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && before(largest, v[child * B], at[child * B], v[(child + 1) * B],
                                    at[(child + 1) * B]))
            child++;
        if (!before(largest, value, index, v[child * B], at[child * B]))
            break;
        v[root * B] = v[child * B];
        at[root * B] = at[child * B];
        root = child;
    }
    v[root * B] = value;
    at[root * B] = index;
}

/* The outputs hold a heap of the best K so far, the worst of them on top; at last it is sorted where
 * it lies. */
__kernel void top_k_item(IN(T, x), OUT(T, values), OUT(long, indices), const int C, const int B,
                         const int K, const int largest, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const T *p = LINE(x, C);
        __global T *v = LINE(values, K);
        __global long *at = LINE(indices, K);
        for (int c = 0; c < K; c++) {
            v[(long)c * B] = p[(long)c * B];
            at[(long)c * B] = c;
        }
        for (int c = K / 2 - 1; c >= 0; c--)
            sift(v, at, B, c, K, largest);
        for (int c = K; c < C; c++) {
            const T value = p[(long)c * B];
            if (before(largest, value, c, v[0], at[0])) {
                v[0] = value;
                at[0] = c;
                sift(v, at, B, 0, K, largest);
            }
        }
        for (int c = K - 1; c > 0; c--) {
            const T value = v[(long)c * B];
            const long index = at[(long)c * B];
            v[(long)c * B] = v[0];
            at[(long)c * B] = at[0];
            v[0] = value;
            at[0] = index;
            sift(v, at, B, 0, c, largest);
        }
    }
}

/* dx [A, C, B] = dv [A, K, B] at the indices; one work-item owns a line of dx. */
__kernel void top_k_grad_item(IN(long, indices), IN(T, dv), OUT(T, dx), const int C, const int B,
                              const int K, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const long *at = LINE(indices, K);
        __global const T *d = LINE(dv, K);
        __global T *q = LINE(dx, C);
        for (int c = 0; c < C; c++)
            q[(long)c * B] = 0;
        for (int c = 0; c < K; c++) {
            const long index = at[(long)c * B];
            if (index >= 0 && index < C)
                q[index * B] += d[(long)c * B];
        }
    }
}

#ifdef GPU_CLASS
__kernel void arg_group(IN(T, x), OUT(long, y), const int C, const int B, const int smallest,
                        const int last)
{
    __local T tops[256];
    __local int places[256];
    const int i = (int)get_group_id(0), l = (int)get_local_id(0), lanes = (int)get_local_size(0);
    __global const T *p = LINE(x, C);
    int best = min(l, C - 1);
    T top = p[(long)best * B];
    for (int c = l + lanes; c < C; c += lanes) {
        const T v = p[(long)c * B];
        if (better(v, top, smallest, last)) {
            top = v;
            best = c;
        }
    }
    tops[l] = top;
    places[l] = best;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int s = lanes / 2; s > 0; s /= 2) {
        if (l < s) {
            /* in the order of their places, as if met one after the other */
            const int first = places[l] <= places[l + s] ? l : l + s, second = 2 * l + s - first;
            const int won = better(tops[second], tops[first], smallest, last) ? second : first;
            const T value = tops[won];
            const int place = places[won];
            tops[l] = value;
            places[l] = place;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (l == 0)
        PTR(y)[i] = places[0];
}

/* Each lane sums a run of the line, then goes over it again from the sum of the runs before. */
__kernel void cumsum_group(IN(T, x), OUT(T, y), const int C, const int B, const int exclusive,
                           const int reverse)
{
    __local T runs[256];
    const int i = (int)get_group_id(0), l = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int lo = (int)((long)C * l / lanes), hi = (int)((long)C * (l + 1) / lanes);
    __global const T *p = LINE(x, C);
    __global T *q = LINE(y, C);
    T total = 0;
    for (int c = lo; c < hi; c++)
        total += p[(long)(reverse ? C - 1 - c : c) * B];
    runs[l] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    total = 0;
    for (int k = 0; k < l; k++)
        total += runs[k];
    for (int c = lo; c < hi; c++) {
        const long at = (long)(reverse ? C - 1 - c : c) * B;
        const T next = total + p[at];
        q[at] = exclusive ? total : next;
        total = next;
    }
}

/* One work-item per element of x counts how many come before it: its place, if that is below K. */
__kernel void top_k_rank(IN(T, x), OUT(T, values), OUT(long, indices), const int C, const int B,
                         const int K, const int largest, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        const int a = e / (C * B), c = e / B % C, b = e % B;
        __global const T *p = PTR(x) + (long)a * C * B + b;
        const T own = p[(long)c * B];
        int place = 0;
        for (int j = 0; j < C; j++)
            place += before(largest, p[(long)j * B], j, own, c) ? 1 : 0;
        if (place < K) {
            const long at = ((long)a * K + place) * B + b;
            PTR(values)[at] = own;
            PTR(indices)[at] = c;
        }
    }
}
#endif
