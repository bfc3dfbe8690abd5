/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The socket's side of a connection: a descriptor in a lane's epoll, and how bytes cross it. Knows neither packets nor
 * limits. Embedded in its owner, which is the one that epoll calls. */

#include "hawser-connection-private.h"
#include "hawser-output-private.h"

G_BEGIN_DECLS

#define HAWSER_SOCKET_MAX_PARTS 64  /* of one write */

typedef struct {
  HawserPollable pollable;
  HawserTransport *transport;    /* NULL: the bytes are plain */
  int fd;
  guint8 events;                 /* that epoll was asked for: EPOLLIN, EPOLLOUT */
  guint8 wants_input : 1;
  guint8 is_blocked : 1;         /* the kernel took less than was offered: waiting for EPOLLOUT */
  guint8 transport_wants_write : 1;
} HawserSocket;

void     hawser_socket_init       (HawserSocket       *self,
                                   int                 fd,
                                   HawserTransport    *transport, /* (transfer full) (nullable) */
                                   void              (*ready) (HawserPollable *pollable, guint32 events));
/* Into the epoll of @lane. FALSE: it takes no more, with errno. */
gboolean hawser_socket_join       (HawserSocket       *self,
                                   HawserLane         *lane);
void     hawser_socket_leave      (HawserSocket       *self,
                                   HawserLane         *lane);
void     hawser_socket_close      (HawserSocket       *self);
void     hawser_socket_want_input (HawserSocket       *self,
                                   HawserLane         *lane,
                                   gboolean            wants_input);
/* There was EPOLLOUT: who was blocked may try again. */
void     hawser_socket_unblock    (HawserSocket       *self,
                                   HawserLane         *lane);
/* A read found nothing: the transport may wait for room instead. */
void     hawser_socket_note_empty (HawserSocket       *self,
                                   HawserLane         *lane);

/* One step of the way to a usable transport: @proxy (nullable) is the header of the PROXY protocol so far, which is freed
 * when it is whole, @address what it says. 1: bytes may cross; 0: not yet; -1: they never will. With errno. */
int      hawser_socket_open       (HawserSocket       *self,
                                   GByteArray        **proxy,
                                   char              **address);
/* As recvmsg(); with a transport only the first part is filled. */
gssize   hawser_socket_read       (HawserSocket       *self,
                                   HawserLane         *lane,
                                   struct iovec       *parts,
                                   int                 n_parts);
/* How many of the @len bytes in the parts were taken; if not all, the socket is blocked. -1: it is beyond use, with errno. */
gssize   hawser_socket_write      (HawserSocket       *self,
                                   HawserLane         *lane,
                                   const struct iovec *parts,
                                   int                 n_parts,
                                   gsize               len);
/* Writes what is gathered until the kernel has enough. FALSE: as above. */
gboolean hawser_socket_send       (HawserSocket       *self,
                                   HawserLane         *lane,
                                   HawserOutput       *output);
/* Nothing more will be written. */
void     hawser_socket_shut_down  (HawserSocket       *self);
/* What crosses from here on is inside a WebSocket; arguments as hawser_websocket_continue(). */
void     hawser_socket_upgrade    (HawserSocket       *self,
                                   HawserLane         *lane,
                                   GByteArray         *unsent,
                                   const guint8       *early,
                                   gsize               len);

/* Bytes may be waiting that epoll does not see. */
static inline gboolean
hawser_socket_has_pending (HawserSocket *self)
{
  return self->transport != NULL && self->transport->has_pending (self->transport);
}

G_END_DECLS
