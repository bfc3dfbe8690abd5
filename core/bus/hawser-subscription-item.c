/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the list of subscriptions shows of one filter of one receiver: facts as of when it was listed. */

#include "hawser-bus-private.h"
#include "hawser-subscription-item.h"

enum {
  PROP_FILTER = 1,
  PROP_RECEIVER,
  PROP_DURABLE,
  N_PROPS,
};

struct _HawserSubscriptionItem {
  GObject parent_instance;
  struct _HawserEntry *entry;   /* compared, never followed */
  char *filter;
  char *receiver;
  gboolean is_durable;
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserSubscriptionItem, hawser_subscription_item, G_TYPE_OBJECT)

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserSubscriptionItem *self = HAWSER_SUBSCRIPTION_ITEM (object);

  switch (id)
    {
    case PROP_FILTER: g_value_set_string (value, self->filter); break;
    case PROP_RECEIVER: g_value_set_string (value, self->receiver); break;
    case PROP_DURABLE: g_value_set_boolean (value, self->is_durable); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  HawserSubscriptionItem *self = HAWSER_SUBSCRIPTION_ITEM (object);

  g_free (self->filter);
  g_free (self->receiver);
  G_OBJECT_CLASS (hawser_subscription_item_parent_class)->finalize (object);
}

static void
hawser_subscription_item_class_init (HawserSubscriptionItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = get_property;
  object_class->finalize = finalize;
  props[PROP_FILTER] = g_param_spec_string ("filter", "Filter", "Topic filter", NULL, read);
  props[PROP_RECEIVER] = g_param_spec_string ("receiver", "Receiver", "Who gets the messages", NULL, read);
  props[PROP_DURABLE] = g_param_spec_boolean ("durable", "Durable", "Whether it survives the receiver's absence", FALSE, read);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_subscription_item_init (HawserSubscriptionItem *self)
{
}

HawserSubscriptionItem *
hawser_subscription_item_new (struct _HawserEntry *entry)
{
  HawserSubscriptionItem *self = g_object_new (HAWSER_TYPE_SUBSCRIPTION_ITEM, NULL);

  self->entry = entry;
  self->filter = hawser_match_node_dup_path (entry->node);
  self->receiver = hawser_receiver_describe (entry->receiver);
  self->is_durable = hawser_receiver_is_durable (entry->receiver);
  return self;
}

gboolean
hawser_subscription_item_is_for (HawserSubscriptionItem *self, struct _HawserEntry *entry)
{
  return self->entry == entry;
}

/**
 * hawser_subscription_item_get_filter: (get-property filter)
 * @self: an item
 *
 * Returns: its topic filter
 * Since: 0.1
 */
const char *
hawser_subscription_item_get_filter (HawserSubscriptionItem *self)
{
  return self->filter;
}

/**
 * hawser_subscription_item_get_receiver: (get-property receiver)
 * @self: an item
 *
 * Returns: who gets the messages, such as `mqtt client ground-1`
 * Since: 0.1
 */
const char *
hawser_subscription_item_get_receiver (HawserSubscriptionItem *self)
{
  return self->receiver;
}

/**
 * hawser_subscription_item_get_is_durable: (get-property durable)
 * @self: an item
 *
 * Returns: whether it survives the receiver's absence
 * Since: 0.1
 */
gboolean
hawser_subscription_item_get_is_durable (HawserSubscriptionItem *self)
{
  return self->is_durable;
}
