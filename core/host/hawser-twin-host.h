/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
#include "hawser-spool.h"
#include "hawser-twin-behavior.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TWIN_HOST (hawser_twin_host_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserTwinHost, hawser_twin_host, HAWSER, TWIN_HOST, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserTwinHost *hawser_twin_host_get          (HawserBus           *bus);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_set_behavior (HawserTwinHost      *self,
                                               const char          *family,
                                               HawserTwinBehavior  *behavior,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_restart      (HawserTwinHost      *self,
                                               const char          *id);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_set_page_dir (HawserTwinHost     *self,
                                               const char          *directory,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_set_timer    (HawserTwinHost      *self,
                                               const char          *id,
                                               const char          *name,
                                               gint64               delay_us,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_cancel_timer (HawserTwinHost      *self,
                                               const char          *id,
                                               const char          *name);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_set_reminder (HawserTwinHost      *self,
                                               const char          *id,
                                               const char          *name,
                                               gint64               delay_us,
                                               gint64               period_us,
                                               GBytes              *payload,
                                               GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_cancel_reminder (HawserTwinHost   *self,
                                               const char          *id,
                                               const char          *name);
HAWSER_AVAILABLE_IN_ALL
char          **hawser_twin_host_list_reminders (HawserTwinHost    *self,
                                               const char          *id);
HAWSER_AVAILABLE_IN_ALL
void            hawser_twin_host_add_store    (HawserTwinHost      *self,
                                               const char          *name,
                                               HawserSpool         *spool);
HAWSER_AVAILABLE_IN_ALL
void            hawser_twin_host_store_all    (HawserTwinHost      *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_host_recover      (HawserTwinHost      *self,
                                               GError             **error);

G_END_DECLS
