/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define WEBHOOK_TYPE_SINK (webhook_sink_get_type())
G_DECLARE_FINAL_TYPE (WebhookSink, webhook_sink, WEBHOOK, SINK, GObject)

G_END_DECLS
