/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_SUBSCRIPTION_ITEM (hawser_subscription_item_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserSubscriptionItem, hawser_subscription_item, HAWSER, SUBSCRIPTION_ITEM, GObject)

HAWSER_AVAILABLE_IN_ALL
const char *hawser_subscription_item_get_filter     (HawserSubscriptionItem *self);
HAWSER_AVAILABLE_IN_ALL
const char *hawser_subscription_item_get_receiver   (HawserSubscriptionItem *self);
HAWSER_AVAILABLE_IN_ALL
gboolean    hawser_subscription_item_get_is_durable (HawserSubscriptionItem *self);

#if defined(HAWSER_COMPILATION) && !defined(HAWSER_GIR) && !defined(__GI_SCANNER__)
struct _HawserEntry;
HawserSubscriptionItem *hawser_subscription_item_new    (struct _HawserEntry    *entry);
gboolean                hawser_subscription_item_is_for (HawserSubscriptionItem *self,
                                                         struct _HawserEntry    *entry);
#endif

G_END_DECLS
