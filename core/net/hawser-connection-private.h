/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/uio.h>

#include "hawser-connection-io.h"
#include "hawser-lane-private.h"
#include "hawser-websocket-handshake.h"

G_BEGIN_DECLS

typedef struct _HawserTransport HawserTransport;
typedef struct _HawserSideLane HawserSideLane;

/* How bytes cross the descriptor when it is not plain: TLS, a WebSocket, or one on the other. Results as recv() and
 * sendmsg() with errno. */
struct _HawserTransport {
  int      (*handshake)   (HawserTransport    *self); /* 1: bytes may cross; 0: not yet; -1: they never will, with errno */
  gssize   (*read)        (HawserTransport    *self,
                           guint8             *data,
                           gsize               len);
  gssize   (*write)       (HawserTransport    *self,
                           const struct iovec *iov,
                           int                 n_iov);
  gboolean (*has_pending) (HawserTransport    *self); /* decrypted bytes that epoll does not see */
  gboolean (*wants_write) (HawserTransport    *self); /* a handshake step waits for room */
  void     (*shutdown)    (HawserTransport    *self);
  void     (*free)        (HawserTransport    *self);
  GBytes  *(*dup_certificate)      (HawserTransport *self); /* optional: PEM of a verified client certificate, or NULL */
  const char *(*get_psk_identity)  (HawserTransport *self); /* optional: whose pre-shared key was used, or NULL */
  gboolean is_encrypted;
  gboolean is_drained;                                /* the last read took all that the socket had: another would find nothing */
  gboolean has_last_words;                            /* after -1: shutdown() tells the peer why, and it should arrive */
};

/* Pre-shared keys: (transfer full) of whoever calls itself @identity, or NULL. */
typedef struct {
  GBytes *(*find) (gpointer data, const char *identity);
  gpointer data;
} HawserPskKeys;

HawserTransport *hawser_tls_accept         (HawserTls                 *tls, /* a server side session on @fd */
                                            int                        fd,
                                            const HawserPskKeys       *keys); /* nullable; must outlive it */
/* A WebSocket on @fd or on @lower (transfer full) (nullable), from its handshake on. */
HawserTransport *hawser_websocket_accept   (HawserTransport           *lower,
                                            int                        fd,
                                            HawserWebsocketSite       *site);
/* One whose handshake was done by somebody else: @unsent (transfer full) goes before all frames, @early came with the request. */
HawserTransport *hawser_websocket_continue (HawserTransport           *lower,
                                            int                        fd,
                                            GByteArray                *unsent,
                                            const guint8              *early,
                                            gsize                      len);

/* Told by whoever accepted the connection; the link is in that owner's list of open connections. */
typedef struct _HawserConnectionOwner HawserConnectionOwner;
struct _HawserConnectionOwner {
  void (*closed) (HawserConnectionOwner *self, HawserConnection *connection);
  void (*opened) (HawserConnectionOwner *self, HawserConnection *connection); /* its transport is ready: give it a session */
  void (*writable) (HawserConnectionOwner *self, HawserConnection *connection); /* optional: after the session's */
  void (*identified) (HawserConnectionOwner *self, HawserConnection *connection); /* optional: it has another principal */
  gpointer bus;               /* whose messages cross it */
  const char *listener_name;
  const char *protocol;
  const char *mount_point;    /* put before every topic of its peers, interned; NULL: nothing */
  gsize output_limit;         /* bytes; above it the connection is congested */
  gint64 handshake_timeout_us; /* from the connection to opened() */
  struct _HawserRates *rates; /* how fast its peers may be; NULL: as fast as they can */
  /* Optional: there is no memory for the large packet under way. FALSE: the connection is not worth more waiting. */
  gboolean (*starved) (HawserConnectionOwner *self, HawserConnection *connection);
};

HawserConnection *hawser_connection_new              (HawserLane            *lane,
                                                      int                    fd,
                                                      HawserTransport       *transport, /* (transfer full) (nullable) */
                                                      HawserConnectionOwner *owner,
                                                      guint64                id);
/* Its socket goes to @side, its session stays where it is: before start(), with the handshake, or in opened(). */
void              hawser_connection_place            (HawserConnection      *self,
                                                      HawserSideLane        *side);
/* Before start(): the first bytes are a header of the PROXY protocol, and its address is the peer's. */
void              hawser_connection_expect_proxy     (HawserConnection *self);
/* With a session, or with a transport, then the owner's opened() gives it one. */
void              hawser_connection_start            (HawserConnection *self);
/* From the end of this call to the session on, the bytes go on inside a WebSocket: the session is closed with no error,
 * and opened() of @owner gives the next one. What the session wrote is sent as it is. */
void              hawser_connection_upgrade          (HawserConnection *self,
                                                      HawserConnectionOwner *owner);
HawserConnectionOwner *hawser_connection_get_owner   (HawserConnection *self);
/* Lists of open connections, kept by the bus. */
GList            *hawser_connection_get_link         (HawserConnection *self);
/* The bus hangs its publisher here, freed with @destroy when the connection closes. */
void              hawser_connection_set_publisher    (HawserConnection *self,
                                                      gpointer          publisher,
                                                      GDestroyNotify    destroy);
gpointer          hawser_connection_get_publisher    (HawserConnection *self);
void              hawser_connection_count_received   (HawserConnection *self);
void              hawser_connection_count_delivered  (HawserConnection *self);
/* What the way to the peer proves of it; NULL or FALSE: nothing. */
GBytes           *hawser_connection_dup_certificate  (HawserConnection *self);
const char       *hawser_connection_get_psk_identity (HawserConnection *self);
gboolean          hawser_connection_get_peer_user    (HawserConnection *self,
                                                      guint            *out_uid,
                                                      guint            *out_gid,
                                                      guint            *out_pid);
int               hawser_connection_get_fd           (HawserConnection *self);
gboolean          hawser_connection_refuses_at_once  (HawserConnection *self);

G_END_DECLS
