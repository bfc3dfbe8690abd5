/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-clock.h"
#include "hawser-message.h"
#include "hawser-policy.h"
#include "hawser-subscription.h"
#include "hawser-topic.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_BUS (hawser_bus_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserBus, hawser_bus, HAWSER, BUS, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserBus          *hawser_bus_new                  (void);
HAWSER_AVAILABLE_IN_ALL
HawserBus          *hawser_bus_new_with_clock       (HawserClock         *clock);

HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_publish              (HawserBus           *self,
                                                     HawserMessage       *message,
                                                     GError             **error);
HAWSER_AVAILABLE_IN_ALL
HawserSubscription *hawser_bus_subscribe            (HawserBus           *self,
                                                     const char          *filter,
                                                     HawserMessageFunc    func,
                                                     gpointer             user_data,
                                                     GDestroyNotify       destroy,
                                                     GError             **error);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_unsubscribe          (HawserBus           *self,
                                                     HawserSubscription  *subscription);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_add_subscription     (HawserBus           *self,
                                                     HawserSubscription  *subscription,
                                                     GError             **error);

HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_publish_async        (HawserBus           *self,
                                                     HawserMessage       *message,
                                                     GCancellable        *cancellable,
                                                     GAsyncReadyCallback  callback,
                                                     gpointer             user_data);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_publish_finish       (HawserBus           *self,
                                                     GAsyncResult        *result,
                                                     GError             **error);

HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_add_topic            (HawserBus           *self,
                                                     HawserTopic         *topic,
                                                     GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_remove_topic         (HawserBus           *self,
                                                     const char          *name);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_keep_topic           (HawserBus           *self,
                                                     HawserTopic         *topic);
HAWSER_AVAILABLE_IN_ALL
HawserTopic        *hawser_bus_get_topic            (HawserBus           *self,
                                                     const char          *name);
HAWSER_AVAILABLE_IN_ALL
HawserMessage      *hawser_bus_get_retained         (HawserBus           *self,
                                                     const char          *topic);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bus_remove_policy        (HawserBus           *self,
                                                     const char          *name);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_set_admin_policy     (HawserBus           *self,
                                                     const char          *name);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_add_policy           (HawserBus           *self,
                                                     HawserPolicy        *policy);

HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_twins            (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_topics           (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_subscriptions    (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_connections      (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_listeners        (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_bridges          (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_pipelines        (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
GListModel         *hawser_bus_get_sinks            (HawserBus           *self);

HAWSER_AVAILABLE_IN_ALL
HawserClock        *hawser_bus_get_clock            (HawserBus           *self);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bus_close                (HawserBus           *self);

G_END_DECLS
