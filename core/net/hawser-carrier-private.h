/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A socket on a side lane, as the session's lane sees it: what is to be sent goes there in batches, what was read comes
 * back in batches, in order. All calls on the home lane. */

#include "hawser-output-private.h"
#include "hawser-side-lane-private.h"
#include "hawser-socket-private.h"

G_BEGIN_DECLS

typedef struct _HawserCarrier HawserCarrier;

/* What its user is told, on the home lane. None comes after hawser_carrier_close(). */
typedef struct {
  /* Bytes may cross; facts are known. */
  void (*opened) (gpointer user_data);
  /* @data is valid during the call. Not called while paused. */
  void (*input)  (gpointer user_data, const guint8 *data, gsize len);
  /* Less is pending than before. */
  void (*sent)   (gpointer user_data);
  /* There is no more input: @n is 0 or -1 with errno, as read() says it; behind all input unless the peer hung up while
   * nobody listened. */
  void (*ended)  (gpointer user_data, gssize n);
  /* After hawser_carrier_hold(): all input that was read has come. */
  void (*held)   (gpointer user_data);
} HawserCarrierFuncs;

HawserCarrier *hawser_carrier_new                (HawserSideLane           *side,
                                                  int                       fd,        /* (transfer full) */
                                                  HawserTransport          *transport, /* (transfer full) (nullable) */
                                                  const HawserCarrierFuncs *funcs,
                                                  gpointer                  user_data);
/* @proxy (transfer full) (nullable): a header of the PROXY protocol comes first; @must_open: then opened() will be called. */
void           hawser_carrier_start              (HawserCarrier            *self,
                                                  GByteArray               *proxy,
                                                  gboolean                  must_open);
/* What is gathered in @output leaves it. */
void           hawser_carrier_write              (HawserCarrier            *self,
                                                  HawserOutput             *output);
/* Bytes given to it and not yet to the kernel. */
gsize          hawser_carrier_get_pending        (HawserCarrier            *self);
void           hawser_carrier_set_paused         (HawserCarrier            *self,
                                                  gboolean                  is_paused);
/* Input waits that came while it was paused. */
gboolean       hawser_carrier_has_input          (HawserCarrier            *self);
/* Gives it, unless it is paused. */
void           hawser_carrier_give_input         (HawserCarrier            *self);
/* Nothing is read any more until the upgrade. */
void           hawser_carrier_hold               (HawserCarrier            *self);
/* What was not sent, and @early (transfer full), goes on inside a WebSocket. */
void           hawser_carrier_upgrade            (HawserCarrier            *self,
                                                  GByteArray               *early);
/* Nothing more will be written, what was written has been sent; input goes on until the peer's end. */
void           hawser_carrier_shut_down          (HawserCarrier            *self);
/* Sends what the kernel takes at once, closes, and frees itself later. */
void           hawser_carrier_close              (HawserCarrier            *self);

/* Known once it is open. */
const char    *hawser_carrier_get_address        (HawserCarrier            *self); /* as the proxy said */
GBytes        *hawser_carrier_get_certificate    (HawserCarrier            *self);
const char    *hawser_carrier_get_psk_identity   (HawserCarrier            *self);
gboolean       hawser_carrier_get_is_encrypted   (HawserCarrier            *self);
gboolean       hawser_carrier_has_last_words     (HawserCarrier            *self);

G_END_DECLS
