/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The subscription role: a filter and a receiver in this process, in C or in a script. */

#include "hawser-subscription.h"

G_DEFINE_INTERFACE (HawserSubscription, hawser_subscription, G_TYPE_OBJECT)

static void
hawser_subscription_default_init (HawserSubscriptionInterface *iface)
{
}

/**
 * hawser_subscription_dup_filter: (virtual dup_filter)
 * @self: a subscription
 *
 * Returns: (transfer full) (nullable): its topic filter; %NULL from one that has none, which no bus takes
 * Since: 0.1
 */
char *
hawser_subscription_dup_filter (HawserSubscription *self)
{
  HawserSubscriptionInterface *iface = HAWSER_SUBSCRIPTION_GET_IFACE (self);

  return iface->dup_filter != NULL ? iface->dup_filter (self) : NULL;
}

/**
 * hawser_subscription_deliver: (virtual deliver)
 * @self: a subscription
 * @batch: messages, in order
 *
 * Context: the one that added the subscription to the bus.
 *
 * Since: 0.1
 */
void
hawser_subscription_deliver (HawserSubscription *self, HawserBatch *batch)
{
  HawserSubscriptionInterface *iface = HAWSER_SUBSCRIPTION_GET_IFACE (self);

  if (iface->deliver != NULL)
    iface->deliver (self, batch);
}

/**
 * hawser_subscription_lost: (virtual lost)
 * @self: a subscription
 * @n_messages: how many messages were dropped before the next delivery, because they came faster than they were taken
 *
 * Since: 0.1
 */
void
hawser_subscription_lost (HawserSubscription *self, guint64 n_messages)
{
  HawserSubscriptionInterface *iface = HAWSER_SUBSCRIPTION_GET_IFACE (self);

  if (iface->lost != NULL)
    iface->lost (self, n_messages);
}

/**
 * hawser_subscription_ended: (virtual ended)
 * @self: a subscription
 *
 * Since: 0.1
 */
void
hawser_subscription_ended (HawserSubscription *self)
{
  HawserSubscriptionInterface *iface = HAWSER_SUBSCRIPTION_GET_IFACE (self);

  if (iface->ended != NULL)
    iface->ended (self);
}
