/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mqtt-exact.h"
#include "mqtt-inflow.h"
#include "mqtt-sessions.h"
#include "mqtt-will.h"
#include "mqtt-window.h"

G_BEGIN_DECLS

typedef enum {
  MQTT_STATE_NEW,           /* CONNECT has not come */
  MQTT_STATE_LOGIN,         /* the identity providers are asked */
  MQTT_STATE_OPEN,
  MQTT_STATE_ENDED,         /* the connection is closing or closed; the session may wait for its client */
} MqttState;

typedef struct _MqttLogin MqttLogin;
typedef struct _MqttAuth MqttAuth;

/* What few sessions need. */
typedef struct {
  MqttWill *will;
  MqttAuth *auth;                   /* of a client that named a method at CONNECT */
  MqttAliases *aliases_out;         /* of a client that offered some */
  MqttExact *exact;                 /* QoS 2 messages of the spool under way to the client */
  HawserReceiver **provisioned;     /* slots; NULL where one ended */
  guint n_provisioned;
  guint n_aliases;
  char **aliases;                   /* topic names, by alias - 1 */
} MqttMore;

/* One client: its connection, and what outlives it. Alive while it is listed or has a connection. */
struct _MqttSession {
  HawserTimer timer;                /* CONNECT deadline, then keep alive; without a connection: will delay and expiry */
  HawserConnection *connection;
  HawserMqttAdapter *adapter;       /* while there is a connection */
  MqttSessions *sessions;
  char *identity;                   /* NULL before CONNECT; the connection's client id where that is the same */
  HawserReceiver *receiver;         /* made at the first SUBSCRIBE */
  MqttWindow *window;
  MqttInflow *inflow;
  MqttMore *more;
  MqttLogin *login;                 /* while MQTT_STATE_LOGIN */
  gint64 since_us;                  /* last whole packet; without a connection: when it ended */
  guint32 max_packet;               /* that the client takes */
  guint32 expiry_s;                 /* G_MAXUINT32: never */
  guint16 keep_alive_s;
  guint16 receive_maximum;          /* of the client */
  guint8 version;
  guint8 state;
  guint is_listed : 1;
  guint owns_identity : 1;
  guint is_waiting : 1;             /* counted as one without connection */
  guint is_busy : 1;                /* a delivery was put off */
  guint is_paused : 1;              /* by us */
  guint is_held : 1;                /* by us, or by whoever else paused the connection */
  guint wants_problems : 1;         /* Request Problem Information */
};

void         mqtt_session_accept      (HawserMqttAdapter   *adapter,
                                       HawserConnection    *connection);

/* Ends the connection with @reason where the version can say it, and releases what hangs on it. */
void         mqtt_session_end         (MqttSession         *self,
                                       guint8               reason,
                                       HawserError          error,
                                       const char          *detail);
/* The connection counts no more: receivers are let go, the will is published (now or after its delay) or dropped, the
 * session waits for its client or is over. */
void         mqtt_session_leave       (MqttSession         *self,
                                       gboolean             keeps_will);
/* Another connection of the same client is here. @continues: it takes the session over, else the session is over. */
void         mqtt_session_yield       (MqttSession         *self,
                                       gboolean             continues);
/* The bus goes: no will, no trace. */
void         mqtt_session_discard     (MqttSession         *self);

/* mqtt-connect.c */
void         mqtt_session_on_connect  (MqttSession         *self,
                                       const guint8        *body,
                                       gsize                len);
void         mqtt_login_cancel        (MqttLogin           *login);

/* It has proved who it is: what mqtt_session_on_connect() began goes on. */
void         mqtt_session_let_in      (MqttSession         *self,
                                       HawserPrincipal     *principal);

/* mqtt-auth.c: AUTH */
gboolean     mqtt_auth_is_offered     (MqttSession         *self,
                                       const MqttProperties *properties);
void         mqtt_auth_begin          (MqttSession         *self,
                                       const MqttProperties *properties);
void         mqtt_auth_put            (MqttSession         *self,
                                       GByteArray          *block);
void         mqtt_auth_free           (MqttAuth            *auth);
void         mqtt_session_on_auth     (MqttSession         *self,
                                       const guint8        *body,
                                       gsize                len);

