/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast the peers of a listener may be, all together and each identity: the buckets behind the settings. Shared by the
 * listener, the listeners inside it and the connections that are measured by it. Private. */

#include "hawser-token-bucket.h"

G_BEGIN_DECLS

/* A second; 0: any number. */
typedef struct {
  double connect, message;
  double identity_connect, identity_message;
  guint64 bytes, identity_bytes;
  gint64 burst_us;                     /* what may come at once, as time of the rate */
  gint64 patience_us;                  /* a publisher is held back so long; who owes more is refused */
} HawserRateSettings;

/* What is counted. */
typedef enum {
  HAWSER_RATE_CONNECT,
  HAWSER_RATE_MESSAGE,
  HAWSER_RATE_BYTE,
  HAWSER_N_RATES,
} HawserRateKind;

/* One identity at one listener. While it is connected, and until its buckets are full again. */
typedef struct {
  gatomicrefcount ref_count;           /* of connections, and one of the table */
  HawserTokenBucket buckets[HAWSER_N_RATES];
} HawserRatedIdentity;

/* Immutable but for the buckets; atomically counted. */
typedef struct _HawserRates HawserRates;

/* NULL: nothing is limited. */
HawserRates         *hawser_rates_new           (const HawserRateSettings *settings);
HawserRates         *hawser_rates_ref           (HawserRates              *self);
void                 hawser_rates_unref         (HawserRates              *self);
gboolean             hawser_rates_are           (HawserRates              *self, /* nullable */
                                                 const HawserRateSettings *settings);
gint64               hawser_rates_get_patience_us (HawserRates            *self);

/* (transfer full) @name tells identities apart: principal, client id or address. Any thread. */
HawserRatedIdentity *hawser_rates_get_identity  (HawserRates              *self,
                                                 const char               *name,
                                                 gint64                    now_us);
void                 hawser_rated_identity_unref (HawserRatedIdentity     *self);

/* How long until one more may come, at the listener and for @identity (nullable: any); 0: now. Any thread. */
gint64               hawser_rates_get_debt_us   (HawserRates              *self,
                                                 HawserRatedIdentity      *identity,
                                                 HawserRateKind            kind,
                                                 gint64                    now_us);
/* Takes @n, whatever is there. Returns the debt after that. Any thread. */
gint64               hawser_rates_take          (HawserRates              *self,
                                                 HawserRatedIdentity      *identity,
                                                 HawserRateKind            kind,
                                                 guint64                   n,
                                                 gint64                    now_us);
/* The same for the identity alone: the listener has counted it already. */
gint64               hawser_rates_get_identity_debt_us (HawserRates       *self,
                                                 HawserRatedIdentity      *identity,
                                                 HawserRateKind            kind,
                                                 gint64                    now_us);
gint64               hawser_rates_take_identity (HawserRates              *self,
                                                 HawserRatedIdentity      *identity,
                                                 HawserRateKind            kind,
                                                 guint64                   n,
                                                 gint64                    now_us);

G_END_DECLS
