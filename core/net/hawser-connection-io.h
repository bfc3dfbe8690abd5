/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* What a protocol adapter in C does with a connection: take bytes, give bytes. All calls on the connection's lane.
 * Not introspected. */

#include "hawser-connection.h"
#include "hawser-lane.h"
#include "hawser-message-raw.h"

G_BEGIN_DECLS

/* The adapter's side of one connection. Bytes arrive as they come: packets may be split or joined anywhere. */
typedef struct {
  /* @data is valid during the call only. Returns how many bytes from the front were consumed: whole packets; the rest
   * is presented again, with more behind it. After hawser_connection_close() the return value does not matter. */
  gsize (*received)  (HawserConnection *connection,
                      gpointer          session,
                      const guint8     *data,
                      gsize             len);
  /* Optional: pending output fell below half of the limit after hawser_connection_is_congested() was TRUE. */
  void  (*writable)  (HawserConnection *connection,
                      gpointer          session);
  /* The last call, optional: free the session. @error is why (peer went, our close, timeout); never called from inside
   * hawser_connection_close(), but at the end of the turn. */
  void  (*closed)    (HawserConnection *connection,
                      gpointer          session,
                      const GError     *error);
  /* Optional: nothing more is read from now on, or it is again. A session that is in received() returns as soon as it can:
   * what it leaves is presented again. */
  void  (*paused)    (HawserConnection *connection,
                      gpointer          session,
                      gboolean          is_paused);
} HawserSessionFuncs;

HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_set_session   (HawserConnection         *self,
                                              const HawserSessionFuncs *funcs,
                                              gpointer                  session);
HAWSER_AVAILABLE_IN_ALL
gpointer     hawser_connection_get_session   (HawserConnection         *self);
HAWSER_AVAILABLE_IN_ALL
HawserLane  *hawser_connection_get_lane      (HawserConnection         *self);

/* Who the peer proved to be, and what it calls itself; replaces what was known before. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_set_identity  (HawserConnection         *self,
                                              const char               *client_id,
                                              HawserPrincipal          *principal);
HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_connection_get_principal (HawserConnection     *self);

/* Output: gathered, sent once at the end of the turn. Reserve gives @len contiguous bytes (up to 65000) to write
 * into; commit says how many were used, before any other call for this connection. */
HAWSER_AVAILABLE_IN_ALL
guint8      *hawser_connection_reserve       (HawserConnection         *self,
                                              gsize                     len);
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_commit        (HawserConnection         *self,
                                              gsize                     len);
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_write         (HawserConnection         *self,
                                              const void               *data,
                                              gsize                     len);
/* A few words, formatted. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_printf        (HawserConnection         *self,
                                              const char               *format,
                                              ...) G_GNUC_PRINTF (2, 3);
/* The payload of @message: by reference when it is large, copied when it is small. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_write_payload (HawserConnection         *self,
                                              HawserMessage            *message);
/* Bytes accepted and not yet taken by the kernel. */
HAWSER_AVAILABLE_IN_ALL
gsize        hawser_connection_get_pending   (HawserConnection         *self);
/* More than the output limit (default 256 KiB) is pending: stop giving, wait for writable(). */
HAWSER_AVAILABLE_IN_ALL
gboolean     hawser_connection_is_congested  (HawserConnection         *self);

/* Input: the packet under way is @total bytes long; the next received() has it whole. Packets of
 * %HAWSER_LARGE_PAYLOAD and more are read straight into one block, which hawser_connection_get_block() gives during
 * that received() call, so that a message may keep a slice of it. The caller has checked @total against its limit. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_expect        (HawserConnection         *self,
                                              gsize                     total);
HAWSER_AVAILABLE_IN_ALL
HawserBlock *hawser_connection_get_block     (HawserConnection         *self);

/* Backpressure: nothing is read while paused; calls nest. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_pause         (HawserConnection         *self);
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_resume        (HawserConnection         *self);
/* For protocols with an answer to each request: a message that is over a rate, a budget or a full queue with the block policy
 * is refused (%HAWSER_ERROR_QUOTA) at once, and the peer tries again; it is not paused. Default: no. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_set_refuses_at_once (HawserConnection   *self,
                                              gboolean                  refuses_at_once);
/* A peer is not late while nobody listens to it. */
HAWSER_AVAILABLE_IN_ALL
gboolean     hawser_connection_is_paused     (HawserConnection         *self);

/* Sends what is pending (at most 5 s), then closes. No received() call follows. */
HAWSER_AVAILABLE_IN_ALL
void         hawser_connection_finish        (HawserConnection         *self,
                                              HawserError               reason,
                                              const char               *detail);

G_END_DECLS
