/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Last values: given to a receiver that subscribes, and walked for whoever asks; each only if it may be read. Keeping
 * them is the topic table's. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-mount-private.h"
#include "hawser-receiver-private.h"

#include <string.h>

typedef struct {
  HawserReceiver *receiver;
  guint8 qos;
} SendRetained;

static gboolean
send_retained_value (HawserMatchNode *node, gpointer value, gpointer data)
{
  SendRetained *send = data;
  HawserMessage *message = value;
  HawserBus *bus = send->receiver->bus;
  HawserQueueEntry entry;

  if (hawser_message_get_remaining_s (message, hawser_lane_get_now_us (bus->lane)) == 0)
    return TRUE;
  if (!hawser_receiver_may_read (send->receiver, &bus->authority, hawser_topic_table_find_settings (&bus->topics, message->data, message->topic_len), message->data))
    return TRUE;
  if (!hawser_authority_check_author (&bus->authority, message))
    {
      bus->statistics.matched += !(send->receiver->flags & HAWSER_RECEIVER_HIDDEN);
      hawser_receiver_count_dropped (send->receiver, message, HAWSER_DROP_DENIED);
      return TRUE;
    }

  entry = (HawserQueueEntry) {
    .message = hawser_message_ref (message), .qos = MIN (send->qos, message->qos), .retain = TRUE, .is_retained_value = TRUE,
  };
  hawser_receiver_push (send->receiver, &entry);
  return TRUE;
}

void
hawser_receiver_send_retained (HawserReceiver *self, HawserEntry *entry)
{
  g_autofree char *filter = hawser_match_node_dup_path (entry->node);
  SendRetained send = { self, entry->qos };

  hawser_match_tree_select (self->bus->topics.retained, filter, strlen (filter), send_retained_value, &send);
}

typedef struct {
  HawserBus *bus;
  const HawserPolicyContext *context;
  HawserRetainedFunc func;
  gpointer data;
} EachRetained;

static gboolean
each_retained (HawserMatchNode *node, gpointer value, gpointer data)
{
  EachRetained *each = data;
  HawserMessage *message = value;
  HawserPolicyContext context, *asked = NULL;

  if (each->context != NULL)
    {
      context = *each->context;
      context.topic = message->data;
      asked = &context;
    }
  if (hawser_message_get_remaining_s (message, hawser_lane_get_now_us (each->bus->lane)) == 0 ||
      hawser_authority_check (&each->bus->authority, HAWSER_ACTION_SUBSCRIBE, hawser_topic_table_find_settings (&each->bus->topics, message->data, message->topic_len), asked) != HAWSER_RESULT_OK ||
      !hawser_authority_check_author (&each->bus->authority, message))
    return TRUE;
  if (each->context != NULL && each->context->mount_point != NULL)
    {
      g_autoptr (HawserMessage) stripped = hawser_mount_strip (each->context->mount_point, message);

      return stripped == NULL || each->func (stripped, each->data);
    }
  return each->func (message, each->data);
}

void
hawser_bus_foreach_retained (HawserBus *self, const HawserPolicyContext *context, const char *filter, HawserRetainedFunc func, gpointer data)
{
  EachRetained each = { self, context, func, data };
  g_autofree char *full = context != NULL && context->mount_point != NULL ? hawser_mount_filter (context->mount_point, filter, strlen (filter)) : NULL;

  filter = full != NULL ? full : filter;
  hawser_match_tree_select (self->topics.retained, filter, strlen (filter), each_retained, &each);
}
