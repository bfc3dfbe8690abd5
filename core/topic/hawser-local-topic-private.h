/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-local-topic.h"
#include "hawser-policy.h"

G_BEGIN_DECLS

/* The bus reads the fields; the properties write them and then call changed(). */
struct _HawserLocalTopic {
  GObject parent_instance;
  char *name;
  char *description;
  char *discovery_uri;
  char *content_type;
  char *publish_policy_name;
  char *subscribe_policy_name;
  HawserPolicy *publish_policy;      /* resolved by the bus; NULL: none, or unknown: deny */
  HawserPolicy *subscribe_policy;
  guint32 policy_version;            /* of the bus when they were resolved; G_MAXUINT32: a name changed since */
  guint64 max_message_size;          /* bytes; 0: the listener's limit alone */
  gint64 message_expiry_us;          /* 0: none */
  gint64 dedup_window_us;            /* 0: ids are not looked at */
  gint64 max_subscription_us;        /* 0: none */
  gint64 expires_us;                 /* wall time; 0: never */
  HawserRetain retain;
  guint history;
  gboolean is_enabled;
  gboolean creates;                  /* create=auto: names that match come into being on first use */
  gboolean requires_encryption;
  gboolean is_audited;
  GHashTable *written;               /* interned property to how its value was written; NULL: none is known */
  guint32 given;                     /* a bit for each property that was set: the others are those of wider filters */
  HawserLocalTopic *in_force;        /* with what wider filters give; owned; NULL: itself. By the table of topics */
  guint32 in_force_version;
  void (*changed) (HawserLocalTopic *self, gpointer data);
  gpointer changed_data;
};

/* What @wider gives and @self does not. TRUE: there was something. */
gboolean hawser_local_topic_inherit     (HawserLocalTopic *self,
                                         HawserLocalTopic *wider);
/* Whether it gives something that is not given by @self. */
gboolean hawser_local_topic_can_inherit (HawserLocalTopic *self,
                                         HawserLocalTopic *wider);
/* After a copy of the properties: what was not set there counts as not set here. */
void     hawser_local_topic_take_given  (HawserLocalTopic *self,
                                         HawserLocalTopic *from);

G_END_DECLS