/* mqtt-publish.c */
void         mqtt_session_on_publish  (MqttSession         *self,
                                       guint8               flags,
                                       const guint8        *body,
                                       gsize                len);
void         mqtt_session_on_pubrel   (MqttSession         *self,
                                       const MqttAck       *ack);

/* mqtt-deliver.c */
extern const HawserReceiverFuncs mqtt_receiver_funcs;
void         mqtt_session_on_puback   (MqttSession         *self,
                                       MqttPacketType       type,
                                       const MqttAck       *ack);
/* As a PUBLISH, with an alias where the client knows one. */
HawserDeliverResult mqtt_session_write (MqttSession         *self,
                                       const HawserDelivery *delivery,
                                       guint16              packet_id,
                                       gboolean             dup);
/* As many are under way as the client or we allow. */
gboolean     mqtt_session_is_full     (MqttSession         *self);
HawserReceiver *mqtt_session_receiver_at (MqttSession      *self,
                                       guint8               index);
void         mqtt_session_resend      (MqttSession         *self);
void         mqtt_session_wake        (MqttSession         *self);
/* The own receiver, made and attached when there is none. */
HawserReceiver *mqtt_session_need_receiver (MqttSession    *self);
/* The durable receiver of an earlier connection, if there is one: attached. */
void         mqtt_session_find_receiver (MqttSession       *self);
void         mqtt_session_attach_provisioned (MqttSession  *self);
void         mqtt_session_let_go      (MqttSession         *self,
                                       guint32              expiry_s);

/* mqtt-release.c: QoS 2 over restarts */
/* The session is in the spool. */
gboolean     mqtt_session_is_recorded (MqttSession         *self);
MqttExact   *mqtt_session_get_exact   (MqttSession         *self);
gboolean     mqtt_session_owns_exactly (MqttSession        *self,
                                       const HawserDelivery *delivery);
HawserDeliverResult mqtt_session_deliver_exactly (MqttSession *self,
                                       guint8               receiver,
                                       const HawserDelivery *delivery);
/* FALSE: the packet id is none of these. */
gboolean     mqtt_session_on_exact    (MqttSession         *self,
                                       MqttPacketType       type,
                                       const MqttAck       *ack);
void         mqtt_session_resend_releases (MqttSession     *self);
/* With the publish, in one transaction: HAWSER_RESULT_OK or _PENDING. */
int          mqtt_session_keep_received (MqttSession       *self,
                                       guint16              packet_id);
/* FALSE: PUBCOMP follows when the spool has it. */
gboolean     mqtt_session_free_received (MqttSession       *self,
                                       guint16              packet_id);
void         mqtt_session_on_kept     (HawserReceiver      *receiver,
                                       gpointer             data,
                                       guint32              key,
                                       gboolean             is_kept,
                                       int                  result);
/* What the spool kept of the session from before this process. */
void         mqtt_session_recover     (MqttSession         *self);
/* mqtt-publish.c: the packet id of a message that nobody else makes wait is safe. */
void         mqtt_session_answer_kept (MqttSession         *self,
                                       guint16              packet_id);

/* mqtt-subscribe.c */
void         mqtt_session_on_subscribe   (MqttSession      *self,
                                          const guint8     *body,
                                          gsize             len);
void         mqtt_session_on_unsubscribe (MqttSession      *self,
                                          const guint8     *body,
                                          gsize             len);

MqttMore    *mqtt_session_need_more   (MqttSession         *self);
/* Sends what was built in the adapter's output scratch and empties it. */
void         mqtt_session_send_output (MqttSession         *self);
void         mqtt_session_send_ack    (MqttSession         *self,
                                       MqttPacketType       type,
                                       guint16              packet_id,
                                       guint8               reason,
                                       const char          *detail);
/* For DISCONNECT and acknowledgements: what a refusal of the bus is in MQTT. */
guint8       mqtt_reason_from_error   (int                  error);

static inline gboolean
mqtt_session_is_5 (const MqttSession *self)
{
  return self->version == MQTT_VERSION_5_0;
}

G_END_DECLS
