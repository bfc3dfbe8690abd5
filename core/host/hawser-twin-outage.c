/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the behaviours of a family call is not there: a gateway, a price service, a database. That is no fault of the twin: its
 * message waits and is tried again, and does not count against it. After some failures in a row nobody of the family is called
 * for a while, then one as a probe; when that succeeds, all who waited go on. The breaker is that of the sinks. On the bus's lane. */

#include "hawser-twin-host-private.h"

#include <gio/gio.h>

#include "hawser-breaker-private.h"
#include "hawser-error.h"

#define THRESHOLD 5                               /* failures in a row; as of a sink */
#define FIRST_PAUSE_US G_USEC_PER_SEC
#define LAST_PAUSE_US (30 * (gint64) G_USEC_PER_SEC)

typedef struct {
  HawserBreaker breaker;
  HawserBackoff backoff;
  gint64 due_us;                                  /* of the next probe, on the lane's clock */
} Outage;

static Outage *
find (HawserTwinHost *self, const HawserTwinFamily *family)
{
  return g_hash_table_size (self->outages) > 0 ? g_hash_table_lookup (self->outages, GUINT_TO_POINTER ((guint) family->index)) : NULL;
}

/* Whether an error says that something else did not answer, and not that the message or the behaviour is wrong. */
gboolean
hawser_twin_outage_is_one (const GError *error)
{
  static const int codes[] = { G_IO_ERROR_TIMED_OUT, G_IO_ERROR_CONNECTION_REFUSED, G_IO_ERROR_HOST_UNREACHABLE, G_IO_ERROR_NETWORK_UNREACHABLE,
                               G_IO_ERROR_HOST_NOT_FOUND, G_IO_ERROR_NOT_CONNECTED, G_IO_ERROR_CONNECTION_CLOSED };

  for (gsize i = 0; error->domain == G_IO_ERROR && i < G_N_ELEMENTS (codes); i++)
    if (error->code == codes[i])
      return TRUE;
  return g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
}

/* May a behaviour of the family be called? If not, @out_due_us is when to ask again. */
gboolean
hawser_twin_outage_admits (HawserTwinHost *self, const HawserTwinFamily *family, gint64 *out_due_us)
{
  Outage *outage = find (self, family);

  if (outage == NULL)
    return TRUE;
  *out_due_us = outage->due_us;
  return hawser_breaker_admits (&outage->breaker, hawser_lane_get_now_us (self->twins->bus->lane) >= outage->due_us);
}

/* It was called. @error: what it said, %NULL if it succeeded. Returns when to call it again after an outage. */
gint64
hawser_twin_outage_note (HawserTwinHost *self, const HawserTwinFamily *family, const GError *error)
{
  gint64 now_us = hawser_lane_get_now_us (self->twins->bus->lane);
  Outage *outage = find (self, family);

  if (error == NULL || !hawser_twin_outage_is_one (error))
    {
      if (outage != NULL && outage->breaker.n_opened > 0)
        g_message ("behaviours of twin family '%s': what they call answers again", family->name);
      if (outage != NULL)
        g_hash_table_remove (self->outages, GUINT_TO_POINTER ((guint) family->index));
      return 0;
    }
  if (outage == NULL)
    {
      outage = g_new0 (Outage, 1);
      outage->breaker.threshold = THRESHOLD;
      hawser_backoff_init (&outage->backoff, FIRST_PAUSE_US, LAST_PAUSE_US, 0);
      g_hash_table_insert (self->outages, GUINT_TO_POINTER ((guint) family->index), outage);
    }
  hawser_breaker_begin (&outage->breaker);
  hawser_breaker_end (&outage->breaker, FALSE);
  if (outage->breaker.state == HAWSER_BREAKER_CLOSED)
    return now_us + FIRST_PAUSE_US;
  if (outage->backoff.n_failures == 0)
    g_message ("behaviours of twin family '%s': what they call does not answer (%s); one is tried from time to time", family->name, error->message);
  hawser_backoff_fail (&outage->backoff);
  outage->due_us = now_us + hawser_backoff_ceiling (&outage->backoff, outage->backoff.n_failures);
  return outage->due_us;
}
