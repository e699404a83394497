/* Gradients of max, min and prod over axes: x and dx lie as in reduce.cl, y and dy hold one element
 * per output. _item: a work-item per output; _group: a work-group. */
#define NESTS                                                                                      \
    IN(int, kept), IN(int, reduced), const int r_inner, const int r_step, const int R,             \
        const int n, const int chunk

/* Where the r-th reduced element of output o lies. */
#define BEGIN(o) table_offset(PTR(kept), 0, o)
#define PLACE(r) (begin + table_offset(PTR(reduced), 0, (r) / r_inner) + (r) % r_inner * r_step)

/* Ties of x with its extreme y, shared evenly: dx = dy / ties where x = y. */
__kernel void max_grad_item(IN(float, x), IN(float, y), IN(float, dy), OUT(float, dx), NESTS)
{
    EACH(o, n, chunk) {
        const int begin = BEGIN(o);
        const float top = PTR(y)[o];
        int ties = 0;
        for (int r = 0; r < R; r++)
            ties += PTR(x)[PLACE(r)] == top;
        const float share = PTR(dy)[o] / (float)ties;
        for (int r = 0; r < R; r++) {
            const int p = PLACE(r);
            PTR(dx)[p] = PTR(x)[p] == top ? share : 0.0f;
        }
    }
}

/* dx = dy times the product of the other x: forward dx takes what came before, backward what comes
 * after. No division, so zeros need no care. */
__kernel void prod_grad_item(IN(float, x), IN(float, dy), OUT(float, dx), NESTS)
{
    EACH(o, n, chunk) {
        const int begin = BEGIN(o);
        float before = 1.0f, after = PTR(dy)[o];
        for (int r = 0; r < R; r++) {
            const int p = PLACE(r);
            PTR(dx)[p] = before;
            before *= PTR(x)[p];
        }
        for (int r = R - 1; r >= 0; r--) {
            const int p = PLACE(r);
            PTR(dx)[p] *= after;
            after *= PTR(x)[p];
        }
    }
}

#ifdef GPU_CLASS
__kernel void max_grad_group(IN(float, x), IN(float, y), IN(float, dy), OUT(float, dx), NESTS)
{
    __local float tmp[256];
    const int o = (int)get_group_id(0);
    const int first = (int)get_local_id(0), step = (int)get_local_size(0);
    const int begin = BEGIN(o);
    const float top = PTR(y)[o];
    float ties = 0.0f; /* a lane counts R / 64 at most: exact, the total to 2^24 */
    for (int r = first; r < R; r += step)
        ties += PTR(x)[PLACE(r)] == top ? 1.0f : 0.0f;
    ties = group_sum(ties, tmp);
    const float share = PTR(dy)[o] / ties;
    for (int r = first; r < R; r += step) {
        const int p = PLACE(r);
        PTR(dx)[p] = PTR(x)[p] == top ? share : 0.0f;
    }
}

/* Each lane takes a run of the reduced elements; the products of the runs before and after it come
 * from local memory. */
__kernel void prod_grad_group(IN(float, x), IN(float, dy), OUT(float, dx), NESTS)
{
    __local float run[256];
    const int o = (int)get_group_id(0);
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int lo = (int)((long)R * lane / lanes), hi = (int)((long)R * (lane + 1) / lanes);
    const int begin = BEGIN(o);
    float own = 1.0f;
    for (int r = lo; r < hi; r++)
        own *= PTR(x)[PLACE(r)];
    run[lane] = own;
    barrier(CLK_LOCAL_MEM_FENCE);
    float before = 1.0f, after = PTR(dy)[o];
    for (int i = 0; i < lane; i++)
        before *= run[i];
    for (int i = lanes - 1; i > lane; i--)
        after *= run[i];
    for (int r = lo; r < hi; r++) {
        const int p = PLACE(r);
        PTR(dx)[p] = before;
        before *= PTR(x)[p];
    }
    for (int r = hi - 1; r >= lo; r--) {
        const int p = PLACE(r);
        PTR(dx)[p] *= after;
        after *= PTR(x)[p];
    }
}
#endif
