/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/uio.h>

#include "hawser-connection-io.h"
#include "hawser-lane-private.h"

G_BEGIN_DECLS

typedef struct _HawserTransport HawserTransport;

/* How bytes cross the descriptor when it is not plain: TLS. Results as recv() and sendmsg() with errno. */
struct _HawserTransport {
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
};

HawserTransport *hawser_tls_accept (HawserTls *tls, int fd); /* a server side session on @fd */

/* Told by whoever accepted the connection; the link is in that owner's list of open connections. */
typedef struct _HawserConnectionOwner HawserConnectionOwner;
struct _HawserConnectionOwner {
  void (*closed) (HawserConnectionOwner *self, HawserConnection *connection);
  void (*writable) (HawserConnectionOwner *self, HawserConnection *connection); /* optional: after the session's */
  gpointer bus;               /* whose messages cross it */
  const char *listener_name;
  const char *protocol;
  gsize output_limit;         /* bytes; above it the connection is congested */
};

HawserConnection *hawser_connection_new              (HawserLane            *lane,
                                                      int                    fd,
                                                      HawserTransport       *transport, /* (transfer full) (nullable) */
                                                      HawserConnectionOwner *owner,
                                                      guint64                id);
void              hawser_connection_start            (HawserConnection *self);
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
HawserTransport  *hawser_connection_get_transport    (HawserConnection *self);
int               hawser_connection_get_fd           (HawserConnection *self);

G_END_DECLS
