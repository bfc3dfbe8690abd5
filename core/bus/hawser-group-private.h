/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the bus asks of the groups behind shared subscriptions, and nobody else. */

#include "hawser-bus-private.h"

G_BEGIN_DECLS

/* One receiver in one group. */
struct _HawserMember {
  HawserGroup *group;
  HawserReceiver *receiver;
  HawserMember *next;                /* of the receiver */
  guint32 id;                        /* MQTT subscription identifier */
  guint32 n_given;                   /* that it has not acknowledged */
  guint8 qos;
  guint8 retain_as_published : 1;
  guint8 shares_exactly_once : 1;
  guint8 is_attached : 1;
  guint8 is_busy : 1;
  guint8 is_leaving : 1;             /* gets nothing more; stays until it has acknowledged what it has */
  guint8 has_refused : 1;            /* the message under way is not for it */
};

/* "$share/NAME/FILTER" in its parts; FALSE: not a valid one (MQTT 5.0 section 4.8.2). */
gboolean    hawser_group_parse          (const char                   *text,
                                         gsize                         len,
                                         gsize                        *out_filter_at);
/* Joins, or changes how it is a member. The right to the filter was checked. */
void        hawser_group_join           (HawserReceiver               *receiver,
                                         const char                   *text,
                                         gsize                         len,
                                         const HawserSubscribeOptions *options);
HawserMember *hawser_group_find_member  (HawserReceiver               *receiver,
                                         const char                   *text,
                                         gsize                         len);
/* The subscription ends: what the member has, it may still acknowledge. */
void        hawser_group_unsubscribe    (HawserMember                 *member);
/* The receiver's party came, took messages again, left, or is gone for good. */
void        hawser_group_attached       (HawserReceiver               *receiver);
void        hawser_group_resumed        (HawserReceiver               *receiver);
void        hawser_group_detached       (HawserReceiver               *receiver);
void        hawser_group_removed        (HawserReceiver               *receiver);
void        hawser_group_acknowledged   (HawserReceiver               *receiver,
                                         guint64                       token);
/* Gives what came back from members that left. */
void        hawser_group_flush          (HawserGroup                  *self);
/* May some member receive @topic? */
gboolean    hawser_group_may_receive    (HawserGroup                  *self,
                                         HawserLocalTopic             *settings,
                                         const char                   *topic);
/* Its receiver is going: nobody is a member any more. */
void        hawser_group_dissolve       (HawserGroup                  *self);
void        hawser_group_free           (HawserGroup                  *self);
const char *hawser_group_get_text       (HawserGroup                  *self);
char       *hawser_group_dup_name       (HawserGroup                  *self);
guint       hawser_group_get_n_members  (HawserGroup                  *self);
/* A queue of the journal that was a group's; members are recovered with their receivers, before or after it. */
void        hawser_group_recover        (HawserBus                    *bus,
                                         const HawserJournalQueue     *queue);
/* After all of them: groups that nobody is a member of any more go. */
void        hawser_group_sweep          (HawserBus                    *bus);

G_END_DECLS
