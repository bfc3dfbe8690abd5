/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-assembly.h"

#include "hawser-audit-log-private.h"
#include "hawser-receiver.h"
#include "hawser-spool.h"
#include "hawser-store.h"
#include "hawser-system-topics-private.h"

G_BEGIN_DECLS

/* A durable subscription without a sink: the queue of a peer that may be away. */
typedef struct {
  char *id;
  char *identity;
  char *filter;
  char *description;
  char *attributes;
  gboolean no_local;
  HawserQueueLimits limits;
  HawserSubscriptionTerms terms;
} HawserAssemblyProvision;

struct _HawserAssembly {
  GObject parent_instance;

  HawserConfig *config;
  HawserBus *bus;
  HawserPluginRegistry *registry;
  gboolean is_built;
  gboolean is_started;

  GPtrArray *policies;     /* of HawserPolicy */
  GPtrArray *topics;       /* of HawserLocalTopic */
  GHashTable *tls;         /* name to HawserTls */
  GHashTable *identities;  /* name to HawserIdentity */
  GPtrArray *provisions;   /* of HawserAssemblyProvision */
  GPtrArray *families;     /* of HawserTwinFamily */
  GHashTable *behaviors;   /* name of a family to HawserTwinBehavior */
  GListStore *listeners;   /* of HawserListener, in the order of the configuration */
  GListStore *sinks;       /* of HawserSinkRunner */
  GListStore *bridges;     /* of HawserBridge */
  GPtrArray *pipelines;    /* of HawserPipeline */
  HawserSystemTopics *system_topics;
  HawserAuditLog *audit_log;   /* NULL: no topic leaves lines */
  HawserStore *store;
  HawserSpool *spool;
  GHashTable *stores;      /* name to HawserStore, of [store] groups */
  GPtrArray *twin_spools;  /* of HawserSpool, one on each of them */
};

/* Of [hawser], or what the machine suggests. */
guint64  hawser_assembly_get_max_memory  (HawserConfigGroup              *whole);
gboolean hawser_assembly_start_provision (HawserAssembly                 *self,
                                          const HawserAssemblyProvision  *provision,
                                          GError                        **error);

G_END_DECLS
