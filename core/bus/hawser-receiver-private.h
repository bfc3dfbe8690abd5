/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the receiver share with each other and with nobody else. */

#include "hawser-bus-private.h"

G_BEGIN_DECLS

#define HAWSER_DEFAULT_MAX_MESSAGES 10000
#define HAWSER_DEFAULT_MAX_BYTES (1 << 20)           /* a stuck reader costs this and its output limit: 50 of them stay below 64 MB */
#define HAWSER_DEFAULT_MAX_DURABLE_BYTES (64 << 20)

/* hawser-receiver-flow.c */
HawserDeliverResult hawser_receiver_call_mounted (HawserReceiver       *self,
                                                  const HawserDelivery *delivery);
/* To the party, under the name that it knows. */
static inline HawserDeliverResult
hawser_receiver_call (HawserReceiver *self, const HawserDelivery *delivery)
{
  if (G_LIKELY (self->mount_point == NULL))
    return self->funcs->deliver (self, self->data, delivery);
  return hawser_receiver_call_mounted (self, delivery);
}
void         hawser_receiver_get_depth       (HawserReceiver  *self,
                                              guint64         *out_messages,
                                              guint64         *out_bytes);
/* @message: (nullable) if it is not known any more. */
void         hawser_receiver_count_dropped   (HawserReceiver  *self,
                                              HawserMessage   *message,
                                              HawserDrop       reason);
void         hawser_receiver_count_queued    (HawserReceiver  *self);
void         hawser_receiver_count_unqueued  (HawserReceiver  *self);
void         hawser_receiver_release_blocked (HawserReceiver  *self);
void         hawser_receiver_forget_position (HawserReceiver  *self,
                                              guint64          position);
void         hawser_receiver_flush           (HawserDirty     *dirty);

/* hawser-receiver-durable.c */
void         hawser_receiver_save_now        (HawserReceiver  *self);
void         hawser_receiver_save_later      (HawserReceiver  *self);
void         hawser_receiver_arm_expiry      (HawserReceiver  *self);
void         hawser_receiver_keep_identity   (HawserReceiver  *self,
                                              const char      *identity);

/* hawser-receiver-terms.c */
typedef struct _HawserTerms HawserTerms;
void         hawser_terms_free               (HawserTerms     *self);
/* FALSE: the rate says later, and then the receiver is pumped again. */
gboolean     hawser_terms_may_give           (HawserTerms     *self,
                                              gint64           now_us);
void         hawser_terms_note_given         (HawserTerms     *self,
                                              gint64           now_us);
gboolean     hawser_terms_are_picky          (HawserTerms     *self);
gboolean     hawser_terms_want               (HawserTerms     *self,
                                              HawserMessage   *message);
/* On $SYS/hawser/subscription/ended. */
void         hawser_receiver_tell_end        (HawserReceiver  *self,
                                              const char      *filter,
                                              const char      *reason);
void         hawser_receiver_forget_terms    (HawserReceiver  *self);
gboolean     hawser_bus_recover_terms        (HawserBus       *self,
                                              GError         **error);
/* A new entry lives as long as its topic allows. */
void         hawser_receiver_lease_entry     (HawserReceiver  *self,
                                              HawserEntry     *entry,
                                              const char      *filter,
                                              gsize            len);
void         hawser_entry_end_lease          (HawserBus       *bus,
                                              HawserEntry     *entry);

/* hawser-receiver-filters.c */
HawserEntry *hawser_receiver_add_entry       (HawserReceiver  *self,
                                              HawserMatchNode *node,
                                              const char      *filter,
                                              gsize            len);
void         hawser_receiver_forget_filters  (HawserReceiver  *self);
void         hawser_receiver_remove_entry    (HawserReceiver  *self,
                                              HawserEntry     *entry);
/* Filters that match nothing any more which its party may read are taken away, and that is told. */
void         hawser_receiver_check_filters   (HawserReceiver  *self);
/* The same for all; flush() of the bus's rights_dirty. */
void         hawser_bus_check_filters        (HawserDirty     *dirty);
void         hawser_receiver_renew_routes    (HawserReceiver  *self);

/* hawser-receiver.c: neither found nor told to the journal yet. */
HawserReceiver *hawser_receiver_make         (HawserBus               *bus,
                                              const char              *id,
                                              HawserReceiverFlags      flags,
                                              const HawserQueueLimits *limits);

G_END_DECLS
