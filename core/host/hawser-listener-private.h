/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-connection-private.h"
#include "hawser-policy-context.h"
#include "hawser-listener-io.h"
#include "hawser-rates.h"

G_BEGIN_DECLS

/* A socket that peers are taken from. */
typedef struct _HawserAccepting HawserAccepting;

struct _HawserListener {
  GObject parent_instance;
  HawserConnectionOwner owner;
  HawserBus *bus;
  HawserProtocol *protocol;
  HawserTls *tls;
  GPtrArray *identities;
  HawserPskKeys keys;          /* of the identities */
  char *name;
  char *type;
  char *address;
  char *anonymous;
  char *unix_path;
  GSocket *inherited;          /* of `fd:`, between finding it and the start */
  char **origins;
  char **proxy_from;
  GPtrArray *proxies;          /* of GInetAddressMask, made at the start */
  HawserWebsocketSite *site;   /* NULL: no WebSocket */
  const char *names[2];        /* of the protocol, when it says none for WebSockets */
  GHashTable *inner;           /* type -> HawserListener; NULL: none was asked for */
  HawserListener *outer;       /* of an inner one: it outlives our connections */
  guint max_connections;
  guint backlog;
  guint64 max_message_size;
  guint n_connections;
  HawserTimer notify_timer;
  guint64 n_opened, n_refused;
  HawserAccepting *accepting;
  gboolean has_keys;
  gboolean has_proxy;
  guint ban_failures;
  gint64 ban_window_us, ban_duration_us;
  HawserRateSettings rates;
  guint flapping_count;
  gint64 flapping_window_us, flapping_duration_us;
  gboolean is_loopback;
  gboolean is_started;
  gboolean is_out_of_descriptors;
};

/* A reload: @self, which runs, gets the settings, identities and protocol settings of @from, which is of the same name and
 * type and was not started. Address and certificates stay. */
void            hawser_listener_take_settings      (HawserListener   *self,
                                                    HawserListener   *from);

/* The rest is between the files of the listener. */
void            hawser_listener_count              (HawserListener   *self,
                                                    int               difference);
void            hawser_listener_close_connections  (HawserListener   *self);
/* The rates are as the settings say now, for those who are connected too. */
void            hawser_listener_renew_rates        (HawserListener   *self);
void            hawser_listener_init_owner         (HawserListener   *self);
gboolean        hawser_listener_read_proxies       (HawserListener   *self,
                                                    GError          **error);
void            hawser_listener_begin_accepting    (HawserListener   *self,
                                                    GSocket          *socket);
void            hawser_listener_end_accepting      (HawserListener   *self);
/* Where it listens in fact; full; NULL: it does not. */
GSocketAddress *hawser_listener_dup_local_address  (HawserListener   *self);
/* Takes the address apart and keeps what it says; full. */
GSocketAddress *hawser_listener_parse_address      (HawserListener   *self,
                                                    GError          **error);
GSocket        *hawser_listener_bind               (HawserListener   *self,
                                                    GError          **error);
void            hawser_listener_stop_inner         (HawserListener   *self);
/* admits_author() of the authority of @bus, a #HawserBus. */
gboolean        hawser_listener_admits_author      (gpointer          bus,
                                                    const HawserPolicyContext *author,
                                                    HawserPrincipal **out_now);
/* Of pre-shared keys; @data is a listener. */
GBytes         *hawser_listener_find_key           (gpointer          data,
                                                    const char       *identity);

G_END_DECLS
