/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages that a sink gave up, as they were, in the queue of a durable receiver without filters that nobody sees.
 * Re-driving attaches to it for as many as there are: each goes into the queue of the sink alone, and leaves here when it
 * is safe there; a crash between the two writes it twice, never not at all. Context: the bus's lane. */

#include "hawser-dead-letters-private.h"

#include "hawser-lane.h"

#define MAX_MESSAGES 10000
#define MAX_BYTES (64 * 1024 * 1024)

struct _HawserDeadLetters {
  HawserBus *bus;
  char *id;                      /* of the receiver, which others may remove */
  HawserReceiver *target;        /* while messages are driven there */
  guint64 n_left;                /* to drive */
  guint n_under_way;             /* to the disk, in the queue of the sink */
  gboolean is_posted;            /* end_redrive() comes */
  gboolean is_freed;
};

static void
release (HawserDeadLetters *self)
{
  if (!self->is_freed || self->is_posted || self->n_under_way > 0)
    return;
  g_object_unref (self->bus);
  g_free (self->id);
  g_free (self);
}

static void
detach (HawserDeadLetters *self)
{
  HawserReceiver *receiver = hawser_bus_find_receiver (self->bus, self->id);

  self->n_left = 0;
  self->target = NULL;
  if (receiver != NULL && hawser_receiver_get_data (receiver) == self)
    hawser_receiver_detach (receiver, G_MAXUINT32);
}

static void
end_redrive (gpointer data)
{
  HawserDeadLetters *self = data;

  self->is_posted = FALSE;
  detach (self);
  release (self);
}

/* What is under way comes again if we let go of it: it is waited for. */
static void
end_when_done (HawserDeadLetters *self)
{
  if (self->target == NULL || self->n_left > 0 || self->n_under_way > 0 || self->is_posted)
    return;
  self->is_posted = TRUE;
  hawser_lane_post (hawser_bus_get_lane (self->bus), end_redrive, self); /* not while the bus is pumping it */
}

static void
on_safe (gpointer data, guint64 position, int result)
{
  HawserDeadLetters *self = data;
  HawserReceiver *receiver = hawser_bus_find_receiver (self->bus, self->id);

  self->n_under_way--;
  if (result == HAWSER_RESULT_OK && receiver != NULL)
    hawser_receiver_ack (receiver, position);
  end_when_done (self);
  release (self);
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserDeadLetters *self = data;

  if (self->n_left == 0 || hawser_receiver_is_full (self->target))
    {
      self->n_left = 0; /* the rest is for the next time */
      end_when_done (self);
      return HAWSER_DELIVER_BUSY;
    }
  self->n_left--;
  if (hawser_receiver_put (self->target, delivery->message, on_safe, self, delivery->position) == HAWSER_RESULT_PENDING)
    self->n_under_way++;
  else if (delivery->position != 0)
    hawser_receiver_ack (receiver, delivery->position);
  end_when_done (self);
  return HAWSER_DELIVER_DONE;
}

static const HawserReceiverFuncs funcs = { .deliver = deliver };

static HawserReceiver *
open_receiver (HawserDeadLetters *self)
{
  HawserQueueLimits limits = { .max_messages = MAX_MESSAGES, .max_bytes = MAX_BYTES };

  return hawser_receiver_new (self->bus, self->id,
                              HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PASSIVE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED |
                              HAWSER_RECEIVER_HIDDEN, &limits);
}

HawserDeadLetters *
hawser_dead_letters_new (HawserBus *bus, const char *sink)
{
  HawserDeadLetters *self = g_new0 (HawserDeadLetters, 1);

  self->bus = g_object_ref (bus);
  self->id = g_strconcat ("dead-letters:", sink, NULL);
  open_receiver (self);
  return self;
}

void
hawser_dead_letters_free (HawserDeadLetters *self)
{
  detach (self);
  self->is_freed = TRUE;
  release (self);
}

int
hawser_dead_letters_keep (HawserDeadLetters *self, HawserMessage *message, HawserPublished done, gpointer data, guint64 cookie)
{
  return hawser_receiver_put (open_receiver (self), message, done, data, cookie);
}

guint64
hawser_dead_letters_redrive (HawserDeadLetters *self, HawserReceiver *target)
{
  HawserReceiver *receiver = open_receiver (self);
  guint64 n_taken = hawser_receiver_get_n_queued (target), max = hawser_receiver_get_limits (target)->max_messages;

  if (self->target != NULL)
    return 0; /* they are on their way */
  self->n_left = MIN (hawser_receiver_get_n_queued (receiver), max - MIN (max, n_taken));
  if (self->n_left == 0)
    return 0;
  self->target = target;
  hawser_receiver_attach (receiver, NULL, &funcs, self);
  return self->n_left;
}
