/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

#include "http-guard.h"

G_BEGIN_DECLS

typedef struct _HttpHub HttpHub;
typedef struct _HttpKeys HttpKeys;

#define HTTP_TYPE_ADAPTER (http_adapter_get_type())
G_DECLARE_FINAL_TYPE (HttpAdapter, http_adapter, HTTP, ADAPTER, GObject)

/* One listener's settings and what its sessions share. Fields are read by the files of this folder. */
struct _HttpAdapter {
  GObject parent_instance;

  /* settings */
  char **static_dirs;
  char **cors_origins;
  char **host_names;
  char **websocket_subprotocols;
  char *websocket_path;
  char *sse_path;
  gboolean is_admin;
  gboolean has_dashboard, has_metrics;      /* where is_admin */
  gint64 header_timeout_us;
  gint64 body_timeout_us;
  gint64 idle_timeout_us;
  gint64 stuck_timeout_us;
  guint64 replay_size;

  /* while listening */
  HawserBus *bus;
  HawserLane *lane;
  HawserListener *listener;      /* not owned: it owns the protocol */
  HttpGuardLimits limits;
  gsize max_body;
  GString *scratch;              /* for heads of responses */
  GHashTable *hubs;              /* key of the filters -> HttpHub */
  gsize replay_bytes;            /* of all hubs */
  guint32 epoch;                 /* cursors of an earlier run are told apart by it */
  guint32 next_hub;
  guint n_lingering;             /* hubs that nobody uses */
  HawserMessage *encoded_message; /* whose JSON is in encoded: a message for many is encoded once */
  GString *encoded;
  gboolean encoded_is_retained;
  GString *twin_text;            /* a twin on its way out */
  GString *frame;                /* of the event stream: see http-events.c */
  gconstpointer frame_message;
  guint64 frame_hub, frame_sequence;
  HttpKeys *keys;
  GHashTable *failures;          /* address -> GUINT of failed log-ins */
  gint64 failures_since_us;
  gint64 started_wall_us;
  gint64 date_s;                 /* second of the Date header below */
  char date[40];
  guint64 n_requests;
  guint n_taps;
};

G_END_DECLS
