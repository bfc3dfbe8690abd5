/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the connection share: hawser-connection.c (life, output), hawser-connection-input.c (from bytes to
 * packets), hawser-connection-facts.c (who the peer is). Nobody else includes this. */

#include "hawser-carrier-private.h"
#include "hawser-large-input-private.h"
#include "hawser-output-private.h"
#include "hawser-socket-private.h"

G_BEGIN_DECLS

/* While the last bytes are sent. */
typedef struct {
  HawserTimer timer;
  HawserConnection *connection;
  gboolean is_shut_down;
} HawserFinish;

/* While the transport shakes hands: nobody has heard of the peer yet. */
typedef struct {
  HawserTimer timer;
  HawserConnection *connection;
  GByteArray *proxy;          /* of its header, so far; NULL: none is to come any more */
} HawserOpening;

typedef enum {
  HAWSER_CONNECTION_NEW,
  HAWSER_CONNECTION_OPEN,
  HAWSER_CONNECTION_FINISHING,   /* no more input for the session */
  HAWSER_CONNECTION_CLOSING,     /* closed() is due at the end of the turn */
  HAWSER_CONNECTION_CLOSED,
} HawserConnectionState;

/* What a connection has while it is made, changed or ended; few have any of it for long. */
typedef struct {
  HawserOpening *opening;
  HawserFinish *finish;
  GError *error;
  char *address;                 /* as a proxy says, else NULL */
  HawserConnectionOwner *next_owner; /* an upgrade is due */
  GByteArray *early;             /* until the carrier holds still: what belongs to the next owner; else NULL */
} HawserPassing;

/* Ten thousand of these are kept, and a fan-out walks through all of them: what each message touches stands together. */
struct _HawserConnection {
  GObject parent_instance;
  HawserSocket socket;
  HawserDirty dirty;
  HawserOutput output;
  HawserConnectionOwner *owner;
  HawserLane *lane;
  HawserCarrier *carrier;        /* not NULL: the socket lives on another lane, and of ours only the descriptor is used, to ask */
  const HawserPassing *passing;  /* never NULL; to change it: hawser_connection_pass() */
  guint64 n_delivered;
  guint16 n_pauses;
  guint8 state;                  /* HawserConnectionState */
  guint8 needs_handshake : 1;
  guint8 was_congested : 1;
  guint8 is_in_received : 1;
  guint8 refuses_at_once : 1;
  guint8 is_held : 1;            /* the tail holds packets that a pause kept from the session */
  guint32 tail_len;

  const HawserSessionFuncs *funcs;
  gpointer session;
  HawserLargeInput *large;
  guint8 *tail;
  gpointer publisher;
  guint64 n_received;
  HawserBlock *block;            /* during received() of a large packet */

  HawserPrincipal *principal;
  char *client_id;
  GDestroyNotify publisher_destroy;
  GList link;
  guint64 id;
  guint32 expected;              /* length of the packet under way, 0: unknown */
};

/* To change. */
HawserPassing *hawser_connection_pass (HawserConnection *self);

/* The session hears of it at the end of the turn. */
void hawser_connection_fail          (HawserConnection *self,
                                      HawserError       code,
                                      const char       *detail);
/* The session before is closed, and what it left goes on inside a WebSocket. */
void hawser_connection_apply_upgrade (HawserConnection *self,
                                      const guint8     *early,
                                      gsize             len);

/* The session takes what came from another lane. */
void hawser_connection_take_input    (HawserConnection *self,
                                      const guint8     *data,
                                      gsize             len);
/* Reads what is there and gives it to the session. */
void hawser_connection_read          (HawserConnection *self);
/* The same for who is not heard any more: only the end matters. */
void hawser_connection_discard       (HawserConnection *self);
/* What a pause left unread by the session, once the pause is over. */
void hawser_connection_give_held     (HawserConnection *self);
/* A read or a handshake brought @n, 0 or -1 with errno. */
void hawser_connection_end_input     (HawserConnection *self,
                                      gssize            n);

/* The handshake is over. */
void hawser_connection_end_opening   (HawserConnection *self);
/* hawser-connection-carried.c: what differs when the socket lives on another lane. */
void hawser_connection_start_carried (HawserConnection *self);
void hawser_connection_hold_carried  (HawserConnection *self,
                                      const guint8     *early,
                                      gsize             len);
/* In class_init(): what is listed of a connection as properties. */
void hawser_connection_install_facts (GObjectClass *klass);

G_END_DECLS
