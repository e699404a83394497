/* y = cond ? a : b, any broadcast; T has the element's size, C is uchar or float. The table holds
 * the strides of cond, a, b over y's shape. a and b may be y's memory. */
__kernel void where_any(IN(C, c), IN(T, a), IN(T, b), OUT(T, y), IN(int, table), const int n,
                         const int chunk)
{
    EACH(i, n, chunk) {
        const int yes = PTR(c)[table_offset(PTR(table), 0, i)] != 0;
        PTR(y)[i] = yes ? PTR(a)[table_offset(PTR(table), 1, i)]
                        : PTR(b)[table_offset(PTR(table), 2, i)];
    }
}

__kernel void where_flat(IN(C, c), IN(T, a), IN(T, b), OUT(T, y), const int c_step, const int n,
                          const int chunk)
{
    INDEPENDENT
    EACH(i, n, chunk) {
        const T a = PTR(a)[i], b = PTR(b)[i];
        PTR(y)[i] = PTR(c)[i * c_step] != 0 ? a : b;
    }
}
