/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_ERROR (hawser_error_quark())

/**
 * HawserError:
 * @HAWSER_ERROR_INVALID: caller's mistake: an argument or setting is out of its range or form; mend it
 * @HAWSER_ERROR_MALFORMED: peer's mistake: bytes that its protocol does not allow; close the peer
 * @HAWSER_ERROR_NOT_AUTHORIZED: the principal has no right to this; do not retry as the same principal
 * @HAWSER_ERROR_NOT_FOUND: the named thing does not exist, and may not be made on first use
 * @HAWSER_ERROR_EXISTS: the name or identity is taken; choose another, or use the one that is there
 * @HAWSER_ERROR_DISABLED: the topic or listener is switched off or has expired; ask its owner
 * @HAWSER_ERROR_TOO_LARGE: over a size limit; send less
 * @HAWSER_ERROR_QUOTA: a count, byte or rate limit is reached; retry after a pause
 * @HAWSER_ERROR_TIMEOUT: the deadline passed; whether it happened is unknown
 * @HAWSER_ERROR_UNAVAILABLE: temporary: store, network or process is not ready; retry with backoff
 * @HAWSER_ERROR_CLOSED: the object was closed by its owner; do not retry
 * @HAWSER_ERROR_CONFLICT: it was changed since it was read; read it again, then decide
 * @HAWSER_ERROR_CORRUPT: stored data fails its checksum; what is sound was kept, the rest is named
 *
 * What the caller should do differently, the same for every protocol.
 * Nicks (`not-authorized`, ...) are the `reason` of problem+json and of the CLI.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_ERROR_INVALID = 1,
  HAWSER_ERROR_MALFORMED,
  HAWSER_ERROR_NOT_AUTHORIZED,
  HAWSER_ERROR_NOT_FOUND,
  HAWSER_ERROR_EXISTS,
  HAWSER_ERROR_DISABLED,
  HAWSER_ERROR_TOO_LARGE,
  HAWSER_ERROR_QUOTA,
  HAWSER_ERROR_TIMEOUT,
  HAWSER_ERROR_UNAVAILABLE,
  HAWSER_ERROR_CLOSED,
  HAWSER_ERROR_CORRUPT,
  HAWSER_ERROR_CONFLICT,
} HawserError;

HAWSER_AVAILABLE_IN_ALL
GQuark      hawser_error_quark    (void);

#define HAWSER_TYPE_ERROR (hawser_error_get_type())
HAWSER_AVAILABLE_IN_ALL
GType       hawser_error_get_type (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
const char *hawser_error_to_nick  (HawserError code);

G_END_DECLS
