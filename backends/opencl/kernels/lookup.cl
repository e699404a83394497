/* Embedding: ids of type L (int or long), table [V, D]. */
__kernel void embedding(IN(float, table), IN(L, id), OUT(float, y), const int V, const int D,
                        const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int row = i / D, d = i - row * D;
        const long id = PTR(id)[row];
        PTR(y)[i] = (ulong)id < (ulong)V ? PTR(table)[id * D + d] : 0.0f;
    }
}

/* dtable [V, D]: each item gathers one element, in order of position, so no atomics. */
__kernel void embedding_grad(IN(L, id), IN(float, dy), OUT(float, dtable), const int n_ids,
                             const int D, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int v = i / D, d = i - v * D;
        float sum = 0.0f;
        for (int k = 0; k < n_ids; k++)
            if (PTR(id)[k] == v)
                sum += PTR(dy)[(long)k * D + d];
        PTR(dtable)[i] = sum;
    }
}

/* The same for CPU-class devices: a row at a time, one look at each id. */
__kernel void embedding_grad_rows(IN(L, id), IN(float, dy), OUT(float, dtable), const int n_ids,
                                  const int D, const int n, const int chunk)
{
    EACH(v, n, chunk) {
        __global float *row = PTR(dtable) + (long)v * D;
        for (int d = 0; d < D; d++)
            row[d] = 0.0f;
        for (int k = 0; k < n_ids; k++) {
            if (PTR(id)[k] != v)
                continue;
            __global const float *p = PTR(dy) + (long)k * D;
            for (int d = 0; d < D; d++)
                row[d] += p[d];
        }
    }
}
