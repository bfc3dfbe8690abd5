/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Messages from CloudEvents in the JSON format (1.0.2), for every protocol that takes them. C only. */

#include "hawser-json.h"
#include "hawser-message.h"

G_BEGIN_DECLS

/* What a stranger may send; one that says more is refused. */
typedef struct {
  guint max_attributes;  /* of an event; more than 128 counts as 128: each costs a comparison with each other */
  gsize max_name;        /* bytes */
  gsize max_value;       /* bytes; 65535 is what MQTT can carry on */
  guint max_events;      /* of a batch */
} HawserCloudEventLimits;

#define HAWSER_CLOUD_EVENT_MAX_ATTRIBUTES 128
#define HAWSER_CLOUD_EVENT_LIMITS ((const HawserCloudEventLimits) { HAWSER_CLOUD_EVENT_MAX_ATTRIBUTES, 64, 65535, 10000 })

/* What the carrier of an event says of it: counts where the event says nothing. */
typedef struct {
  const char *topic;     /* nullable: attribute `subject` */
  HawserQos qos;
  gboolean retain;
  gboolean overrides;    /* qos and retain count whatever hawserqos and hawserretained say */
  guint32 expiry_s;      /* 0: none; of two ends of life the earlier counts */
} HawserCloudEventTerms;

/* One event of text that hawser_json_parse() found sound: (transfer full), NULL with HAWSER_ERROR_MALFORMED set. */
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_cloud_event_read       (const HawserJsonSlice        *event,
                                              const HawserCloudEventTerms  *terms,
                                              const HawserCloudEventLimits *limits,
                                              GError                      **error);
/* An array of them, all or none: (transfer full) (element-type HawserMessage), owning its elements. */
HAWSER_AVAILABLE_IN_ALL
GPtrArray     *hawser_cloud_event_read_batch (const HawserJsonSlice        *batch,
                                              const HawserCloudEventTerms  *terms,
                                              const HawserCloudEventLimits *limits,
                                              GError                      **error);

G_END_DECLS
