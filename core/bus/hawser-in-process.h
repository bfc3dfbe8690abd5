/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-bus-private.h"

G_BEGIN_DECLS

HawserSubscription *hawser_function_subscription_new (const char         *filter,
                                                      HawserMessageFunc   func,
                                                      gpointer            user_data,
                                                      GDestroyNotify      destroy);

gboolean            hawser_in_process_add            (HawserBus           *bus,
                                                      HawserSubscription  *subscription,
                                                      GError             **error);
gboolean            hawser_in_process_remove         (HawserBus           *bus,
                                                      HawserSubscription  *subscription);

G_END_DECLS
