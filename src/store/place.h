/* place.h - making a store's folder and taking its lock. Private to store. */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include "store/store.h"

/* Make .dobby and its .gitignore where the store lies there. */
MUST_CHECK int place_make(const struct store_place *p, struct dobby_err *e);
/* Take the lock of the one writer, or DOBBY_E_CONFIG with the other's number. Closing *out gives it back; the side file
 * stays, because removing it would let two processes hold "the" lock. */
MUST_CHECK int place_lock(int *out, const struct store_place *p, struct dobby_err *e);

#endif
