/* The built-in backend "ref": every operator's reference, on the host, behind the same table as any
 * plugin's, so that the executor has one path. It is the oracle of the tests and the last fallback.
 */
#ifndef TN_RUNTIME_REF_BACKEND_H
#define TN_RUNTIME_REF_BACKEND_H

#include "tenon/backend.h"

const tnb_backend *tn_ref_backend(void);

#endif
