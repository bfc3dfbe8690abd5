/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: whoever publishes. Remembers the last topic and that it may be used, and what holds it back. A peer's is made with the
 * first thing that it asks for, and lives as long as its connection. Context: the bus's lane. */

#include "hawser-connection-private.h"
#include "hawser-hold-private.h"
#include "hawser-meter.h"
#include "hawser-pending.h"
#include "hawser-policy-context.h"
#include "hawser-topic-table.h"

G_BEGIN_DECLS

typedef struct {
  HawserBus *bus;
  HawserConnection *connection;      /* NULL: in-process, every right */
  const HawserPolicyContext *given;  /* on whose behalf, while it is published; NULL: the connection says it */
  HawserOrigin *origin;
  char *address;                     /* asked for by a policy, then kept */
  HawserTopicRecord *last;           /* that it may publish to, as of these versions */
  guint32 last_records_version, last_rights_version;
  gboolean is_schedule;              /* what it publishes was looked at when it came */
  gboolean ignores_labels;           /* it waits for the commit, and for no sink */
  HawserPending *pending;            /* publishes that wait for a commit */
  HawserReceiver *receiver;          /* the one live receiver, if the adapter leaves it to us */
  HawserMeter *meter;                /* NULL: its listener has no rates */
  HawserHold *hold;                  /* without a connection: where it waits; NULL: it never does */
} HawserPublisher;

HawserPublisher *hawser_publisher_new               (HawserBus           *bus,
                                                     HawserConnection    *connection,
                                                     const char          *source);
HawserPublisher *hawser_publisher_of                (HawserConnection    *connection);
void             hawser_publisher_free              (HawserPublisher     *self);
/* The settings of its listener changed. */
void             hawser_publisher_renew_rates       (HawserPublisher     *self);
/* What measures it, made if there is nothing to measure yet but memory. */
HawserMeter     *hawser_publisher_need_meter        (HawserPublisher     *self);
/* The address without the port, as policies compare it. */
char            *hawser_connection_dup_policy_address (HawserConnection  *connection);
/* The same of its connection. */
const char      *hawser_publisher_get_address       (HawserPublisher     *self);
/* The peer has room again. */
void             hawser_connection_resume_receiver  (HawserConnection    *connection);

G_END_DECLS
