/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-batch.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_SUBSCRIPTION (hawser_subscription_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserSubscription, hawser_subscription, HAWSER, SUBSCRIPTION, GObject)

/**
 * HawserSubscriptionInterface:
 * @parent_iface: the parent interface
 * @dup_filter: the topic filter; asked once, when the subscription is added to a bus
 * @deliver: takes messages, in order; runs on the context that added the subscription, never inside a publish call
 * @lost: told how many messages were dropped before the next one (optional)
 * @ended: the bus ended the subscription, or was closed (optional)
 *
 * A filter and a receiver in this process.
 *
 * Since: 0.1
 */
struct _HawserSubscriptionInterface {
  GTypeInterface parent_iface;

  char *(*dup_filter) (HawserSubscription *self);
  void  (*deliver)    (HawserSubscription *self,
                       HawserBatch        *batch);
  void  (*lost)       (HawserSubscription *self,
                       guint64             n_messages);
  void  (*ended)      (HawserSubscription *self);

  /*< private >*/
  gpointer reserved[8];
};

HAWSER_AVAILABLE_IN_ALL
char *hawser_subscription_dup_filter (HawserSubscription *self);
HAWSER_AVAILABLE_IN_ALL
void  hawser_subscription_deliver    (HawserSubscription *self,
                                      HawserBatch        *batch);
HAWSER_AVAILABLE_IN_ALL
void  hawser_subscription_lost       (HawserSubscription *self,
                                      guint64             n_messages);
HAWSER_AVAILABLE_IN_ALL
void  hawser_subscription_ended      (HawserSubscription *self);

/**
 * HawserMessageFunc:
 * @message: what was published
 * @user_data: data of the subscriber
 *
 * Context: the one that subscribed; never inside a publish call.
 *
 * Since: 0.1
 */
typedef void (*HawserMessageFunc) (HawserMessage *message,
                                   gpointer       user_data);

G_END_DECLS
