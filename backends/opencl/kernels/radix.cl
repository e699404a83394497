/* Sorts (key, position) by key, keeping the order of position among equal keys: a pass per four bits,
 * each in three steps. A work-item has `run` keys in a row, so a pass keeps their order. A key of -1
 * counts as R, the one past the last row. GPU class. */
#ifdef GPU_CLASS
#define DIGIT(k) ((((k) < 0 ? R : (k)) >> shift) & 15)

/* count [16, items] */
__kernel void radix_count(IN(int, key), OUT(int, count), const int R, const int shift,
                          const int n_keys, const int run, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        int c[16];
        for (int d = 0; d < 16; d++)
            c[d] = 0;
        for (int k = i * run; k < min(n_keys, i * run + run); k++)
            c[DIGIT(PTR(key)[k])]++;
        for (int d = 0; d < 16; d++)
            PTR(count)[d * n + i] = c[d];
    }
}

/* Each count becomes the sum of those before it; one work-group. */
__kernel void radix_scan(OUT(int, count), const int n)
{
    __local int part[256];
    const int l = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int each = (n + lanes - 1) / lanes, from = min(n, l * each), to = min(n, from + each);
    int sum = 0;
    for (int i = from; i < to; i++)
        sum += PTR(count)[i];
    part[l] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (l == 0) {
        int before = 0;
        for (int k = 0; k < lanes; k++) {
            const int here = part[k];
            part[k] = before;
            before += here;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = part[l];
    for (int i = from; i < to; i++) {
        const int here = PTR(count)[i];
        PTR(count)[i] = sum;
        sum += here;
    }
}

/* The first pass makes the positions up. */
__kernel void radix_move(IN(int, key), IN(int, pos), IN(int, count), OUT(int, to_key),
                         OUT(int, to_pos), const int R, const int shift, const int n_keys,
                         const int run, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        int at[16];
        for (int d = 0; d < 16; d++)
            at[d] = PTR(count)[d * n + i];
        for (int k = i * run; k < min(n_keys, i * run + run); k++) {
            const int v = PTR(key)[k], to = at[DIGIT(v)]++;
            PTR(to_key)[to] = v;
            PTR(to_pos)[to] = shift == 0 ? k : PTR(pos)[k];
        }
    }
}

/* begin [R + 1]: where each row's keys begin, n_keys or the keys without a row after the last. */
__kernel void row_begin(IN(int, key), OUT(int, begin), const int R, const int n_keys, const int n,
                        const int chunk)
{
    EACH(r, n, chunk) {
        int lo = 0, hi = n_keys;
        while (lo < hi) {
            const int mid = lo + (hi - lo) / 2, v = PTR(key)[mid];
            if ((v < 0 ? R : v) < r)
                lo = mid + 1;
            else
                hi = mid;
        }
        PTR(begin)[r] = lo;
    }
}
#endif
