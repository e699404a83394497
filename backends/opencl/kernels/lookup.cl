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
