/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
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
gboolean        hawser_twin_host_recover      (HawserTwinHost      *self,
                                               GError             **error);

G_END_DECLS
