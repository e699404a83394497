/* resize and its gradient. The table has what each output row, then each output column looks at, as
 * (first element, second element, bits of the second one's weight); elements below 0 lie outside x, and
 * `outside` has the bits of what is there. */
#define TAP(k) (PTR(table) + 3 * (k))

/* y [planes, OH, OW] = the nearest of x [planes, H, W]; T has the element's size. */
__kernel void nearest(IN(T, x), OUT(T, y), IN(int, table), const int H, const int W, const int OH,
                      const int OW, const long outside, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / OW, c = i - line * OW, plane = line / OH, r = line - plane * OH;
        const int row = TAP(r)[0], col = TAP(OH + c)[0];
        if (row < 0 || col < 0)
            PTR(y)[i] = (T)(ulong)outside;
        else
            PTR(y)[i] = PTR(x)[((long)plane * H + row) * W + col];
    }
}

__kernel void linear_(IN(float, x), OUT(float, y), IN(int, table), const int H, const int W,
                      const int OH, const int OW, const long outside, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / OW, c = i - line * OW, plane = line / OH, r = line - plane * OH;
        __global const int *row = TAP(r), *col = TAP(OH + c);
        if (row[0] < 0 || col[0] < 0) {
            PTR(y)[i] = as_float((int)outside);
            continue;
        }
        const float wr = as_float(row[2]), wc = as_float(col[2]);
        __global const float *a = PTR(x) + ((long)plane * H + row[0]) * W;
        __global const float *b = PTR(x) + ((long)plane * H + row[1]) * W;
        const float top = (1.0f - wc) * a[col[0]] + wc * a[col[1]];
        const float low = (1.0f - wc) * b[col[0]] + wc * b[col[1]];
        PTR(y)[i] = (1.0f - wr) * top + wr * low;
    }
}

/* What output place `tap` gives to input place i. */
static inline float share(__global const int *tap, int i)
{
    const float w = as_float(tap[2]);
    return (tap[0] == i ? 1.0f - w : 0.0f) + (tap[1] == i ? w : 0.0f);
}

/* dx [planes, H, W]. After the taps the table has, for each input row, then each input column, the
 * outputs [begin, end) that look at it. */
__kernel void resize_grad(IN(float, dy), OUT(float, dx), IN(int, table), const int H, const int W,
                          const int OH, const int OW, const int n, const int chunk)
{
    __global const int *readers = PTR(table) + 3 * (OH + OW);
    EACH(i, n, chunk) {
        const int line = i / W, c = i - line * W, plane = line / H, r = line - plane * H;
        __global const int *rows = readers + 2 * r, *cols = readers + 2 * (H + c);
        float sum = 0.0f;
        for (int o = rows[0]; o < rows[1]; o++) {
            __global const float *p = PTR(dy) + ((long)plane * OH + o) * OW;
            const float wr = share(TAP(o), r);
            for (int q = cols[0]; q < cols[1]; q++)
                sum += wr * share(TAP(OH + q), c) * p[q];
        }
        PTR(dx)[i] = sum;
    }
}
