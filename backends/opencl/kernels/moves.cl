/* Operators that move elements of one size (-DT=uchar, ushort, uint or ulong), and the sums that take
 * tile and pad back. */

/* A box: the table is that of two operands, x and y, over the rows; each row has `inner` elements,
 * x_step and y_step apart. */
__kernel void move(IN(T, x), OUT(T, y), IN(int, table), const int x_base, const int y_base,
                   const int inner, const int x_step, const int y_step, const int n,
                   const int chunk)
{
#ifdef CPU_CLASS
    EACH(row, n, chunk) {
        __global const T *px = PTR(x) + x_base + table_offset(PTR(table), 0, row);
        __global T *py = PTR(y) + y_base + table_offset(PTR(table), 1, row);
        if (x_step == 1 && y_step == 1) {
            INDEPENDENT
            for (int i = 0; i < inner; i++)
                py[i] = px[i];
        } else {
            INDEPENDENT
            for (int i = 0; i < inner; i++)
                py[i * y_step] = px[i * x_step];
        }
    }
#else
    EACH(i, n, chunk) {
        const int row = i / inner, at = i - row * inner;
        PTR(y)[y_base + table_offset(PTR(table), 1, row) + at * y_step] =
            PTR(x)[x_base + table_offset(PTR(table), 0, row) + at * x_step];
    }
#endif
}

/* Index in x of index i of an axis of y, or -1. Modes as in moves.h: constant, edge, reflect, wrap.
 * x is cropped to [skip, skip + n), and `lead` elements come before. */
static inline int pad_source(int mode, int skip, int n, int lead, int i)
{
    int k = i - lead;
    if (k >= 0 && k < n)
        return skip + k;
    if (mode == 0)
        return -1;
    if (mode == 1)
        return skip + (k < 0 ? 0 : n - 1);
    const int period = mode == 3 ? n : (n > 1 ? 2 * (n - 1) : 1);
    k %= period;
    if (k < 0)
        k += period;
    return skip + (k < n ? k : period - k);
}

/* The table: rank, then for each axis y's dim, x's stride, skip, n, lead. */
__kernel void pad(IN(T, x), OUT(T, y), IN(int, table), const int mode, const long pattern,
                  const int n, const int chunk)
{
    __global const int *t = PTR(table);
    const T value = (T)(ulong)pattern;
    EACH(i, n, chunk) {
        int rest = i, at = 0, inside = 1;
        for (int d = t[0] - 1; d >= 0; d--) {
            __global const int *axis = t + 1 + 5 * d;
            const int next = rest / axis[0];
            const int k = pad_source(mode, axis[2], axis[3], axis[4], rest - next * axis[0]);
            inside = inside && k >= 0;
            at += k * axis[1];
            rest = next;
        }
        PTR(y)[i] = inside ? PTR(x)[inside ? at : 0] : value;
    }
}

/* The triangle of y [.., rows, cols]. */
__kernel void trilu(IN(T, x), OUT(T, y), const int rows, const int cols, const int k,
                    const int upper, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / cols, above = (i - line * cols) - line % rows;
        const int kept = upper ? above >= k : above <= k;
        const T v = PTR(x)[i];
        PTR(y)[i] = kept ? v : (T)0;
    }
}

/* start + i step in whole numbers, modulo the element's size; the ends saturate on the host. */
__kernel void count_up(OUT(T, y), const long start, const long step, const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = (T)(ulong)(start + (long)i * step);
}

/* Elements that the host made: an int each, or two where they have 8 bytes. */
__kernel void from_table(IN(int, table), OUT(T, y), const int words, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        ulong bits = (ulong)(uint)PTR(table)[i * words];
        if (words == 2)
            bits |= (ulong)(uint)PTR(table)[i * words + 1] << 32;
        PTR(y)[i] = (T)bits;
    }
}

/* dx [n] = the sum of dy over the copies. The tables: dx's dims with their strides in dy; the number
 * of copies with theirs. */
__kernel void tile_grad(IN(float, dy), OUT(float, dx), IN(int, place), IN(int, copy),
                        const int copies, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const float *p = PTR(dy) + table_offset(PTR(place), 0, i);
        float sum = 0.0f;
        for (int c = 0; c < copies; c++)
            sum += p[table_offset(PTR(copy), 0, c)];
        PTR(dx)[i] = sum;
    }
}

/* dx [outer, size, inner] = the sum of the dy [outer, m, inner] that came from each element: its own
 * place, and what the border took of it. In a mirror it comes back at two distances by turns. */
__kernel void pad_grad(IN(float, dy), OUT(float, dx), const int mode, const int size,
                       const int skip, const int kept, const int lead, const int m, const int inner,
                       const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / inner, j = i - line * inner, outer = line / size;
        const int k = line - outer * size - skip; /* among those that are kept */
        __global const float *p = PTR(dy) + (long)outer * m * inner + j;
        float sum = 0.0f;
        if (k >= 0 && k < kept) {
            if (mode == 0) {
                sum = p[(long)(lead + k) * inner];
            } else if (mode == 1) {
                const int from = k == 0 ? 0 : lead + k, to = k == kept - 1 ? m : lead + k + 1;
                for (int o = from; o < to; o++)
                    sum += p[(long)o * inner];
            } else {
                const int mirrored = mode == 2 && k > 0 && k < kept - 1;
                const int period = mode == 3 ? kept : (kept > 1 ? 2 * (kept - 1) : 1);
                int a = (lead + k) % period, b = mirrored ? (lead - k) % period : a;
                b += b < 0 ? period : 0;
                const int first = min(a, b), second = max(a, b);
                for (int o = first, turn = 0; o < m; turn = !turn) {
                    sum += p[(long)o * inner];
                    o += mirrored ? (turn ? period - (second - first) : second - first) : period;
                }
            }
        }
        PTR(dx)[i] = sum;
    }
}
