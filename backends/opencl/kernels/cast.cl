/* Conversions from S to D. Float to integer truncates, saturates, and makes NaN 0; the converted
 * expression comes from the host side as -DCONVERT=<macro below>. */
#define PLAIN(x) ((D)(x))
#define TO_INT(x) (isnan(x) ? 0 : convert_int_sat_rtz(x))
#define TO_LONG(x) (isnan(x) ? 0 : convert_long_sat_rtz(x))
#define TO_UCHAR(x) (isnan(x) ? (uchar)0 : convert_uchar_sat_rtz(x))
#define TO_BOOL(x) ((uchar)((x) != 0))

__kernel void cast_(IN(S, x), OUT(D, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = CONVERT(PTR(x)[i]);
}
