/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who publishes faster than its listener allows, or while there is no memory, is not read for a while; what still comes is
 * refused. A protocol that can say "later" for each request is not paused: it is told at once. Made with the publisher, and
 * only where there is something to measure: else a message costs two tests of what is in the cache. The time is the lane's.
 * Context: the connection's lane. */

#include "hawser-meter.h"

#include <string.h>

#include "hawser-hash.h"
#include "hawser-message-private.h"
#include "hawser-principal.h"

#define MEMORY_PATIENCE_US (5 * G_USEC_PER_SEC) /* ours: then what it sends is looked at, and refused: acknowledgements among it free memory */
#define LOOK_AGAIN_US (100 * 1000)              /* ours: whether there is memory again */

struct _HawserMeter {
  HawserTimer timer;
  const HawserMetering *metering;
  HawserConnection *connection;
  HawserRates *rates;              /* NULL: none, and memory alone is the reason for this */
  HawserRatedIdentity *identity;   /* found at the first message */
  gint64 rate_due_us;              /* held back until then */
  gint64 memory_since_us;          /* held back since then, as there was no memory; 0: it was not */
  gboolean is_holding;
};

HawserMeter *
hawser_meter_new (const HawserMetering *metering, HawserConnection *connection, HawserRates *rates)
{
  HawserMeter *self = g_new0 (HawserMeter, 1);

  self->metering = metering;
  self->connection = connection;
  self->rates = rates != NULL ? hawser_rates_ref (rates) : NULL;
  return self;
}

static void
let_go (HawserMeter *self)
{
  hawser_timer_disarm (&self->timer);
  if (!self->is_holding)
    return;
  self->is_holding = FALSE;
  hawser_connection_resume (self->connection);
}

void
hawser_meter_free (HawserMeter *self)
{
  if (self == NULL)
    return;
  let_go (self);
  hawser_rated_identity_unref (self->identity);
  hawser_rates_unref (self->rates);
  g_free (self);
}

static gint64
get_now_us (HawserMeter *self)
{
  return hawser_lane_get_now_us (hawser_connection_get_lane (self->connection));
}

static void
on_due (HawserTimer *timer)
{
  HawserMeter *self = (HawserMeter *) timer;
  gint64 now_us = get_now_us (self);
  gboolean waits_memory = self->memory_since_us != 0 && hawser_memory_is_tight (self->metering->memory) && now_us < self->memory_since_us + MEMORY_PATIENCE_US;

  if (now_us < self->rate_due_us || waits_memory)
    {
      hawser_timer_arm (timer, hawser_connection_get_lane (self->connection), waits_memory ? now_us + LOOK_AGAIN_US : self->rate_due_us, on_due);
      return;
    }
  if (!hawser_memory_is_tight (self->metering->memory))
    self->memory_since_us = 0;
  let_go (self);
}

static void
hold (HawserMeter *self, gint64 due_us)
{
  if (!self->is_holding)
    hawser_connection_pause (self->connection);
  self->is_holding = TRUE;
  hawser_timer_arm (&self->timer, hawser_connection_get_lane (self->connection), due_us, on_due);
}

/* ---- Memory ---- */

static void
hold_for_memory (HawserMeter *self, gint64 now_us)
{
  self->memory_since_us = now_us;
  self->metering->statistics->held_for_memory++;
  hold (self, now_us + LOOK_AGAIN_US);
}

static int
admit_tight (HawserMeter *self)
{
  gint64 now_us = get_now_us (self);
  gboolean refuses_at_once = hawser_connection_refuses_at_once (self->connection);
  gboolean was_held = self->memory_since_us != 0;

  if (!refuses_at_once)
    hold_for_memory (self, now_us);
  if (!refuses_at_once && !was_held && !hawser_memory_is_exhausted (self->metering->memory))
    return HAWSER_RESULT_OK;
  self->metering->statistics->refused_for_memory++;
  return hawser_refuse (self->metering->refusal, HAWSER_ERROR_QUOTA, "the bus is over its memory budget (max-memory)");
}

