/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"

G_BEGIN_DECLS

/**
 * HawserObserverKind:
 * @HAWSER_OBSERVER_MESSAGE: each message, with its topic in user property `topic`
 * @HAWSER_OBSERVER_METRIC: once a second how many messages, bytes and errors there were
 * @HAWSER_OBSERVER_ERROR: each message that was refused or dropped, and each write of a sink that failed
 *
 * What an observer looks at.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_OBSERVER_MESSAGE,
  HAWSER_OBSERVER_METRIC,
  HAWSER_OBSERVER_ERROR,
} HawserObserverKind;

#define HAWSER_TYPE_OBSERVER_KIND (hawser_observer_kind_get_type())
HAWSER_AVAILABLE_IN_ALL
GType           hawser_observer_kind_get_type (void) G_GNUC_CONST;

#define HAWSER_TYPE_OBSERVER (hawser_observer_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserObserver, hawser_observer, HAWSER, OBSERVER, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserObserver *hawser_bus_observe            (HawserBus           *self,
                                               HawserObserverKind   kind,
                                               const char          *filter,
                                               guint                lease_ms,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_observer_renew         (HawserObserver      *self,
                                               guint                lease_ms,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_observer_end           (HawserObserver      *self);

HAWSER_AVAILABLE_IN_ALL
const char     *hawser_observer_get_id        (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_observer_get_topic     (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
HawserObserverKind hawser_observer_get_kind   (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_observer_get_filter    (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
guint           hawser_observer_get_lease_ms  (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
gint64          hawser_observer_get_expires_us (HawserObserver     *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_observer_is_live       (HawserObserver      *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_observer_to_json       (HawserObserver      *self);

G_END_DECLS
