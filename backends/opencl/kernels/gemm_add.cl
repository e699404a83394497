/* What follows a matrix product: y = alpha y + beta c, c broadcast as `nest` says. */
__kernel void scale(OUT(float, y), const float alpha, const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] *= alpha;
}

__kernel void scale_and_add(OUT(float, y), IN(float, c), IN(int, nest), const float alpha,
                            const float beta, const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = alpha * PTR(y)[i] + beta * PTR(c)[table_offset(PTR(nest), 0, i)];
}

#ifdef T
/* Integers wrap as unsigned: T is uint or ulong. y [batch, M, N] = a b, of each of which `nest` tells the
 * matrix and the strides tell the place; then y = y + c. */
__kernel void integers(IN(T, a), IN(T, b), OUT(T, y), IN(int, nest), const int M, const int N,
                       const int K, const int a_row, const int a_col, const int b_row,
                       const int b_col, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int line = i / N, col = i - line * N, matrix = line / M, row = line - matrix * M;
        __global const T *pa = PTR(a) + (long)table_offset(PTR(nest), 0, matrix) * M * K + row * a_row;
        __global const T *pb = PTR(b) + (long)table_offset(PTR(nest), 1, matrix) * K * N + col * b_col;
        T sum = 0;
        for (int k = 0; k < K; k++)
            sum += pa[k * a_col] * pb[k * b_row];
        PTR(y)[i] = sum;
    }
}

__kernel void add_integers(OUT(T, y), IN(T, c), IN(int, nest), const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] += PTR(c)[table_offset(PTR(nest), 0, i)];
}
#endif