gboolean
hawser_meter_hold_large (HawserMeter *self)
{
  gint64 now_us = get_now_us (self);

  if (self->memory_since_us != 0 && now_us >= self->memory_since_us + MEMORY_PATIENCE_US)
    return FALSE;
  if (self->memory_since_us == 0)
    hold_for_memory (self, now_us);
  else
    hold (self, now_us + LOOK_AGAIN_US);
  return TRUE;
}

/* ---- Rates ---- */

/* Principal, client id, or address: the best that is known, and none of them looks like another. */
static char *
dup_identity_name (HawserConnection *connection)
{
  const char *principal = hawser_connection_get_principal_name (connection), *client_id = hawser_connection_get_client_id (connection);
  g_autofree char *address = NULL;
  char *colon;

  if (principal != NULL && *principal != '\0')
    return g_strconcat ("p:", principal, NULL);
  if (client_id != NULL)
    return g_strconcat ("c:", client_id, NULL);
  address = hawser_connection_dup_address (connection);
  colon = g_str_has_prefix (address, "tcp:") ? strrchr (address, ':') : NULL;
  return colon != NULL ? g_strdup_printf ("a:%.*s", (int) (colon - address), address) : g_strconcat ("a:", address, NULL);
}

static void
find_identity (HawserMeter *self, gint64 now_us)
{
  g_autofree char *name = NULL;

  if (self->identity != NULL)
    return;
  name = dup_identity_name (self->connection);
  self->identity = hawser_rates_get_identity (self->rates, name, now_us);
}

static int
refuse_for_rate (HawserMeter *self, gint64 debt_us)
{
  int result = hawser_refuse (self->metering->refusal, HAWSER_ERROR_QUOTA, "listener '%s': message rate is too high",
                                  hawser_connection_get_listener_name (self->connection));

  self->metering->statistics->refused_for_rate++;
  self->metering->refusal->retry_after_us = debt_us;
  return result;
}

static int
admit_rated (HawserMeter *self, const HawserMessage *message)
{
  gint64 now_us = get_now_us (self), debt_us, bytes_us;
  guint64 n_bytes = (guint64) message->topic_len + message->properties_len + message->payload_len;

  find_identity (self, now_us);
  debt_us = MAX (hawser_rates_get_debt_us (self->rates, self->identity, HAWSER_RATE_MESSAGE, now_us),
                 hawser_rates_get_debt_us (self->rates, self->identity, HAWSER_RATE_BYTE, now_us));
  if (debt_us > (hawser_connection_refuses_at_once (self->connection) ? 0 : hawser_rates_get_patience_us (self->rates)))
    return refuse_for_rate (self, debt_us);

  debt_us = hawser_rates_take (self->rates, self->identity, HAWSER_RATE_MESSAGE, 1, now_us);
  bytes_us = hawser_rates_take (self->rates, self->identity, HAWSER_RATE_BYTE, n_bytes, now_us);
  debt_us = MAX (debt_us, bytes_us);
  if (debt_us == 0 || hawser_connection_refuses_at_once (self->connection))
    return HAWSER_RESULT_OK;
  if (!self->is_holding)
    self->metering->statistics->held_for_rate++;
  self->rate_due_us = now_us + debt_us;
  hold (self, self->rate_due_us);
  return HAWSER_RESULT_OK;
}

int
hawser_meter_admit (HawserMeter *self, const HawserMessage *message)
{
  int result = hawser_memory_is_tight (self->metering->memory) ? admit_tight (self) : HAWSER_RESULT_OK;

  return result == HAWSER_RESULT_OK && self->rates != NULL ? admit_rated (self, message) : result;
}

gint64
hawser_meter_enter (HawserMeter *self)
{
  gint64 now_us, debt_us;

  if (self->rates == NULL)
    return 0;
  now_us = get_now_us (self);
  find_identity (self, now_us);
  debt_us = hawser_rates_get_identity_debt_us (self->rates, self->identity, HAWSER_RATE_CONNECT, now_us);
  if (debt_us == 0)
    hawser_rates_take_identity (self->rates, self->identity, HAWSER_RATE_CONNECT, 1, now_us);
  else
    self->metering->statistics->connects_refused++;
  return debt_us;
}
