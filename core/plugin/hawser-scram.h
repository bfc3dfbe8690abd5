/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for adapters of protocols that carry it. Not introspected.
 * Any thread; no I/O. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_SCRAM_METHOD "SCRAM-SHA-256"
#define HAWSER_SCRAM_MAX_LEN 4096   /* bytes of a message; ours: names are at most 1024 bytes, nonces some tens */

typedef struct _HawserScram HawserScram;

HAWSER_AVAILABLE_IN_ALL
HawserScram *hawser_scram_new        (void);
HAWSER_AVAILABLE_IN_ALL
void         hawser_scram_free       (HawserScram   *self);
/* Takes the client's first message. Returns the user's name, NULL when it is malformed or wants channel binding or to act
 * for somebody else. The name belongs to @self. */
HAWSER_AVAILABLE_IN_ALL
const char  *hawser_scram_begin      (HawserScram   *self,
                                      const guint8  *message,
                                      gsize          len);
/* @verifier: "ITERATIONS$SALT$STOREDKEY$SERVERKEY" of hawser_identity_find_verifier(); NULL for somebody who is not there:
 * the exchange then looks alike and fails at its end. Returns (transfer full): the server's first message. */
HAWSER_AVAILABLE_IN_ALL
GBytes      *hawser_scram_challenge  (HawserScram   *self,
                                      const char    *verifier);
/* Takes the client's last message. Returns (transfer full): the server's last message; NULL: the proof is wrong. */
HAWSER_AVAILABLE_IN_ALL
GBytes      *hawser_scram_finish     (HawserScram   *self,
                                      const guint8  *message,
                                      gsize          len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserScram, hawser_scram_free)

G_END_DECLS
