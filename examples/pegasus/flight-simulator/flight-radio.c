/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The only way between the craft and the rest of the world: frames that arrive later, in order, or not at all. Knows nothing
 * of what is in a frame, nor where anybody is: the sender says how strong it arrives. */

#include "flight-radio.h"

#include "flight-model.h"

#define SENSITIVITY_DBM -118.0    /* of a LoRa receiver at 434 MHz, 125 kHz, SF7 to SF8 */
#define FADING_DB 8.0             /* the signal swings by this much from frame to frame */
#define MAX_IN_THE_AIR 65536      /* ours: 1000 frames a second and a minute's delay */

typedef struct {
  gint64 due_us;
  double rssi;
  FlightRadioHeard heard;
  gpointer user_data;
  gpointer frame;
} Flying;

struct _FlightRadio {
  gint64 delay_us;
  double loss;
  guint64 random;
  GQueue flying;          /* of Flying, soonest first */
  GSource *arrival;
};

static void
flying_free (Flying *self)
{
  g_free (self->frame);
  g_free (self);
}

static void
arm (FlightRadio *self)
{
  Flying *first = g_queue_peek_head (&self->flying);

  g_source_set_ready_time (self->arrival, first != NULL ? first->due_us : -1);
}

static gboolean
on_arrival (gpointer user_data)
{
  FlightRadio *self = user_data;
  gint64 now_us = g_source_get_time (self->arrival);
  Flying *first;

  while ((first = g_queue_peek_head (&self->flying)) != NULL && first->due_us <= now_us)
    {
      g_queue_pop_head (&self->flying);
      first->heard (first->frame, first->rssi, first->user_data);
      flying_free (first);
    }
  arm (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs arrival_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

/* Returns: %FALSE if the frame was lost on the way. Without delay the receiver hears it before this returns. */
gboolean
flight_radio_send (FlightRadio *self, gconstpointer frame, gsize len, double rssi, FlightRadioHeard heard, gpointer user_data)
{
  Flying *flying;

  rssi += (flight_random (&self->random) - 0.5) * FADING_DB;
  if (rssi < SENSITIVITY_DBM || flight_random (&self->random) < self->loss || self->flying.length >= MAX_IN_THE_AIR)
    return FALSE;
  if (self->delay_us == 0)
    {
      heard (frame, rssi, user_data);
      return TRUE;
    }

  flying = g_new (Flying, 1);
  *flying = (Flying) { g_get_monotonic_time () + self->delay_us, rssi, heard, user_data, g_memdup2 (frame, len) };
  g_queue_push_tail (&self->flying, flying);
  if (self->flying.length == 1)
    arm (self);
  return TRUE;
}

/* @loss: share of frames lost at any distance, 0 to 1 */
FlightRadio *
flight_radio_new (guint delay_ms, double loss, guint64 seed)
{
  FlightRadio *self = g_new0 (FlightRadio, 1);

  self->delay_us = (gint64) delay_ms * 1000;
  self->loss = loss;
  self->random = seed * 2 + 1;
  g_queue_init (&self->flying);
  self->arrival = g_source_new (&arrival_funcs, sizeof (GSource));
  g_source_set_static_name (self->arrival, "flight-radio");
  g_source_set_callback (self->arrival, on_arrival, self, NULL);
  g_source_attach (self->arrival, g_main_context_get_thread_default ());
  return self;
}

void
flight_radio_free (FlightRadio *self)
{
  if (self == NULL)
    return;
  g_source_destroy (self->arrival);
  g_source_unref (self->arrival);
  g_queue_clear_full (&self->flying, (GDestroyNotify) flying_free);
  g_free (self);
}
