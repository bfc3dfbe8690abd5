/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include <gio/gio.h>

/* Every public symbol carries this: the library is built with hidden visibility. */
#define HAWSER_AVAILABLE_IN_ALL __attribute__((visibility("default"))) extern

G_BEGIN_DECLS

typedef struct _HawserBatch HawserBatch;
typedef struct _HawserBlock HawserBlock;
typedef struct _HawserBridge HawserBridge;
typedef struct _HawserBus HawserBus;
typedef struct _HawserClock HawserClock;
typedef struct _HawserConfig HawserConfig;
typedef struct _HawserConnection HawserConnection;
typedef struct _HawserIdentity HawserIdentity;
typedef struct _HawserLane HawserLane;
typedef struct _HawserListener HawserListener;
typedef struct _HawserMessage HawserMessage;
typedef struct _HawserMessageBuilder HawserMessageBuilder;
typedef struct _HawserPluginRegistry HawserPluginRegistry;
typedef struct _HawserPolicy HawserPolicy;
typedef struct _HawserPrincipal HawserPrincipal;
typedef struct _HawserProtocol HawserProtocol;
typedef struct _HawserReceiver HawserReceiver;
typedef struct _HawserSink HawserSink;
typedef struct _HawserSinkWrite HawserSinkWrite;
typedef struct _HawserSpool HawserSpool;
typedef struct _HawserStore HawserStore;
typedef struct _HawserSubscription HawserSubscription;
typedef struct _HawserTls HawserTls;
typedef struct _HawserTopic HawserTopic;
typedef struct _HawserTopicFilter HawserTopicFilter;

G_END_DECLS
