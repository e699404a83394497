/* T: float, or an unsigned integer of the element's size; L: int or long, the indices. */

/* Indices along an axis: a column of them adds to a column of y, and to no other. The table: the
 * indices' strides over the columns, then y's. */
__kernel void along(IN(L, id), IN(T, u), OUT(T, y), IN(int, table), const int n_ids,
                    const int id_step, const int N, const int y_step, const int n, const int chunk)
{
    EACH(c, n, chunk) {
        const int first = table_offset(PTR(table), 0, c);
        __global T *py = PTR(y) + table_offset(PTR(table), 1, c);
        for (int k = 0; k < n_ids; k++) {
            L v = PTR(id)[first + k * id_step]; /* in its own type: see gather.cl */
            v = v < 0 ? (L)(v + (L)N) : v;
            if (v >= 0 && v < (L)N)
                py[v * y_step] = (T)(py[v * y_step] + PTR(u)[first + k * id_step]);
        }
    }
}
